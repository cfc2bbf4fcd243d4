"""The bar of a dataset that is prepared, what is said at its end, and the exit code."""

from __future__ import annotations

import shlex
from collections.abc import Generator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from translate.cli import saying
from translate.data.dataset import SPLITS

if TYPE_CHECKING:
    from translate.inference.outcome import Outcome, Summary

WARNINGS, NAMED = 5, 20
"""Of the most frequent warnings, and of the failures, that are said."""


def follow(outcomes: Generator[Outcome, None, None], total: int | None, what: str, where: Path | str) -> Summary:
    """Shows how far the work is, and says how it went; so too when it is ended before the end. `what`: was done to a
    picture, such as "resized"."""
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn

    from translate.inference.outcome import Summary

    summary = Summary()
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    try:
        with saying.bar(*columns) as bar, closing(outcomes):
            task = bar.add_task("", total=total)
            for _ in summary.gather(outcomes):
                bar.update(task, completed=summary.finished)
    finally:
        if summary.finished:
            _say(summary, what, where)
    return summary


def warn_of_others(out: Path, **settings: Any) -> None:
    """Say it where outputs in `out` were made with other settings, which stay as they are."""
    from translate.preparing.record import changed

    if others := changed(out, {f"--{key}": value for key, value in settings.items()}):
        click.echo(
            f"warning: outputs in {out} were made with other settings and stay as they are: {', '.join(others)} (a new "
            "OUT makes all of them anew)",
            err=True,
        )


def end(summary: Summary, *following: str) -> None:
    """Says what to type next, a command a line, where something is there; exits with 1 where something failed."""
    if summary.done or summary.skipped:
        for line in following:
            saying.note(f"next: {line}")
    if summary.failures:
        raise SystemExit(1)


def dataset_of(out: Path) -> str:
    """The dataset of a folder of pictures, as it is typed: photos for photos/train and for photos/trainA."""
    name = out.resolve().name.lower()
    part = name in SPLITS or any(
        name.startswith(split) and name[len(split) :].strip("_- ") in ("a", "b") for split in SPLITS
    )
    return shlex.quote(str(out.parent if part else out))


def _say(summary: Summary, what: str, where: Path | str) -> None:
    parts = [f"{summary.done:,} {what}"]
    if summary.skipped:
        parts.append(f"{summary.skipped:,} {'was' if summary.skipped == 1 else 'were'} there already")
    if summary.failures:
        parts.append(f"{summary.failures:,} failed")
    click.echo(f"{where}: {', '.join(parts)}")
    for warning, count in summary.warnings.most_common(WARNINGS):
        click.echo(f"warning: {warning} ({count:,} {'image' if count == 1 else 'images'})", err=True)
    for name, reason in summary.failed[:NAMED]:
        click.echo(f"failed: {name}: {reason}", err=True)
    if (more := summary.failures - min(NAMED, len(summary.failed))) > 0:
        click.echo(f"failed: {more:,} more", err=True)
