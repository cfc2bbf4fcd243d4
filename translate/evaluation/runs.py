"""`evaluate`: the scores of a run, by what kind of run it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from translate import diagnosis
from translate.data.layouts import Dataset
from translate.errors import UserError
from translate.evaluation import samples, translated
from translate.evaluation.result import Evaluation
from translate.evaluation.scores import Asked, choose
from translate.metrics import TABLE

if TYPE_CHECKING:
    from translate.inference.model import Model


def evaluate(
    model: Model,
    dataset: Dataset,
    split: str = "test",
    names: Iterable[str] | None = None,
    seed: int = 0,
    progress: Callable[[int, int], None] = lambda done, total: None,
    *,
    bootstrap: int = 0,
    weights: Mapping[str, Path] | None = None,
    history: Sequence[dict[str, Any]] = (),
) -> Evaluation:
    """The scores of `model` on a split, as `translate evaluate --json` writes them, and those of every output.

    Of a run that translates, its outputs beside the split's pairs, and as a set beside the split's images; of an
    unconditional one, new samples as a set. `bootstrap`: resamples for 95% intervals, 0 for none. `weights`: files of
    extractors by their names. `history`: the rows of the run's log, for the diagnosis.
    Unreadable pictures are named in the protocol. Raises UserError where there is nothing to score.
    """
    paired = not model.unconditional and split in dataset.splits and bool(dataset.splits[split].pairs)
    chosen = None if names is None else list(names)
    if not paired and not model.unconditional:
        _refuse_pairless(chosen, dataset, split)
    metrics = choose(chosen, paired=paired, weights=weights, device=str(model.device))
    asked = Asked(metrics, seed=seed, resamples=bootstrap)
    score = samples.evaluate if model.unconditional else translated.evaluate
    found = score(model, dataset, split, asked, progress)
    if model.selected is not None:
        found.scores["protocol"]["selected_by"] = "{1} on split {0}".format(*model.selected)
        if model.selected[0] == split:
            found.scores["warnings"].append(
                f"these weights were kept for their {model.selected[1]} on this very split, so their scores are a "
                "little too good; with both val/ and test/ the training looks at val/ alone"
            )
    more = [*diagnosis.of_data(dataset), *diagnosis.of_log(history)]
    found.scores["findings"] = [finding.as_json() for finding in more] + found.scores["findings"]
    return found


def _refuse_pairless(names: list[str] | None, dataset: Dataset, split: str) -> None:
    """Raise UserError when metrics of pairs are asked for, and the split, which is there, has none."""
    needing = [name for name in names or () if name in TABLE]
    if needing and dataset.split(split):
        raise UserError(
            f'{", ".join(needing)} need held-out pairs, and split "{split}" has none',
            where=str(dataset.root),
            expected=f"{split}/ with pictures twice as wide as high (A left, B right), a pairs.csv (columns a,b), "
            f"or equal names in {split}A/ and {split}B/ with --pairs stem",
        )
