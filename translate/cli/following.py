"""The live bar of a folder that is translated, the manifest, and what is said at the end."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn

from translate.cli import saying
from translate.inference import plan
from translate.inference.manifest import Manifest
from translate.inference.outcome import Options, Summary, Tally

if TYPE_CHECKING:
    from collections.abc import Generator

    from translate.inference.outcome import Outcome
    from translate.inference.places import Place


WARNINGS = 5
"""Of the most frequent ones that are said at the end."""


class Follower:
    """Shows outcomes as they come, writes them into the manifest, and says how it went; so too when it is ended before
    the end."""

    def __init__(self, summary: Summary, source: Place, target: Place, options: Options, manifest: Path | None) -> None:
        self._summary, self._source, self._target = summary, source, target
        self._options, self._manifest = options, manifest
        self._interrupted = False
        to = options.to
        self._bar = saying.bar(
            TextColumn(f"{to.other.upper()} to {to.upper()}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            TextColumn("[red]{task.fields[failures]}[/]"),
            TextColumn("{task.fields[now]}", markup=False),
            transient=False,
        )
        self._begun = time.perf_counter()
        self._task = self._bar.add_task("", total=None, rate="", failures="", now="")

    def watch(self, text: str) -> None:
        """How far a large picture or a video is."""
        self._bar.update(self._task, now=text)

    def follow(self, outcomes: Iterator[Outcome]) -> None:
        """Until there are no more."""
        total = _Total(self._source, self._options)
        before = None
        heeded = signal.getsignal(signal.SIGINT) is not signal.SIG_IGN  # as in the background of a shell
        if heeded and threading.current_thread() is threading.main_thread():
            before = signal.signal(signal.SIGINT, self._leave)
        try:
            with ExitStack() as stack:
                written = stack.enter_context(Manifest(self._manifest)) if self._manifest is not None else None
                stack.enter_context(closing(cast("Generator[Outcome, None, None]", outcomes)))
                stack.enter_context(self._bar)
                self._begun = time.perf_counter()
                for outcome in self._summary.gather(outcomes, self._source.label):
                    if written is not None:
                        written.add(outcome)
                    self._show(total.found)
        finally:
            total.stop()
            if before is not None:
                signal.signal(signal.SIGINT, before)
            if self._summary.finished:
                name = self._options.one[1] if self._options.one is not None and not self._options.samples else ""
                _say(self._summary, self._target.label(name), self._manifest)

    def _leave(self, number: int, frame: object) -> None:
        """Ctrl-C: what is in the network or being written is finished, since it can't be stopped; a second one leaves
        at once, if with a hidden file left behind."""
        if self._interrupted:
            self._bar.stop()
            os._exit(130)
        self._interrupted = True
        self._bar.console.print("what is under way is finished; Ctrl-C again leaves at once")
        raise KeyboardInterrupt

    def _show(self, total: int | None) -> None:
        summary = self._summary
        seconds = time.perf_counter() - self._begun
        speed = (summary.done + summary.failures) / seconds if seconds > 1 else None
        self._bar.update(
            self._task,
            total=None if total is None else total - summary.skipped,
            completed=summary.done + summary.failures,
            rate="" if not speed else f"{speed:.1f} images/s" if speed > 0.5 else f"{1 / speed:.0f} s an image",
            failures=f"{summary.failures} failed" if summary.failures else "",
            now="",
        )


def _say(summary: Summary, where: str, manifest: Path | None) -> None:
    click.echo(f"{where}: {summary.sentence()}", err=True)
    for warning, count in summary.warnings.most_common(WARNINGS):
        saying.note(f"warning: {warning} ({count} {'image' if count == 1 else 'images'})", err=True)
    if len(summary.warnings) > WARNINGS and manifest is None:
        saying.note("warning: there are others; --manifest FILE lists all", err=True)
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
