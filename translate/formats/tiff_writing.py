"""TIFF, written strip by strip."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, BinaryIO

import imagecodecs
import numpy as np
from PIL import Image, TiffImagePlugin
from tifffile import TiffFile, TiffWriter

from translate.formats.form import FLOAT32, Array, Form
from translate.formats.tags import DESCRIPTIVE, SUBFOLDERS, XMP

STRIP = 2**20
"""Bytes of a strip, about: what is read at least, whoever wants a row."""
CLASSIC = 4_000_000_000
"""Bytes that a classic TIFF can address, with some room for what deflate can't make smaller."""
_BYTE, _ASCII, _LONG = 1, 2, 4


def write_tiff(
    file: BinaryIO, form: Form, shape: tuple[int, int, int], strips: Iterator[Array], warnings: list[str]
) -> None:
    """Deflate with a predictor; a BigTIFF where four gigabytes may not do."""
    height, width, channels = shape
    line = width * channels * form.depth.itemsize
    rows = min(height, max(1, STRIP // line))
    big = height * line > CLASSIC
    if form.metadata.exif is not None and (big or not file.readable()):  # a classic folder can't be put into a BigTIFF
        warnings.append("EXIF is not kept in a TIFF of this size")
        form = replace(form, metadata=replace(form.metadata, exif=None))
    data = form.metadata
    with TiffWriter(file, bigtiff=big, byteorder="<") as tiff:
        tiff.write(
            map(_encoded, _of_rows(strips, rows)),
            shape=(height, width) if channels == 1 else shape,
            dtype=form.depth,
            photometric="minisblack" if channels < 3 else "rgb",
            planarconfig=None if channels == 1 else "contig",
            extrasamples=["unassalpha"] if channels in (2, 4) else None,
            rowsperstrip=rows,
            compression="zlib",
            predictor=True,
            iccprofile=form.icc,
            resolution=data.resolution,
            resolutionunit="INCH" if data.resolution else None,
            metadata=None,
            software=False,
            extratags=_tags(form),
        )
    if data.exif is not None:
        _append_folders(file, form)


def _encoded(strip: Array) -> bytes:
    """Differences of neighbours, deflated: tifffile takes strips one by one only so."""
    predict = imagecodecs.floatpred_encode if strip.dtype == FLOAT32 else imagecodecs.delta_encode
    return bytes(imagecodecs.deflate_encode(predict(np.ascontiguousarray(strip), axis=-2).tobytes()))


def _of_rows(strips: Iterator[Array], rows: int) -> Iterator[Array]:
    """The same pixels in strips of `rows` rows each, but for the last."""
    held: list[Array] = []
    count = 0
    for strip in strips:
        held.append(strip)
        count += len(strip)
        if count >= rows:
            together = np.concatenate(held)
            whole = count - count % rows
            for start in range(0, whole, rows):
                yield together[start : start + rows]
            held, count = [together[whole:]], count - whole
    if count:
        yield np.concatenate(held)


def _tags(form: Form) -> list[tuple[int, int, int, Any, bool]]:
    """Descriptions and XMP; for each folder of EXIF's own a tag that is to become it, since tifffile takes none."""
    data = form.metadata
    tags: list[tuple[int, int, int, Any, bool]] = []
    exif = _exif(form)
    for tag in DESCRIPTIVE:
        if isinstance(value := exif.get(tag), str) and value.isascii():
            tags.append((tag, _ASCII, 0, value, True))
    tags += [(tag - 1, _LONG, 1, 0, True) for tag in SUBFOLDERS if exif.get_ifd(tag)]
    if data.xmp is not None:
        tags.append((XMP, _BYTE, len(data.xmp), data.xmp, True))
    return tags


def _exif(form: Form) -> Image.Exif:
    exif = Image.Exif()
    if form.metadata.exif is not None:
        exif.load(form.metadata.exif)
    return exif


def _append_folders(file: BinaryIO, form: Form) -> None:
    """EXIF's camera settings and place, behind the pixels."""
    exif = _exif(form)
    file.seek(0)
    with TiffFile(file) as tiff:
        kept = tiff.pages.first.tags
        places = {tag: kept[tag - 1].offset for tag in SUBFOLDERS if tag - 1 in kept}
    for tag, place in places.items():
        folder = TiffImagePlugin.ImageFileDirectory_v2(b"II*\0\0\0\0\0", group=tag)
        for code, value in exif.get_ifd(tag).items():
            folder[code] = value
        end = file.seek(0, io.SEEK_END)
        file.write(bytes(end % 2))
        start = end + end % 2
        file.write(folder.tobytes(start))
        file.seek(place)
        file.write(struct.pack("<HHII", tag, _LONG, 1, start))
    file.seek(0, io.SEEK_END)
