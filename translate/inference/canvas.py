"""A large picture as a network is to see it: padded as a small one would be, and read tile by tile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import groupby, islice
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from translate.inference.padding import padded
from translate.inference.tiles import Grid

if TYPE_CHECKING:
    from translate.formats.form import Array
    from translate.formats.reading import Opened


class Batch(NamedTuple):
    """Tiles of one row: their columns, images [N, C, H, W] in [-1, 1], cores [N, H] and [N, W] of 0 and 1."""

    columns: list[int]
    images: Tensor
    cores: tuple[Tensor, Tensor]


class Canvas:
    """The picture with margins up to multiples of `stride`: `height` and `width` count these too; `top` and `left` are
    the margins above and left of the picture. `watch` hears of tiles that have been passed."""

    def __init__(
        self,
        picture: Opened,
        channels: int,
        stride: int,
        smallest: tuple[int, int],
        watch: Callable[[int], None] = lambda tiles: None,
    ) -> None:
        self._picture, self._channels, self._watch = picture, channels, watch
        self._rows, self.top = _reflected(picture.height, stride, smallest[0])
        self._columns, self.left = _reflected(picture.width, stride, smallest[1])
        self.height, self.width = len(self._rows), len(self._columns)

    def rows(self, top: int, bottom: int) -> Array:
        """[bottom - top, width, C], as the picture holds it."""
        wanted = self._rows[top:bottom]
        first, last = int(wanted.min()), int(wanted.max()) + 1
        return self._picture.rows(first, last, self._channels)[wanted - first][:, self._columns]

    def batches(self, grid: Grid, tiles: list[tuple[int, int]], most: int) -> Iterator[Batch]:
        """The tiles (row, column) in reading order, up to `most` of one row at a time."""
        from translate.formats.values import to_tensor

        for row, places in groupby(sorted(tiles), key=lambda place: place[0]):
            start = grid.vertical.starts[row]
            strip = self.rows(start, start + grid.vertical.size)
            while columns := [column for _, column in islice(places, most)]:
                starts = [grid.horizontal.starts[column] for column in columns]
                crops = np.stack([strip[:, first : first + grid.horizontal.size] for first in starts])
                cores = np.stack([grid.horizontal.core(column) for column in columns])
                own = torch.from_numpy(grid.vertical.core(row)).expand(len(columns), -1)
                yield Batch(columns, to_tensor(crops), (own, torch.from_numpy(cores)))
                self._watch(len(columns))


def _reflected(length: int, stride: int, smallest: int) -> tuple[NDArray[np.int64], int]:
    """Which row of the picture each row of the canvas shows, and how many lie above the picture."""
    shown: list[Tensor] = []

    def look(coordinates: Tensor) -> Tensor:
        shown.append(coordinates[0, 0, :, 0])
        return coordinates

    # What `padded` does to the picture's coordinates, it would do to the picture. (float32 counts to 2**24.)
    padded(look, torch.arange(length, dtype=torch.float32).view(1, 1, length, 1), stride, (smallest, 1))
    rows = shown[0].numpy().astype(np.int64)
    return rows, (len(rows) - length) // 2
