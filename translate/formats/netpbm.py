"""PPM and PGM: a line of text, and the pixels as they are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from translate.formats.form import UINT8, Array, Form


def write_ppm(
    file: BinaryIO, form: Form, shape: tuple[int, int, int], strips: Iterator[Array], warnings: list[str]
) -> None:
    """8 or 16 bits, grey or RGB, strip by strip."""
    height, width, channels = shape
    small = form.depth == UINT8
    file.write(f"P{5 if channels == 1 else 6}\n{width} {height}\n{255 if small else 65535}\n".encode())
    for strip in strips:
        file.write(strip.astype("u1" if small else ">u2").tobytes())
