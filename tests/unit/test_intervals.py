"""Intervals: how often they hold the truth, and what must not move them."""

from __future__ import annotations

import numpy as np
import pytest

from translate.evaluation import intervals
from translate.metrics.swd import swd


def test_an_interval_of_a_mean_is_as_wide_as_theory_says() -> None:
    values = np.random.default_rng(0).normal(5, 2, 400)
    low, high = intervals.of_mean(values.tolist(), 2000)
    # 1.96 standard errors either way
    assert (high - low) / 2 == pytest.approx(1.96 * values.std() / 20, rel=0.1)
    assert low < values.mean() < high
    assert intervals.of_mean(values.tolist(), 2000) == (low, high)


def test_what_is_hard_for_both_cancels() -> None:
    random = np.random.default_rng(0)
    hard = random.normal(50, 20, 100)
    ours, theirs = hard + random.normal(0, 1, 100), hard + 1 + random.normal(0, 1, 100)
    mean, low, high = intervals.difference(ours.tolist(), theirs.tolist())
    assert mean == pytest.approx((ours - theirs).mean())
    assert low < -1 < high < 0
    # Compared without regard to the images nobody could tell them apart.
    reach = [intervals.of_mean(values.tolist(), 1000) for values in (ours, theirs)]
    assert reach[0][1] > reach[1][0]


def test_halves_tell_the_deviation_of_a_mean() -> None:
    """A statistic whose deviation is known: the difference of two means."""
    random = np.random.default_rng(1)
    ours, theirs = random.normal(0, 1, 200), random.normal(0, 1, 200)

    def on(i: np.ndarray, j: np.ndarray) -> dict[str, float]:
        return {"gap": float(ours[i].mean() - theirs[j].mean())}

    value = on(np.arange(200), np.arange(200))
    widths = []
    for seed in range(20):
        low, high = intervals.of_sets(value, on, (200, 200), 20, seed)["gap"]
        assert (low + high) / 2 == pytest.approx(value["gap"])
        widths.append((high - low) / 2)
    assert np.mean(widths) == pytest.approx(1.96 * ((ours.var() + theirs.var()) / 200) ** 0.5, rel=0.1)


def test_a_distance_of_sets_keeps_its_place_within_its_interval() -> None:
    """With copies in a set, as resampling makes them, the distance would lie below all its resamples."""
    random = np.random.default_rng(0)
    ours, theirs = (random.integers(0, 256, (16, 16, 16, 3), np.uint8) for _ in range(2))
    value = swd(ours, theirs)
    low, high = intervals.of_sets(value, lambda i, j: swd(ours[i], theirs[j]), (16, 16), 5)["swd"]
    assert low < value["swd"] < high


@pytest.mark.parametrize("counts", [(1, 10), (10, 3)])
def test_too_few_images_have_no_interval(counts: tuple[int, int]) -> None:
    assert intervals.of_sets({"x": 1.0}, lambda i, j: {"x": 1.0}, counts, 20) == {}
