"""A folder of images in, the same folder translated out; decoding, network and encoding overlap."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from translate.data import images
from translate.data.images import Pixels, Unreadable
from translate.domain import Domain
from translate.inference.plan import plan

HOLD_ALPHA = frozenset({".png", ".webp", ".tif", ".tiff"})
THREADS = 4


class Translator(Protocol):
    """What `apply` needs of a model: images [N, C, H, W] in [-1, 1] to domain `to`, and the channels of each domain."""

    channels: dict[Domain, int]

    def __call__(self, images: Tensor, to: Domain) -> Tensor: ...


@dataclass
class Summary:
    """How it went: images written, images with an output already, files passed over, (path, reason) of failures."""

    done: int = 0
    skipped: int = 0
    ignored: int = 0
    failed: list[tuple[Path, str]] = field(default_factory=list)


@dataclass(frozen=True)
class _Item:
    """A decoded image on its way: pixels [H, W, C], and its alpha plane [H, W, 1] if that is to be kept."""

    source: Path
    target: Path
    pixels: Pixels
    alpha: Pixels | None


def apply(
    model: Translator,
    input: Path,
    output: Path,
    to: Domain,
    batch: int = 8,
    overwrite: bool = False,
    progress: Callable[[Summary, int], None] = lambda summary, total: None,
) -> Summary:
    """Translate the image or folder `input` to domain `to` into `output`; relative path, name, format and size stay.

    What exists is skipped unless `overwrite`; an image that can't be read or written is named in the summary, the rest
    is done. `progress` hears the summary so far and the number of images. Raises UserError for paths that can't work.
    """
    jobs, ignored = plan(input, output)
    summary = Summary(ignored=ignored)
    total = len(jobs)
    if not overwrite:
        missing = [(source, target) for source, target in jobs if not target.exists()]
        summary.skipped, jobs = total - len(missing), missing
    progress(summary, total)
    # Both pools hold a bounded number of images, so that memory does not grow with the folder.
    readers, writers = ThreadPoolExecutor(THREADS), ThreadPoolExecutor(THREADS)
    writing: deque[tuple[Path, Future[None]]] = deque()
    try:
        decoded = _decoded(jobs, model.channels[to.other], readers, batch + THREADS, summary)
        for group in _groups(decoded, batch):
            for item, pixels in _translate(model, group, to, summary):
                writing.append((item.source, writers.submit(_write, pixels, item)))
            while len(writing) > batch + THREADS or (writing and writing[0][1].done()):
                _finish(*writing.popleft(), summary)
            progress(summary, total)
        while writing:
            _finish(*writing.popleft(), summary)
            progress(summary, total)
        progress(summary, total)
    finally:
        readers.shutdown(cancel_futures=True)
        writers.shutdown(cancel_futures=True)
    summary.failed.sort()
    return summary


def _decoded(
    jobs: list[tuple[Path, Path]], channels: int, readers: ThreadPoolExecutor, ahead: int, summary: Summary
) -> Iterator[_Item]:
    """The readable images in order, at most `ahead` of them decoded in advance; the others are named in the summary."""
    waiting: deque[tuple[Path, Future[_Item]]] = deque()
    rest = iter(jobs)
    while True:
        while len(waiting) < ahead and (job := next(rest, None)) is not None:
            waiting.append((job[0], readers.submit(_read, *job, channels)))
        if not waiting:
            return
        source, future = waiting.popleft()
        try:
            item = future.result()
        except Unreadable as error:
            summary.failed.append((source, error.reason))
        except MemoryError:
            summary.failed.append((source, "too large for this machine's memory"))
        except Exception as error:  # Pillow's plugins raise nearly anything; one image must not end the folder
            summary.failed.append((source, f"can't be read: {error or type(error).__name__}"))
        else:
            yield item


def _read(source: Path, target: Path, channels: int) -> _Item:
    keeps = source.suffix.lower() in HOLD_ALPHA and target.suffix.lower() in HOLD_ALPHA
    return _Item(source, target, images.decode(source, channels), _alpha(source) if keeps else None)


def _alpha(source: Path) -> Pixels | None:
    """The transparency [H, W, 1] of an image that has one, upright."""
    with Image.open(source) as image:
        if "A" not in image.getbands() and "a" not in image.getbands() and "transparency" not in image.info:
            return None
        upright = ImageOps.exif_transpose(image)
        return np.asarray(upright.convert("RGBA"))[:, :, 3:]


def _groups(items: Iterator[_Item], batch: int) -> Iterator[list[_Item]]:
    """Groups of equal size, at most `batch` images each; of many sizes at most 2 * `batch` images are held back."""
    held: dict[tuple[int, ...], list[_Item]] = defaultdict(list)
    count = 0
    for item in items:
        held[item.pixels.shape].append(item)
        count += 1
        fullest = max(held, key=lambda shape: len(held[shape]))
        if len(held[fullest]) == batch or count == 2 * batch:
            group = held.pop(fullest)
            count -= len(group)
            yield group
    yield from held.values()


def _translate(model: Translator, group: list[_Item], to: Domain, summary: Summary) -> Iterator[tuple[_Item, Pixels]]:
    """The group's translations [H, W, C]; what does not fit the device together is tried one by one."""
    try:
        pixels = images.to_uint8(model(images.to_tensor(np.stack([item.pixels for item in group])), to))
    except torch.OutOfMemoryError:
        if len(group) > 1:
            for item in group:
                yield from _translate(model, [item], to, summary)
            return
        height, width = group[0].pixels.shape[:2]
        summary.failed.append((group[0].source, f"{width}x{height} pixels do not fit the device's memory"))
        return
    yield from zip(group, pixels, strict=True)


def _write(pixels: Pixels, item: _Item) -> None:
    images.save(pixels if item.alpha is None else np.concatenate([pixels, item.alpha], axis=2), item.target)


def _finish(source: Path, writing: Future[None], summary: Summary) -> None:
    try:
        writing.result()
        summary.done += 1
    except (OSError, ValueError) as error:
        summary.failed.append((source, f"can't be written: {error}"))
