"""How far a score may be off because of which images happened to be scored: 95% intervals."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from translate.seeds import seed_of

LEVEL = 0.95
HALVES = 20
"""Random halves at most: each costs as much as half the score itself."""

FEWEST = 4
"""Images of a set that halves can be taken of."""

_NORMAL = 1.959964  # of the level, in standard deviations


def of_mean(values: Sequence[float], resamples: int, seed: int = 0) -> tuple[float, float]:
    """The interval (low, high) of a mean over images, by resampling these: Efron 1979, percentiles."""
    low, high = np.quantile(_means(np.asarray(values, np.float64), resamples, seed), _TAILS)
    return float(low), float(high)


def difference(
    ours: Sequence[float], theirs: Sequence[float], seed: int = 0, resamples: int = 1000
) -> tuple[float, float, float]:
    """Mean of ours - theirs over the same images, in the same order, and its interval (low, high): what is hard about
    an image is hard for both, and cancels."""
    differences = np.asarray(ours, np.float64) - np.asarray(theirs, np.float64)
    low, high = np.quantile(_means(differences, resamples, seed), _TAILS)
    return float(differences.mean()), float(low), float(high)


def of_sets(
    value: dict[str, float],
    on: Callable[[NDArray[np.int64], NDArray[np.int64]], dict[str, float]],
    counts: tuple[int, int],
    times: int,
    seed: int = 0,
) -> dict[str, tuple[float, float]]:
    """Intervals of the values of two sets of `counts` images; `on(ours, theirs)` gives the values of parts of them.

    Resampling with replacement would put copies into a set, and distances between sets count these as a fault. So
    each of the values is had of random halves of both sets: the deviation among the halves estimates that of the
    whole (the delete-half jackknife, Shao and Wu 1989). Empty for sets of fewer than four images.
    """
    if min(counts) < FEWEST or times < 2:
        return {}
    random = np.random.default_rng(seed_of("halves", seed))
    found = []
    for _ in range(min(times, HALVES)):
        halves = [np.sort(random.permutation(count)[: count // 2]) for count in counts]
        found.append(on(halves[0], halves[1]))
    reach: dict[str, tuple[float, float]] = {}
    for name in value:
        if name not in found[0]:
            continue
        parts = [part[name] for part in found]
        width = _NORMAL * float(np.std(parts, ddof=1))
        least = 0.0 if min(parts) >= 0 else -np.inf  # what is never negative has no interval below 0
        reach[name] = max(least, value[name] - width), value[name] + width
    return reach


_TAILS = [(1 - LEVEL) / 2, (1 + LEVEL) / 2]


def _means(values: NDArray[np.float64], resamples: int, seed: int) -> NDArray[np.float64]:
    random = np.random.default_rng(seed_of("bootstrap", seed))
    return np.array([values[random.integers(0, len(values), len(values))].mean() for _ in range(resamples)])
