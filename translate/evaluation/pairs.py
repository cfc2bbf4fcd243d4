"""Outputs against the truth of their own scene, and how much the many outputs of a stochastic run differ."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from itertools import combinations
from statistics import fmean
from typing import TYPE_CHECKING, Any

import numpy as np

from translate import __version__
from translate.data.images import Pixels, Unreadable
from translate.data.layouts import Dataset, Picture
from translate.domain import Domain
from translate.errors import UserError
from translate.evaluation.reading import BATCH, at_size, translated, untranslated
from translate.evaluation.scores import Table, metrics, require_some
from translate.metrics.l1 import l1
from translate.metrics.psnr import CAP

if TYPE_CHECKING:
    from translate.inference.model import Model

SAMPLES = 5
"""Outputs of each input, of a stochastic run."""


def evaluate(
    model: Model,
    dataset: Dataset,
    split: str,
    names: Iterable[str] | None,
    seed: int,
    progress: Callable[[int, int], None],
) -> dict[str, Any]:
    """The scores on the pairs of a split; see `translate.evaluation.evaluate`.

    Images are scored at the model's training size, each alone, then averaged. The baseline is the untranslated input.
    Of a stochastic run one sample of each input is scored, and more are compared with one another.
    """
    chosen = metrics(names)
    pairs = dataset.split(split).pairs
    if not pairs:
        raise UserError(
            f'{", ".join(chosen)} need held-out pairs, and split "{split}" has none',
            where=str(dataset.root),
            expected=f"{split}/ with pictures twice as wide as high (A left, B right), a pairs.csv (columns a,b), "
            f"or equal names in {split}A/ and {split}B/ with --pairs stem",
        )
    ours, nothing = Table(chosen), Table(chosen)
    diversity: dict[str, Diversity] = defaultdict(Diversity)
    counts: dict[str, int] = defaultdict(int)
    unreadable: list[str] = []
    for rows, sides in _read(pairs, model, unreadable):
        for to in model.directions:
            direction, inputs, truths = f"{to.other}2{to}", sides[to.other], sides[to]
            if model.stochastic:
                outputs = _samples(model, inputs, to, seed, rows)
                diversity[direction].add(outputs, _exchanged(model, inputs, to, seed, rows), truths)
            else:
                outputs = translated(model, inputs, to)[None]
            for given, output, truth in zip(inputs, outputs[0], truths, strict=True):
                ours.add(direction, output, truth)
                nothing.add(direction, untranslated(given, to, model), truth)
                counts[direction] += 1
        progress(rows[-1] + 1, len(pairs))
    if not counts:
        raise UserError(
            f"none of the {len(pairs)} pairs can be read: {', '.join(unreadable[:3])}", where=str(dataset.root)
        )
    require_some(chosen, ours.left_out, str(dataset.root))
    height, width = model.size
    protocol = {
        "data": str(dataset.root),
        "split": split,
        "size": [height, width],
        "n": dict(counts),
        "resize": "pillow-bicubic",
        "seed": seed,
        "checkpoint": model.checkpoint,
        "step": model.step,
        "version": __version__,
        "range": "uint8, 0 to 255",
        "psnr_cap": CAP,
        "left_out": ours.left_out,
        "unreadable": unreadable,
    }
    scores = {"protocol": protocol, "metrics": ours.means(), "baseline": nothing.means(), "findings": []}
    if model.stochastic:
        protocol["samples"] = SAMPLES
        scores["diversity"] = {direction: found.means() for direction, found in diversity.items()}
    return scores


class Diversity:
    """How much the samples of a stochastic translation differ, in L1 and grey levels.

    `same_input`: between two samples of one input; 0 for a generator that ignores its latent. `same_latent`: between
    the outputs of two inputs of one latent; 0 for one that ignores its input. `best_of`: of an input's samples the one
    nearest to the truth, and its distance.
    """

    def __init__(self) -> None:
        self._found: dict[str, list[float]] = {"same_input": [], "same_latent": [], "best_of": []}

    def add(self, samples: Pixels, exchanged: Pixels, truths: list[Pixels]) -> None:
        """Rows: samples [S, N, H, W, C], their truths, and outputs [N, H, W, C] of which each has the first sample's
        latent of the row before."""
        for row, truth in enumerate(truths):
            outputs = samples[:, row]
            self._found["same_input"].append(fmean(l1(one, two) for one, two in combinations(outputs, 2)))
            self._found["best_of"].append(min(l1(output, truth) for output in outputs))
            if len(truths) > 1:
                self._found["same_latent"].append(l1(exchanged[row], samples[0, row - 1]))

    def means(self) -> dict[str, float]:
        """Over all inputs; what can't be told of a single one is left out."""
        return {name: fmean(values) for name, values in self._found.items() if values}


def _samples(model: Model, inputs: list[Pixels], to: Domain, seed: int, rows: list[int]) -> Pixels:
    """Outputs [S, N, H, W, C] of several latents for each input."""
    return np.stack([translated(model, inputs, to, _latents(model, to, seed, rows, i)) for i in range(SAMPLES)])


def _exchanged(model: Model, inputs: list[Pixels], to: Domain, seed: int, rows: list[int]) -> Pixels:
    return translated(model, inputs, to, _latents(model, to, seed, rows, 0).roll(1, 0))


def _latents(model: Model, to: Domain, seed: int, rows: list[int], sample: int) -> Any:
    from translate.inference.sampling import latents

    assert model.prior is not None, "a stochastic run has a prior"
    return latents(model.prior, *(("evaluate", seed, to, row, sample) for row in rows))


def _read(
    pairs: list[tuple[Picture, Picture]], model: Model, unreadable: list[str]
) -> Iterator[tuple[list[int], dict[Domain, list[Pixels]]]]:
    """Batches of both sides at the training size, row by row the same scene, and the places of their pairs."""
    for first in range(0, len(pairs), BATCH):
        rows: list[int] = []
        sides: dict[Domain, list[Pixels]] = {Domain.A: [], Domain.B: []}
        for row, (a, b) in enumerate(pairs[first : first + BATCH], start=first):
            try:
                one, two = at_size(a, Domain.A, model), at_size(b, Domain.B, model)
            except Unreadable as error:
                unreadable.append(str(error))
                continue
            rows.append(row)
            sides[Domain.A].append(one)
            sides[Domain.B].append(two)
        if rows:
            yield rows, sides
