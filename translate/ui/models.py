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

    def get(self, name: str | None = None) -> Model:
        """The model of a checkpoint's file name, else the one that is loaded. UserError where there is none."""
        with self._lock:
            if name is not None and name != self._path.name:
                path = checkpoints.find(self.run, Path(name).name)
                self._model, self._path = Model.load(self.run, self._device, path), path
            return self._model
