"""Pictures, or pairs of them, in an endless order; what can't be read is passed over for the next."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from math import gcd
from pathlib import Path
from typing import Protocol

import numpy as np

from translate.data.cache import Cached
from translate.data.dataset import Picture
from translate.data.images import Pixels, Unreadable
from translate.data.order import Numbers, Order, Shuffled, Windowed
from translate.data.shards import archives_of, shards_of
from translate.data.store import Shard, Store
from translate.errors import UserError

IN_A_ROW = 50
"""After so many unreadable pictures one after the other it is not the pictures that are at fault."""


class Reach(Protocol):
    """The part of the configuration that says how far apart archives are mixed, and how much of them is kept."""

    @property
    def window(self) -> int: ...
    @property
    def cache_gb(self) -> float | None: ...


class Pool:
    """`places` [N, sides]: of each item in the cache of each side. `order` says which item a position has. An item of
    which a side can't be read is told to `lost` once, and wherever it would come, another one in the pool does: so
    what a position gives is a function of the position and of what can't be read."""

    def __init__(
        self,
        sides: Sequence[Cached],
        places: Numbers,
        order: Order,
        lost: Callable[[Path, str], None],
        ahead: Callable[[int], None] | None = None,
    ) -> None:
        self._sides, self._places, self._order, self._lost, self._ahead = sides, places, order, lost, ahead
        self._broken: dict[int, object] = {}

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, position: int) -> tuple[list[Pixels], int]:
        """The pictures [H, W, C] at a position, one a side, and the last one's place in its cache. Raises UserError
        when too many can't be read."""
        if self._ahead:
            self._ahead(position)
        first, failed = self._order(position), 0
        # Neighbours lie on the same spoilt piece of a disk; in archives they are what is at hand.
        stride = _stride(len(self)) if isinstance(self._order, Shuffled) else 1
        for item in range(first, first + stride * len(self), stride):
            item %= len(self)
            if item in self._broken:
                continue
            places = self._places[item]
            try:
                return [side[int(place)] for side, place in zip(self._sides, places, strict=True)], int(places[-1])
            except Unreadable as error:
                mine = object()
                if self._broken.setdefault(item, mine) is mine:  # of several threads, one tells
                    self._lost(error.path, error.reason)
                last, failed = error, failed + 1
                if failed == IN_A_ROW:
                    break
        # Of several threads each has met some of those that can't be read, when all of them are.
        raise _gone(last if failed else None, failed if failed == IN_A_ROW else len(self))


def _stride(count: int) -> int:
    """About 0.618 times `count`, and without a common divisor: steps of it reach all items, and spread at once."""
    stride = max(1, round(count * 0.618))
    while gcd(stride, count) > 1:
        stride += 1
    return stride


class PoolMaker:
    """Makes the pools of one domain's pictures: in shuffled order, or, where they lie in archives that are decoded at
    every use, a window of archives at a time."""

    def __init__(
        self,
        cached: Cached,
        pictures: Sequence[Picture],
        data: Reach,
        seed: int,
        lost: Callable[[Path, str], None],
    ) -> None:
        self._seed, self._lost, self._window = seed, lost, data.window
        self._shards = shards_of(pictures) if cached.decodes else None
        self._archives = archives_of(pictures) if self._shards is not None else None
        self.needed = 0
        """Bytes of copies that must lie here at a time, so that none is fetched twice a turn."""
        if self._archives is not None and data.cache_gb is not None:
            self._archives.store.limit = int(data.cache_gb * 1e9)

    @property
    def store(self) -> Store | None:
        """Where copies of archives are kept, if these pictures lie in any."""
        return self._archives.store if self._archives else None

    def made(self, name: str, places: Numbers, sides: Sequence[Cached]) -> Pool:
        """A pool of items [N, sides], the first of which are of this domain."""
        if self._shards is None or self._archives is None or not len(places):
            return Pool(sides, places, Shuffled(self._seed, name, len(places)), self._lost)
        shards, archives = self._shards[places[:, 0]], self._archives
        begins = np.concatenate([[0], np.flatnonzero(np.diff(shards)) + 1])
        order = Windowed(self._seed, name, np.diff([*begins, len(places)]), self._window)
        runs = [archives.shards[int(shard)] for shard in shards[begins]]
        if not any(shard.remote for shard in runs):
            return Pool(sides, places, order, self._lost)
        self.needed += sum(sorted((shard.size for shard in runs), reverse=True)[: order.window + 1])
        return Pool(sides, places, order, self._lost, _Fetching(order, runs, archives.store))


class _Fetching:
    """Begins to fetch the archives that a position and those after it need."""

    def __init__(self, order: Windowed, runs: list[Shard], store: Store) -> None:
        self._order, self._runs, self._store = order, runs, store
        self._seen = deque[tuple[int, int]](maxlen=16)

    def __call__(self, position: int) -> None:
        block, runs = self._order.needed(position)
        if block not in self._seen:
            self._seen.append(block)
            for run in runs:
                self._store.soon(self._runs[run])


def refuse_little_room(makers: Iterable[PoolMaker]) -> None:
    """Raise UserError where copies of the archives that are read at a time would drive one another out."""
    makers = list(makers)
    needed, store = sum(maker.needed for maker in makers), next((maker.store for maker in makers if maker.store), None)
    if not needed or store is None or store.limit == 0 or (room := store.room()) >= needed:
        return
    raise UserError(
        f"{needed / 1e9:.1f} GB of archives are read at a time, and {room / 1e9:.1f} GB of them can be kept",
        where=str(store.folder) if store.limit is None else "data.cache_gb",
        expected="room for a window of archives (data.window)",
        hint="a smaller data.window, another disk (TRANSLATE_CACHE), or data.cache_gb=0: each picture is a request",
    )


def _gone(last: Unreadable | None, count: int) -> UserError:
    named = f"; the last: {last.path.name}: {last.reason}" if last else ""
    return UserError(
        f"{count} pictures in a row can't be read{named}",
        where=os.fspath(last.path.parent) if last else None,
        expected="the pictures that were there when the training began; is the folder, the disk or the server gone?",
        hint="bring them back, or take what can't be read out of the folder",
    )
