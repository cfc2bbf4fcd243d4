"""Metrics by name, and tables of what they said."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from importlib import import_module
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from translate.data.images import Pixels
from translate.errors import UserError, unknown
from translate.evaluation import intervals
from translate.evaluation.sets import Gathered
from translate.metrics import DISTRIBUTIONS, TABLE, Entry, find

if TYPE_CHECKING:
    from translate.metrics.features import Extractor

Values = dict[str, float]
Intervals = dict[str, tuple[float, float]]
PairMetric = Callable[[Pixels, Pixels], float]

FEW = 2048
"""Images below which KID, which is not biased, speaks before FID: as many as Inception has features."""
MANY = 50
"""Images of a set below which a distance is hardly more than chance."""
HEADLINES: dict[str, tuple[str, ...]] = {"pairs": ("lpips", "ssim", "l1"), "sets": ("fid", "kid", "swd")}
"""Which score is named first, of those that were computed."""


@dataclass(frozen=True)
class SetMetric:
    """A metric of two sets: its function, what that looks at (the images, or an extractor's features), the suffix of
    its values' names where the features are not those that the bare name stands for, and the names that it answers."""

    function: Callable[[Any, Any, int], Values]
    features: str | None
    suffix: str = ""
    names: tuple[str, ...] = ()

    def read(self, images: Gathered) -> Any:
        """What it looks at of a set; has a length, and parts by index."""
        return images.images if self.features is None else images.features(self.features)

    def __call__(self, ours: Any, theirs: Any, seed: int) -> Values:
        """The values by name, of what was `read` of two sets."""
        return {name + self.suffix: value for name, value in self.function(ours, theirs, seed).items()}


@dataclass(frozen=True)
class Metrics:
    """What is computed: metrics of an output and its truth, metrics of sets, and the extractors that these share.

    `left_out`: those that can't be, with the reason.
    """

    pairs: dict[str, PairMetric]
    sets: list[SetMetric]
    extractors: dict[str, Extractor] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """Of all that is asked for."""
        return (*self.pairs, *(name for metric in self.sets for name in metric.names))

    def of_sets(self, ours: Gathered, theirs: Gathered, seed: int, resamples: int = 0) -> tuple[Values, Intervals]:
        """The values of two sets, and their intervals if `resamples`; a metric that refuses them is left out."""
        values: Values = {}
        reach: Intervals = {}
        for metric in self.sets:
            if metric.names[0] in self.left_out:
                continue
            one, two = metric.read(ours), metric.read(theirs)
            try:
                found = metric(one, two, seed)
                if resamples:
                    reach |= intervals.of_sets(
                        found,
                        lambda i, j, m=metric, a=one, b=two: m(a[i], b[j], seed),  # type: ignore[misc]
                        (len(one), len(two)),
                        resamples,
                        seed,
                    )
            except UserError as error:
                self.left_out.update(dict.fromkeys(metric.names, error.what))
                continue
            values |= found
        return values, reach

    def among(self, images: Gathered, seed: int) -> Values:
        """What one half of a set has in place of fakes, the other half being the real ones: as near as real images come
        to real images, at half the count. Empty for sets that halves say nothing about."""
        values: Values = {}
        for metric in self.sets:
            if metric.names[0] in self.left_out:
                continue
            known = metric.read(images)
            if len(known) < 2 * MANY:
                continue
            values |= metric(known[::2], known[1::2], seed)
        return values

    def refuse_sets(self, reason: str) -> None:
        """Leave out what compares sets."""
        self.left_out.update((name, reason) for metric in self.sets for name in metric.names)

    def require_some(self, where: str) -> None:
        """Raise UserError when nothing could be computed."""
        if all(name in self.left_out for name in self.names):
            reasons = "; ".join(dict.fromkeys(self.left_out.values()))
            raise UserError(f"nothing can be computed: {reasons}", where=where)


@dataclass(frozen=True)
class Asked:
    """How a run is scored: with which metrics, on how many images of a kind at most, with which seed and resamples.

    `beside`: score what stands beside the outputs too (doing nothing, training images), and look for copies of these.
    """

    metrics: Metrics
    most: int | None = None
    seed: int = 0
    resamples: int = 0
    beside: bool = True


def choose(
    names: Iterable[str] | None,
    *,
    paired: bool,
    weights: Mapping[str, Path] | None = None,
    device: str = "cpu",
    where: str = "--metrics",
) -> Metrics:
    """The metrics of these names; for None all, those of single images only where these are `paired`. The weights of a
    metric that is asked for by its name are downloaded where they are not here.

    Raises UserError, at `where`, for unknown names, with the nearest, and for metrics that need pairs where there are
    none.
    """
    given = None if names is None else list(names)
    asked = [*(TABLE if paired else ()), *DISTRIBUTIONS] if given is None else given
    found = Metrics({}, [])
    for name in asked:
        entry = find(name)
        if entry is None:
            raise unknown("metric", name, [*TABLE, *DISTRIBUTIONS], where=where)
        if name in TABLE and not paired:
            raise UserError(
                f"{name} compares an output with its truth, and here there is none",
                where=where,
                expected="some of " + ", ".join(DISTRIBUTIONS),
                hint="leave it out; or --paired, if --fake and --real hold images of equal names",
            )
        try:
            _add(found, name, entry, weights or {}, device, download=given is not None)
        except UserError as error:
            found.left_out[name] = f"{error.what}; {error.hint}" if error.hint else error.what
    return found


def headline(values: Mapping[str, float], paired: bool, count: int) -> str | None:
    """Which of the values is named first; None without any."""
    first = HEADLINES["pairs"] if paired else HEADLINES["sets"]
    if count < FEW:
        first = tuple(name for name in first if name != "fid")
    known = {name: entry for name in values if (entry := find(name)) is not None}
    elsewhere = {name: f"_{entry.features}" for name, entry in known.items() if name.endswith(f"_{entry.features}")}
    ranked = [name for base in first for name in values if name.removesuffix(elsewhere.get(name, "")) == base]
    return next(iter([*ranked, *values]), None)


def cautions(asked: Asked, ours: Gathered, theirs: Gathered, values: Values) -> list[str]:
    """What a reader of the values of these two sets must know."""
    from translate.metrics.bias import FEWEST, caution, fid_bias

    metrics, few = asked.metrics, min(ours.count, theirs.count)
    found = []
    for name, value in values.items():
        entry = find(name)
        if entry is None or entry.features not in metrics.extractors:
            continue
        bias = None
        if name.split("_")[0] == "fid" and few >= FEWEST:
            bias = fid_bias(ours.features(entry.features), theirs.features(entry.features), asked.seed)
        sentence = caution(name, few, value, bias)
        found += [sentence] if sentence else []
    if asked.resamples and few < intervals.FEWEST:
        found.append("there are too few images for intervals")
    if metrics.sets and few < MANY:
        more = "; --bootstrap 1000 says how little" if not asked.resamples and few >= intervals.FEWEST else ""
        found.append(
            f"{few} image{'s' if few > 1 else ''} against {max(ours.count, theirs.count)}: distances of sets this "
            f"small say little{more}"
        )
    return found


class Table:
    """Scores of single images, by direction and metric; a metric that refuses its images is left out, with why."""

    def __init__(self, metrics: Metrics) -> None:
        self.metrics = metrics
        self._scores: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))

    def add(self, direction: str, output: Pixels, truth: Pixels) -> Values:
        """Score one output; its values."""
        found: Values = {}
        for name, metric in self.metrics.pairs.items():
            if name in self.metrics.left_out:
                continue
            try:
                found[name] = metric(output, truth)
            except UserError as error:
                self.metrics.left_out[name] = error.what
                continue
            self._scores[direction][name].append(found[name])
        return found

    def means(self, direction: str) -> Values:
        """{metric: mean over the images}."""
        return {name: fmean(values) for name, values in self._left(direction).items()}

    def intervals(self, direction: str, resamples: int, seed: int) -> Intervals:
        """{metric: the mean's 95% interval}; empty without resamples, and for a single image."""
        scores = self._left(direction)
        return {
            name: intervals.of_mean(values, resamples, seed)
            for name, values in scores.items()
            if resamples and len(values) > 1
        }

    def _left(self, direction: str) -> dict[str, list[float]]:
        return {name: values for name, values in self._scores[direction].items() if name not in self.metrics.left_out}


