"""`evaluate`: the scores of a run, by what kind of run it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from translate.data.layouts import Dataset
from translate.evaluation import pairs, samples

if TYPE_CHECKING:
    from translate.inference.model import Model


def evaluate(
    model: Model,
    dataset: Dataset,
    split: str = "test",
    names: Iterable[str] | None = None,
    seed: int = 0,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Any]:
    """The scores of `model` on a split, as `translate evaluate --json` writes them.

    Of a run that translates, its outputs of the split's pairs; of an unconditional one, new samples as a set.
    Unreadable pictures are named in the protocol. Raises UserError where there is nothing to score.
    """
    score = samples.evaluate if model.unconditional else pairs.evaluate
    return score(model, dataset, split, names, seed, progress)
