"""Animated GIFs, written frame by frame."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, BinaryIO, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import GifImagePlugin, Image

from translate.formats.moving import Frame, Moving
from translate.formats.pillow import milliseconds

_HOLE = 255
"""Of 256 colours the one that stands for transparency, where there is some."""
_OPAQUE_FROM = 128
_STAYS, _TAKEN_AWAY = 1, 2
_GREYS = bytes(level for level in range(256) for _ in range(3))
Item = TypeVar("Item")


def write(file: BinaryIO, frames: Iterator[Frame], moving: Moving) -> None:
    """Write uint8 frames of one size, each with colours of its own, hundredths of seconds and the number of plays;
    of transparency there is one bit."""
    # Pillow would gather all frames before it writes one, and would drop frames that repeat the last.
    begun = False
    for (frame, shown), after in _with_next(milliseconds(frames, 10)):
        # Only what was taken away before can be seen through the next frame's holes; and some viewers take away by
        # a colour, unless the frame that goes has one for holes.
        taken = after is not None and holes(after[0]).any()
        reserved = bool(taken or holes(frame).any())
        image = indexed(frame, reserved)
        if not begun:
            # The number in the file is that of repetitions; without it, an animation plays once.
            loop = {} if moving.plays == 1 else {"loop": max(min(moving.plays, 65536) - 1, 0)}
            file.write(b"".join(GifImagePlugin.getheader(image.copy(), info={"duration": 10, **loop})[0]))
            begun = True
        options: dict[str, Any] = {"duration": min(shown, 655350), "disposal": _TAKEN_AWAY if taken else _STAYS}
        if reserved or (frame.alpha is not None and np.asarray(image).max() < _HOLE):
            # Also where nothing has that index: Pillow takes a GIF whose first frame has no holes for one without.
            options["transparency"] = _HOLE
        parts = GifImagePlugin.getdata(image, include_color_table=True, **options)
        file.write(b"".join(parts))
        parts.clear()  # Pillow keeps the list in a class of its own, which lives on until the garbage is collected
    file.write(b";")


def indexed(frame: Frame, reserved: bool) -> Image.Image:
    """The frame in 256 colours of its own, without dither, which would swarm from frame to frame; with `reserved`, 255
    of them, and the last index in the holes."""
    colours = frame.colours
    if colours.shape[2] == 1 and not reserved:
        image = Image.frombytes("P", colours.shape[1::-1], colours.tobytes())
        image.putpalette(_GREYS)
        return image
    image = Image.fromarray(np.ascontiguousarray(np.broadcast_to(colours, (*colours.shape[:2], 3))))
    image = image.quantize(256 - reserved, dither=Image.Dither.NONE)
    palette = bytes(image.getpalette() or ())[:768].ljust(768, b"\0")
    if reserved:
        image.paste(_HOLE, (0, 0), Image.fromarray(holes(frame)))
    image.putpalette(palette)
    return image


def holes(frame: Frame) -> NDArray[np.bool_]:
    """[H, W], true where a frame is less than half opaque."""
    if frame.alpha is None:
        return np.zeros(frame.colours.shape[:2], bool)
    return frame.alpha[:, :, 0] < _OPAQUE_FROM


def _with_next(items: Iterable[Item]) -> Iterator[tuple[Item, Item | None]]:
    rest = chain(items, [None])
    held = next(rest)
    while held is not None:
        after = next(rest)
        yield held, after
        held = after
