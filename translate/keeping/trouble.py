"""What can't be written, said once in a while."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable

SAY_EVERY = 300.0
"""Seconds between two sentences about the same trouble."""
NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


class Trouble:
    """Says what can't be written, once in a while, and when it could be again."""

    def __init__(self, warn: Callable[[str], None], every: float = SAY_EVERY) -> None:
        self._warn, self._every = warn, every
        self._said: dict[str, float] = {}

    def failed(self, what: str, error: OSError) -> None:
        """`what` could not be written; it will be tried again."""
        now = time.monotonic()
        if now - self._said.get(what, -self._every) < self._every:
            return
        self._said[what] = now
        do = "make room on the disk" if error.errno in NO_ROOM else "look after the disk"
        where = f" {error.filename}:" if error.filename else ""
        self._warn(
            f"can't write {what}:{where} {error.strerror or error}. The training goes on and tries again; {do}, or "
            "what is not saved will be lost."
        )

    def over(self, what: str) -> None:
        """`what` was written."""
        if self._said.pop(what, None) is not None:
            self._warn(f"{what} can be written again")
