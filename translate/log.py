"""What a run writes down: TensorBoard and a JSONL beside it, from a thread of its own so that a step never waits."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from translate.keeping import durable
from translate.keeping.board import Board
from translate.keeping.trouble import Trouble

FILE = "log.jsonl"
PREVIEWS = "previews"


def read(run: Path) -> list[dict[str, Any]]:
    """The rows of RUN/log.jsonl; a line that a kill cut short is left out."""
    path = run / FILE
    lines = path.read_bytes().splitlines() if path.is_file() else []
    return [row for row in map(_row, lines) if row is not None]


def text(rows: Iterable[Mapping[str, Any]]) -> str:
    """Rows as RUN/log.jsonl has them."""
    return "".join(json.dumps(row) + "\n" for row in rows)


def seconds(rows: Iterable[Mapping[str, Any]]) -> float | None:
    """Of training that the rows tell of; None where none tells. Rows of scores do not."""
    return max((row["seconds"] for row in rows if "seconds" in row), default=None)


def _row(line: bytes) -> dict[str, Any] | None:
    try:
        row = json.loads(line)
    except ValueError:  # no JSON, or no UTF-8
        return None
    return row if isinstance(row, dict) and "step" in row else None


def _length(path: Path, step: int) -> int:
    """Bytes of the rows up to `step`: what comes after them is of a stretch that was not saved."""
    length = kept = 0
    for line in path.read_bytes().splitlines(keepends=True) if path.is_file() else []:
        row = _row(line)
        if row is not None and row["step"] > step:
            break
        length += len(line)
        kept = length if row is not None else kept
    return kept


class Log:
    """Scalars and previews of one run, continued at `step`: rows that an unsaved stretch had written are dropped.

    `rows`: all that was said, as `read` gives them. What can't be written is told to `trouble`, and tried again.
    """

    def __init__(self, run: Path, step: int, trouble: Trouble) -> None:
        self._run, self._trouble = run, trouble
        self.rows = [row for row in read(run) if row["step"] <= step]
        self._file = durable.Growing(run / FILE, _length(run / FILE, step))
        if self.rows and not (run / FILE).read_bytes().endswith(b"\n"):  # a kill cut just the line's end
            self._file.add(b"\n")
        self._board = Board(run / "tensorboard", step)
        self._thread = ThreadPoolExecutor(1, "log")
        self._pending: list[Future[None]] = []

    def scalars(self, step: int, values: dict[str, float]) -> None:
        """One row: {"step": .., name: value, ..}, and the same names in TensorBoard."""
        values = {name: float(f"{value:.6g}") for name, value in values.items()}
        self.rows.append({"step": step, **values})
        self._later(self._write, self.rows[-1], step, values)

    def previews(self, step: int, grids: dict[str, NDArray[np.uint8]]) -> None:
        """Grids [H, W, 3] by name, as RUN/previews/NAME-STEP.png and in TensorBoard."""
        for name, grid in grids.items():
            self._later(self._draw, step, name, grid)

    def synced(self) -> Future[None]:
        """Done when all rows so far are on the disk; its result raises OSError where they can't be."""
        return self._thread.submit(self._file.sync)

    def _write(self, row: dict[str, Any], step: int, values: dict[str, float]) -> None:
        self._try(FILE, lambda: self._file.add(text([row]).encode()))
        self._try("tensorboard", lambda: self._board.scalars(step, values))

    def _draw(self, step: int, name: str, grid: NDArray[np.uint8]) -> None:
        from PIL import Image

        png = io.BytesIO()
        Image.fromarray(grid).save(png, "png")
        path = self._run / PREVIEWS / f"{name}-{step:08d}.png"
        self._try("previews", lambda: durable.write(path, png.getvalue()))
        self._try("tensorboard", lambda: self._board.image(step, f"preview/{name}", png.getvalue(), *grid.shape[:2]))

    def _try(self, what: str, work: Callable[[], None]) -> None:
        try:
            work()
        except OSError as error:
            self._trouble.failed(what, error)
        else:
            self._trouble.over(what)

    def _later(self, work: Any, *arguments: Any) -> None:
        # What is no fault of the disk must surface, but in the thread that trains.
        for done in [f for f in self._pending if f.done()]:
            done.result()
            self._pending.remove(done)
        self._pending.append(self._thread.submit(work, *arguments))

    def close(self) -> None:
        """Wait for everything to be written; OSError where rows can't be."""
        self._thread.shutdown(wait=True)
        try:
            self._try("tensorboard", self._board.close)
        finally:
            self._file.close()
        for done in self._pending:
            done.result()

    def __enter__(self) -> Log:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.close()
        except OSError:
            if kind is None:  # or it would hide what ended the training
                raise
