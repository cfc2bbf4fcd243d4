"""Small antialiased thumbnails: near enough to what the eye calls alike, and no weights to download."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIDE = 16

Vectors = NDArray[np.float32]


def thumbnails(images: NDArray[np.uint8], side: int = SIDE) -> Vectors:
    """uint8 [N, H, W, C] as [N, side * side * C] in grey levels; each value is the mean of the pixels below it."""
    small = np.empty((len(images), side, side, images.shape[3]), np.float32)
    for image, place in zip(images, small, strict=True):
        for first in range(0, images.shape[3], _step(images.shape[3])):
            part = image[:, :, first : first + _step(images.shape[3])]
            picture = Image.fromarray(part if part.shape[2] == 3 else part[:, :, 0])
            resized = np.asarray(picture.resize((side, side), Image.Resampling.BOX))
            place[:, :, first : first + part.shape[2]] = resized.reshape(side, side, -1)
    return small.reshape(len(images), -1)


def mirrored(thumbs: Vectors, side: int = SIDE) -> Vectors:
    """Thumbnails [N, side * side * C] of the images turned left to right."""
    return thumbs.reshape(len(thumbs), side, side, -1)[:, :, ::-1].reshape(thumbs.shape)


def distances(ours: Vectors, theirs: Vectors) -> Vectors:
    """Root mean squared differences [N, M] of vectors [N, D] and [M, D]."""
    squares = (ours * ours).sum(1)[:, None] + (theirs * theirs).sum(1) - 2 * ours @ theirs.T
    return np.sqrt(np.maximum(squares, 0) / ours.shape[1])


def among(vectors: Vectors) -> Vectors:
    """`distances` [N, N] of vectors to one another; infinite from each to itself."""
    found = distances(vectors, vectors)
    np.fill_diagonal(found, np.inf)
    return found


def _step(channels: int) -> int:
    return 3 if channels % 3 == 0 else 1
