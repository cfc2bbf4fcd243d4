"""Files of several pages: each page of a TIFF is a picture with a size, a depth and a colour profile of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

import numpy as np
from tifffile import FileHandle, TiffWriter

from translate.formats.form import Array, Metadata
from translate.formats.kinds import explained
from translate.formats.moving import Frame, Moving, fitting
from translate.formats.pagelist import addresses
from translate.formats.reading import opened_page

ENDINGS = frozenset({".tif", ".tiff"})
_XMP = 700
_BIG = 2**32 - 2**25
"""Bytes from which a TIFF needs wider addresses; some are left for its tags."""


@contextmanager
def opened(file: BinaryIO, name: str, channels: int) -> Iterator[Moving]:
    """The pages of a TIFF, in their own depth, with `channels` 1 or 3; smaller copies of a page and masks are left
    out. Raises Unreadable, also while the pages are read."""
    # The addresses, a few bytes a page, are all that is kept of them.
    with explained(name, "TIFF"):
        pages = addresses(file)
    size = 0
    for address in pages:
        with opened_page(file, name, address) as picture:
            size += 4 * picture.width * picture.height * picture.form.depth.itemsize
    moving = Moving(iter(()), size=size)
    moving.frames = _frames(file, pages, name, channels, moving.warnings)
    yield moving


def _frames(file: BinaryIO, pages: list[int], name: str, channels: int, warnings: list[str]) -> Iterator[Frame]:
    for number, address in enumerate(pages, 1):
        with opened_page(file, name, address) as picture:
            alpha = picture.alpha(0, picture.height) if picture.has_alpha else None
            yield Frame(picture.rows(0, picture.height, channels), alpha, 0, picture.form)
            warnings += [f"page {number} {said}" for said in picture.warnings if len(warnings) < 20]


def write(file: BinaryIO, moving: Moving, name: str, metadata: bool) -> list[str]:
    """Write the frames as pages of a TIFF, compressed without loss, each in its depth; what could not be
    kept."""
    warnings: list[str] = []
    with TiffWriter(FileHandle(file, name=name, size=0), bigtiff=moving.size > _BIG) as tiff:
        for frame in moving.frames:
            tiff.write(_pixels(frame), **_options(frame, moving, metadata, warnings))
    return warnings


def _pixels(frame: Frame) -> Array:
    pixels = frame.colours if frame.alpha is None else np.concatenate([frame.colours, frame.alpha], axis=2)
    return pixels[:, :, 0] if pixels.shape[2] == 1 else pixels


def _options(frame: Frame, moving: Moving, metadata: bool, warnings: list[str]) -> dict[str, Any]:
    form = frame.form
    said = form.metadata if form else Metadata()
    options: dict[str, Any] = {
        "photometric": "rgb" if frame.colours.shape[2] == 3 else "minisblack",
        "compression": "zlib",
        "predictor": True,
        "rowsperstrip": max(1, (1 << 18) // max(1, frame.colours[:1].nbytes)),
        "metadata": None,
        "contiguous": False,
        "iccprofile": fitting(form.icc if form else moving.icc, frame, warnings),
    }
    if frame.alpha is not None:
        options["extrasamples"] = ["unassalpha"]
    if said.resolution:
        options |= {"resolution": said.resolution, "resolutionunit": "inch"}
    if metadata and said.xmp:
        options["extratags"] = [(_XMP, 1, len(said.xmp), said.xmp, True)]
    return options
