"""Several runs side by side: the same inputs, the same protocol, and how sure each difference is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from translate import log
from translate.evaluation.examples import examples
from translate.report import charts, commands, comparable, contest, findings, novelty, tables, words
from translate.report.contest import Outcome
from translate.report.files import render, save
from translate.report.grids import Grid, Tile, Tiles, column, width_of
from translate.report.page import Section
from translate.report.pictures import picture

if TYPE_CHECKING:
    from translate.data.layouts import Dataset
    from translate.evaluation.result import Evaluation
    from translate.inference.model import Model

ROWS = 8


@dataclass(frozen=True)
class Cell:
    """A run's score of a metric with its interval, and, but for the first run, the difference to the first: in words,
    its interval, and what it is (None: there is no interval to tell by)."""

    value: str
    interval: str
    difference: str = ""
    reach: str = ""
    verdict: Outcome | None = None


@dataclass(frozen=True)
class Line:
    """A metric of all runs."""

    label: str
    part: bool
    arrow: str
    cells: list[Cell]
    beside: list[str]


@dataclass(frozen=True)
class Table:
    """The scores of one direction; `heads` name what stands beside the runs."""

    name: str
    heads: list[str]
    lines: list[Line]


def write(
    path: Path,
    runs: Sequence[Path],
    models: Sequence[Model],
    dataset: Dataset,
    split: str,
    evaluations: Sequence[Evaluation],
    data: Path | None = None,
    checkpoint: str = "last",
) -> None:
    """Write the comparison of runs that `comparable.require` let pass, each with its evaluation on the same split."""
    names = comparable.names(runs)
    configs = [model.config for model in models]
    logs = [log.read(run) for run in runs]
    every = {name: findings.ordered(e.scores) for name, e in zip(names, evaluations, strict=True)}
    common = [finding for finding in every[names[0]] if all(finding in found for found in every.values())]
    elsewhere = [
        name for name, config in zip(names, configs, strict=True) if not _same_folder(config.data.root, dataset.root)
    ]
    protocol = evaluations[0].scores.get("protocol", {})
    html = render(
        "compare.html",
        title=f"{dataset.root.resolve().name}: {len(runs)} runs compared",
        names=names,
        dataset=str(dataset.root),
        elsewhere=elsewhere,
        split=split,
        facts=_facts(models, logs),
        tables=scores(evaluations),
        verdicts=verdicts(names, evaluations),
        common=common,
        findings={name: [finding for finding in found if finding not in common] for name, found in every.items()},
        checked=findings.checked(evaluations[0].scores),
        sections=_unconditional(names, models, dataset, split)
        if models[0].unconditional
        else _translated(names, models, dataset, split),
        curves=[(chart, Markup(chart.svg)) for chart in charts.overlaid(dict(zip(names, logs, strict=True)))],
        differences=comparable.differences(configs),
        warnings=list(dict.fromkeys(w for e in evaluations for w in e.scores.get("warnings", []))),
        protocol=tables.protocol({k: v for k, v in protocol.items() if k not in ("checkpoint", "step", "left_out")}),
        command=commands.of_comparison(runs, data, checkpoint, path),
    )
    save(path, html)


SAID: dict[Outcome, str] = {"better": "better", "worse": "worse", "same": "can't be told apart"}


def verdicts(names: Sequence[str], evaluations: Sequence[Evaluation]) -> list[tuple[str, str]]:
    """For each direction, by which scores each run is better or worse than the first, or neither."""
    found = []
    for direction in evaluations[0].scores.get("metrics", {}):
        for name, evaluation in zip(names[1:], evaluations[1:], strict=True):
            values = evaluation.scores["metrics"].get(direction, {})
            outcomes: dict[Outcome, list[str]] = {}
            for metric in values:
                verdict = _cell(metric, direction, evaluation, evaluations[0]).verdict
                if verdict is not None and not tables.is_part(metric, list(values)):
                    outcomes.setdefault(verdict, []).append(words.label(metric).partition(",")[0])
            told = [f"{SAID[verdict]} by {', '.join(by)}" for verdict, by in outcomes.items()]
            if told:
                found.append((words.arrow(direction), f"{name} beside {names[0]}: {'; '.join(told)}"))
    return found


def scores(evaluations: Sequence[Evaluation]) -> list[Table]:
    """A table for each direction: each run's values, and the differences to the first run's."""
    first = evaluations[0].scores
    found = []
    for direction, values in first.get("metrics", {}).items():
        every = list(dict.fromkeys(m for e in evaluations for m in e.scores["metrics"].get(direction, {})))
        beside = {h: col for h, col in tables.beside(first, direction).items() if any(name in col for name in every)}
        lines = [
            Line(
                tables.short(metric, every),
                tables.is_part(metric, every),
                tables.way(metric),
                [_cell(metric, direction, evaluation, evaluations[0]) for evaluation in evaluations],
                [words.number(column.get(metric)) for column in beside.values()],
            )
            for metric in every
        ]
        if values or lines:
            found.append(Table(words.arrow(direction), list(beside), lines))
    return found


def _cell(metric: str, direction: str, ours: Evaluation, first: Evaluation) -> Cell:
    value, other = (e.scores["metrics"].get(direction, {}).get(metric) for e in (ours, first))
    reach, theirs = (contest.interval_of(e.scores, direction, metric) for e in (ours, first))
    alone = Cell(words.number(value), tables.interval(reach, value))
    if ours is first or value is None or other is None:
        return alone
    paired = contest.paired(
        metric, contest.of_direction(ours.images, direction), contest.of_direction(first.images, direction)
    )
    change, sure = paired or contest.independent(value, reach, other, theirs)
    if sure is None:
        return Cell(alone.value, alone.interval, signed(change, value))
    told = f"{signed(sure[0], value)} to {signed(sure[1], value)}"
    return Cell(alone.value, alone.interval, signed(change, value), told, contest.outcome(metric, change, sure))


def signed(value: float, like: float) -> str:
    """A number that always shows its sign, with the decimals of `like`; the minus is as wide as the plus."""
    text = words.number(abs(value), like)
    return f"±{text}" if value == 0 else f"{'+' if value > 0 else '−'}{text}"


def _duration(rows: Sequence[Mapping[str, Any]]) -> str:
    taken = log.seconds(rows)
    return "–" if taken is None else words.duration(taken)


def _same_folder(root: str | None, other: Path) -> bool:
    return root is not None and Path(root).resolve() == other.resolve()


def _facts(models: Sequence[Model], logs: Sequence[Sequence[Mapping[str, Any]]]) -> list[tuple[str, list[str]]]:
    """What each run is, in a line for each fact."""
    weights = [sum(p.numel() for g in model.generators.values() for p in g.parameters()) for model in models]
    return [
        ("generator", [model.config.networks.generator.name for model in models]),
        ("its weights", [f"{count:,}" for count in weights]),
        ("objective", [" + ".join(term.replace("_", " ") for term in m.config.objective) for m in models]),
        ("steps", [f"{model.step:,}" for model in models]),
        ("images a step", [str(model.config.training.batch) for model in models]),
        ("training time", [_duration(rows) for rows in logs]),
    ]


def _translated(names: Sequence[str], models: Sequence[Model], dataset: Dataset, split: str) -> list[Section]:
    """Input | a column for each run | truth, evenly spaced."""
    shown = [examples(model, dataset, split, ROWS) for model in models]
    sections = []
    for direction, rows in shown[0].items():
        if not rows:
            continue
        source, _, target = direction.upper().partition("2")
        columns = [column(f"input {source}", [row.given for row in rows], rows)]
        columns += [
            column(name, [row.outputs[0] for row in own[direction]], rows)
            for name, own in zip(names, shown, strict=True)
        ]
        truths = [row.truth for row in rows if row.truth is not None]
        if len(truths) == len(rows):
            columns.append(column(f"truth {target}", truths, rows))
        grid = Grid("Evenly spaced over the held-out images", "", columns, [row.name for row in rows])
        sections.append(Section(words.arrow(direction), [grid]))
    return sections


def _unconditional(names: Sequence[str], models: Sequence[Model], dataset: Dataset, split: str) -> list[Section]:
    """The first samples of each run, and held-out images."""
    kinds = [
        (name, "The first samples of seed 0.", novelty.samples(model))
        for name, model in zip(names, models, strict=True)
    ]
    kinds.append(("Held-out images", "Real ones, evenly spaced.", novelty.held_out(models[0], dataset, split)))
    tiles = [
        Tiles(
            title,
            note,
            width_of(shown[0].pixels),
            [Tile(picture(s.pixels, f"{title}, {i + 1}"), s.label) for i, s in enumerate(shown)],
        )
        for title, note, shown in kinds
        if shown
    ]
    return [Section("Samples", tiles=tiles)]
