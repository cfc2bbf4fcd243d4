"""Where the tiles of a large picture lie, and what share of each pixel comes from which of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Axis:
    """Tiles of one `size` along an axis of `length` pixels, from `starts` on; they meet at `seams`, one fewer.

    Each tile's core reaches from seam to seam: the cores part the axis. Around each seam the one tile fades into the
    next over `ramp` pixels, and nowhere else does more than one tile count.
    """

    length: int
    size: int
    starts: tuple[int, ...]
    seams: tuple[int, ...]
    ramp: int

    def __len__(self) -> int:
        return len(self.starts)

    def extent(self, tile: int) -> tuple[int, int]:
        """From where to where on the axis the tile counts."""
        first = self.seams[tile - 1] - self.ramp // 2 if tile else 0
        last = self.seams[tile] + self.ramp // 2 if tile < len(self.seams) else self.length
        return first, last

    def core(self, tile: int) -> NDArray[np.float32]:
        """[size] of 0 and 1: which of the tile's pixels are its own."""
        bounds = (0, *self.seams, self.length)
        places = np.arange(self.size) + self.starts[tile]
        return ((places >= bounds[tile]) & (places < bounds[tile + 1])).astype(np.float32)

    def weights(self, tile: int) -> NDArray[np.float32]:
        """[size] in [0, 1]: the tile's share of each of its pixels; the shares of all tiles sum to 1 everywhere."""
        places = np.arange(self.size, dtype=np.float32) + np.float32(self.starts[tile] + 0.5)
        before = self._risen(places, self.seams[tile - 1]) if tile else np.ones_like(places)
        return before * (1 - self._risen(places, self.seams[tile])) if tile < len(self.seams) else before

    def _risen(self, places: NDArray[np.float32], seam: int) -> NDArray[np.float32]:
        if not self.ramp:
            return (places > seam).astype(np.float32)
        t = ((places - seam) / self.ramp + 0.5).clip(0, 1)
        return (t * t * (3 - 2 * t)).astype(np.float32)  # no kink where it begins and ends


def axis(length: int, size: int, overlap: int, stride: int) -> Axis:
    """As few tiles of at most `size` as overlap by at least `overlap`, evenly spread, and no larger than they must be.

    All in pixels and multiples of `stride`, as are the starts: elsewhere a network's own grid would lie otherwise than
    in the whole picture. Raises ValueError.
    """
    if any(number % stride for number in (length, size, overlap)) or not 0 <= overlap <= size // 2:
        raise ValueError(f"length {length}, size {size} and overlap {overlap} with a stride of {stride}")
    if length <= size:
        return Axis(length, length, (0,), (), 0)
    gaps = -(-(length - size) // (size - overlap))
    steps = -(-(length - overlap) // stride // (gaps + 1))  # of one stride, from each tile's start to the next one's
    size = steps * stride + overlap
    starts = tuple(stride * ((length - size) * i // (gaps * stride)) for i in range(gaps + 1))
    seams = tuple((earlier + size + later) // 2 for earlier, later in pairwise(starts))
    # Of the overlap, 3 / 8 at each tile's border count nowhere: there it shows that the picture ends for the tile.
    return Axis(length, size, starts, seams, overlap // 8 * 2)


@dataclass(frozen=True)
class Grid:
    """The tiles of a picture, by (row, column)."""

    vertical: Axis
    horizontal: Axis

    @property
    def count(self) -> int:
        return len(self.vertical) * len(self.horizontal)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of every tile."""
        return self.vertical.size, self.horizontal.size

    def spread(self, most: int) -> list[tuple[int, int]]:
        """At most `most` different tiles, such that the first few are as evenly spread over the picture as all."""
        rows, columns = len(self.vertical), len(self.horizontal)
        found: dict[tuple[int, int], None] = {}
        for x, y in _even():
            if len(found) >= min(most, self.count):
                break
            found[int(y * rows), int(x * columns)] = None
        return list(found)


def _even() -> Iterator[tuple[float, float]]:
    """Points of the unit square, each where the ones before left most room (Roberts 2018, the R2 sequence)."""
    root = 1.32471795724474602596  # of x^3 = x + 1
    place = 0
    while True:
        yield (0.5 + place / root) % 1, (0.5 + place / root**2) % 1
        place += 1
