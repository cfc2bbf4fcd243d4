"""Batches made ready ahead of use: by a thread, by several, or by processes; in order, whichever it is."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from queue import Empty, Full, Queue
from typing import Any, Protocol

import torch
from torch.utils.data import DataLoader, Dataset

from translate.domain import Batch
from translate.errors import UserError

AHEAD = 4
"""So many batches are made ready while the network works."""

Skipped = list[tuple[Path, str]]


class Source(Protocol):
    """What batches come from; see `loader.Batches`."""

    def __getitem__(self, step: int) -> Batch: ...
    @property
    def decodes(self) -> bool: ...
    @property
    def shared(self) -> bool: ...
    def skipped(self) -> Skipped: ...
    def note(self, skipped: Skipped) -> None: ...


def loader(
    batches: Source,
    start: int,
    stop: int | None = None,
    workers: int = 0,
    pin: bool = False,
    given_up: Callable[[], bool] = lambda: False,
) -> Generator[Batch, None, None]:
    """Batches `start` to `stop` (None: without end), made ready ahead of use. Where pictures are decoded at every use,
    by `workers` processes, or by `workers` threads where they lie in archives or behind URLs (0: as many as there are
    processors); else by one thread, or by `workers` processes. `pin` puts them into page-locked memory, for a faster
    way to a CUDA device. `given_up` is asked while a batch is slow to come, and ends the waiting. Closing the generator
    ends its threads. The global random state is not touched."""
    positions = range(start, sys.maxsize if stop is None else stop)
    outcomes: Iterable[Batch | UserError]
    if batches.decodes and (batches.shared or not workers):
        outcomes = _by_threads(batches, positions, workers or _processors())
    elif workers:
        own = torch.Generator()  # else it draws from the global one, at a moment that depends on the thread
        caught = _Caught(batches)
        handed = DataLoader(caught, batch_size=None, sampler=positions, num_workers=workers, generator=own)
        outcomes = _heard(batches, handed)
    else:
        outcomes = (batches[step] for step in positions)
    return _ahead(outcomes, pin, given_up)


def _processors() -> int:
    """Processors that this process may use, shared among a node's processes; at most 8."""
    try:
        count = len(os.sched_getaffinity(0))
    except AttributeError:  # not Linux
        count = os.cpu_count() or 1
    return max(1, min(8, count // int(os.environ.get("LOCAL_WORLD_SIZE", "1"))))


def _by_threads(batches: Source, positions: Iterable[int], threads: int) -> Iterator[Batch]:
    """Decoding leaves Python's lock to others, so that threads, who share copies and connections, do for processes."""
    with ThreadPoolExecutor(threads, "batches") as pool:
        under_way: deque[Future[Batch]] = deque()
        try:
            for step in positions:
                under_way.append(pool.submit(batches.__getitem__, step))
                if len(under_way) > threads:
                    yield under_way.popleft().result()
            while under_way:
                yield under_way.popleft().result()
        finally:
            for future in under_way:
                future.cancel()


class _Caught(Dataset[Any]):
    """In a worker process. Hands a user's mistake over as a value (raised, it would arrive as a page of traceback), and
    what was left out beside the batch."""

    def __init__(self, batches: Source) -> None:
        self._batches = batches

    def __getitem__(self, step: int) -> tuple[Batch | UserError, Skipped]:
        try:
            return self._batches[step], self._batches.skipped()
        except UserError as error:
            return error, self._batches.skipped()


def _heard(batches: Source, handed: Iterable[tuple[Batch | UserError, Skipped]]) -> Iterator[Batch | UserError]:
    for outcome, skipped in handed:
        batches.note(skipped)
        yield outcome


def _ahead(
    outcomes: Iterable[Batch | UserError], pin: bool, given_up: Callable[[], bool]
) -> Generator[Batch, None, None]:
    queue: Queue[Batch | BaseException | None] = Queue(AHEAD)
    closed = threading.Event()

    def put(item: Batch | BaseException | None) -> None:
        while not closed.is_set():
            with contextlib.suppress(Full):
                queue.put(item, timeout=0.1)
                return

    def work() -> None:
        try:
            with contextlib.closing(_closable(outcomes)) as items:
                for outcome in items:
                    put(_pinned(outcome) if pin and isinstance(outcome, Batch) else outcome)
                    if closed.is_set() or isinstance(outcome, UserError):
                        return
            put(None)
        except BaseException as error:  # whatever it is, it belongs to the thread that waits for batches
            put(error)

    thread = threading.Thread(target=work, name="batches", daemon=True)
    thread.start()
    try:
        while (item := _next(queue, given_up)) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        closed.set()
        with contextlib.suppress(Empty):
            while True:
                queue.get_nowait()
        thread.join()


def _next(queue: Queue[Batch | BaseException | None], given_up: Callable[[], bool]) -> Batch | BaseException | None:
    """The next batch, however long it takes; None where somebody gives up waiting."""
    while True:
        with contextlib.suppress(Empty):
            return queue.get(timeout=0.2)
        if given_up():
            return None


def _closable(outcomes: Iterable[Batch | UserError]) -> Generator[Batch | UserError, None, None]:
    yield from outcomes


def _pinned(batch: Batch) -> Batch:
    labels = None if batch.labels is None else batch.labels.pin_memory()
    return Batch({domain: images.pin_memory() for domain, images in batch.images.items()}, batch.paired, labels)
