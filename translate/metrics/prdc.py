"""Precision, recall, density and coverage: are fakes where reals are, and reals where fakes are?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from translate.metrics.features import Features, comparable

NEIGHBOURS = 5
AT_ONCE = 1 << 24
"""Distances that are held at a time: 128 MB."""
EDGE = 1 - 1e-9
"""A distance that equals a radius but for rounding lies outside, as one that equals it."""

Values = NDArray[np.float64]


def prdc(fake: Features, real: Features, seed: int = 0) -> dict[str, float]:
    """{"precision", "recall", "density", "coverage"}: Naeem et al. 2020, eq. 1, 3 and 4, with k = 5.

    Each point's ball reaches, without its edge, to its fifth neighbour in its own set. Precision: the share of fakes in
    some real's ball. Recall: of reals in some fake's. Density: the number of reals' balls that a fake lies in, by k; 1
    for equal distributions, more where fakes crowd. Coverage: the share of reals with a fake in their ball. Equal sets
    score 1 in all four, unless a set holds more than five copies of a point: its ball is empty. Memory is bounded.
    Raises UserError as `comparable`.
    """
    ours, theirs = comparable(fake, real, "precision and recall", NEIGHBOURS + 1)
    origin = theirs.features.mean(axis=0, dtype=np.float64)  # near the points, distances lose less to rounding
    fakes, reals = ours.features - origin, theirs.features - origin
    fake_radii, real_radii = _radii(fakes), _radii(reals)
    hits = np.zeros(len(fakes), np.int64)
    recalled = covered = 0
    for rows, distances in _blocks(reals, fakes):
        in_reals = distances < EDGE * real_radii[rows, None]
        hits += in_reals.sum(axis=0)
        covered += int(in_reals.any(axis=1).sum())
        recalled += int((distances < EDGE * fake_radii).any(axis=1).sum())
    return {
        "precision": float((hits > 0).mean()),
        "recall": recalled / len(reals),
        "density": float(hits.mean() / NEIGHBOURS),
        "coverage": covered / len(reals),
    }


def _radii(points: Values) -> Values:
    """Squared distance of each point [N, D] to its fifth neighbour; the nearest of all is itself."""
    radii = np.empty(len(points))
    for rows, distances in _blocks(points, points):
        distances.partition(NEIGHBOURS, axis=1)
        radii[rows] = distances[:, NEIGHBOURS]
    return radii


def _blocks(rows: Values, columns: Values) -> Iterator[tuple[slice, Values]]:
    """Squared distances [n, M] of a part of the rows [N, D] to all columns [M, D], part by part."""
    squares = np.square(columns).sum(axis=1)
    step = max(1, AT_ONCE // len(columns))
    for first in range(0, len(rows), step):
        part = rows[first : first + step]
        distances = part @ columns.T
        distances *= -2
        distances += np.square(part).sum(axis=1)[:, None]
        distances += squares
        yield slice(first, first + len(part)), np.maximum(distances, 0, out=distances)
