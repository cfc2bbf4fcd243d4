"""Shapes by signed distance (negative inside) and colours, for datasets that are drawn by code."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float32]
"""Numbers at every pixel, [..., H, W], or colours, [..., H, W, 3]; a single number or colour stands for all."""


def ellipse(x: Field, y: Field, wide: Field | np.float32 | float, high: Field | np.float32 | float) -> Field:
    """First-order signed distance to an axis-parallel ellipse of half axes `wide` and `high`."""
    scaled = np.hypot(x / wide, y / high)
    slope = np.hypot(x / wide**2, y / high**2) / np.maximum(scaled, 1e-6)
    return (scaled - 1) / np.maximum(slope, 1e-6)


def box(x: Field, y: Field, wide: Field | np.float32 | float, high: Field | np.float32 | float) -> Field:
    """Signed distance to a box of half sides `wide` and `high`."""
    dx, dy = np.abs(x) - wide, np.abs(y) - high
    return np.hypot(np.maximum(dx, 0), np.maximum(dy, 0)) + np.minimum(np.maximum(dx, dy), 0)


def cover(image: Field, distance: Field, colour: Field, pixel: float, strength: float = 1.0) -> Field:
    """`image` [..., H, W, 3] under a shape of `colour`, whose edge is smoothed over one `pixel`."""
    share = (np.clip(0.5 - distance / pixel, 0, 1) * strength)[..., None]
    return image + (colour - image) * share


def rgb(red: float, green: float, blue: float) -> Field:
    """A colour [3], from 0 to 1."""
    return np.array([red, green, blue], np.float32)


def mix(first: tuple[float, float, float], second: tuple[float, float, float], share: Field | float) -> Field:
    """Colours [..., 3] between two: `share` of the second."""
    low, high = rgb(*first), rgb(*second)
    return low + (high - low) * np.asarray(share, np.float32)[..., None]


def hsv(hue: Field | float, saturation: Field | float, value: Field | float) -> Field:
    """RGB [..., 3] of hue, saturation and value in [0, 1] (Smith 1978)."""
    shift = rgb(1, 2 / 3, 1 / 3)
    ramp = np.clip(np.abs((np.asarray(hue, np.float32)[..., None] + shift) % 1 * 6 - 3) - 1, 0, 1)
    strength, light = (np.asarray(x, np.float32)[..., None] for x in (saturation, value))
    return (light * (1 - strength + strength * ramp)).astype(np.float32)


def to_levels(image: Field) -> NDArray[np.uint8]:
    """Colours from 0 to 1 as uint8, clipped and rounded."""
    return np.round(np.clip(image, 0, 1) * 255).astype(np.uint8)
