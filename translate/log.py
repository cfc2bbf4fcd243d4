"""What a run writes down: TensorBoard and a JSONL beside it, from a thread of its own so that a step never waits."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

FILE = "log.jsonl"


def read(run: Path) -> list[dict[str, Any]]:
    """The rows of RUN/log.jsonl; a last line cut short by a kill is left out."""
    path = run / FILE
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else []:
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:
            break
    return rows


def seconds(rows: Iterable[Mapping[str, Any]]) -> float | None:
    """Of training that the rows tell of; None where none tells. Rows of scores do not."""
    return max((row["seconds"] for row in rows if "seconds" in row), default=None)


class Log:
    """Scalars and previews of one run, continued at `step`: rows that an unsaved stretch had written are dropped.

    `rows`: all that was said, as `read` gives them.
    """

    def __init__(self, run: Path, step: int) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # tensorboard's own imports warn
            from torch.utils.tensorboard import SummaryWriter

        self._run = run
        self.rows = [row for row in read(run) if row["step"] <= step]
        (run / FILE).write_text("".join(json.dumps(row) + "\n" for row in self.rows), encoding="utf-8")
        self._file = open(run / FILE, "a", encoding="utf-8")  # noqa: SIM115 - closed by close()
        self._board = SummaryWriter(str(run / "tensorboard"), purge_step=step + 1 if step else None)
        self._thread = ThreadPoolExecutor(1)
        self._pending: list[Future[None]] = []

    def scalars(self, step: int, values: dict[str, float]) -> None:
        """One row: {"step": .., name: value, ..}, and the same names in TensorBoard."""
        self.rows.append({"step": step, **{name: float(f"{value:.6g}") for name, value in values.items()}})
        self._later(self._write, self.rows[-1])

    def previews(self, step: int, grids: dict[str, NDArray[np.uint8]]) -> None:
        """Grids [H, W, 3] by name, as RUN/previews/NAME-STEP.png and in TensorBoard."""
        for name, grid in grids.items():
            self._later(self._draw, step, name, grid)

    def _write(self, row: dict[str, Any]) -> None:
        self._file.write(json.dumps(row) + "\n")
        self._file.flush()
        for name, value in row.items():
            if name != "step":
                self._board.add_scalar(name, value, row["step"])

    def _draw(self, step: int, name: str, grid: NDArray[np.uint8]) -> None:
        from PIL import Image

        path = self._run / "previews" / f"{name}-{step:08d}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(grid).save(path)
        self._board.add_image(f"preview/{name}", grid, step, dataformats="HWC")

    def _later(self, work: Any, *arguments: Any) -> None:
        # A failed write (a full disk) must surface, but in the thread that trains.
        for done in [f for f in self._pending if f.done()]:
            done.result()
            self._pending.remove(done)
        self._pending.append(self._thread.submit(work, *arguments))

    def close(self) -> None:
        """Wait for everything to be written; raises what a write had failed with."""
        self._thread.shutdown(wait=True)
        self._board.close()
        self._file.close()
        for done in self._pending:
            done.result()

    def __enter__(self) -> Log:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
