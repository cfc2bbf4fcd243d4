"""What a command says, and how: colours where they are wanted, bars on a terminal alone, and little with --quiet."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, ProgressColumn


def quiet() -> bool:
    """Whether `translate --quiet` was typed: only errors and results."""
    context = click.get_current_context(silent=True)
    return bool(context and context.find_root().params.get("quiet"))


def colours() -> bool | None:
    """Whether text is coloured: False with NO_COLOR, True with FORCE_COLOR, None: where it goes to a terminal."""
    if os.environ.get("NO_COLOR"):
        return False
    return True if os.environ.get("FORCE_COLOR") not in (None, "", "0") else None


def note(text: str, err: bool = False) -> None:
    """Say something that is neither a result nor an error."""
    if not quiet():
        click.echo(text, err=err)


def console(err: bool = False, **options: Any) -> Console:
    """Where rich prints to: standard output, or standard error."""
    from rich.console import Console

    plain: dict[str, Any] = {"color_system": None} if colours() is False else {}
    return Console(stderr=err, force_terminal=colours() or None, **plain, **options)


def live() -> bool:
    """Whether a bar may move: standard error is a terminal, and nobody asked for quiet."""
    return sys.stderr.isatty() and not quiet()


def bar(*columns: str | ProgressColumn, transient: bool = True, shown: bool = True, **options: Any) -> Progress:
    """A progress bar on standard error, which pipes and logs see nothing of; `transient`: it leaves nothing behind."""
    from rich.progress import Progress

    return Progress(*columns, console=console(err=True), transient=transient, disable=not (shown and live()), **options)


def write_json(value: Any, file: str) -> None:
    """Write a value as JSON to a file, whose folder is made, or to standard output ("-")."""
    text = json.dumps(value, indent=2, allow_nan=False)
    if file == "-":
        click.echo(text)
        return
    path = Path(file)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n", encoding="utf-8")
