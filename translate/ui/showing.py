"""Pictures as a browser can show them: any format, any depth, not larger than a screen."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image

from translate.data.images import Unreadable
from translate.formats.form import UINT8
from translate.formats.reading import Opened, opened
from translate.formats.values import convert

SCREEN, THUMBNAIL = 1600, 320
"""Pixels of the longer side at most."""
ROWS = 512


def picture(path: Path, megapixels: float, side: int = SCREEN, frames: int = 1) -> Image.Image:
    """The file's picture in RGB of 8 bits, transparency laid on white, made smaller where it is longer than `side`; of
    `frames` side by side the last one. Raises Unreadable, also for more than so many megapixels."""
    with path.open("rb") as file, allowed(file, path.name, megapixels) as found:
        pixels = np.empty((found.height, found.width, 3), np.uint8)
        for top in range(0, found.height, ROWS):
            bottom = min(top + ROWS, found.height)
            pixels[top:bottom] = convert(found.rows(top, bottom, 3), UINT8)
        profile = found.form.icc
    if frames > 1:
        pixels = pixels[:, -(pixels.shape[1] // frames) :]
    image = Image.fromarray(pixels)
    image.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=3.0)
    if profile is not None and profile[16:20] == b"RGB ":
        image.info["icc_profile"] = profile
    return image


@contextmanager
def allowed(file: BinaryIO, name: str, megapixels: float) -> Iterator[Opened]:
    """As `formats.reading.opened`, and Unreadable for a picture of more than so many megapixels."""
    with opened(file, name) as found:
        size = found.width * found.height / 1e6
        if size > megapixels:
            raise Unreadable(
                Path(name),
                f"has {found.width}x{found.height} pixels, which are {size:.1f} megapixels; this page takes "
                f"{megapixels:g} (--max-megapixels)",
            )
        yield found
