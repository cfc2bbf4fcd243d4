"""Batches by position: what batch number `step` holds is a function of (seed, step), on any number of processes."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Generator, Iterable, Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from queue import Empty, Full, Queue
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset

from translate.data import headers, transforms
from translate.data.cache import Cached, Mode, Progress, load
from translate.data.images import Pixels, to_tensor
from translate.data.layouts import Split
from translate.data.transforms import Entry
from translate.domain import Batch, Domain
from translate.errors import UserError
from translate.seeds import seed_of

AHEAD = 4
"""So many batches are made ready while the network works."""


class DataOptions(Protocol):
    """The part of the configuration that batches are made by; sizes are [height, width]."""

    @property
    def size(self) -> Sequence[int]: ...
    @property
    def load_size(self) -> Sequence[int] | None: ...
    @property
    def channels(self) -> Any: ...
    @property
    def frames(self) -> Any: ...
    @property
    def paired_share(self) -> float | None: ...
    @property
    def transforms(self) -> Sequence[Entry]: ...
    @property
    def input_transforms(self) -> Sequence[Entry]: ...
    @property
    def cache(self) -> Mode: ...


class Batches(Dataset[Batch]):
    """`batches[step]`: `batch` rows of A and B, [N, C, H, W] in [-1, 1], the paired ones in front; C counts the
    channels of all frames. Each pool of pictures (pairs, unpaired A, unpaired B) is gone through in endless seeded
    permutations: each once a pass.

    The share of paired rows is data.paired_share, or else the pairs' share of the larger domain's pictures; it is met
    exactly over time. Process `rank` of `world` gets its part of the batch of batch * world rows that one process
    alone would get. `unconditional`: pictures of B alone, A is left to whoever draws latents; UserError where they are
    smaller than data.size. `classes`: their names; the batch's labels [N] are the places in it of the classes of B's
    rows. data.input_transforms change the domain `inputs` alone. Pictures that are `unreadable` (path, reason), and
    the partners of such, are left out."""

    def __init__(
        self,
        split: Split,
        data: DataOptions,
        batch: int,
        seed: int,
        rank: int = 0,
        world: int = 1,
        unconditional: bool = False,
        classes: Sequence[str] | None = None,
        progress: Progress | None = None,
        inputs: Domain = Domain.A,
    ) -> None:
        self._batch, self._seed, self._rank, self._world = batch, seed, rank, world
        self._unconditional, self._inputs = unconditional, inputs
        self._size = int(data.size[0]), int(data.size[1])
        self._frames = {domain: _of(data.frames, domain) for domain in Domain}
        joint, jitter = data.transforms, data.input_transforms
        self._joint = transforms.build(joint) if joint else None
        self._input = transforms.build(jitter, "data.input_transforms") if jitter else None
        domains = (Domain.B,) if unconditional else (Domain.A, Domain.B)
        stored = tuple(data.load_size) if self._joint and data.load_size else self._size
        total = sum(len(split.of(domain)) for domain in domains)
        self._cached: dict[Domain, Cached] = {}
        for domain in domains:
            pictures = split.of(domain)
            if not pictures:
                raise _nothing_of(domain)
            if unconditional:
                headers.refuse_small(pictures, self._size, self._frames[domain])
            before = 0 if domain is domains[0] else len(split.of(domains[0]))
            report = None if progress is None else _shifted(progress, before, total)
            self._cached[domain] = load(
                pictures,
                _of(data.channels, domain),
                (int(stored[0]), int(stored[1])),
                data.cache,
                report,
                self._frames[domain],
            )
        self.unreadable: list[tuple[Path, str]] = list(
            dict.fromkeys(entry for cached in self._cached.values() for entry in cached.unreadable)
        )
        self._pools(split, data.paired_share)
        self._classes = None if classes is None else self._class_of(split, classes)

    def _pools(self, split: Split, share: float | None) -> None:
        """Indices into the caches: `_pairs` [P, 2], `_free` by domain; and the share of paired rows as a fraction."""
        place = {d: {asked: i for i, asked in enumerate(cached.kept)} for d, cached in self._cached.items()}
        unpaired = {d: [i for asked, i in place[d].items() if asked >= len(split.pairs)] for d in place}
        if self._unconditional:
            self._pairs: list[tuple[int, int]] = []
            self._free = {d: list(range(len(cached))) for d, cached in self._cached.items()}
            self.paired_share = Fraction(0)
            return
        a, b = place[Domain.A], place[Domain.B]
        self._pairs = [(a[i], b[i]) for i in range(len(split.pairs)) if i in a and i in b]
        count, most = len(self._pairs), max(len(pool) for pool in unpaired.values())
        self.paired_share = Fraction(count, max(count + most, 1)) if share is None else Fraction(str(share))
        if not 0 <= self.paired_share <= 1 or (self.paired_share and not self._pairs):
            raise UserError(
                f"paired_share is {share}, and there are {count} pairs",
                where="data.paired_share",
                expected="0 to 1, and 0 without pairs",
                hint="data.paired_share=null takes the pairs' share of the pictures",
            )
        side = {Domain.A: [pair[0] for pair in self._pairs], Domain.B: [pair[1] for pair in self._pairs]}
        # With a share of 0 the pairs' pictures would never be seen; with pairs alone they are all there is.
        self._free = {d: pool + side[d] if self.paired_share == 0 else pool or side[d] for d, pool in unpaired.items()}
        for domain, pool in self._free.items():
            if not pool and self.paired_share < 1:
                raise _nothing_of(domain)

    def _class_of(self, split: Split, classes: Sequence[str]) -> NDArray[np.int64]:
        """The place in `classes` of each of B's pictures, in the order of its cache."""
        pictures = split.of(Domain.B)
        number = {name: i for i, name in enumerate(classes)}
        for picture in pictures:
            if picture.label not in number:
                raise UserError(
                    f'is of class "{picture.label}"' if picture.label else "lies in no class folder",
                    where=str(picture.path),
                    expected="a picture in a folder of one of the classes: " + ", ".join(classes),
                    hint="networks.classes=folders takes the classes from the folders",
                )
        return np.array([number[pictures[i].label or ""] for i in self._cached[Domain.B].kept], np.int64)

    def __getitem__(self, step: int) -> Batch:
        paired, free = self._rows(step)
        places: list[int] = []  # of B's rows in its cache
        rows: dict[Domain, list[Pixels]] = {domain: [] for domain in self._cached}
        for row, position in paired:
            i, j = self._pairs[_pick(self._seed, "pairs", len(self._pairs), position)]
            for domain, image in zip(rows, self._pair(i, j, step, row), strict=True):
                rows[domain].append(image)
            places.append(j)
        for row, position in free:
            for domain, cached in self._cached.items():
                pool = self._free[domain]
                place = pool[_pick(self._seed, domain, len(pool), position)]
                rows[domain].append(self._single(domain, cached[place], step, row))
                if domain is Domain.B:
                    places.append(place)
        images = {domain: to_tensor(np.stack(pixels)) for domain, pixels in rows.items()}
        labels = None if self._classes is None else torch.from_numpy(self._classes[places])
        return Batch(images, len(paired), labels)

    def _rows(self, step: int) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """This rank's paired and unpaired rows, as (row of the whole batch, position in the pool's endless
        sequence)."""
        whole = self._batch * self._world
        before = int(step * whole * self.paired_share)
        count = int((step + 1) * whole * self.paired_share) - before
        low, high = (count * rank // self._world for rank in (self._rank, self._rank + 1))
        paired = [(row, before + row) for row in range(low, high)]
        start = self._rank * self._batch - low
        free = range(start, start + self._batch - len(paired))
        return paired, [(count + row, step * whole - before + row) for row in free]

    def _pair(self, i: int, j: int, step: int, row: int) -> tuple[Pixels, Pixels]:
        a, b = self._cached[Domain.A][i], self._cached[Domain.B][j]
        if self._joint:
            frames = self._frames[Domain.A], self._frames[Domain.B]
            a, b = transforms.apply_pair(self._joint, a, b, seed_of(self._seed, "joint", step, row), frames)
        return self._finish(Domain.A, a, step, row), self._finish(Domain.B, b, step, row)

    def _single(self, domain: Domain, image: Pixels, step: int, row: int) -> Pixels:
        if self._joint:
            image = transforms.apply(self._joint, image, seed_of(self._seed, domain, step, row), self._frames[domain])
        return self._finish(domain, image, step, row)

    def _finish(self, domain: Domain, image: Pixels, step: int, row: int) -> Pixels:
        """Jitter of the input domain, and the promise that the picture has the size asked for."""
        made_by = self._joint
        if self._input and domain is self._inputs:
            seed = seed_of(self._seed, "input", step, row)
            image, made_by = transforms.apply(self._input, image, seed, self._frames[domain]), self._input
        if image.shape[:2] != self._size:
            assert made_by is not None, "without transforms pictures are cached at the final size"
            raise UserError(
                f"the transforms {made_by.names} made a picture {image.shape[0]} high and {image.shape[1]} wide",
                where=made_by.where,
                expected=f"data.size, which is {self._size[0]} high and {self._size[1]} wide",
                hint=f"add RandomCrop: {{height: {self._size[0]}, width: {self._size[1]}}}, or change data.size",
            )
        return image


def loader(
    batches: Batches, start: int, stop: int | None = None, workers: int = 0, pin: bool = False
) -> Generator[Batch, None, None]:
    """Batches `start` to `stop` (None: without end), made ready ahead of use by a thread or by `workers` processes.
    `pin` puts them into page-locked memory, for a faster way to a CUDA device. Closing the generator ends its
    thread. The global random state is not touched."""
    positions = range(start, sys.maxsize if stop is None else stop)
    outcomes: Iterable[Batch | UserError]
    if workers:
        own = torch.Generator()  # else it draws from the global one, at a moment that depends on the thread
        outcomes = DataLoader(_Caught(batches), batch_size=None, sampler=positions, num_workers=workers, generator=own)
    else:
        outcomes = (batches[step] for step in positions)
    return _ahead(outcomes, pin)


class _Caught(Dataset[Any]):
    """Hands a user's mistake over as a value: raised in a worker process it would arrive as a page of traceback."""

    def __init__(self, batches: Batches) -> None:
        self._batches = batches

    def __getitem__(self, step: int) -> Batch | UserError:
        try:
            return self._batches[step]
        except UserError as error:
            return error


def _ahead(outcomes: Iterable[Batch | UserError], pin: bool) -> Generator[Batch, None, None]:
    queue: Queue[Batch | BaseException | None] = Queue(AHEAD)
    closed = threading.Event()

    def put(item: Batch | BaseException | None) -> None:
        while not closed.is_set():
            with contextlib.suppress(Full):
                queue.put(item, timeout=0.1)
                return

    def work() -> None:
        try:
            for outcome in outcomes:
                put(_pinned(outcome) if pin and isinstance(outcome, Batch) else outcome)
                if closed.is_set() or isinstance(outcome, UserError):
                    return
            put(None)
        except BaseException as error:  # whatever it is, it belongs to the thread that waits for batches
            put(error)

    thread = threading.Thread(target=work, name="batches", daemon=True)
    thread.start()
    try:
        while (item := queue.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        closed.set()
        with contextlib.suppress(Empty):
            while True:
                queue.get_nowait()
        thread.join()


def _pinned(batch: Batch) -> Batch:
    labels = None if batch.labels is None else batch.labels.pin_memory()
    return Batch({domain: images.pin_memory() for domain, images in batch.images.items()}, batch.paired, labels)


@lru_cache(maxsize=16)
def _permutation(seed: int, pool: str, size: int, turn: int) -> NDArray[np.int64]:
    return np.random.default_rng(seed_of(seed, pool, size, turn)).permutation(size)


def _pick(seed: int, pool: str, size: int, position: int) -> int:
    """Item `position` of the endless sequence of permutations of 0 ... size-1."""
    turn, place = divmod(position, size)
    return int(_permutation(seed, str(pool), size, turn)[place])


def _of(both: Any, domain: Domain) -> int:
    """The number of `domain` in a mapping or section of the configuration with the keys a and b."""
    return int(both[domain] if isinstance(both, Mapping) else getattr(both, domain.value))


def _shifted(progress: Progress, before: int, total: int) -> Progress:
    return lambda done, _: progress(before + done, total)


def _nothing_of(domain: Domain) -> UserError:
    return UserError(
        f"there are no pictures of domain {domain.upper()} to train on",
        expected="pictures of A and of B, or of B alone for an unconditional generator (networks.latent.enter: alone)",
        hint="`translate check DIR` says what was found; the preset `r3gan` learns from one domain",
    )