def _add(metrics: Metrics, name: str, entry: Entry, weights: Mapping[str, Path], device: str, download: bool) -> None:
    """Put in a metric and what it needs; raises UserError where its weights can't be had."""
    module, _, function = entry.function.partition(":")
    call = getattr(import_module(module), function)
    if name in TABLE:
        metrics.pairs[name] = call if entry.weights is None else _weighted(call, entry.weights, weights, download)
        return
    suffix = f"_{entry.features}" if entry.features and name.endswith(f"_{entry.features}") else ""
    metric = SetMetric(call, entry.features, suffix, (name,))
    for i, other in enumerate(metrics.sets):
        if replace(other, names=()) == replace(metric, names=()):  # one function answers both names
            metrics.sets[i] = replace(other, names=(*other.names, name))
            if other.names[0] in metrics.left_out:
                metrics.left_out[name] = metrics.left_out[other.names[0]]
            return
    metrics.sets.append(metric)
    if entry.features and entry.features not in metrics.extractors:
        from translate.metrics import features

        loaded = features.load(entry.features, weights.get(entry.features), device, download)
        metrics.extractors[entry.features] = loaded


def _weighted(call: Any, network: str, weights: Mapping[str, Path], download: bool) -> PairMetric:
    """A metric of pairs with its network's weights."""
    from translate.metrics.weights import PUBLISHED

    return partial(call, weights=PUBLISHED[network].find(weights.get(network), download))
