"""What a dataset is made of, wherever its bytes lie: pictures, their splits, the whole."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import BinaryIO, Literal, Protocol, overload

from translate.domain import Domain, Regime, regime_of
from translate.errors import UserError, nearest

ENDINGS = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".ppm", ".pgm"})
SPLITS = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}

Half = Literal["left", "right"]


class Source(Protocol):
    """Where the bytes of a picture lie that is no file of its own on this machine."""

    def open(self) -> BinaryIO:
        """The picture's file, to be closed by the caller. Raises OSError."""

    def stamp(self) -> tuple[str | int, ...]:
        """Changes when the bytes do, as far as that can be told without reading them. Raises OSError."""

    def near(self) -> None:
        """Brings it near together with what lies beside it, since that will be asked for soon. Raises OSError."""


@dataclass(frozen=True)
class Picture:
    """An image, or the left or right half of one that holds a pair side by side.

    `path`: its file, or, where it has a `source`, a name that is only for messages and order. `label`: the class, which
    is the name of the first folder below that of the split (and domain); None without one.
    """

    path: Path
    half: Half | None = None
    label: str | None = field(default=None, compare=False)
    source: Source | None = field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        return str(self.path) if self.half is None else f"{self.path} ({self.half} half)"

    def open(self) -> BinaryIO:
        """The bytes of its whole file. Raises OSError."""
        return self.path.open("rb") if self.source is None else self.source.open()

    def stamp(self) -> tuple[str | int, ...]:
        """Changes when its file does. Raises OSError."""
        if self.source is not None:
            return self.source.stamp()
        stat = self.path.stat()
        return stat.st_mtime_ns, stat.st_size


class Zipped(Sequence[tuple[Picture, Picture]]):
    """Two equally long sequences as one of pairs, which are made when they are asked for."""

    def __init__(self, a: Sequence[Picture], b: Sequence[Picture]) -> None:
        self.sides = a, b

    def __len__(self) -> int:
        return len(self.sides[0])

    @overload
    def __getitem__(self, place: int) -> tuple[Picture, Picture]: ...
    @overload
    def __getitem__(self, place: slice) -> Zipped: ...
    def __getitem__(self, place: int | slice) -> tuple[Picture, Picture] | Zipped:
        a, b = self.sides
        return Zipped(a[place], b[place]) if isinstance(place, slice) else (a[place], b[place])


@dataclass
class Split:
    """The pictures of train, val or test; `unmatched` names files whose partner was sought and not found, `broken`
    what can't be used, with the reason."""

    pairs: Sequence[tuple[Picture, Picture]] = field(default_factory=list)
    only_a: Sequence[Picture] = field(default_factory=list)
    only_b: Sequence[Picture] = field(default_factory=list)
    unmatched: list[Path] = field(default_factory=list)
    broken: list[tuple[Path, str]] = field(default_factory=list)

    def of(self, domain: Domain) -> Sequence[Picture]:
        """All pictures of `domain`: the pairs' sides first, in the pairs' order, then the unpaired ones."""
        side = 0 if domain is Domain.A else 1
        only = self.only_a if domain is Domain.A else self.only_b
        sides = self.pairs.sides[side] if isinstance(self.pairs, Zipped) else [pair[side] for pair in self.pairs]
        if isinstance(sides, list) and isinstance(only, list):
            return sides + only
        parts = [part for part in (sides, only) if len(part)]
        return parts[0] if len(parts) == 1 else Chained(parts)

    def __len__(self) -> int:
        return 2 * len(self.pairs) + len(self.only_a) + len(self.only_b)


class Chained(Sequence[Picture]):
    """Sequences of pictures one after the other, none of them copied."""

    def __init__(self, parts: list[Sequence[Picture]]) -> None:
        self.parts = parts

    def __len__(self) -> int:
        return sum(map(len, self.parts))

    @overload
    def __getitem__(self, place: int) -> Picture: ...
    @overload
    def __getitem__(self, place: slice) -> list[Picture]: ...
    def __getitem__(self, place: int | slice) -> Picture | list[Picture]:
        if isinstance(place, slice):
            return [self[i] for i in range(*place.indices(len(self)))]
        left = place + len(self) if place < 0 else place
        for part in self.parts:
            if 0 <= left < len(part):
                return part[left]
            left -= len(part)
        raise IndexError(place)

    def __iter__(self) -> chain[Picture]:
        return chain.from_iterable(self.parts)


@dataclass
class Dataset:
    """What there is, by split; `skipped` counts files that are no images, `stray` are images of no split, `hint` is
    advice on pairs that may have been overlooked."""

    root: Path
    layout: str
    splits: dict[str, Split]
    skipped: int = 0
    stray: list[Path] = field(default_factory=list)
    hint: str | None = None

    def regime(self, split: str = "train") -> Regime:
        """The name of what the data allows."""
        found = self.split(split)
        return regime_of(len(found.pairs), len(found.only_a), len(found.only_b))

    def split(self, name: str) -> Split:
        """The split of that name; a UserError names the splits there are."""
        if name not in self.splits:
            raise UserError(
                f'there is no split "{name}".{nearest(name, self.splits)}',
                where=str(self.root),
                expected="one of " + ", ".join(self.splits),
                hint=f"add a folder {name}/ (or {name}A/ and {name}B/), or name one of the splits there are",
            )
        return self.splits[name]

    def classes(self, split: str = "train") -> list[str]:
        """The sorted names of the class folders of B's pictures in `split`. Raises UserError for fewer than two, for
        pictures outside of them, and for classes of other splits that the training split lacks."""
        names = self._labels(split)
        if "train" in self.splits:
            known = self._labels("train")
            for other in self.splits:
                if lacking := [name for name in self._labels(other) if name not in known]:
                    raise UserError(
                        f"{other} has pictures of {', '.join(lacking)}, and train has none",
                        where=str(self.root),
                        expected="in every split the classes of train: " + ", ".join(known),
                        hint=f"move the folder out of {other}, or put pictures of it into train",
                    )
        return names

    def _labels(self, split: str) -> list[str]:
        pictures = self.split(split).of(Domain.B)
        names = sorted({picture.label for picture in pictures if picture.label})
        outside = [os.path.relpath(picture.path, self.root) for picture in pictures if not picture.label]
        if (len(names) < 2 and split == "train") or outside:
            found = f"found {listing(f'{name}/' for name in names)}"
            lost = f"; {len(outside)} pictures outside of them: {', '.join(outside[:3])}" if outside else ""
            raise UserError(
                f"{split}: {found}{lost}",
                where=str(self.root),
                expected="class folders: at least two, each with images and all images in them, as train/cat/1.png "
                "and train/dog/1.png, or cat/1.png and dog/1.png",
                hint="--set networks.classes=null to train without classes",
            )
        return names


def listing(names: Iterable[str]) -> str:
    """Some of the names, as a sentence goes on."""
    names = list(names)
    return (", ".join(names[:12]) + (", ..." if len(names) > 12 else "")) if names else "no folders"
