"""Pictures that lie in tar archives: made when they are asked for, read from the archive itself."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, overload

import numpy as np
from numpy.typing import NDArray

from translate.data import opening
from translate.data.dataset import Chained, Half, Picture
from translate.data.index import Table
from translate.data.store import Shard, Store

Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Member:
    """A file within an archive, as a picture's source."""

    store: Store
    shard: Shard
    offset: int
    size: int

    def open(self) -> BinaryIO:
        return io.BytesIO(self.store.read(self.shard, self.offset, self.size))

    def stamp(self) -> tuple[str | int, ...]:
        return *self.shard.stamp, self.offset, self.size

    def near(self) -> None:
        """Brings its archive here, if it lies elsewhere and may be kept."""
        self.store.near(self.shard)


class Archives:
    """Archives with what they hold; the pictures of all are numbered through."""

    def __init__(self, shards: Sequence[Shard], tables: Sequence[Table], store: Store) -> None:
        self.shards, self.tables, self.store = shards, tables, store
        self.starts = np.concatenate([[0], np.cumsum([len(table) for table in tables], dtype=np.int64)])

    def shard_of(self, rows: Numbers | int) -> Numbers:
        """In which archive pictures lie."""
        return np.asarray(np.searchsorted(self.starts, rows, side="right") - 1)

    def picture(self, row: int, half: Half | None) -> Picture:
        """Picture number `row`, or a half of it."""
        number = int(self.shard_of(row))
        shard, table, place = self.shards[number], self.tables[number], row - int(self.starts[number])
        label = int(table.label[place])
        return Picture(
            opening.shown(shard.place) / table.name(place),
            half,
            table.labels[label] if label >= 0 else None,
            Member(self.store, shard, int(table.offset[place]), int(table.size[place])),
        )


class Members(Sequence[Picture]):
    """Pictures by their numbers `rows` in the archives, made when they are asked for."""

    def __init__(self, archives: Archives, rows: Numbers, half: Half | None = None) -> None:
        self.archives, self.rows, self._half = archives, rows, half

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, place: int) -> Picture: ...
    @overload
    def __getitem__(self, place: slice) -> Members: ...
    def __getitem__(self, place: int | slice) -> Picture | Members:
        if isinstance(place, slice):
            return Members(self.archives, self.rows[place], self._half)
        return self.archives.picture(int(self.rows[place]), self._half)

    def __iter__(self) -> Iterator[Picture]:
        return (self.archives.picture(int(row), self._half) for row in self.rows)

    def take(self, places: Sequence[int]) -> Members:
        """Those at `places`."""
        return Members(self.archives, self.rows[np.asarray(places, np.int64)], self._half)

    @property
    def shard_of(self) -> Numbers:
        """The archive of each, by number."""
        return self.archives.shard_of(self.rows)


def shards_of(pictures: Sequence[Picture]) -> Numbers | None:
    """The archive of each picture, by number; None where they are not all in archives of one set."""
    parts = pictures.parts if isinstance(pictures, Chained) else [pictures]
    numbers = [part.shard_of for part in parts if isinstance(part, Members)]
    return np.concatenate(numbers) if numbers and len(numbers) == len(parts) else None


def archives_of(pictures: Sequence[Picture]) -> Archives | None:
    """The archives that `shards_of` numbers."""
    parts = pictures.parts if isinstance(pictures, Chained) else [pictures]
    return next((part.archives for part in parts if isinstance(part, Members)), None)
