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
from translate.inference.plan import Job, plan
from translate.inference.sampling import latents
from translate.prior import Prior

HOLD_ALPHA = frozenset({".png", ".webp", ".tif", ".tiff"})
THREADS = 4


class Translator(Protocol):
    """What `apply` needs of a model: images [N, C, H, W] in [-1, 1] to domain `to`, the channels and frames of each
    domain, and the prior of the latents that it takes, if it is `stochastic`."""

    channels: dict[Domain, int]
    frames: dict[Domain, int]
    size: tuple[int, int]
    prior: Prior | None
    stochastic: bool

    def __call__(self, images: Tensor, to: Domain, latents: Tensor | None = None) -> Tensor: ...


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

    job: Job
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
    samples: int | None = None,
    seed: int = 0,
) -> Summary:
    """Translate the image or folder `input` to domain `to` into `output`; relative path, name, format and size stay.

    What exists is skipped unless `overwrite`; an image that can't be read or written is named in the summary, the rest
    is done. `progress` hears the summary so far and the number of outputs. Of several frames, strips are read and
    written. A stochastic model makes `samples` of each image, in the folders 1, 2 and so on of `output`, or, without a
    number, the first of these in `output` itself; which one follows from (seed, relative path, its number) alone.
    Raises UserError for paths that can't work.
    """
    jobs, ignored = plan(input, output, samples)
    summary = Summary(ignored=ignored)
    total = len(jobs)
    if not overwrite:
        missing = [job for job in jobs if not job.target.exists()]
        summary.skipped, jobs = total - len(missing), missing
    progress(summary, total)
    # Both pools hold a bounded number of images, so that memory does not grow with the folder.
    readers, writers = ThreadPoolExecutor(THREADS), ThreadPoolExecutor(THREADS)
    writing: deque[tuple[Path, Future[None]]] = deque()
    try:
        form = _Form(model.channels[to.other], model.frames[to.other], model.channels[to], model.frames[to], model.size)
        decoded = _decoded(jobs, form, readers, batch + THREADS, summary)
        for group in _groups(decoded, batch):
            for item, pixels in _translate(model, group, to, seed, summary):
                writing.append((item.job.source, writers.submit(_write, pixels, item, form)))
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
    summary.failed = sorted(set(summary.failed))  # of many samples, an image that can't be read fails once
    return summary


@dataclass(frozen=True)
class _Form:
    """Channels of a frame, and frames, of what is read and of what is written; `frame`: as trained, (height, width)."""

    channels_in: int
    frames_in: int
    channels_out: int
    frames_out: int
    frame: tuple[int, int]


def _decoded(
    jobs: list[Job], form: _Form, readers: ThreadPoolExecutor, ahead: int, summary: Summary
) -> Iterator[_Item]:
    """The readable images in order, at most `ahead` of them decoded in advance; the others are named in the summary."""
    waiting: deque[tuple[Path, Future[_Item]]] = deque()
    rest = iter(jobs)
    while True:
        while len(waiting) < ahead and (job := next(rest, None)) is not None:
            waiting.append((job.source, readers.submit(_read, job, form)))
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


def _read(job: Job, form: _Form) -> _Item:
    holds = all(path.suffix.lower() in HOLD_ALPHA for path in (job.source, job.target))
    keeps = holds and form.frames_in == form.frames_out == 1  # of strips there is no telling which frame's it would be
    pixels = images.decode(job.source, form.channels_in, form.frames_in)
    if form.frames_in > 1:
        _require_strip(job.source, pixels, form)
    return _Item(job, pixels, _alpha(job.source) if keeps else None)


def _require_strip(source: Path, frames: Pixels, form: _Form) -> None:
    """Unreadable for a picture whose frames would be far from the shape of those of the training: it is no strip."""
    height, width = frames.shape[:2]
    expected = form.frame[1] / form.frame[0]
    if not 2 / 3 < width / height / expected < 3 / 2:
        raise Unreadable(
            source,
            f"is {width * form.frames_in}x{height}, no strip of {form.frames_in} frames: it would be "
            f"{expected * form.frames_in:.3g} times as wide as high",
        )


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


def _translate(
    model: Translator, group: list[_Item], to: Domain, seed: int, summary: Summary
) -> Iterator[tuple[_Item, Pixels]]:
    """The group's translations [H, W, C]; what does not fit the device together is tried one by one."""
    z = None
    if model.stochastic and model.prior is not None:
        z = latents(model.prior, *(("apply", seed, item.job.name, item.job.sample) for item in group))
    try:
        pixels = images.to_uint8(model(images.to_tensor(np.stack([item.pixels for item in group])), to, z))
    except torch.OutOfMemoryError:
        if len(group) > 1:
            for item in group:
                yield from _translate(model, [item], to, seed, summary)
            return
        height, width = group[0].pixels.shape[:2]
        summary.failed.append((group[0].job.source, f"{width}x{height} pixels do not fit the device's memory"))
        return
    yield from zip(group, pixels, strict=True)


def _write(pixels: Pixels, item: _Item, form: _Form) -> None:
    pixels = images.strip(pixels, form.channels_out)
    images.save(pixels if item.alpha is None else np.concatenate([pixels, item.alpha], axis=2), item.job.target)


def _finish(source: Path, writing: Future[None], summary: Summary) -> None:
    try:
        writing.result()
        summary.done += 1
    except (OSError, ValueError) as error:
        summary.failed.append((source, f"can't be written: {error}"))
