"""Formats that are written of a whole picture."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any, BinaryIO

import numpy as np
from PIL import Image, PngImagePlugin

from translate.formats.form import UINT16, Array, Form, Metadata

_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
_LONGEST = 65502
"""Bytes of EXIF or XMP that a JPEG's segment can take."""
_HEADER = 33
"""A PNG's signature and its first chunk."""


def _image(pixels: Array) -> Image.Image:
    height, width, channels = pixels.shape
    mode = _MODES[channels]
    return Image.frombuffer(mode, (width, height), np.ascontiguousarray(pixels), "raw", mode, 0, 1)


def _density(data: Metadata, most: float = 2**31 - 1) -> dict[str, Any]:
    return {"dpi": data.resolution} if data.resolution and 0.5 <= max(data.resolution) < most else {}


def write_jpeg(file: BinaryIO, form: Form, pixels: Array, warnings: list[str]) -> None:
    """Quality 95, colours at full resolution."""
    options = _density(form.metadata, 65535)
    for key, data in (("exif", form.metadata.exif), ("xmp", form.metadata.xmp)):
        if data is not None and len(data) > _LONGEST:
            warnings.append(f"{key.upper()} data of {len(data):,} bytes is too long for a JPEG: it is left out")
        elif data is not None:
            options[key] = data
    _image(pixels).save(file, "JPEG", quality=95, subsampling=0, icc_profile=form.icc, **options)


def write_webp(file: BinaryIO, form: Form, pixels: Array, warnings: list[str]) -> None:
    """Quality 95; colours stay also where nothing of them can be seen."""
    data = form.metadata
    options = {key: value for key, value in (("exif", data.exif), ("xmp", data.xmp)) if value is not None}
    _image(pixels).save(file, "WEBP", quality=95, exact=True, icc_profile=form.icc, **options)


def write_bmp(file: BinaryIO, form: Form, pixels: Array, warnings: list[str]) -> None:
    """8 bits a channel."""
    _image(pixels).save(file, "BMP", **_density(form.metadata))


def write_gif(file: BinaryIO, form: Form, pixels: Array, warnings: list[str]) -> None:
    """A palette of the picture's own; what is less than half opaque becomes transparent."""
    channels = pixels.shape[2]
    if channels in (1, 3):
        image = _image(pixels)
        (image if channels == 1 else image.quantize(256, Image.Quantize.MEDIANCUT)).save(file, "GIF")
        return
    seen = pixels[..., -1] >= 128
    colours = np.repeat(pixels[..., :1], 3, axis=2) if channels == 2 else pixels[..., :3]
    image = _image(colours).quantize(255, Image.Quantize.MEDIANCUT)
    image.paste(255, (0, 0), Image.fromarray(~seen))
    if not np.isin(pixels[..., -1], (0, 255)).all():
        warnings.append("GIF holds no half transparency: it is rounded")
    image.save(file, "GIF", transparency=255)


def write_png(file: BinaryIO, form: Form, pixels: Array, warnings: list[str]) -> None:
    """8 or 16 bits."""
    if pixels.dtype != UINT16:
        _image(pixels).save(file, "PNG", **_said(form))
        return
    import imagecodecs

    # Pillow has no 16-bit colours: a small picture of its own lends the chunks that are not about pixels.
    small = io.BytesIO()
    Image.new("L", (1, 1)).save(small, "PNG", **_said(form))
    beside = small.getvalue()[_HEADER:]
    encoded = imagecodecs.png_encode(pixels[..., 0] if pixels.shape[2] == 1 else np.ascontiguousarray(pixels), 6)
    file.write(encoded[:_HEADER])
    file.write(beside[: beside.rindex(b"IDAT") - 4])
    file.write(memoryview(encoded)[_HEADER:])


def _said(form: Form) -> dict[str, Any]:
    data = form.metadata
    texts = PngImagePlugin.PngInfo()
    for key, value in data.text:
        texts.add_text(key, value)
    if data.xmp is not None:
        texts.add_itxt("XML:com.adobe.xmp", data.xmp.decode("utf-8", "replace"))
    options = {"exif": data.exif} if data.exif is not None else {}
    return {"icc_profile": form.icc, "pnginfo": texts, **options, **_density(data)}


ENCODERS: dict[str, Callable[[BinaryIO, Form, Array, list[str]], None]] = {
    "JPEG": write_jpeg,
    "PNG": write_png,
    "WEBP": write_webp,
    "BMP": write_bmp,
    "GIF": write_gif,
}
