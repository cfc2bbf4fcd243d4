"""Light and dark of images, whatever their channels, and what is left of a pattern once the common layout is gone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from translate.diagnosis.thumbnails import thumbnails

Floats = NDArray[np.float32]
_WEIGHTS = np.array([0.299, 0.587, 0.114], np.float32)


def luma(images: NDArray[np.uint8] | Floats) -> Floats:
    """ITU-R 601 luma [N, H, W] of images [N, H, W, C]; of several frames the newest."""
    newest = images[..., -3:] if images.shape[-1] % 3 == 0 else images[..., -1:]
    values = newest.astype(np.float32)
    return values @ _WEIGHTS if values.shape[-1] == 3 else values[..., 0]


def recoloured(images: NDArray[np.uint8], channels: int) -> NDArray[np.uint8]:
    """Images [N, H, W, C] in `channels` channels: as they are, their newest frame, or their luma in each channel."""
    if images.shape[-1] == channels:
        return images
    if channels % 3 == 0 and images.shape[-1] % 3 == 0:
        frame = images[..., -3:]
        return np.tile(frame, (1, 1, 1, channels // 3))
    grey = np.round(luma(images)).astype(np.uint8)[..., None]
    return np.repeat(grey, channels, axis=-1)


def small_luma(images: NDArray[np.uint8], side: int) -> Floats:
    """Luma [N, side, side] of thumbnails of images [N, H, W, C]."""
    return luma(thumbnails(images, side).reshape(len(images), side, side, -1))


FAINT = 0.5
"""Grey levels (root mean square) below which a pattern is but rounding."""


def patterns(maps: Floats) -> Floats:
    """What sets each map of [N, H, W] apart from the others: unit vectors [N, H * W] of mean 0, without the set's mean
    map, which alone would make all images of a well-aligned set alike. A map that has nothing of its own is 0."""
    own = maps - maps.mean(axis=0)
    own = own.reshape(len(maps), -1)
    own = own - own.mean(axis=1, keepdims=True)
    norms = np.linalg.norm(own, axis=1, keepdims=True)
    return np.divide(own, norms, out=np.zeros_like(own), where=norms > FAINT * own.shape[1] ** 0.5)
