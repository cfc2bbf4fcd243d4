"""Pictures as they stand in the page: inside it, as small as they can be without looking worse, and maps of errors."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
from markupsafe import Markup
from matplotlib import colormaps
from PIL import Image

from translate.data.images import Pixels

SMALL = 128
"""Pictures of at most so many pixels a side are kept exactly; of larger ones nobody sees the difference."""
QUALITY = 90
FULL = 128
"""Grey levels of error that the brightest colour of a map stands for: the same in every map."""

_COLOURS = np.round(np.asarray(colormaps["magma"](np.arange(256)))[:, :3] * 255).astype(np.uint8)


def picture(pixels: Pixels, alt: str) -> Markup:
    """An <img> that holds uint8 [H, W, 1 or 3]."""
    return _tag(_smallest(pixels), pixels.shape[1], pixels.shape[0], alt)


def error(output: Pixels, truth: Pixels) -> Pixels:
    """Mean |output - truth| over the channels of uint8 [H, W, C], as levels [H, W] of which 255 is FULL or more."""
    distance = np.abs(output.astype(np.float32) - truth.astype(np.float32)).mean(axis=2)
    return np.round(np.minimum(distance / FULL, 1) * 255).astype(np.uint8)


def error_map(output: Pixels, truth: Pixels, alt: str) -> Markup:
    """An <img> of the error at each place, in a perceptually uniform colormap of one fixed scale."""
    levels = error(output, truth)
    height, width = levels.shape
    return _tag(_png(_coloured(levels)), width, height, alt)


def legend() -> Markup:
    """The colours of error maps from 0 to FULL grey levels, left to right."""
    return _tag(
        _png(_coloured(np.arange(256, dtype=np.uint8)[None])), 256, 1, f"dark: no error, bright: {FULL} or more"
    )


def _coloured(levels: Any) -> Image.Image:
    image = Image.fromarray(levels)
    image.putpalette(_COLOURS.tobytes())
    return image


def _smallest(pixels: Pixels) -> tuple[str, bytes]:
    image = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
    exact = max(image.size) <= SMALL
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", lossless=exact, quality=100 if exact else QUALITY, method=4)
    return min(_png(image), ("webp", buffer.getvalue()), key=lambda found: len(found[1]))


def _png(image: Image.Image) -> tuple[str, bytes]:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return "png", buffer.getvalue()


def _tag(file: tuple[str, bytes], width: int, height: int, alt: str) -> Markup:
    kind, data = file
    source = f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"
    return Markup('<img src="{}" width="{}" height="{}" alt="{}">').format(source, width, height, alt)
