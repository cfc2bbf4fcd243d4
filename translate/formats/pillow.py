"""What the writers of animations share: frames as Pillow's pictures, and times in whole units."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from PIL import Image

from translate.formats.moving import Frame


def picture(frame: Frame) -> Image.Image:
    """A uint8 frame as a picture of mode L, LA, RGB or RGBA."""
    pixels = frame.colours if frame.alpha is None else np.concatenate([frame.colours, frame.alpha], axis=2)
    return Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else np.ascontiguousarray(pixels))


def milliseconds(frames: Iterator[Frame], unit: int) -> Iterator[tuple[Frame, int]]:
    """Each frame with its time as a multiple of `unit` milliseconds; what rounding takes from one it gives to the
    next, so that the whole stays as long as it was."""
    before, after = 0.0, 0.0
    for frame in frames:
        after += 1000 * frame.seconds / unit
        yield frame, (round(after) - round(before)) * unit
        before = after
