"""Pixels, strip by strip, as an image file that holds what the input held, as far as its format can."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import BinaryIO

import numpy as np

from translate.data.images import FORMATS
from translate.formats.encoders import ENCODERS
from translate.formats.form import Array, Depth, Form, Metadata
from translate.formats.holding import Holds, holds
from translate.formats.netpbm import write_ppm
from translate.formats.tiff_writing import write_tiff
from translate.formats.values import convert

__all__ = ["Holds", "holds", "write"]

SPOOLED = 64 * 2**20
"""Bytes from which on pixels wait on the disk, not in memory, until the last strip has come."""

Shape = tuple[int, int, int]
_STREAMED: dict[str, Callable[[BinaryIO, Form, Shape, Iterator[Array], list[str]], None]] = {
    "TIFF": write_tiff,
    "PPM": write_ppm,
}


def write(
    file: BinaryIO,
    ending: str,
    form: Form,
    size: tuple[int, int],
    channels: int,
    strips: Iterable[Array],
    metadata: bool = False,
) -> list[str]:
    """Write strips [h, W, channels] from top to bottom, `size` (height, width) in all, in the format of an `ending`
    such as ".png"; channels 1, 2 (grey, alpha), 3 or 4. Profile and resolution are kept, `metadata` on request. Returns
    what the format can't hold. Raises ValueError for a picture that is too large for the format."""
    kind, rule = FORMATS[ending.lower()], holds(ending)
    height, width = size
    if max(size) > rule.side:
        raise ValueError(
            f"{width}x{height} pixels, and a {rule.name} has at most {rule.side:,} on a side: --format .tif holds them"
        )
    warnings: list[str] = []
    depth = rule.nearest(form.depth)
    if depth != form.depth:
        warnings.append(f"{rule.name} holds {_bits(depth)}, so {_bits(form.depth)} became these")
    transparent = channels in (2, 4)
    if transparent and not rule.alpha:
        warnings.append(f"{rule.name} holds no transparency: it is left out")
        channels -= 1
    if not rule.colours and channels >= 3:
        warnings.append(f"{rule.name} holds 256 colours: all are rounded to these")
    if ending.lower() == ".pgm" and channels == 3:
        warnings.append("a .pgm is grey: it is a PPM by content")
    kept = replace(
        form,
        depth=depth,
        grey=channels < 3,
        icc=_profile(form.icc, rule, channels, warnings),
        metadata=_told(form.metadata, rule, metadata, warnings),
    )
    shape = (height, width, channels)
    fitted = _fitted(strips, depth, shape)
    if kind in _STREAMED:
        _STREAMED[kind](file, kept, shape, fitted, warnings)
    else:
        with _gathered(fitted, depth, shape) as pixels:
            ENCODERS[kind](file, kept, pixels, warnings)
    return warnings


def _profile(icc: bytes | None, rule: Holds, channels: int, warnings: list[str]) -> bytes | None:
    if icc is None:
        return None
    if not rule.icc:
        warnings.append(f"{rule.name} holds no colour profile: it is left out")
        return None
    if icc[16:20] != (b"GRAY" if channels < 3 else b"RGB "):
        space = icc[16:20].decode("latin-1").strip()
        warnings.append(
            f"the colour profile is left out: it is for {space}, the output is {'grey' if channels < 3 else 'RGB'}"
        )
        return None
    return icc


def _told(data: Metadata, rule: Holds, wanted: bool, warnings: list[str]) -> Metadata:
    if not wanted:
        return Metadata(resolution=data.resolution)
    if (data.exif or data.xmp) and not rule.exif:
        warnings.append(f"{rule.name} holds no EXIF: it is left out")
    if data.text and not rule.text:
        warnings.append(f"{rule.name} holds no texts with keywords: they are left out")
    return data


def _fitted(strips: Iterable[Array], depth: Depth, shape: Shape) -> Iterator[Array]:
    """The strips in the depth and with the channels that are written. Raises ValueError for too few or many rows."""
    height, width, channels = shape
    row = 0
    for strip in strips:
        row += strip.shape[0]
        if row > height or strip.shape[1] != width:
            raise ValueError(f"a strip {strip.shape} ends in row {row} of {shape}")
        yield convert(strip[..., :channels], depth)
    if row != height:
        raise ValueError(f"{row} rows of {height}")


@contextmanager
def _gathered(strips: Iterator[Array], depth: Depth, shape: Shape) -> Iterator[Array]:
    """All strips as one array, which lies in a temporary file if it is large."""
    needed = int(np.prod(shape, dtype=np.int64)) * depth.itemsize
    if needed <= SPOOLED:
        yield _filled(np.empty(shape, depth), strips)
        return
    with tempfile.TemporaryFile() as spool:
        for strip in strips:
            spool.write(np.ascontiguousarray(strip).data)
        spool.flush()
        yield np.memmap(spool, depth, "r", shape=shape)


def _filled(pixels: Array, strips: Iterator[Array]) -> Array:
    row = 0
    for strip in strips:
        pixels[row : row + len(strip)] = strip
        row += len(strip)
    return pixels


def _bits(depth: Depth) -> str:
    return "32-bit floats" if depth.kind == "f" else f"{8 * depth.itemsize} bits"
