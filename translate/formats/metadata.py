"""EXIF, XMP, texts and resolution, as Pillow finds them in a header."""

from __future__ import annotations

import math
import re
from typing import Any

from PIL import ExifTags, Image

from translate.formats.form import Metadata

ORIENTATION = int(ExifTags.Base.Orientation)
_XMP_ORIENTATION = re.compile(rb'(tiff:Orientation\s*=\s*["\']|<tiff:Orientation>\s*)\d')


def read(image: Image.Image, warnings: list[str]) -> tuple[int, Metadata]:
    """The orientation, 1 to 8, that EXIF or XMP ask for, and the metadata with it taken out."""
    turned, exif = 1, None
    try:
        found = Image.Image.getexif(image)  # PNG's own would decode the pixels first
        turned = int(found.get(ORIENTATION, 1))
        if found:
            exif = _upright(found)
    except Exception:  # a broken EXIF block is no reason to refuse the picture
        warnings.append("its EXIF data is damaged and left out")
    xmp = image.info.get("xmp")
    if isinstance(xmp, str):
        xmp = xmp.encode()
    return turned if turned in range(1, 9) else 1, Metadata(resolution(image.info), exif, upright_xmp(xmp), text(image))


def _upright(exif: Image.Exif) -> bytes:
    if ORIENTATION in exif:
        exif[ORIENTATION] = 1
    return exif.tobytes()  # which leaves out the thumbnail: it would show the picture as it was


def upright_xmp(xmp: Any) -> bytes | None:
    """An XMP packet that asks for no turning."""
    return _XMP_ORIENTATION.sub(rb"\g<1>1", xmp) if isinstance(xmp, bytes) and xmp else None


def resolution(info: dict[Any, Any]) -> tuple[float, float] | None:
    """Pixels per inch, across and down, where a file tells them."""
    if "jfif_unit" in info and info["jfif_unit"] not in (1, 2):
        return None  # Pillow would say 72
    try:
        across, down = (float(value) for value in info["dpi"])
    except (KeyError, TypeError, ValueError):
        return None
    return (across, down) if all(math.isfinite(value) and value > 0 for value in (across, down)) else None


def text(image: Image.Image) -> tuple[tuple[str, str], ...]:
    """PNG's texts; XMP, which is one of them by its keyword, apart."""
    found = getattr(getattr(image, "png", None), "im_text", None) or {}
    return tuple((key, str(value)) for key, value in found.items() if key != "XML:com.adobe.xmp")
