"""The edges of photos (Canny 1986), alone or as pairs with the photos, for training from edges to photos."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from translate.formats.form import UINT8, Array, Form
from translate.formats.values import WHITE
from translate.inference.outcome import Outcome
from translate.inference.places import Folder
from translate.preparing.beside import Placing, beside, grey
from translate.preparing.making import Job, failed, made, workers
from translate.preparing.picture import Whole, read, save

if TYPE_CHECKING:
    import torch

AT_A_TIME = 16
"""Photos that are held at once."""
PIXELS = 4_000_000
"""Of a batch on the device, at most, unless one photo has more."""


@dataclass(frozen=True)
class Drawing:
    """Thresholds of the gradient's magnitude, of an image from 0 to 1 under Sobel's filter (a step of 1 has 4), and the
    standard deviation of the blur before it, in pixels; black lines on white unless `inverted`."""

    low: float = 0.2
    high: float = 0.4
    blur: float = 1.0
    inverted: bool = False


def edges(
    source: Path,
    jobs: list[tuple[str, str]],
    target: Folder,
    drawing: Drawing,
    device: torch.device,
    pairs: Placing | None = None,
) -> Generator[Outcome, None, None]:
    """What becomes of each (name in `source`, name in `target`). With `pairs` the photo stands right of its edges, else
    the edges are alone; grey of 8 bits. Raises DiskFull."""
    waiting = iter(jobs)
    with ThreadPoolExecutor(workers(), "read") as pool:
        while some := list(islice(waiting, AT_A_TIME)):
            started, photos = time.perf_counter(), dict[str, Whole]()
            missing = [(name, to) for name, to in some if not target.exists(to)]
            yield from (Outcome(name, to, 0.0, skipped=True) for name, to in some if (name, to) not in missing)
            for (name, _), found in zip(
                missing, pool.map(partial(_read, source, placing=pairs), [name for name, _ in missing]), strict=True
            ):
                if isinstance(found, Exception):
                    yield failed(name, found, target, started)
                else:
                    photos[name] = found
            writing = []
            for name, lines in _drawn(photos, drawing, device):
                if isinstance(lines, Exception):
                    yield failed(name, lines, target, started)
                else:
                    to = dict(missing)[name]
                    writing.append(Job(name, to, _writer(target, to, lines, photos[name] if pairs else None)))
            yield from made(writing, target)


def draw(images: torch.Tensor, drawing: Drawing) -> NDArray[np.bool_]:
    """Whether there is a line, [N, H, W], in grey images [N, 1, H, W] from 0 to 1."""
    from kornia.filters import canny
    from scipy.ndimage import label

    # A kernel of three standard deviations to each side holds the blur; 1 is none.
    width = 2 * int(np.ceil(3 * drawing.blur)) + 1 if drawing.blur > 0 else 1
    sigma = max(drawing.blur, 1e-3)
    _, thin = canny(images, drawing.low, drawing.high, (width, width), (sigma, sigma), hysteresis=False)
    found = np.empty((len(thin), *thin.shape[2:]), np.bool_)
    for place, levels in zip(found, thin[:, 0].cpu().numpy(), strict=True):
        # A line is what hangs together and is strong somewhere (1; 0.5 is weak). Components are found in one pass;
        # kornia follows lines pixel by pixel, in as many passes as the longest is long.
        parts, count = label(levels > 0, np.ones((3, 3)))
        strong = np.zeros(count + 1, np.bool_)
        strong[parts[levels == 1]] = True
        place[:] = strong[parts]
    return found


def _read(source: Path, name: str, placing: Placing | None) -> Whole | Exception:
    try:
        whole = read(source / name)
        if placing is None:
            return whole
        # Framed before the edges are drawn: a resized line is no line of one pixel any more.
        pixels, form, warnings = beside(whole, whole, placing, name)
        return Whole(pixels[:, : pixels.shape[1] // 2], form, tuple(dict.fromkeys(warnings)))
    except Exception as error:  # decoders raise nearly anything; one photo must not end the folder
        return error


def _drawn(photos: dict[str, Whole], drawing: Drawing, device: torch.device) -> Iterator[tuple[str, Array | Exception]]:
    import torch

    for names in _batches(photos):
        try:
            stack = np.stack([_light(photos[name]) for name in names])
            with torch.inference_mode():
                lines = draw(torch.from_numpy(stack).to(device), drawing)
            marks = np.where(lines == drawing.inverted, 255, 0).astype(np.uint8)[..., None]
            yield from zip(names, marks, strict=True)
        except Exception as error:  # too small for the blur, too large for the memory
            yield from ((name, error) for name in names)


def _light(photo: Whole) -> Array:
    pixels = grey(photo.opaque())
    light: Array = (pixels.astype(np.float32) / np.float32(WHITE[pixels.dtype])).transpose(2, 0, 1)
    return light


def _batches(photos: dict[str, Whole]) -> Iterator[list[str]]:
    """Names of photos of one size that go through together."""
    sizes: dict[tuple[int, int], list[str]] = {}
    for name, photo in photos.items():
        sizes.setdefault(photo.size, []).append(name)
    for (height, width), names in sizes.items():
        fit = max(1, PIXELS // (height * width))
        yield from (names[first : first + fit] for first in range(0, len(names), fit))


def _writer(target: Folder, name: str, lines: Array, photo: Whole | None) -> Callable[[], list[str]]:
    if photo is None:
        return lambda: save(target, name, lines, Form("PNG", UINT8, grey=True))
    sketch = Whole(lines, Form("PNG", UINT8, grey=True, icc=photo.form.icc))

    def write() -> list[str]:
        pixels, form, _ = beside(sketch, photo, Placing("keep"), name)
        return [*photo.warnings, *save(target, name, pixels, form)]

    return write
