"""Digits drawn by code: ten classes with variety in each, and stacks of three, one a colour channel: 1,000 modes.

The stacks are Stacked MNIST's idea (Metz et al. 2017, section 3.3.1; Srivastava et al. 2017, section 4.2) without
MNIST: how many of the 1,000 combinations a generator reaches can be counted.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from translate.errors import UserError

Field = NDArray[np.float32]
CLASSES = 10
_CHUNK = 128


def _arc(x: float, y: float, wide: float, high: float, start: float, stop: float, parts: int) -> list[list[float]]:
    """Points on an ellipse; degrees, clockwise from three o'clock, since y points down."""
    turn = np.radians(np.linspace(start, stop, parts + 1))
    return np.stack([x + wide * np.cos(turn), y + high * np.sin(turn)], axis=1).tolist()


_STROKES: list[list[list[list[float]]]] = [
    [_arc(0, 0, 0.6, 1, 0, 360, 14)],
    [[[-0.35, -0.55], [0.1, -1], [0.1, 1]]],
    [[*_arc(0, -0.45, 0.55, 0.55, -170, 35, 8), [-0.6, 1], [0.65, 1]]],
    [[*_arc(-0.05, -0.5, 0.52, 0.5, -150, 90, 8), *_arc(-0.05, 0.5, 0.6, 0.5, -90, 150, 8)[1:]]],
    [[[0.25, 1], [0.25, -1], [-0.65, 0.4], [0.7, 0.4]]],
    [[[0.55, -1], [-0.45, -1], [-0.5, -0.15], *_arc(-0.02, 0.38, 0.6, 0.62, -110, 140, 8)]],
    [[[0.45, -0.9], [0, -0.75], [-0.4, -0.25], *_arc(0, 0.42, 0.56, 0.58, -180, 180, 11)]],
    [[[-0.6, -1], [0.6, -1], [-0.15, 1]]],
    [_arc(0, -0.52, 0.48, 0.48, 90, 450, 10), _arc(0, 0.48, 0.6, 0.52, -90, 270, 10)],
    [[[-0.45, 0.9], [0, 0.75], [0.4, 0.25], *_arc(0, -0.42, 0.56, 0.58, 0, 360, 11)]],
]
"""Each class's strokes: lines through points in a box of half sides 1, y down."""


def _segments() -> Field:
    """The strokes cut into as many segments for each class, [10, S, 2, 2]; the last one is repeated."""
    cut = [[line[i : i + 2] for line in strokes for i in range(len(line) - 1)] for strokes in _STROKES]
    most = max(map(len, cut))
    return np.array([segments + segments[-1:] * (most - len(segments)) for segments in cut], np.float32)


_SEGMENTS = _segments()


def glyphs(digits: NDArray[np.int64], *, seed: int = 0, first: int = 0, size: int = 32) -> Field:
    """The digits [N] as grey images [N, size, size] in [-1, 1]; the i-th is the picture `first + i` of the seed.

    Each has its own place, slant, rotation, height, width, pen, and bend of the strokes.
    """
    drawn = [_draw(digits[i : i + _CHUNK], seed, first + i, size) for i in range(0, len(digits), _CHUNK)]
    return np.concatenate(drawn) if drawn else np.zeros((0, size, size), np.float32)


def _draw(digits: NDArray[np.int64], seed: int, first: int, size: int) -> Field:
    draws = np.stack([np.random.default_rng((seed, first + i)).random(11) for i in range(len(digits))])
    u = draws.astype(np.float32).T[:, :, None] * 2 - 1
    points = _SEGMENTS[digits].reshape(len(digits), -1, 2)
    x, y = points[..., 0], points[..., 1]
    # the hand: each stroke bends, and so every class has shapes that no turn or shift of another gives
    x, y = x + 0.12 * u[0] * np.sin(2 * y + 3 * u[1]), y + 0.12 * u[2] * np.sin(2 * x + 3 * u[3])
    x = (x * (0.52 + 0.12 * u[4])) + y * 0.14 * u[5]
    y = y * (0.6 + 0.08 * u[6])
    turn = 0.2 * u[7]
    x, y = x * np.cos(turn) - y * np.sin(turn) + 0.12 * u[8], x * np.sin(turn) + y * np.cos(turn) + 0.1 * u[9]
    pen = 0.1 + 0.035 * u[10]
    ends = np.stack([x, y], axis=-1).reshape(len(digits), -1, 2, 2)
    distance = _distance(ends, ((np.arange(size) + 0.5) / size * 2 - 1).astype(np.float32))
    ink = np.clip((pen[..., None] - distance) * size / 2 + 0.5, 0, 1)  # an edge one pixel wide
    return (ink * 2 - 1).astype(np.float32)


def _distance(ends: Field, axis: Field) -> Field:
    """From each pixel to the nearest of the segments [N, S, 2, 2]: [N, H, W]."""
    nearest: Field | None = None
    for segment in range(ends.shape[1]):
        start, along = ends[:, segment, 0], ends[:, segment, 1] - ends[:, segment, 0]
        across = [axis[None, None, :] - start[:, 0, None, None], axis[None, :, None] - start[:, 1, None, None]]
        step = [along[:, i, None, None] for i in (0, 1)]
        share = np.clip((across[0] * step[0] + across[1] * step[1]) / (step[0] ** 2 + step[1] ** 2), 0, 1)
        squared = (across[0] - share * step[0]) ** 2 + (across[1] - share * step[1]) ** 2
        nearest = squared if nearest is None else np.minimum(nearest, squared)
    assert nearest is not None
    return np.sqrt(nearest)


def make(root: Path, *, train: int = 2000, test: int = 200, size: int = 32, seed: int = 0) -> None:
    """Write stacks of three digits to train and test, named INDEX_MODE.png: red, green and blue hold one digit each.

    Raises UserError when `root` already holds something else.
    """
    from PIL import Image

    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise UserError(f'"{root}" is not an empty folder', expected="a new or an empty folder: nothing is overwritten")
    for split, first, count in (("train", 0, train), ("test", 10_000_000, test)):
        folder = root / split
        folder.mkdir(parents=True)
        for start in range(0, count, _CHUNK):
            rows = min(_CHUNK, count - start)
            modes = np.random.default_rng((seed, first + start)).integers(1000, size=rows)
            digits = np.stack([modes // 100, modes // 10 % 10, modes % 10], axis=1)
            drawn = glyphs(digits.ravel(), seed=seed, first=3 * (first + start), size=size)
            channels_last = drawn.reshape(rows, 3, size, size).transpose(0, 2, 3, 1)
            pictures = np.round((channels_last + 1) * 127.5).astype(np.uint8)
            for index, (picture, mode) in enumerate(zip(pictures, modes, strict=True), start):
                Image.fromarray(picture).save(folder / f"{index:07d}_{mode:03d}.png", compress_level=1)
