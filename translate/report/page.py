"""The report of one run as one file: pictures and curves are inside it, and nothing is fetched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from translate.config import Config
from translate.report import charts, commands, findings, pictures, tables, words
from translate.report.files import render, save
from translate.report.grids import Grid, Tiles

if TYPE_CHECKING:
    from translate.data.layouts import Dataset
    from translate.evaluation.result import Scored

NO_SCORE = "There is no score: the pictures are all there is to judge by."


@dataclass(frozen=True)
class Section:
    """The pictures of one direction, or of the samples; `below`: what is as wide as the page."""

    name: str
    grids: list[Grid] = field(default_factory=list)
    tiles: list[Tiles] = field(default_factory=list)
    below: list[Tiles] = field(default_factory=list)

    @property
    def wide(self) -> bool:
        """Whether two of its grids do not fit beside each other."""
        return any(grid.many for grid in self.grids)


@dataclass(frozen=True)
class Report:
    """What is told of a run. `log`: the rows of its log.jsonl; `scores` and `images`: of its evaluation, if there is
    one, and `unscored` why there is none; `caption`: which images the pictures are; `weights`: how many the generators
    have; `data` and `checkpoint`: what the commands name, if it was asked for."""

    run: Path
    config: Config
    log: Sequence[Mapping[str, Any]] = ()
    scores: Mapping[str, Any] = field(default_factory=dict)
    images: Sequence[Scored] = ()
    sections: Sequence[Section] = ()
    caption: str = ""
    unscored: str = NO_SCORE
    dataset: Dataset | None = None
    data: Path | None = None
    checkpoint: str = "last"
    weights: int | None = None
    step: int | None = None


def write(path: Path, report: Report) -> None:
    """Write the report; UserError where a file of somebody else is in the way."""
    config, scores = report.config, report.scores
    protocol, shown = scores.get("protocol", {}), tables.scores(scores, report.images)
    html = render(
        "page.html",
        title=words.title(config),
        trained=words.trained(config, report.log, report.dataset, report.weights, report.step),
        verdicts=words.verdicts(scores, report.images, config.stochastic),
        unscored=report.unscored,
        findings=findings.ordered(scores, report.log),
        checked=findings.checked(scores),
        tables=shown,
        heads={head for table in shown for head in table.heads},
        has_intervals=bool(scores.get("intervals")),
        diversity=tables.diversity(scores),
        directions=[words.arrow(direction) for direction in scores.get("metrics", {})],
        warnings=scores.get("warnings", []),
        left_out=tables.left_out(protocol.get("left_out", {})),
        protocol=tables.protocol({k: v for k, v in protocol.items() if k != "left_out"}),
        caption=report.caption,
        sections=report.sections,
        has_errors=any(c.head.startswith("error") for s in report.sections for g in s.grids for c in g.columns),
        legend=pictures.legend(),
        full=pictures.FULL,
        groups=[(group, [(c, Markup(c.svg)) for c in group.charts]) for group in charts.groups(report.log)],
        commands=commands.of_run(report.run, config, scores, report.data, report.checkpoint, path),
        by_the_clock=config.training.minutes is not None,
        config=config.to_yaml(),
    )
    save(path, html)
