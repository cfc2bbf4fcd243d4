"""A whole picture with all that its file holds, read and written."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

from translate.formats.form import DEPTHS, Array, Form
from translate.formats.reading import opened
from translate.formats.values import convert, on_white
from translate.formats.writing import write
from translate.inference.places import Folder


@dataclass(frozen=True)
class Whole:
    """Pixels [H, W, C], C of 1 (grey), 2 (grey, alpha), 3 or 4, straight alpha, in the form's depth."""

    pixels: Array
    form: Form
    warnings: tuple[str, ...] = ()

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.pixels.shape[0], self.pixels.shape[1]

    @property
    def transparent(self) -> bool:
        """Whether the last channel is alpha."""
        return self.pixels.shape[2] in (2, 4)

    def opaque(self) -> Array:
        """Colours or greys alone; transparency is laid on white, as in training."""
        return on_white(self.pixels[..., :-1], self.pixels[..., -1:]) if self.transparent else self.pixels


def read(path: Path) -> Whole:
    """The picture, upright. Raises Unreadable, OSError."""
    with path.open("rb") as file, opened(file, path.name) as picture:
        return Whole(picture.straight(0, picture.height), picture.form, tuple(picture.warnings))


def save(target: Folder, name: str, pixels: Array, form: Form) -> list[str]:
    """Write pixels [H, W, C] under `name`, whole or not at all; what its format can't hold is returned."""
    with target.writing(name) as file:
        ending = os.path.splitext(name)[1]
        return write(file, ending, replace(form, depth=pixels.dtype), pixels.shape[:2], pixels.shape[2], [pixels])


def deeper(*pictures: Array) -> list[Array]:
    """The same pixels in the deepest of their depths, which loses nothing."""
    depth = max((pixels.dtype for pixels in pictures), key=DEPTHS.index)
    return [convert(pixels, depth) for pixels in pictures]
