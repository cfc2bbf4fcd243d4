"""A few rows to look at: what went in, what came out, the truth where there is one, and the way back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from translate.data import images
from translate.data.images import Pixels, Unreadable
from translate.data.layouts import Dataset, Split
from translate.domain import Domain
from translate.evaluation.diversity import sampled
from translate.evaluation.reading import at_size, side, side_of, spread, translated

if TYPE_CHECKING:
    from translate.inference.model import Model

SAMPLES = 4
"""Outputs shown of each input, of a stochastic run."""


@dataclass(frozen=True)
class Row:
    """Images uint8 [H, W, C] of one scene at the training size, frames side by side.

    `index`: the place of the input among its split's; `name`: its file's; `outputs`: one, or several samples; `truth`:
    None where it is not known; `back`: what the other direction makes of the output, where the run goes both ways.
    """

    index: int
    name: str
    given: Pixels
    outputs: tuple[Pixels, ...]
    truth: Pixels | None = None
    back: Pixels | None = None


def examples(model: Model, dataset: Dataset, split: str = "test", count: int = 8) -> dict[str, list[Row]]:
    """`count` evenly spaced rows (never picked by hand) per direction, "a2b" and "b2a". The samples of a stochastic run
    have a latent for each column, the same in all rows."""
    found = dataset.split(split)
    return {
        f"{to.other}2{to}": _rows(model, found, to, spread(len(side(found, to.other)), count))
        for to in model.directions
    }


def scored(
    model: Model, dataset: Dataset, split: str, places: Mapping[str, Sequence[int]], seed: int = 0
) -> dict[str, list[Row]]:
    """The rows at those places of the split's pairs, per direction, with the outputs that `evaluate` scores for this
    seed: of a stochastic run the first sample is that one, the others are those it is compared with."""
    found = dataset.split(split)
    directions = {f"{to.other}2{to}": to for to in model.directions}
    return {name: _rows(model, found, directions[name], chosen, seed) for name, chosen in places.items()}


def untouched(model: Model, dataset: Dataset, split: str = "test", count: int = 4) -> dict[str, list[Row]]:
    """Per direction `count` evenly spaced images of the produced domain, and what the generator that makes this domain
    does to them: nothing, ideally. Empty where its inputs are of another shape, or drawn beside a latent."""
    a, b = (model.channels[domain] * model.frames[domain] for domain in Domain)
    if a != b or model.frames[Domain.A] != model.frames[Domain.B] or model.stochastic:
        return {}
    found = dataset.split(split)
    shown: dict[str, list[Row]] = {}
    for to in model.directions:
        pictures = side(found, to)
        rows = shown[f"{to.other}2{to}"] = []
        for index in spread(len(pictures), count):
            try:
                given = at_size(pictures[index], to, model)
            except Unreadable:
                continue  # an evaluation or `translate check` names it
            output = images.strip(translated(model, [given], to)[0], model.channels[to])
            rows.append(Row(index, pictures[index].path.name, images.strip(given, model.channels[to]), (output,)))
    return shown


def _rows(model: Model, split: Split, to: Domain, places: Iterable[int], seed: int | None = None) -> list[Row]:
    inputs = side(split, to.other)
    rows = []
    for index in places:
        try:
            given = at_size(inputs[index], to.other, model)
            truth = at_size(split.pairs[index][side_of(to)], to, model) if split.pairs else None
        except Unreadable:
            continue  # an evaluation or `translate check` names it
        if model.stochastic and seed is not None:
            outputs = [samples[0] for samples in sampled(model, [given], to, seed, [index])[0][:SAMPLES]]
        else:
            outputs = [translated(model, [given], to, z)[0] for z in _latents(model)]
        back = None
        if to.other in model.directions and not model.stochastic:
            back = images.strip(translated(model, outputs, to.other)[0], model.channels[to.other])
        rows.append(
            Row(
                index,
                inputs[index].path.name,
                images.strip(given, model.channels[to.other]),
                tuple(images.strip(output, model.channels[to]) for output in outputs),
                None if truth is None else images.strip(truth, model.channels[to]),
                back,
            )
        )
    return rows


def _latents(model: Model) -> list[Any]:
    """Latents [1, Z] to show, one for each output; None for the only output of a run without."""
    if not model.stochastic or model.prior is None:
        return [None]
    from translate.inference.sampling import latents

    return [latents(model.prior, ("example", column)) for column in range(SAMPLES)]
