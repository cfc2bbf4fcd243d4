"""What can't be written, said once in a while."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable

SAY_EVERY = 300.0
"""Seconds between two sentences about the same trouble."""
NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
NO_LEAVE = (errno.EACCES, errno.EPERM, errno.EROFS)
WAYS = dict.fromkeys(NO_ROOM, "make room on the disk") | dict.fromkeys(NO_LEAVE, "make the folder writable")


def mending(error: OSError) -> str:
    """What to do about a file that can't be written."""
    return WAYS.get(error.errno or 0, "look after the disk")


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
        where = f" {error.filename}:" if error.filename else ""
        self._warn(
            f"can't write {what}:{where} {error.strerror or error}. The training goes on and tries again; "
            f"{mending(error)}, or what is not saved will be lost."
        )

    def over(self, what: str) -> None:
        """`what` was written."""
        if self._said.pop(what, None) is not None:
            self._warn(f"{what} can be written again")
