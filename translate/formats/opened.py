"""A still picture that is open: its size and form are known, its rows are decoded when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from translate.formats.form import Array, Form
from translate.formats.values import luma, on_white

BLOCK = 1 << 21
"""Pixels that are converted at once: temporaries stay small, however many rows are asked for."""

Box = tuple[int, int, int, int]
"""top, bottom, left, right"""


class Stored(Protocol):
    """The samples of a file as they are stored, neither upright nor laid on white."""

    def region(self, box: Box) -> Array:
        """[h, w, C], C of 1 (grey), 2 (grey, alpha), 3 or 4, straight alpha, in the form's depth. Raises Unreadable."""


@dataclass
class Opened:
    """A picture of `width` x `height`, upright. `frames`: of an animation, or pages of a TIFF, otherwise 1; `warnings`:
    what was taken, or can't be kept. `rows` and `alpha` raise Unreadable for what turns out to be damaged."""

    width: int
    height: int
    form: Form
    stored: Stored
    has_alpha: bool = False
    frames: int = 1
    warnings: list[str] = field(default_factory=list)
    orientation: int = 1

    def rows(self, top: int, bottom: int, channels: int) -> Array:
        """[bottom - top, W, channels], channels 1 (ITU-R 601 luma) or 3 (RGB), in `form.depth`; transparency is laid
        on white."""
        if channels not in (1, 3):
            raise ValueError(f"1 or 3 channels, not {channels}")
        return self._gather(top, bottom, channels, lambda pixels: self._colours(pixels, channels))

    def alpha(self, top: int, bottom: int) -> Array:
        """[bottom - top, W, 1] in `form.depth`, 0 where nothing can be seen. Raises ValueError without transparency."""
        if not self.has_alpha:
            raise ValueError("this picture has no transparency")
        return self._gather(top, bottom, 1, lambda pixels: pixels[..., -1:])

    def _colours(self, pixels: Array, channels: int) -> Array:
        if self.has_alpha:
            pixels = on_white(pixels[..., :-1], pixels[..., -1:])
        if pixels.shape[2] == channels:
            return pixels
        return luma(pixels) if channels == 1 else np.repeat(pixels, 3, axis=2)

    def straight(self, top: int, bottom: int) -> Array:
        """[bottom - top, W, 1 to 4] in `form.depth`: the colours as stored, straight alpha last where there is one."""
        return self._gather(top, bottom, (1 if self.form.grey else 3) + self.has_alpha, lambda pixels: pixels)

    def _gather(self, top: int, bottom: int, channels: int, finish: Callable[[Array], Array]) -> Array:
        if not 0 <= top <= bottom <= self.height:
            raise ValueError(f"rows {top} to {bottom} of {self.height}")
        found = np.empty((bottom - top, self.width, channels), self.form.depth)
        for start, stop in _blocks(top, bottom, self.width):
            found[start - top : stop - top] = finish(self._upright(start, stop))
        return found

    def _upright(self, top: int, bottom: int) -> Array:
        """Rows as they are shown, of what is stored mirrored, upside down or on its side (TIFF 6.0, tag 274)."""
        turned, width, height = self.orientation, self.width, self.height
        first, last = (top, bottom) if turned in (1, 2, 5, 6) else (height - bottom, height - top)
        if turned < 5:
            pixels = self.stored.region((first, last, 0, width))
        else:
            pixels = self.stored.region((0, width, first, last)).swapaxes(0, 1)
        if turned in (3, 4, 7, 8):
            pixels = pixels[::-1]
        return pixels[:, ::-1] if turned in (2, 3, 6, 7) else pixels


def upright(picture: Opened, orientation: int) -> Opened:
    """A picture that says how it is to be turned, turned; 1 to 8 as EXIF and TIFF number them, else as it is."""
    if orientation not in range(2, 9):
        return picture
    width, height = picture.width, picture.height
    size = (height, width) if orientation >= 5 else (width, height)
    return replace(picture, width=size[0], height=size[1], orientation=orientation)


def _blocks(top: int, bottom: int, width: int) -> Iterator[tuple[int, int]]:
    step = max(1, BLOCK // width)
    for start in range(top, bottom, step):
        yield start, min(start + step, bottom)
