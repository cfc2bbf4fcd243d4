"""The run's weights, loaded when they are asked for: one checkpoint at a time."""

from __future__ import annotations

import threading
from pathlib import Path

from translate import checkpoint as checkpoints
from translate.inference.model import Model


class Models:
    """The checkpoints of `run` on a device; `first`: which one to begin with ("last", "best", a step's number)."""

    def __init__(self, run: Path, device: str, first: str) -> None:
        self.run, self._device = run, device
        self._lock = threading.Lock()
        self._path = checkpoints.find(run, first)
        self._written = _written(self._path)
        self._model = Model.load(run, device, self._path)

    @property
    def model(self) -> Model:
        """The one that is loaded."""
        return self._model

    @property
    def names(self) -> list[str]:
        """Those that can be chosen: the best one, the one that is loaded, and steps, the newest first."""
        folder = self.run / checkpoints.FOLDER
        best = [checkpoints.BEST] if (folder / checkpoints.BEST).is_file() else []
        return list(dict.fromkeys([*best, *(path.name for path in checkpoints.steps(self.run)), self._path.name]))

    @property
    def choices(self) -> list[tuple[str, str]]:
        """The names with what they are called to a person."""
        newest = next((path.name for path in checkpoints.steps(self.run)), None)
        return [(_called(name) + (" (last)" if name == newest else ""), name) for name in self.names]

    def get(self, name: str | None = None) -> Model:
        """The model of a checkpoint's file name, else the one that is loaded; anew where a training has written it
        again. UserError where there is none."""
        with self._lock:
            path = self._path
            if name is not None and name != path.name:
                path = checkpoints.find(self.run, Path(name).name)
            written = _written(path)
            if path != self._path or written not in (self._written, None):
                self._model = Model.load(self.run, self._device, path)
                self._path, self._written = path, written
            return self._model


def _called(name: str) -> str:
    stem = Path(name).stem
    number = stem.removeprefix("step-")
    return f"step {int(number):,}" if number.isdigit() else stem


def _written(path: Path) -> tuple[int, int] | None:
    """What changes when the file is written anew; None where it is gone, as old ones of a training are."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_mtime_ns, found.st_ino
