"""Pixels at another size, of any depth and with transparency."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from PIL import Image

from translate.formats.form import FLOAT32, UINT8, Array
from translate.formats.values import WHITE

Filter = Literal["lanczos", "area", "nearest"]
FILTERS: tuple[Filter, ...] = get_args(Filter)
_PILLOW = {"lanczos": Image.Resampling.LANCZOS, "area": Image.Resampling.BOX}
_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}


def resized(pixels: Array, size: tuple[int, int], filter: Filter = "lanczos") -> Array:
    """Pixels [H, W, 1 to 4] at `size` (height, width) in the same depth. "lanczos" and "area" widen with the reduction
    (antialiased) and weight colours by alpha; "nearest" takes pixels as they are, and so keeps the colours of a label
    map."""
    if pixels.shape[:2] == size:
        return pixels
    if filter == "nearest":
        rows, columns = (
            ((np.arange(wanted) + 0.5) * given / wanted).astype(np.intp)
            for wanted, given in zip(size, pixels.shape[:2], strict=True)
        )
        return pixels[rows][:, columns]
    how, (height, width), channels = _PILLOW[filter], size, pixels.shape[2]
    if pixels.dtype == UINT8:  # Pillow weights by alpha itself
        mode = _MODES[channels]
        image = Image.frombuffer(mode, pixels.shape[1::-1], np.ascontiguousarray(pixels), "raw", mode, 0, 1)
        return np.asarray(image.resize((width, height), how)).reshape(height, width, channels)
    values = pixels.astype(np.float32)
    white = np.float32(WHITE[pixels.dtype])
    if alpha := channels in (2, 4):
        values[..., :-1] *= values[..., -1:] / white
    small = np.stack([np.asarray(Image.fromarray(plane).resize((width, height), how)) for plane in _planes(values)], 2)
    small = small.clip(0, white)
    if alpha:
        seen = small[..., -1:] > 0
        small[..., :-1] = np.where(seen, small[..., :-1] * white / np.where(seen, small[..., -1:], 1), 0).clip(0, white)
    return small if pixels.dtype == FLOAT32 else np.rint(small).astype(pixels.dtype)


def _planes(values: Array) -> list[Array]:
    return [np.ascontiguousarray(values[..., channel]) for channel in range(values.shape[2])]
