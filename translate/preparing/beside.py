"""A picture of A and one of B as one, side by side, that is read as a pair."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from translate.data.images import Unreadable
from translate.formats.form import Array, Form
from translate.formats.values import luma
from translate.preparing.framing import Size, cropped
from translate.preparing.picture import Whole, deeper
from translate.preparing.resampling import Filter, resized

Square = Literal["crop", "stretch", "keep"]
SQUARE: tuple[Square, ...] = get_args(Square)
"""What is done to pictures that are no squares: a picture is read as a pair if it is twice as wide as high."""
TOLERANCE = 0.02
"""Of the ratio of the sides, by which A and B may differ in shape."""


@dataclass(frozen=True)
class Placing:
    """How two pictures become one: what is done where they are not square, the height of both (None: that of A), and
    the filter that resizes them."""

    square: Square | None = None
    height: int | None = None
    filter: Filter = "lanczos"


def beside(a: Whole, b: Whole, placing: Placing, name: str) -> tuple[Array, Form, list[str]]:
    """Pixels [H, 2 W, 1 or 3], A left, in the deeper of the two depths, grey only if both are; their form, and what is
    worth a warning. Raises Unreadable for pictures that are no squares where nothing says what to do about it, and for
    two of different shapes."""
    warnings = list(dict.fromkeys([*a.warnings, *b.warnings]))
    if a.transparent or b.transparent:
        warnings.append("transparency was laid on white, as in training")
    left, right = deeper(a.opaque(), b.opaque())
    left, right = _shaped(left, placing, name, "A"), _shaped(right, placing, name, "B")
    (high, wide), (other_high, other_wide) = left.shape[:2], right.shape[:2]
    if abs(wide / high * other_high / other_wide - 1) > TOLERANCE and placing.square != "stretch":
        raise Unreadable(
            Path(name), f"A is {wide}x{high} and B {other_wide}x{other_high}, of another shape (--square crop)"
        )
    if (high, wide) != (other_high, other_wide) and placing.height is None:
        warnings.append("B was resized to the size of A")
    size = _size(left, placing)
    sides = [resized(side, size, placing.filter) for side in (left, right)]
    if sides[0].shape[2] != sides[1].shape[2]:
        sides = [np.repeat(side, 3, axis=2) if side.shape[2] == 1 else side for side in sides]
    return np.concatenate(sides, axis=1), _form(a.form, b.form, sides[0], warnings), warnings


def _shaped(pixels: Array, placing: Placing, name: str, side: str) -> Array:
    height, width = pixels.shape[:2]
    if height == width or placing.square in ("keep", "stretch"):
        return pixels
    if placing.square is None:
        raise Unreadable(Path(name), f"{side} is {width}x{height}, no square (--square crop, stretch or keep)")
    least = min(height, width)
    return cropped(pixels, (least, least))


def _size(left: Array, placing: Placing) -> Size:
    height, width = left.shape[:2]
    high = placing.height or (min(height, width) if placing.square == "stretch" else height)
    return high, high if placing.square == "stretch" else max(1, round(width * high / height))


def _form(a: Form, b: Form, pixels: Array, warnings: list[str]) -> Form:
    icc = a.icc if a.icc == b.icc else None
    if a.icc != b.icc:
        warnings.append("the colour profiles of A and B differ and are left out")
    return replace(a, depth=pixels.dtype, grey=pixels.shape[2] == 1, icc=icc)


def grey(pixels: Array) -> Array:
    """Pixels [H, W, 1 or 3] as [H, W, 1]."""
    return luma(pixels) if pixels.shape[2] == 3 else pixels
