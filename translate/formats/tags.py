"""What a TIFF's tags say about its picture."""

from __future__ import annotations

import math
from typing import Any, BinaryIO

from PIL import ExifTags, Image
from tifffile import TiffFile, TiffPage

from translate.formats.form import Metadata
from translate.formats.metadata import ORIENTATION, upright_xmp

XMP, PROFILE = 700, 34675
DESCRIPTIVE = (269, 270, 271, 272, 285, 305, 306, 315, 316, 33432)
"""Document, description, make, model, page, software, date, artist, computer, copyright."""
SUBFOLDERS = (int(ExifTags.IFD.Exif), int(ExifTags.IFD.GPSInfo))
"""Camera settings; where it was taken."""
_INCHES = {2: 1.0, 3: 2.54}


def read(tiff: TiffFile, page: TiffPage, file: BinaryIO, warnings: list[str]) -> tuple[int, Metadata]:
    """The orientation, 1 to 8, and the metadata."""
    turned = page.tags.valueof(ORIENTATION, default=1)
    try:
        exif = None if tiff.is_bigtiff else _exif(page, file)
    except Exception:  # what cannot be told is no reason to refuse the picture
        exif = None
        warnings.append("its EXIF data is damaged and left out")
    xmp = page.tags.valueof(XMP)
    return turned if turned in range(1, 9) else 1, Metadata(_resolution(page), exif, upright_xmp(_bytes(xmp)))


def profile(page: TiffPage) -> bytes | None:
    """The embedded ICC profile."""
    return _bytes(page.tags.valueof(PROFILE))


def _bytes(value: Any) -> bytes | None:
    if isinstance(value, str):
        return value.encode()
    try:
        return bytes(value) or None if value is not None else None
    except (TypeError, ValueError):
        return None


def _exif(page: TiffPage, file: BinaryIO) -> bytes | None:
    if not any(tag in page.tags for tag in (*DESCRIPTIVE, *SUBFOLDERS)):
        return None
    stored, kept = Image.Exif(), Image.Exif()
    stored.endian = page.parent.byteorder
    stored.load_from_fp(file, page.offset)
    for tag in DESCRIPTIVE:
        if tag in stored:
            kept[tag] = stored[tag]
    for tag in SUBFOLDERS:
        if found := stored.get_ifd(tag):
            kept[tag] = found
    return kept.tobytes()


def _resolution(page: TiffPage) -> tuple[float, float] | None:
    factor = _INCHES.get(page.tags.valueof(296, default=2))
    try:
        across, down = (numerator / denominator for numerator, denominator in map(page.tags.valueof, (282, 283)))
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    good = factor is not None and all(math.isfinite(value) and value > 0 for value in (across, down))
    return (across * (factor or 1), down * (factor or 1)) if good else None
