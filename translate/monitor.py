"""Scores on held-out images while the training goes on: the best weights are kept, and what no longer improves ends."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any

import torch
from torch import nn

from translate.checkpoint import BEST, FOLDER
from translate.config import Config
from translate.data.layouts import Dataset
from translate.domain import Domain
from translate.errors import UserError
from translate.evaluation import samples, translated
from translate.evaluation.scores import Asked, choose
from translate.inference.model import Model
from translate.metrics import find

PROBE = 24
"""Images that a first look is timed on, before all are scored: no metric refuses so many."""
SPLITS = ("val", "test")
EARLY = 0.2
"""Share of the training before which nothing is said of images."""

About = tuple[str, str | None]


@dataclass(frozen=True)
class Look:
    """One evaluation: what goes into the log, whether it is the best so far, and what looks wrong."""

    values: dict[str, float]
    best: bool
    findings: list[dict[str, Any]]


class Speaker:
    """Says each finding once, as a line during the training."""

    def __init__(self, warn: Callable[[str], None]) -> None:
        self._warn = warn
        self._said: set[About] = set()
        self._last: set[About] = set()

    @property
    def names(self) -> tuple[str, ...]:
        """What was said of, by name."""
        return tuple(sorted({name for name, _ in self._said}))

    def say(self, findings: Iterable[dict[str, Any]]) -> None:
        """Say those that were not said before."""
        for finding in findings:
            if _about(finding) not in self._said:
                self._said.add(_about(finding))
                where = f"{finding['direction']}: " if finding["direction"] else ""
                self._warn(f"{finding['name']}: {where}{finding['message']} Try: {finding['try']}")

    def looked(self, findings: Sequence[dict[str, Any]], share: float) -> None:
        """Say what two looks in a row have seen in the images, after the first fifth of the training: what has hardly
        begun does nothing yet, and shows patterns that fade."""
        if share >= EARLY:
            self.say(finding for finding in findings if _about(finding) in self._last)
        self._last = {_about(finding) for finding in findings}


def _about(finding: dict[str, Any]) -> About:
    return finding["name"], finding["direction"]


class Monitor:
    """Scores the averaged generators now and then; silent without held-out images or metrics.

    `best`: the score that checkpoints/best.pt has, and its step; `spent`: seconds that evaluations took.
    """

    def __init__(self, config: Config, dataset: Dataset, device: torch.device) -> None:
        self.config, self.settings, self.device = config, config.evaluation, device
        self.dataset = dataset
        self.split = self._chosen_split()
        paired = self.split is not None and bool(dataset.split(self.split).pairs) and not config.unconditional
        default = ["l1", "ssim"] if paired else ["swd"]
        names = default if self.settings.metrics is None else self.settings.metrics
        self.metrics = None
        if self.split and names:
            self.metrics = choose(names, paired=paired, device=str(device), where="evaluation.metrics")
        self.watched = self.settings.best or (names[0] if names else "")
        self._require_watched(names)
        self.best: tuple[float, int] | None = None
        self.since_best = 0
        self.spent, self._cost, self.put_off = 0.0, 0.0, 0
        self._trouble = ""
        self._last = 0
        self._beside: dict[str, float] | None = None

    def due(self, step: int, seconds: float, last: bool = False) -> bool:
        """Whether to look now: every so many steps, and after the last one, as long as the evaluations take no more
        than their share of the training's `seconds`."""
        if self.metrics is None or not (last or step % self.settings.every == 0):
            return False
        # Nothing is known of the cost before the first look, and that is no reason to hold up a training of seconds.
        # What is done on the way leaves enough for the end, or the last weights could never be the best.
        expected = (self._cost or 0.5) * (1 if last else 2)
        affordable = self.spent + expected <= self.settings.share * seconds
        self.put_off += not affordable
        return affordable

    def look(self, step: int, generators: nn.Module, seconds: float) -> Look | None:
        """Score `generators`; None where a first look at a few images told that all of them would cost too much, and
        where they can't be scored: no reason to end a training, so that is said in the summary."""
        try:
            return self._looked(step, generators, seconds)
        except UserError as error:
            self.metrics, self._trouble = None, str(error)
            return None

    def _looked(self, step: int, generators: nn.Module, seconds: float) -> Look | None:
        began = time.perf_counter()
        model = self._model(step, generators)
        assert self.metrics is not None, "asked when it was due"
        first = self._beside is None and bool(self.metrics.sets)  # what stands beside sets does not change
        if not self._cost:
            self._score(model, PROBE, beside=False)
            probed = time.perf_counter() - began
            self._cost = probed * max(1, self._count() / PROBE)
            if self.spent + self._cost > self.settings.share * seconds:
                self.spent += probed
                self.put_off += 1
                return None
        scores = self._score(model, self.settings.images, beside=first)
        if first:
            floor = scores.get("reference") or scores["baseline"]
            self._beside = {f"floor/{d}/{name}": v for d, values in floor.items() for name, v in values.items()}
        best = self._judged(self._mean(scores), step)
        self._last = step
        took = time.perf_counter() - began
        self.spent, self._cost = self.spent + took, took if not first else self._cost
        told = {f"score/{d}/{name}": v for d, values in scores["metrics"].items() for name, v in values.items()}
        if len(scores["metrics"]) > 1 and (known := self._mean(scores)) is not None:
            told[f"score/mean/{self.watched}"] = known
        cost = {"evaluation/seconds": took, "evaluation/share": self.spent / max(seconds, 1e-9)}
        return Look(told | (self._beside or {}) | cost, best, scores["findings"])

    @property
    def stale(self) -> bool:
        """Whether it has not become better for `patience` evaluations."""
        return self.settings.patience is not None and self.since_best >= self.settings.patience

    @property
    def score(self) -> str:
        """The best held-out score so far, in words; empty before the first evaluation."""
        if self.best is None:
            return ""
        value, step = self.best
        return f"held-out {self.watched} {value:.4g} at step {step:,}"

    def summary(self, seconds: float, step: int) -> str:
        """The best score, where its weights lie, and what `seconds` of training up to `step` paid for evaluations."""
        if self._trouble:
            return f"held-out images could not be scored: {self._trouble}"
        late = (
            f"; {self.put_off} were put off, which would have cost more than evaluation.share" if self.put_off else ""
        )
        if self.best is None:
            return (
                f"no held-out scores: they would have cost more than {self.settings.share:.0%} of the training time; "
                "a larger --set evaluation.share allows it"
                if late
                else ""
            )
        late += f"; what came after step {self._last:,} was not scored" if self._last < step else ""
        cost = f"evaluations took {self.spent:.0f} s, {self.spent / max(seconds, 1e-9):.1%} of the training time{late}"
        both = " (mean of both directions)" if len(self.config.produce) > 1 else ""
        return f"best {self.score}{both}: {FOLDER}/{BEST}, split {self.split}; {cost}"

    def state_dict(self) -> dict[str, Any]:
        """What a continued training must know."""
        return {
            "best": self.best,
            "since_best": self.since_best,
            "spent": self.spent,
            "cost": self._cost,
            "last": self._last,
            "beside": self._beside,
            "split": self.split,
            "watched": self.watched,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from `state_dict()`; another metric or split begins anew."""
        self.spent, self._cost, self._last = state["spent"], state["cost"], state.get("last", 0)
        if (state["split"], state["watched"]) == (self.split, self.watched):
            self.best = None if state["best"] is None else (float(state["best"][0]), int(state["best"][1]))
            self.since_best, self._beside = state["since_best"], state["beside"]

    def _chosen_split(self) -> str | None:
        if self.settings.split is not None:
            self.dataset.split(self.settings.split)  # raises for one that is not there
            return self.settings.split
        return next((name for name in SPLITS if self._scorable(name)), None)

    def _scorable(self, name: str) -> bool:
        if name not in self.dataset.splits:
            return False
        found = self.dataset.splits[name]
        domains = (Domain.B,) if self.config.unconditional else tuple(Domain)
        return all(found.of(domain) for domain in domains)

    def _require_watched(self, names: list[str]) -> None:
        if self.settings.best is not None and self.settings.best not in names:
            raise UserError(
                f'"{self.settings.best}" is not among the metrics that are computed',
                where="evaluation.best",
                expected="one of " + ", ".join(names),
                hint=f"--set evaluation.metrics=[{','.join([*names, self.settings.best])}]",
            )
        if self.metrics is not None and self.watched in self.metrics.left_out:
            raise UserError(
                f"{self.watched} can't be computed: {self.metrics.left_out[self.watched].partition(';')[0]}",
                where="evaluation.metrics",
                expected="a metric that can, such as swd",
                hint=f"`translate evaluate --metrics {self.watched}` fetches what it needs into the cache",
            )

    def _mean(self, scores: dict[str, Any]) -> float | None:
        """Of what is watched, over the directions; None where the metric refuses the images."""
        values = [values[self.watched] for values in scores["metrics"].values() if self.watched in values]
        return fmean(values) if values else None

    def _judged(self, value: float | None, step: int) -> bool:
        """Whether this is the best so far; what can't be computed judges nothing."""
        if value is None:
            return False
        entry = find(self.watched)
        higher = entry is not None and entry.better == "higher"
        best = self.best is None or (value > self.best[0] if higher else value < self.best[0])
        self.best, self.since_best = ((value, step), 0) if best else (self.best, self.since_best + 1)
        return best

    def _model(self, step: int, generators: nn.Module) -> Model:
        """A copy: scoring must not touch what learns."""
        frozen = copy.deepcopy(generators)
        assert isinstance(frozen, nn.ModuleDict)
        return Model(self.config, frozen, checkpoint=f"step {step}", step=step, device=self.device)

    def _score(self, model: Model, most: int, beside: bool) -> dict[str, Any]:
        assert self.split is not None
        assert self.metrics is not None
        metrics = replace(self.metrics, left_out=dict(self.metrics.left_out))  # each look leaves out on its own
        asked = Asked(metrics, most, self.config.training.seed, beside=beside)
        score = samples.evaluate if self.config.unconditional else translated.evaluate
        found = score(model, self.dataset, self.split, asked, lambda done, total: None)
        return found.scores

    def _count(self) -> int:
        assert self.split is not None
        found = self.dataset.split(self.split)
        there = len(found.pairs) or max(len(found.of(domain)) for domain in Domain)
        return min(self.settings.images, there)
