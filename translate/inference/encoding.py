"""Translated pictures on their way out: written by threads, behind the network but not far."""

from __future__ import annotations

import errno
import shutil
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

from translate.formats.form import Array
from translate.formats.writing import write
from translate.inference.decoding import Decoded
from translate.inference.outcome import DiskFull, Options, Outcome
from translate.inference.places import Folder, Place
from translate.inference.plan import Job

BEHIND = 256 * 2**20
"""Bytes of pixels that wait for being written."""


class Writer:
    """Writes pictures by threads; at most `behind` of them, and BEHIND bytes, wait. What fails is an outcome, but for
    a full disk, which is raised as DiskFull: nothing else could be written either."""

    def __init__(self, target: Place, options: Options, threads: int, behind: int) -> None:
        self._target, self._options, self._behind = target, options, behind
        self._pool = ThreadPoolExecutor(threads, "write")
        self._waiting: deque[tuple[int, Future[Outcome]]] = deque()
        self._bytes = 0
        self._full = False

    def put(self, pixels: Array, item: Decoded, job: Job, seconds: float) -> None:
        """A picture [H, W, C] to be written; `seconds` it has taken so far."""
        self._waiting.append((pixels.nbytes, self._pool.submit(self._write, pixels, item, job, seconds)))
        self._bytes += pixels.nbytes

    def finished(self) -> Iterator[Outcome]:
        """What is written, and as much of the rest as must not wait any longer."""
        while self._waiting and (
            self._waiting[0][1].done() or len(self._waiting) > self._behind or self._bytes > BEHIND
        ):
            yield self._next()

    def rest(self) -> Iterator[Outcome]:
        """All that is still to be written."""
        while self._waiting:
            yield self._next()

    def written(self) -> Iterator[Outcome]:
        """What is still written when all else ends: everything, unless the disk is full."""
        self.close()
        for _, future in self._waiting:
            if not future.cancelled() and future.exception() is None:
                yield future.result()

    def close(self) -> None:
        """Ends the threads; what waits is written first, unless the disk is full."""
        self._pool.shutdown(cancel_futures=self._full)

    def _next(self) -> Outcome:
        size, future = self._waiting.popleft()
        self._bytes -= size
        return future.result()

    def _write(self, pixels: Array, item: Decoded, job: Job, seconds: float) -> Outcome:
        if self._full:
            raise DiskFull(_fuller(self._target))
        started = time.perf_counter()
        whole = pixels if item.alpha is None else np.concatenate([pixels, item.alpha], axis=2)
        try:
            with self._target.writing(job.target) as file:
                said = write(
                    file, ending(job), item.form, whole.shape[:2], whole.shape[2], [whole], self._options.metadata
                )
        except Exception as error:  # encoders raise nearly anything; one image must not end the folder
            self._full = self._full or is_full(error)
            refuse_full(error, self._target)
            return Outcome(job.name, None, seconds, error=reason(error))
        seconds += time.perf_counter() - started
        return Outcome(job.name, job.target, seconds, (*item.warnings, *said))


def ending(job: Job) -> str:
    """The ending of an output, in small letters."""
    return "." + job.target.rpartition(".")[2].lower()


def refuse_full(error: Exception, target: Place) -> None:
    """Raise DiskFull where that is the matter."""
    if is_full(error):
        raise DiskFull(_fuller(target)) from None


def is_full(error: Exception) -> bool:
    """Whether a disk, or somebody's share of it, is full."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


def _fuller(target: Place) -> str:
    """Where there is no room: in the target, or where large pictures wait until they are written."""
    temporary = tempfile.gettempdir()
    if isinstance(target, Folder) and shutil.disk_usage(temporary).free >= shutil.disk_usage(target.path).free:
        return target.label()
    return temporary


def reason(error: Exception) -> str:
    """Why an image can't be written, as the rest of a sentence about it."""
    if isinstance(error, MemoryError):
        return "too large for this machine's memory"
    return f"can't be written: {str(error) or type(error).__name__}"
