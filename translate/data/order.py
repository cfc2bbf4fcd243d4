"""In which order pictures come: a function of seed and position, so that nothing has to be saved to go on."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from translate.seeds import seed_of

Numbers = NDArray[np.int64]


class Order(Protocol):
    """An endless sequence of permutations of 0 ... size - 1, by position."""

    def __call__(self, position: int) -> int: ...


class Shuffled:
    """Each turn a permutation of all."""

    def __init__(self, seed: int, pool: str, size: int) -> None:
        self._key = seed, pool, size

    def __call__(self, position: int) -> int:
        turn, place = divmod(position, self._key[2])
        return int(_permutation(*self._key, turn)[place])


class Windowed:
    """Each turn all once, such that at any time few shards are needed: the shards are permuted, each is cut at random
    into `window` parts, and block k holds one part of each of the shards k, k-1, ..., k-window+1 (round about), mixed.
    So a block brings in one new shard and lets one go, and what lay together comes up to `window` shards apart.

    `sizes`: how many items each shard has; the items of a shard are consecutive numbers."""

    def __init__(self, seed: int, pool: str, sizes: Numbers, window: int) -> None:
        self._seed, self._pool, self._sizes = seed, pool, sizes
        self._starts = np.concatenate([[0], np.cumsum(sizes)])
        self.window = min(window, len(sizes))
        self._turn = lru_cache(maxsize=2)(self._turn_of)
        self._block = lru_cache(maxsize=4)(self._block_of)

    def __call__(self, position: int) -> int:
        turn, block, place = self._locate(position)
        return int(self._block(turn, block)[place])

    def needed(self, position: int) -> tuple[tuple[int, int], list[int]]:
        """(turn, block) of a position, and the shards that it and the next block need, the next one's own last."""
        turn, block, _ = self._locate(position)
        shards = self._turn(turn).shards
        mine = [int(shards[(block - part) % len(shards)]) for part in range(self.window)]
        last = block + 1 == len(shards)
        following = self._turn(turn + 1).shards[0] if last else shards[block + 1]
        return (turn, block), [*mine, int(following)]

    def _locate(self, position: int) -> tuple[int, int, int]:
        turn, place = divmod(position, int(self._starts[-1]))
        ends = self._turn(turn).ends
        block = int(np.searchsorted(ends, place, side="right"))
        return turn, block, place - (int(ends[block - 1]) if block else 0)

    def _turn_of(self, turn: int) -> _Turn:
        shards = _permutation(self._seed, f"{self._pool} shards", len(self._sizes), turn)
        sizes = self._sizes[shards]
        blocks = np.zeros(len(shards), np.int64)
        for part in range(self.window):
            low, high = _cut(sizes, part, self.window)
            blocks += np.roll(high - low, part)
        return _Turn(shards, np.cumsum(blocks))

    def _block_of(self, turn: int, block: int) -> Numbers:
        shards = self._turn(turn).shards
        parts = []
        for part in range(self.window):
            shard = int(shards[(block - part) % len(shards)])
            low, high = _cut(self._sizes[shard], part, self.window)
            inside = _permutation(self._seed, f"{self._pool} shard {shard}", int(self._sizes[shard]), turn)
            parts.append(self._starts[shard] + inside[int(low) : int(high)])
        items = np.concatenate(parts)
        return items[_generator(self._seed, f"{self._pool} block {block}", len(items), turn).permutation(len(items))]


class _Turn(NamedTuple):
    """The shards in the order of a turn, and where each block ends."""

    shards: Numbers
    ends: Numbers


def _cut(size: NDArray[np.int64] | np.int64, part: int, parts: int) -> tuple[Numbers, Numbers]:
    return np.asarray(size * part // parts), np.asarray(size * (part + 1) // parts)


@lru_cache(maxsize=64)
def _permutation(seed: int, pool: str, size: int, turn: int) -> Numbers:
    return _generator(seed, pool, size, turn).permutation(size)


def _generator(seed: int, pool: str, size: int, turn: int) -> np.random.Generator:
    return np.random.default_rng(seed_of(seed, pool, size, turn))
