"""The live bar of a folder that is translated, the manifest, and what is said at the end."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from translate.inference import plan
from translate.inference.manifest import Manifest
from translate.inference.outcome import Options, Summary, Tally

if TYPE_CHECKING:
    from collections.abc import Generator

    from translate.inference.outcome import Outcome
    from translate.inference.places import Place


WARNINGS = 5
"""Of the most frequent ones that are said at the end."""


def follow(
    outcomes: Iterator[Outcome],
    summary: Summary,
    source: Place,
    target: Place,
    options: Options,
    manifest: Path | None,
) -> None:
    """Shows the outcomes as they come, writes them into the manifest, and says how it went; so too when it is ended
    before the end."""
    columns = (
        TextColumn(f"{options.to.other.upper()} to {options.to.upper()}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        TextColumn("[red]{task.fields[failures]}"),
    )
    total = _Total(source, options)
    try:
        with ExitStack() as stack:
            written = stack.enter_context(Manifest(manifest)) if manifest is not None else None
            stack.enter_context(closing(cast("Generator[Outcome, None, None]", outcomes)))
            bar = stack.enter_context(Progress(*columns, console=Console(stderr=True)))
            task = bar.add_task("", total=None, rate="", failures="")
            for outcome in summary.gather(outcomes, source.label):
                if written is not None:
                    written.add(outcome)
                speed = bar.tasks[0].speed
                bar.update(
                    task,
                    total=None if total.found is None else total.found - summary.skipped,
                    completed=summary.done + summary.failures,
                    rate=f"{speed:.1f} images/s" if speed else "",
                    failures=f"{summary.failures} failed" if summary.failures else "",
                )
    finally:
        total.stop()
        if summary.finished:
            _say(summary, target, manifest)


def _say(summary: Summary, target: Place, manifest: Path | None) -> None:
    click.echo(f"{target.label()}: {summary.sentence()}", err=True)
    for warning, count in summary.warnings.most_common(WARNINGS):
        click.echo(f"warning: {warning} ({count} {'image' if count == 1 else 'images'})", err=True)
    if len(summary.warnings) > WARNINGS and manifest is None:
        click.echo("warning: there are others; --manifest FILE lists all", err=True)
    for name, reason in summary.failed:
        click.echo(f"failed: {name}: {reason}", err=True)
    more = summary.failures - len(summary.failed)
    if more:
        where = f"see {manifest}" if manifest is not None else "--manifest FILE lists all"
        click.echo(f"failed: {more} more; {where}", err=True)


class _Total:
    """How many outputs there are to be, counted in the background; `found` is None until then."""

    def __init__(self, source: Place, options: Options) -> None:
        self.found: int | None = None
        self._stopped = threading.Event()
        threading.Thread(target=self._count, args=(source, options), daemon=True).start()

    def stop(self) -> None:
        """Counts no further."""
        self._stopped.set()

    def _count(self, source: Place, options: Options) -> None:
        count = 0
        try:
            for _ in plan.names(source, options, Tally()):
                count += options.samples or 1
                if self._stopped.is_set():
                    return
        except Exception:  # whoever translates says why; without a total the bar has no end
            return
        self.found = count
