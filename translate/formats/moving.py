"""Pictures that move: what an animation, a file of pages and a video have in common."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from translate.data.images import Unreadable
from translate.formats.form import Array, Form


class Frame(NamedTuple):
    """Colours [H, W, 1 or 3], transparency laid on white; alpha [H, W, 1], of all frames of an animation or of none;
    how long it is shown (0: not said); and what a page holds beside its pixels."""

    colours: Array
    alpha: Array | None
    seconds: float
    form: Form | None = None


@dataclass
class Moving:
    """Frames, decoded one by one as they are asked for; `plays`: how often an animation is shown, 0 for ever; `start`:
    seconds before the first frame (of a video whose sound begins earlier); `size`: of all pages, in bytes; `warnings`
    grow while frames are read."""

    frames: Iterator[Frame]
    plays: int = 1
    start: float = 0.0
    size: int = 0
    icc: bytes | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    warnings: list[str] = field(default_factory=list)


def alike(frames: Iterator[Frame], name: str) -> tuple[Frame, Iterator[Frame]]:
    """The first frame, and all of them as they come; Unreadable where one is of another size or kind than the first,
    or where there are none."""
    first = next(frames, None)
    if first is None:
        raise Unreadable(Path(name), "holds no pictures")
    return first, _alike(first, frames, name)


def _alike(first: Frame, rest: Iterator[Frame], name: str) -> Iterator[Frame]:
    for frame in chain([first], rest):
        if frame.colours.shape != first.colours.shape or (frame.alpha is None) != (first.alpha is None):
            raise Unreadable(Path(name), "its pictures differ in size or transparency: only a TIFF can hold such")
        yield frame


def fitting(icc: bytes | None, frame: Frame, warnings: list[str]) -> bytes | None:
    """The colour profile, if it speaks of colours of the kind that the frame has."""
    kind = b"GRAY" if frame.colours.shape[2] == 1 else b"RGB "
    if icc is None or icc[16:20] == kind:
        return icc
    said = "the colour profile is left out: it is for another kind of colours"
    if said not in warnings:
        warnings.append(said)
    return None
