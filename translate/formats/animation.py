"""Animations: GIF, WebP and PNG, frame by frame, as they are seen."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, PngImagePlugin

from translate.data.images import Unreadable
from translate.formats import apng, gif, webp
from translate.formats.form import UINT8, Array
from translate.formats.kinds import explained, sniff
from translate.formats.limits import Limits
from translate.formats.moving import Frame, Moving, alike, fitting
from translate.formats.values import convert, luma, on_white
from translate.formats.whole import PLUGINS, refuse

_DEFAULT = Limits()
_PLUGINS = {"GIF": PLUGINS["GIF"], "WEBP": PLUGINS["WEBP"], "PNG": PngImagePlugin.PngImageFile}
_WRITERS: dict[str, Callable[[BinaryIO, Iterator[Frame], Moving], None]] = {
    ".gif": gif.write,
    ".png": apng.write,
    ".webp": webp.write,
}
ENDINGS = frozenset(_WRITERS)
"""Whose files can hold an animation."""


@contextmanager
def opened(file: BinaryIO, name: str, channels: int, limits: Limits = _DEFAULT) -> Iterator[Moving]:
    """The animation in `file`, its frames composed, with `channels` 1 or 3, uint8. Raises Unreadable, also while the
    frames are read."""
    kind = sniff(file, name)
    if kind not in _PLUGINS:
        raise Unreadable(Path(name), f"is a {kind}, which holds a single picture")
    with explained(name, kind):
        image = _PLUGINS[kind](file)
    with image:
        refuse(name, limits.refuse_size(*image.size, file.seek(0, io.SEEK_END)))
        info = image.info
        moving = Moving(iter(()), _plays(image), icc=info.get("icc_profile"), exif=info.get("exif"))
        moving.xmp = info.get("xmp")
        if image.format == "PNG" and _depth(file) == 16:
            moving.warnings.append("16 bits became 8")
        moving.frames = _frames(image, file, name, channels, moving.warnings)
        yield moving


def write(file: BinaryIO, ending: str, moving: Moving, name: str) -> list[str]:
    """Write the frames as the animation that `ending` names; what could not be kept. Raises Unreadable for frames of
    several sizes, `name` being where they come from."""
    warnings: list[str] = []
    first, frames = alike(moving.frames, name)
    if ending == ".gif" and moving.icc:
        warnings.append("GIF holds no colour profile: it is left out")
    moving.icc = fitting(moving.icc, first, warnings)
    _WRITERS[ending](file, _eight_bits(frames, warnings), moving)
    return warnings


def _plays(image: Image.Image) -> int:
    """How often it is shown, 0 for ever: a GIF says how often it is repeated, and nothing when it plays once."""
    loop = image.info.get("loop")
    if image.format != "GIF":
        return int(loop or 0)
    return 1 if loop is None else int(loop) and int(loop) + 1


def _depth(file: BinaryIO) -> int:
    """Bits of a PNG's samples, from its header."""
    before = file.tell()
    file.seek(24)
    (depth,) = file.read(1)
    file.seek(before)
    return int(depth)


def _frames(image: Image.Image, file: BinaryIO, name: str, channels: int, warnings: list[str]) -> Iterator[Frame]:
    # A GIF's frames may become transparent at any time; the others say at the start whether they can.
    holds_alpha = image.format == "GIF" or "A" in image.getbands() or "transparency" in image.info
    first = 0
    if getattr(image, "default_image", False):
        warnings.append("the picture for viewers that show no animations is left out")
        first = 1
    # A GIF would have to be read once more to know.
    known = None if image.format == "GIF" else getattr(image, "n_frames", 1)
    for index in count(first) if known is None else range(first, known):
        with explained(name, str(image.format)):
            try:
                image.seek(index)
            except EOFError:
                if known is not None:
                    raise
                if not _ends(file):
                    warnings.append(f"it may be cut off after {index} frames: its end is missing")
                return
            frame = _frame(image, channels, holds_alpha)
            if (
                known is None
                and image.mode == "P"
                and "transparency" not in image.info
                and np.asarray(image).max() < 255
            ):
                # Pillow takes a GIF whose first frame has no holes for one without: here is one that nobody sees.
                image.info["transparency"] = 255
        yield frame


def _ends(gif: BinaryIO) -> bool:
    """Whether what Pillow has read last is the mark of a GIF's end."""
    gif.seek(-1, io.SEEK_CUR)
    return gif.read(1) == b";"


def _frame(image: Image.Image, channels: int, holds_alpha: bool) -> Frame:
    pixels: Array = np.asarray(image.convert("RGBA"))
    colours, alpha = pixels[:, :, :3], pixels[:, :, 3:]
    if alpha.min() < 255:
        colours = on_white(colours, alpha)
    seconds = float(image.info.get("duration") or 0) / 1000
    return Frame(luma(colours) if channels == 1 else colours, alpha if holds_alpha else None, seconds)


def _eight_bits(frames: Iterator[Frame], warnings: list[str]) -> Iterator[Frame]:
    for frame in frames:
        deeper = f"{8 * frame.colours.dtype.itemsize} bits became 8"
        if frame.colours.dtype != UINT8 and deeper not in warnings:
            warnings.append(deeper)
        alpha = None if frame.alpha is None else convert(frame.alpha, UINT8)
        yield Frame(convert(frame.colours, UINT8), alpha, frame.seconds)
