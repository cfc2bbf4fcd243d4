"""Outputs that are made by threads: what is there is skipped, what fails is named, the rest is done."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from translate.inference import decoding, encoding
from translate.inference.outcome import Outcome
from translate.inference.places import Folder


@dataclass(frozen=True)
class Job:
    """An output `target` to be made of the input `name`: `make` writes it and returns what is worth a warning.
    `refused`: why it can't be made, where that is known already."""

    name: str
    target: str
    make: Callable[[], Sequence[str]]
    refused: str | None = None


def workers() -> int:
    """Threads that decode and encode."""
    return min(8, os.cpu_count() or 1)


def made(jobs: Iterable[Job], target: Folder, threads: int | None = None) -> Generator[Outcome, None, None]:
    """What becomes of each job, in order; memory does not grow with their number. Raises DiskFull."""
    waiting: deque[Future[Outcome]] = deque()
    ahead = 2 * (threads or workers())
    rest = iter(jobs)
    with ThreadPoolExecutor(threads or workers(), "prepare") as pool:
        try:
            while True:
                _fill(waiting, rest, ahead, lambda job: pool.submit(one, job, target))
                if not waiting:
                    return
                yield waiting.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)


def _fill(
    waiting: deque[Future[Outcome]], rest: Iterator[Job], ahead: int, submit: Callable[[Job], Future[Outcome]]
) -> None:
    while len(waiting) < ahead and (job := next(rest, None)) is not None:
        waiting.append(submit(job))


def one(job: Job, target: Folder) -> Outcome:
    """What becomes of one job. Raises DiskFull."""
    started = time.perf_counter()
    if job.refused is not None:
        return Outcome(job.name, None, 0.0, error=job.refused)
    if target.exists(job.target):
        return Outcome(job.name, job.target, 0.0, skipped=True)
    try:
        said = job.make()
    except Exception as error:  # decoders and encoders raise nearly anything; one picture must not end the folder
        return failed(job.name, error, target, started)
    return Outcome(job.name, job.target, time.perf_counter() - started, tuple(said))


def failed(name: str, error: Exception, target: Folder, started: float) -> Outcome:
    """The outcome of an exception. Raises DiskFull where that is the matter."""
    encoding.refuse_full(error, target)
    writes = isinstance(error, OSError) and not isinstance(error, FileNotFoundError | PermissionError)
    return Outcome(
        name,
        None,
        time.perf_counter() - started,
        error=encoding.reason(error) if writes else decoding.reason(error),
    )
