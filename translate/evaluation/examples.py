"""A few rows to look at: what went in, what came out, and the truth where there is one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from translate.data import images
from translate.data.images import Pixels, Unreadable
from translate.data.layouts import Dataset, Picture, Split
from translate.domain import Domain
from translate.evaluation.reading import at_size, side_of, spread, translated

if TYPE_CHECKING:
    from translate.inference.model import Model

Row = tuple[Pixels | None, ...]
"""Input (None: made from nothing), one output or several samples, truth (None: not known), all uint8 [H, W, C]."""

SAMPLES = 4
"""Outputs shown of each input, of a stochastic run."""


def examples(model: Model, dataset: Dataset, split: str = "test", count: int = 8) -> dict[str, list[Row]]:
    """`count` evenly spaced rows (never picked by hand) per direction, "a2b" and "b2a", at the training size; frames
    side by side. The samples of a stochastic run have a latent for each column, the same in all rows."""
    found = dataset.split(split)
    rows: dict[str, list[Row]] = {}
    for to in model.directions:
        inputs = _sources(found, to.other)
        rows[f"{to.other}2{to}"] = []
        for index in spread(len(inputs), count):
            try:
                given = at_size(inputs[index], to.other, model)
                truth = at_size(found.pairs[index][side_of(to)], to, model) if found.pairs else None
            except Unreadable:
                continue  # an evaluation or `translate check` names it
            outputs = [translated(model, [given], to, z)[0] for z in _latents(model)]
            shown = [images.strip(output, model.channels[to]) for output in outputs]
            true = None if truth is None else images.strip(truth, model.channels[to])
            rows[f"{to.other}2{to}"].append((images.strip(given, model.channels[to.other]), *shown, true))
    return rows


def _latents(model: Model) -> list[Any]:
    """Latents [1, Z] to show, one for each output; None for the only output of a run without."""
    if not model.stochastic or model.prior is None:
        return [None]
    from translate.inference.sampling import latents

    return [latents(model.prior, ("example", column)) for column in range(SAMPLES)]


def _sources(split: Split, domain: Domain) -> list[Picture]:
    return [pair[side_of(domain)] for pair in split.pairs] or split.of(domain)
