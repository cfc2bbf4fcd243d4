"""Ctrl-C and SIGTERM as a question that a loop can ask."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def interruptible(grace: float = 0.0) -> Iterator[Callable[[], bool]]:
    """Whether SIGINT or SIGTERM came: a loop finishes its step and saves. A second one leaves at once, unless it comes
    within `grace` seconds: torchrun passes a signal on that the terminal has sent to everybody."""
    first: float | None = None

    def ask(number: int, frame: FrameType | None) -> None:
        nonlocal first
        if first is not None and time.monotonic() - first > grace:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        elif first is None:
            first = time.monotonic()
            if not grace:
                for kind in before:
                    signal.signal(kind, signal.SIG_DFL)

    try:
        before = {kind: signal.signal(kind, ask) for kind in (signal.SIGINT, signal.SIGTERM)}
    except ValueError:  # not the main thread: somebody else handles signals
        before = {}
    try:
        yield lambda: first is not None
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)
