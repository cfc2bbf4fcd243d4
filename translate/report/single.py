"""All that the report of one run shows, gathered from the run and its data."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from translate import log
from translate.config import Config
from translate.evaluation.examples import Row, examples, scored, untouched
from translate.evaluation.reading import spread
from translate.metrics import TABLE
from translate.report import novelty, page, words
from translate.report.contest import better
from translate.report.grids import Grid, Tile, Tiles, of_cycles, of_rows, of_untouched, width_of
from translate.report.page import NO_SCORE, Report, Section
from translate.report.pictures import picture

if TYPE_CHECKING:
    from translate.data.layouts import Dataset
    from translate.evaluation.result import Evaluation, Scored
    from translate.inference.model import Model

ROWS, EXTREMES, CHECKS = 8, 4, 4
"""Rows that are evenly spaced, best or worst, and there and back."""


def write(
    path: Path,
    run: Path,
    model: Model,
    dataset: Dataset | None = None,
    split: str | None = None,
    evaluation: Evaluation | None = None,
    unscored: str = NO_SCORE,
    data: Path | None = None,
    checkpoint: str = "last",
) -> None:
    """Write the report of a run on a split of a dataset. Without `split` there are held-out images of neither kind:
    training images are shown, and said to be such; without `dataset` only samples, or nothing. `unscored`: why there
    is no evaluation; `data` and `checkpoint`: what was asked for by name, for the commands that the page ends with."""
    scores = evaluation.scores if evaluation else {}
    images = evaluation.images if evaluation else []
    seed = scores.get("protocol", {}).get("seed", 0)
    if model.unconditional:
        sections, caption = [_new(model, dataset, split)], "The first samples of seed 0, none picked by hand."
    elif dataset is None:
        sections, caption = [], ""
    else:
        shown = split or "train"
        kind = "held-out" if split else "training"
        caption = f"Evenly spaced over the {kind} images{'' if split else ', not held out'}; none picked by hand."
        sections = _translated(model, dataset, shown, images, scores.get("headline", {}), seed)
    page.write(
        path,
        Report(
            run=run,
            config=model.config,
            log=log.read(run),
            scores=scores,
            images=images,
            sections=sections,
            caption=caption,
            unscored=unscored,
            dataset=dataset,
            data=data,
            checkpoint=checkpoint,
            weights=sum(p.numel() for generator in model.generators.values() for p in generator.parameters()),
            step=model.step,
        ),
    )


def _translated(
    model: Model, dataset: Dataset, split: str, images: Sequence[Scored], chosen: Mapping[str, str], seed: int
) -> list[Section]:
    by_direction: dict[str, list[Scored]] = defaultdict(list)
    for image in images:
        by_direction[image.direction].append(image)
    even, alone = examples(model, dataset, split, ROWS), untouched(model, dataset, split, CHECKS)
    sections = []
    for direction, rows in even.items():
        if not rows:
            continue
        own = by_direction[direction]
        metric = words.headline(own[0].values, chosen.get(direction), TABLE) if own and own[0].values else ""
        values = {image.index: image.values[metric] for image in own if metric in image.values}
        grids = [_evenly(model, rows, direction, metric, values)]
        if len(values) > ROWS:
            grids += _extremes(model, dataset, split, direction, metric, values, seed)
        if cycles := [row for row in rows if row.back is not None]:
            grids.append(of_cycles([cycles[i] for i in spread(len(cycles), CHECKS)], direction))
        if alone.get(direction):
            grids.append(of_untouched(alone[direction], direction, _asks_for_identity(model.config)))
        sections.append(Section(words.arrow(direction), grids))
    return sections


def _asks_for_identity(config: Config) -> bool:
    return any((term.term or name) in ("identity", "patch_nce") for name, term in config.objective.items())


def _evenly(model: Model, rows: Sequence[Row], direction: str, metric: str, values: Mapping[int, float]) -> Grid:
    if model.stochastic:  # other latents than those that were scored
        return of_rows("Evenly spaced", "Each column of samples has its own latent.", rows, direction, _named("", {}))
    return of_rows("Evenly spaced", "", rows, direction, _named(metric, values))


def _extremes(
    model: Model, dataset: Dataset, split: str, direction: str, metric: str, values: Mapping[int, float], seed: int
) -> list[Grid]:
    """The worst rows and the best."""
    ranked = sorted(values, key=lambda index: better(metric) * values[index])
    which = f"of {len(values):,} by {words.label(metric)}{', of sample 1' if model.stochastic else ''}."
    grids = []
    for title, places in (("Worst", ranked[:EXTREMES]), ("Best", ranked[: -EXTREMES - 1 : -1])):
        rows = scored(model, dataset, split, {direction: places}, seed)[direction]
        grids.append(of_rows(title, f"The {title.lower()} {which}", rows, direction, _named(metric, values)))
    return grids


def _named(metric: str, values: Mapping[int, float]) -> Callable[[Row], str]:
    """What stands below a row: its value, if it has one, and its file's name."""

    def caption(row: Row) -> str:
        value = f"{words.label(metric)} {words.number(values[row.index])} · " if row.index in values else ""
        return value + row.name

    return caption


def _new(model: Model, dataset: Dataset | None, split: str | None) -> Section:
    drawn = novelty.samples(model)
    real = novelty.held_out(model, dataset, split) if dataset and split else []
    tiles = [_tiles("Samples", "As they were drawn.", "sample", drawn)]
    if real:
        tiles.append(
            _tiles("Held-out images", "Real ones that the training has not seen, evenly spaced.", "real", real)
        )
    near = novelty.neighbours(model, dataset, drawn, real) if dataset else None
    return Section("Samples", tiles=tiles, below=[_nearest(near)] if near else [])


def _tiles(title: str, note: str, kind: str, shown: list[novelty.Shown]) -> Tiles:
    alts = [f"{kind} {place + 1}{', ' if one.label else ''}{one.label}" for place, one in enumerate(shown)]
    tiles = [Tile(picture(one.pixels, alt), one.label) for one, alt in zip(shown, alts, strict=True)]
    return Tiles(title, note, width_of(shown[0].pixels), tiles)


def _nearest(found: novelty.Neighbours) -> Tiles:
    note = (
        f"The {len(found.rows)} samples that come nearest to a training image, each above that image: copies would "
        f"show here. Distance: mean difference of 16 pixel thumbnails, in grey levels; on average over all samples "
        f"{found.typical:.1f}"
    )
    note += f", and of held-out images, which can't be copies, {found.real:.1f}." if found.real is not None else "."
    if found.searched < found.known:
        note += f" {found.searched:,} of {found.known:,} training images were looked through."
    tiles = [
        Tile(
            picture(ours, f"sample, {i + 1}") + picture(theirs, f"the training image nearest to it, {i + 1}"),
            f"{distance:.1f} apart",
        )
        for i, (ours, theirs, distance) in enumerate(found.rows)
    ]
    return Tiles("Is anything copied?", note, width_of(found.rows[0][0]), tiles, columns=novelty.NEAREST, pairs=True)
