"""How much the many outputs of a stochastic run differ."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from statistics import fmean
from typing import TYPE_CHECKING, Any

import numpy as np

from translate.data.images import Pixels
from translate.domain import Domain
from translate.evaluation.reading import translated
from translate.metrics.l1 import l1

if TYPE_CHECKING:
    from translate.inference.model import Model

SAMPLES = 5
"""Outputs of each input, of a stochastic run."""


class Diversity:
    """How much the samples of a stochastic translation differ, in L1 and grey levels.

    `same_input`: between two samples of one input; 0 for a generator that ignores its latent. `same_latent`: between
    the outputs of two inputs of one latent; 0 for one that ignores its input. `best_of`: of an input's samples the one
    nearest to the truth, and its distance.
    """

    def __init__(self) -> None:
        self._found: dict[str, list[float]] = {"same_input": [], "same_latent": [], "best_of": []}

    def add(self, samples: Pixels, exchanged: Pixels, truths: Sequence[Pixels] | None) -> None:
        """Rows: samples [S, N, H, W, C], outputs [N, H, W, C] of which each has the first sample's latent of the row
        before, and the truths where they are known."""
        rows = samples.shape[1]
        for row in range(rows):
            outputs = samples[:, row]
            self._found["same_input"].append(fmean(l1(one, two) for one, two in combinations(outputs, 2)))
            if truths is not None:
                self._found["best_of"].append(min(l1(output, truths[row]) for output in outputs))
            if rows > 1:
                self._found["same_latent"].append(l1(exchanged[row], samples[0, row - 1]))

    def means(self) -> dict[str, float]:
        """Over all inputs; what can't be told of a single one is left out."""
        return {name: fmean(values) for name, values in self._found.items() if values}


def sampled(model: Model, inputs: list[Pixels], to: Domain, seed: int, rows: list[int]) -> tuple[Pixels, Pixels]:
    """Outputs [S, N, H, W, C] of several latents for each input, which is in place `rows[i]` of its split, and outputs
    [N, H, W, C] with the first latent of the row before."""
    outputs = np.stack([translated(model, inputs, to, _latents(model, to, seed, rows, i)) for i in range(SAMPLES)])
    return outputs, translated(model, inputs, to, _latents(model, to, seed, rows, 0).roll(1, 0))


def _latents(model: Model, to: Domain, seed: int, rows: list[int], sample: int) -> Any:
    from translate.inference.sampling import latents

    assert model.prior is not None, "a stochastic run has a prior"
    return latents(model.prior, *(("evaluate", seed, to, row, sample) for row in rows))
