"""Where the time of a training goes."""

from __future__ import annotations

import time


class Meter:
    """Images/s and the share of the time that went into waiting for data, since it was last read."""

    _images, _seconds, _waited = 0, 0.0, 0.0

    def add(self, images: int, seconds: float, waited: float) -> None:
        """A step that took so long, waiting for its data included."""
        self._images += images
        self._seconds += seconds
        self._waited += waited

    def read(self) -> tuple[float, float]:
        """(images/s, share waited)."""
        rate, waiting = self._images / self._seconds, self._waited / self._seconds
        self._images, self._seconds, self._waited = 0, 0.0, 0.0
        return rate, waiting


class Clock:
    """Seconds of training; what is skipped (previews, evaluations, checkpoints) is not counted."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self._last = seconds, time.perf_counter()

    def lap(self) -> float:
        """Seconds since the last look at the clock."""
        now = time.perf_counter()
        spent, self._last = now - self._last, now
        self.seconds += spent
        return spent

    def skip(self) -> None:
        """Do not count what was done since the last look."""
        self._last = time.perf_counter()
