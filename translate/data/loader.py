"""Batches by position: what batch number `step` holds is a function of (seed, step), on any number of processes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Dataset

from translate.data import headers, transforms
from translate.data.ahead import loader
from translate.data.cache import Cached, Mode, Progress, load
from translate.data.dataset import Split
from translate.data.images import Pixels, to_tensor
from translate.data.pools import Pool, PoolMaker, refuse_little_room
from translate.data.transforms import Entry
from translate.domain import Batch, Domain
from translate.errors import UserError
from translate.seeds import seed_of

__all__ = ["Batches", "DataOptions", "loader"]


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
    @property
    def cache_gb(self) -> float | None: ...
    @property
    def window(self) -> int: ...


class Batches(Dataset[Batch]):
    """`batches[step]`: `batch` rows of A and B, [N, C, H, W] in [-1, 1], the paired ones in front; C counts the
    channels of all frames. Each pool of pictures (pairs, unpaired A, unpaired B) is gone through in endless seeded
    permutations: each once a pass.

    The share of paired rows is data.paired_share, or else the pairs' share of the larger domain's pictures; it is met
    exactly over time. `batch` counts the rows of all processes together: process `rank` of `world` gets its part of
    the batch that one process alone would get, again the paired ones in front. `unconditional`: pictures of B alone, A
    is left to whoever draws latents; UserError where they are smaller than data.size. `classes`: their names; the
    batch's labels [N] are the places in it of the classes of B's rows. data.input_transforms change the domain `inputs`
    alone. Pictures that are `unreadable` (path, reason), and the partners of such, are left out; where pictures are
    decoded at every use, `skipped` says which were found so since."""

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
        found = (entry for cached in self._cached.values() for entry in cached.unreadable)
        self._unreadable = list(dict.fromkeys([*split.broken, *found]))
        self._named, self._told = {path for path, _ in self._unreadable}, len(self._unreadable)
        self._news: list[tuple[Path, str]] = []
        self.decodes = any(cached.decodes for cached in self._cached.values())
        self.shared = any(not isinstance(split.of(domain), list) for domain in domains)
        self._pools(split, data)
        self._classes = None if classes is None else self._class_of(split, classes)

    def _pools(self, split: Split, data: DataOptions) -> None:
        """`_pairs` and `_free` by domain, made of places in the caches; and the share of paired rows as a fraction."""
        kept, share = {d: np.asarray(cached.kept, np.int64) for d, cached in self._cached.items()}, data.paired_share
        count = 0 if self._unconditional else len(split.pairs)
        unpaired = {d: np.flatnonzero(asked >= count) for d, asked in kept.items()}
        place = {d: np.full(count, -1, np.int64) for d in kept}
        for domain, asked in kept.items():
            place[domain][asked[asked < count]] = np.flatnonzero(asked < count)
        pairs = np.stack(list(place.values()), axis=1)
        pairs = pairs[(pairs >= 0).all(axis=1)]
        count, most = len(pairs), max(len(pool) for pool in unpaired.values())
        self.paired_share = Fraction(count, max(count + most, 1)) if share is None else Fraction(str(share))
        if self._unconditional:
            self.paired_share = Fraction(0)
        if not 0 <= self.paired_share <= 1 or (self.paired_share and not count):
            raise UserError(
                f"paired_share is {share}, and there are {count} pairs",
                where="data.paired_share",
                expected="0 to 1, and 0 without pairs",
                hint="data.paired_share=null takes the pairs' share of the pictures",
            )
        makers = {d: PoolMaker(self._cached[d], split.of(d), data, self._seed, self._lost) for d in self._cached}
        first = next(iter(makers.values()))
        self._pairs = first.made("pairs", pairs, list(self._cached.values()))
        self._free: dict[Domain, Pool] = {}
        for side, (domain, pool) in enumerate(unpaired.items()):
            # With a share of 0 the pairs' pictures would never be seen; with pairs alone they are all there is.
            if self.paired_share == 0:
                pool = np.concatenate([pool, pairs[:, side]])
            elif not len(pool):
                pool = pairs[:, side]
            if not len(pool) and self.paired_share < 1:
                raise _nothing_of(domain)
            self._free[domain] = makers[domain].made(str(domain), pool[:, None], [self._cached[domain]])
        refuse_little_room(makers.values())

    def _lost(self, path: Path, reason: str) -> None:
        self._news.append((path, reason))

    def note(self, skipped: list[tuple[Path, str]]) -> None:
        """Takes over what another process that makes these batches had to leave out."""
        self._news += skipped

    @property
    def unreadable(self) -> list[tuple[Path, str]]:
        """(path, reason) of what is left out, each once: found at the start, then at the end what was found since."""
        while self._news:
            path, reason = self._news.pop(0)
            if path not in self._named:
                self._named.add(path)
                self._unreadable.append((path, reason))
        return self._unreadable

    def skipped(self) -> list[tuple[Path, str]]:
        """What became `unreadable` since the start or the last call; the next of its pool came in its place."""
        before, self._told = self._told, len(self.unreadable)
        return self._unreadable[before:]

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
            (a, b), place = self._pairs[position]
            for domain, image in zip(rows, self._pair(a, b, step, row), strict=True):
                rows[domain].append(image)
            places.append(place)
        for row, position in free:
            for domain, pool in self._free.items():
                (image,), place = pool[position]
                rows[domain].append(self._single(domain, image, step, row))
                if domain is Domain.B:
                    places.append(place)
        images = {domain: to_tensor(np.stack(pixels)) for domain, pixels in rows.items()}
        labels = None if self._classes is None else torch.from_numpy(self._classes[places])
        return Batch(images, len(paired), labels)

    def shares(self, step: int) -> list[tuple[int, int]]:
        """How many (paired, unpaired) rows of batch `step` each process gets; they differ by at most one in all."""
        cuts = self._cuts(step)
        return [(high[0] - low[0], high[1] - low[1]) for low, high in pairwise(cuts)]

    def _paired_before(self, step: int) -> int:
        return int(step * self._batch * self.paired_share)

    def _cuts(self, step: int) -> list[tuple[int, int]]:
        """Where each process's paired and unpaired rows of batch `step` begin, and last where all end."""
        whole, world, count = self._batch, self._world, self._paired_before(step + 1) - self._paired_before(step)
        rows = [whole * rank // world for rank in range(world + 1)]
        paired = [row * count // whole for row in rows]  # of the rows' cuts: so no process has more pairs than rows
        return [(pairs, row - pairs) for pairs, row in zip(paired, rows, strict=True)]

    def _rows(self, step: int) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """This rank's paired and unpaired rows, as (row of the whole batch, position in the pool's endless
        sequence)."""
        cuts, before = self._cuts(step), self._paired_before(step)
        low, high, count = cuts[self._rank], cuts[self._rank + 1], cuts[-1][0]
        paired = [(row, before + row) for row in range(low[0], high[0])]
        return paired, [(count + row, step * self._batch - before + row) for row in range(low[1], high[1])]

    def _pair(self, a: Pixels, b: Pixels, step: int, row: int) -> tuple[Pixels, Pixels]:
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
