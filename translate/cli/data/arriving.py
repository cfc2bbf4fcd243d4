"""A live bar for what arrives, is checked and unpacked, counted in bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from translate.cli import saying

if TYPE_CHECKING:
    from rich.progress import TaskID


@contextmanager
def arriving() -> Iterator[Callable[[str, int, int | None], None]]:
    """What is to be told what goes on, how far, of how much; each new thing takes the place of the one before."""
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn

    tasks: dict[str, TaskID] = {}
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with saying.bar(*columns) as bar:

        def report(what: str, done: int, total: int | None) -> None:
            if what not in tasks:
                for task in tasks.values():
                    bar.update(task, visible=False)
                tasks[what] = bar.add_task(what, total=total)
            bar.update(tasks[what], completed=done, total=total)

        yield report
