"""Whether one score beats another, as far as the images that were scored can tell."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from translate.metrics import find

if TYPE_CHECKING:
    from translate.evaluation.result import Scored

Outcome = Literal["better", "worse", "same"]


def better(metric: str) -> int:
    """1 where higher is better, else -1."""
    entry = find(metric)
    return 1 if entry is not None and entry.better == "higher" else -1


def outcome(metric: str, change: float, reach: tuple[float, float] | None = None) -> Outcome:
    """What a change of the metric is; "same" where its interval holds 0."""
    if change == 0 or (reach is not None and reach[0] <= 0 <= reach[1]):
        return "same"
    return "better" if better(metric) * change > 0 else "worse"


def over_nothing(
    metric: str, ours: float, nothing: float, images: Sequence[Scored], interval: Sequence[float] | None = None
) -> Outcome:
    """The outcome against doing nothing: image by image where `images` have both values, else by our `interval`."""
    both = [(i.values[metric], i.nothing[metric]) for i in images if metric in i.values and metric in i.nothing]
    if len(both) > 1:
        from translate.evaluation.intervals import difference

        change, low, high = difference([one for one, _ in both], [other for _, other in both])
        return outcome(metric, change, (low, high))
    return outcome(metric, ours - nothing, None if interval is None else (interval[0] - nothing, interval[1] - nothing))


def independent(
    one: float, one_reach: Sequence[float] | None, other: float, other_reach: Sequence[float] | None
) -> tuple[float, tuple[float, float] | None]:
    """The difference of two values, and its interval out of theirs, whose errors are taken to be independent: their
    half widths add as squares. None without these."""
    change = one - other
    if one_reach is None or other_reach is None:
        return change, None
    low = math.hypot(one - one_reach[0], other_reach[1] - other)
    high = math.hypot(one_reach[1] - one, other - other_reach[0])
    return change, (change - low, change + high)


def paired(metric: str, ours: Sequence[Scored], theirs: Sequence[Scored]) -> tuple[float, tuple[float, float]] | None:
    """The mean difference over the images of which both have a value, and its interval; None without any."""
    one, two = _by_place(metric, ours), _by_place(metric, theirs)
    both = [place for place in one if place in two]
    if len(both) < 2:
        return None
    from translate.evaluation.intervals import difference

    change, low, high = difference([one[place] for place in both], [two[place] for place in both])
    return change, (low, high)


def _by_place(metric: str, images: Sequence[Scored]) -> dict[Any, float]:
    return {(image.direction, image.index): image.values[metric] for image in images if metric in image.values}


def of_direction(images: Sequence[Scored], direction: str) -> list[Scored]:
    """The images of one direction."""
    return [image for image in images if image.direction == direction]


def interval_of(scores: Mapping[str, Any], direction: str, metric: str) -> Sequence[float] | None:
    """The interval of a value in `evaluate`'s scores, if there is one."""
    found: Sequence[float] | None = scores.get("intervals", {}).get(direction, {}).get(metric)
    return found
