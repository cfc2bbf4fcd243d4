"""The live bar of a training: step, images/s, time left, the losses; plain lines where there is no terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.progress import BarColumn, TextColumn
from rich.table import Column

from translate.cli import beside, saying

if TYPE_CHECKING:
    from translate.config import Config
    from translate.data.layouts import Dataset
    from translate.run import Outcome
    from translate.run import Progress as Standing

LINE_EVERY = 20.0
"""Seconds of training between two plain lines."""


@contextmanager
def bar() -> Iterator[tuple[Callable[[Standing], None], Callable[[int, int], None], Callable[[str], None]]]:
    """(watch training, watch loading, warn) callbacks; the display ends with the context."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=12),
        TextColumn("{task.fields[status]}", table_column=Column(ratio=1, no_wrap=True, overflow="ellipsis")),
    )
    with saying.bar(*columns, transient=False, shown=beside() == 0, expand=True) as progress:
        console = progress.console
        reading = progress.add_task("reading ", status="", total=None)
        training = progress.add_task("training", status="", total=1.0, visible=False)
        printed = -LINE_EVERY

        def loading(done: int, total: int) -> None:
            progress.update(reading, completed=done, total=total, status=f"{done:,} of {total:,} images")

        def watch(standing: Standing) -> None:
            nonlocal printed
            status = describe(standing)
            progress.update(reading, visible=False)
            progress.update(training, visible=True, completed=standing.share, status=status)
            if not saying.quiet() and not saying.live() and standing.seconds - printed >= LINE_EVERY:
                printed = standing.seconds
                console.print(f"{standing.share:4.0%} {status}", soft_wrap=True, highlight=False)

        def warn(sentence: str) -> None:
            console.print(sentence, style="yellow", markup=False, soft_wrap=True)

        yield watch, loading, warn


def describe(standing: Standing) -> str:
    """'step 1,200  85.3 images/s  2:10 left  adversarial 0.41  cycle 0.12 ...': losses as means over the domains."""
    left = standing.seconds * (1 / standing.share - 1) if standing.share else 0
    terms: dict[str, list[float]] = {}
    for name, value in standing.losses.items():
        if not name.startswith(("grad_norm/", "separation/", "skipped/")):
            terms.setdefault(name.split("/")[-2], []).append(value)
    losses = "  ".join(f"{term} {sum(values) / len(values):.3g}" for term, values in terms.items())
    speed = standing.images_per_second
    rate = f"{speed:.1f} images/s" if speed >= 1 else f"{speed:.2g} images/s"
    score = f"  {standing.score}" if standing.score else ""
    return f"step {standing.step:,}  {rate}  {int(left // 60)}:{int(left % 60):02} left  {losses}{score}"


def watched(config: Config, dataset: Dataset, run: Path, device: str) -> Outcome:
    """Train with the bar on; an interrupted training is saved and exits with 130."""
    from translate.device import device_of
    from translate.run import train

    with bar() as callbacks:
        outcome = train(config, dataset, run, device_of(device), *callbacks)
    if outcome.interrupted and beside():
        raise SystemExit(130)
    if outcome.interrupted:
        click.echo(f"interrupted after {outcome.steps:,} steps; saved in {run}. The same command continues.", err=True)
        raise SystemExit(130)
    return outcome
