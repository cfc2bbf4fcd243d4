"""Checkpoints from a thread of their own: the training waits while its state is copied, not while it is written."""

from __future__ import annotations

import shlex
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any

from translate import checkpoint, log
from translate.config import Config
from translate.errors import UserError
from translate.keeping.trouble import Trouble, mending


class Saver:
    """Writes what a training of `run` saves, one thing at a time, after the log rows that lead up to it.

    `failing`: the last checkpoint could not be written, which is told to `trouble`; the older ones stay.
    """

    def __init__(self, run: Path, keep: int, trouble: Trouble) -> None:
        self._run, self._keep, self._trouble = run, keep, trouble
        self._thread = ThreadPoolExecutor(1, "saver")
        self._writing: Future[None] | None = None
        self._best: memoryview | None = None  # owed: a later checkpoint will say that it is there
        self._error: OSError | None = None

    @property
    def busy(self) -> bool:
        """Whether the last checkpoint is still being written."""
        return self._writing is not None and not self._writing.done()

    @property
    def failing(self) -> bool:
        """Whether the last checkpoint could not be written."""
        return self._error is not None

    def save(self, state: dict[str, Any], synced: Future[None], best: bool = False) -> None:
        """Copy `state` now and write it later, as soon as `synced` says that the log is on the disk; the `best` one
        beside the newest."""
        self.wait()
        data = checkpoint.packed(state)
        self._writing = self._thread.submit(
            self._write, checkpoint.BEST if best else checkpoint.name_of(state), data, synced
        )

    def last(
        self, state: dict[str, Any], synced: Future[None], rows: Sequence[Mapping[str, Any]], config: Config
    ) -> None:
        """Write `state` before this returns: where the run's folder can't take it, into the system's temporary one,
        with a UserError that says how to go on from there."""
        self.save(state, synced)
        self.wait()
        if self._error is not None:
            raise self._elsewhere(state, rows, config, self._error)

    def wait(self) -> None:
        """Return when nothing is being written any more."""
        if self._writing is not None:
            self._writing.result()
            self._writing = None

    def _write(self, name: str, data: memoryview, synced: Future[None]) -> None:
        try:
            synced.result()
            if name == checkpoint.BEST:
                self._best = data
            if self._best is not None:
                checkpoint.put(self._run, checkpoint.BEST, self._best)
                self._best = None
            if name != checkpoint.BEST:
                checkpoint.put(self._run, name, data)
                checkpoint.thin(self._run, self._keep)
        except OSError as error:
            self._error = error
            self._trouble.failed(checkpoint.FOLDER, error)
        else:
            self._error = None
            self._trouble.over(checkpoint.FOLDER)

    def _elsewhere(
        self, state: dict[str, Any], rows: Sequence[Mapping[str, Any]], config: Config, error: OSError
    ) -> UserError:
        reason = f"can't be written ({error.strerror or error})"
        try:
            folder = Path(tempfile.mkdtemp(prefix="translate-"))
            (folder / "config.yaml").write_text(config.to_yaml(), encoding="utf-8")
            (folder / log.FILE).write_text(log.text(rows), encoding="utf-8")
            checkpoint.put(folder, checkpoint.name_of(state), checkpoint.packed(state))
        except OSError as second:
            there = checkpoint.steps(self._run)
            return UserError(
                f"{reason}, nor can the system's temporary folder ({second.strerror or second}): what came after "
                f"{there[0].stem if there else 'the beginning'} is lost",
                where=str(self._run),
                hint=f"{mending(error)}; the same command continues from there",
            )
        return UserError(
            f"{reason}: step {state['step']:,} is saved in {folder} instead",
            where=str(self._run),
            hint=f"{mending(error)}, then `cp -r {shlex.quote(str(folder))}/. {shlex.quote(str(self._run))}`, and the "
            "same command continues",
        )

    def __enter__(self) -> Saver:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thread.shutdown(wait=True)
