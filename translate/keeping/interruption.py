"""Ctrl-C and SIGTERM as a question that a loop can ask."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

INTERRUPTED = 130
"""The exit code of who leaves at once."""
PATIENCE = 1.0
"""Seconds after which whoever interrupted is told what is waited for."""


@contextmanager
def interruptible(
    grace: float = 0.0, say: Callable[[str], None] = lambda sentence: None
) -> Iterator[Callable[[], bool]]:
    """Whether SIGINT or SIGTERM came: a loop finishes its step and saves, which `say` hears of if it takes a while. A
    second one leaves at once, unless it comes within `grace` seconds: torchrun passes a signal on that the terminal has
    sent to everybody."""
    if threading.current_thread() is not threading.main_thread():  # somebody else handles signals
        yield lambda: False
        return
    watcher = _Watcher(grace, say)
    before = {kind: signal.signal(kind, watcher.note) for kind in (signal.SIGINT, signal.SIGTERM)}
    former = signal.set_wakeup_fd(watcher.sender.fileno(), warn_on_full_buffer=False)
    try:
        yield lambda: watcher.asked
    finally:
        signal.set_wakeup_fd(former)
        for kind, handler in before.items():
            signal.signal(kind, handler)
        watcher.close()


class _Watcher:
    """Counts signals in a thread of its own: Python's handlers wait for the end of whatever is being computed."""

    def __init__(self, grace: float, say: Callable[[str], None]) -> None:
        self.asked = False
        self._grace, self._say = grace, say
        self._receiver, self.sender = socket.socketpair()
        self.sender.setblocking(False)
        self._thread = threading.Thread(target=self._watch, name="signals", daemon=True)
        self._thread.start()

    def note(self, *_: object) -> None:
        """One of the signals has come."""
        self.asked = True

    def close(self) -> None:
        """No more signals will come."""
        self.sender.close()
        self._thread.join()
        self._receiver.close()

    def _watch(self) -> None:
        first: float | None = None
        while True:
            try:
                received = self._receiver.recv(1)
            except TimeoutError:
                self._say("finishing this step, then saving; once more leaves at once")
                self._receiver.settimeout(None)
                continue
            if not received:
                return
            if received[0] not in (signal.SIGINT, signal.SIGTERM):
                continue
            if first is None:
                first, self.asked = time.monotonic(), True
                self._receiver.settimeout(PATIENCE)
            elif time.monotonic() - first > self._grace:
                os._exit(INTERRUPTED)  # files are whole at any moment


def _forget() -> None:
    """A forked process that reads data is sent what the terminal sends to all: it must not count in its parent."""
    if threading.current_thread() is threading.main_thread():
        signal.set_wakeup_fd(-1)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
