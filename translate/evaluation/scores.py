"""Metrics by name, and tables of what they said."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from importlib import import_module
from statistics import fmean
from typing import Any

import numpy as np
from numpy.typing import NDArray

from translate.data.images import Pixels
from translate.errors import UserError, unknown
from translate.metrics import DISTRIBUTIONS, TABLE, Entry

Metric = Callable[[Pixels, Pixels], float]
SetMetric = Callable[[NDArray[np.uint8], NDArray[np.uint8], int], dict[str, float]]


def metrics(names: Iterable[str] | None = None) -> dict[str, Metric]:
    """The metrics of an output and its truth of these names, all of them for None; a UserError names the nearest to an
    unknown one, and where one of sets would fit."""
    chosen = list(TABLE if names is None else names)
    for name in chosen:
        if name in DISTRIBUTIONS:
            raise UserError(
                f"{name} compares sets of images, not an output with its truth",
                where="--metrics",
                expected="some of " + ", ".join(TABLE),
                hint="translate evaluate --fake DIR --real DIR, without --paired, for the outputs in a folder",
            )
    return _named(chosen, TABLE)


def set_metrics(names: Iterable[str] | None = None) -> dict[str, SetMetric]:
    """The metrics of a set of images and a set of real ones, as `metrics`."""
    chosen = list(DISTRIBUTIONS if names is None else names)
    for name in chosen:
        if name in TABLE:
            raise UserError(
                f"{name} compares an output with its truth, and here there is none",
                where="--metrics",
                expected="some of " + ", ".join(DISTRIBUTIONS),
                hint="--paired, if --fake and --real hold images of equal names",
            )
    return _named(chosen, DISTRIBUTIONS)


def _named(names: list[str], table: dict[str, Entry]) -> dict[str, Any]:
    found = {}
    for name in names:
        if name not in table:
            raise unknown("metric", name, table, where="--metrics")
        module, _, function = table[name].function.partition(":")
        found[name] = getattr(import_module(module), function)
    return found


class Table:
    """Scores of single images by direction and metric; a metric that refuses its images is left out, with why."""

    def __init__(self, chosen: dict[str, Metric]) -> None:
        self.chosen = chosen
        self.left_out: dict[str, str] = {}
        self._scores: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))

    def add(self, direction: str, output: Pixels, truth: Pixels) -> None:
        """Score one output."""
        for name, metric in self.chosen.items():
            if name in self.left_out:
                continue
            try:
                self._scores[direction][name].append(metric(output, truth))
            except UserError as error:
                self.left_out[name] = error.what

    def means(self) -> dict[str, dict[str, float]]:
        """{direction: {metric: mean over the images}}."""
        return {
            direction: {name: fmean(values) for name, values in scores.items() if name not in self.left_out}
            for direction, scores in self._scores.items()
        }


def of_sets(
    chosen: dict[str, SetMetric], images: Sequence[Pixels], real: Sequence[Pixels], seed: int, left_out: dict[str, str]
) -> dict[str, float]:
    """The values of two sets; a metric that refuses them is left out, with why."""
    found: dict[str, float] = {}
    for name, metric in chosen.items():
        try:
            found |= metric(np.stack(images), np.stack(real), seed)
        except UserError as error:
            left_out[name] = error.what
    return found


def require_some(chosen: Iterable[str], left_out: dict[str, str], where: str) -> None:
    """Raise UserError when no metric could be computed."""
    if all(name in left_out for name in chosen):
        raise UserError(f"nothing can be computed: {'; '.join(left_out.values())}", where=where)
