"""A dataset divided into train, val and test, by names alone: what is added later moves nothing."""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections import Counter
from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from pathlib import Path

from translate.data.dataset import SPLITS, Dataset, Picture
from translate.errors import UserError
from translate.inference.outcome import Outcome
from translate.inference.places import Folder
from translate.preparing.folders import stem
from translate.preparing.grouping import Member, groups, keys
from translate.preparing.making import Job, made
from translate.preparing.table import add_pairs

_LEADING = re.compile(rf"(?:(?:{'|'.join(SPLITS)})[ _-]?)?[ab]?", re.IGNORECASE)


SIDES = ("train", "val", "test")


@dataclass(frozen=True)
class Shares:
    """Which share of the groups is held out, and the seed of the choice."""

    test: float
    val: float = 0.0
    seed: int = 0

    def side(self, name: str) -> str:
        """One of "train", "val" and "test": a function of seed and name alone."""
        place = self.drawn(name)
        return "test" if place < self.test else "val" if place < self.test + self.val else "train"

    def drawn(self, name: str) -> float:
        """A number from 0 to 1, which is as good as random, of the seed and a name."""
        digest = blake2b(f"{self.seed}:{name}".encode("utf-8", "surrogateescape"), digest_size=8).digest()
        return int.from_bytes(digest) / 2**64


@dataclass(frozen=True)
class Item:
    """A file of the dataset: its domain's letter ("" for pairs side by side and for one domain), its name below the
    folder of that domain, and its partner in a table of pairs."""

    path: Path
    letter: str
    name: str
    partner: Path | None = None

    def target(self, side: str) -> str:
        """Where it goes, relative to the new dataset."""
        return f"{side}{self.letter}/{self.name}"


@dataclass(frozen=True)
class Division:
    """Each item's side; the number of groups on each."""

    items: list[Item]
    sides: list[str]
    groups: Counter[str]


def items(dataset: Dataset) -> list[Item]:
    """The files of a dataset that is not divided yet. Raises UserError for one that is, and for archives."""
    root = dataset.root
    if set(dataset.splits) != {"train"}:
        raise UserError(
            f"it is divided already: {', '.join(dataset.splits)}",
            where=str(root),
            expected="a folder without such parts; or one of the parts, which is divided once more",
        )
    train = dataset.splits["train"]
    found: dict[str, Item] = {}

    def add(picture: Picture, letter: str, partner: Picture | None = None) -> None:
        if picture.source is not None:
            raise UserError("holds archives or a table, not files", where=str(root), expected="a folder of pictures")
        name = _below(picture.path, root, bool(letter))
        tied = None if partner is None or partner.path == picture.path else partner.path
        found.setdefault(os.path.abspath(picture.path), Item(picture.path, letter, name, tied))

    for a, b in train.pairs:
        add(a, "" if a.path == b.path else "A", b)
        add(b, "" if a.path == b.path else "B", a)
    domains = bool(train.pairs or train.only_a)
    for picture in train.only_a:
        add(picture, "A")
    for picture in train.only_b:
        add(picture, "B" if domains else "")
    return sorted(found.values(), key=lambda item: (item.letter, item.name))


def divided(found: list[Item], shares: Shares, target: Folder, pattern: str | None = None) -> Division:
    """The side of each item; groups stay together, and what the target has already stays where it is. Raises UserError
    where there are fewer groups than sides."""
    members = [Member(item.path, stem(item.name), item.partner) for item in found]
    sets = groups(members, pattern)
    wanted = [side for side, share in (("train", 1.0), ("val", shares.val), ("test", shares.test)) if share]
    # Of a film the key, not the first frame's name: frames that are added before it would move all the others.
    called = keys((member.name for member in members), pattern)
    names = [min(called[place] for place in places) for places in sets]
    if len(sets) < len(wanted):
        raise UserError(
            f"{len(found)} {'file makes' if len(found) == 1 else 'files make'} {len(sets)} "
            f"{'group' if len(sets) == 1 else 'groups'} that stay together, too few for {', '.join(wanted)}",
            expected=f"at least {len(wanted)} groups",
            hint="more pictures, or fewer parts" if pattern is None else "another --group, or fewer parts",
        )
    there = [_there([found[place] for place in places], target) for places in sets]
    chosen = [known or shares.side(name) for known, name in zip(there, names, strict=True)]
    _fill(chosen, wanted, there, [shares.drawn(name) for name in names])
    sides = [""] * len(found)
    for places, side in zip(sets, chosen, strict=True):
        for place in places:
            sides[place] = side
    return Division(found, sides, Counter(chosen))


def split(division: Division, target: Folder, link: bool = False) -> Generator[Outcome, None, None]:
    """What becomes of each file; the table of pairs is written at the end, where there are such. Raises DiskFull, and
    UserError where a link can't be made."""
    taken: dict[str, Path] = {}
    jobs = []
    for item, side in zip(division.items, division.sides, strict=True):
        to = item.target(side)
        first = taken.setdefault(to, item.path)
        refused = None if first == item.path else f"would become {to}, as {first} does"
        jobs.append(Job(str(item.path), to, _putting(item.path, target, to, link), refused))
    yield from made(jobs, target)
    _list_pairs(division, target)


def _below(path: Path, root: Path, lettered: bool) -> str:
    """The name without the leading folders that say split and domain."""
    parts = list(Path(os.path.relpath(path, root)).parts)
    for _ in range(2):
        if len(parts) > 1 and _LEADING.fullmatch(parts[0]) and (lettered or parts[0].lower() in SPLITS):
            parts.pop(0)
    return "/".join(parts)


def _there(group: list[Item], target: Folder) -> str | None:
    return next((side for item in group for side in SIDES if target.exists(item.target(side))), None)


def _fill(chosen: list[str], wanted: list[str], there: list[str | None], drawn: list[float]) -> None:
    """Gives each part that has nothing, as happens with few groups, the one that was drawn lowest."""
    counts = Counter(chosen)
    for side in wanted:
        if counts[side]:
            continue
        free = [place for place, one in enumerate(chosen) if there[place] is None and counts[one] > 1]
        if free:
            place = min(free, key=lambda place: drawn[place])
            counts.subtract([chosen[place]])
            chosen[place] = side
            counts[side] += 1


def _putting(path: Path, target: Folder, to: str, link: bool) -> Callable[[], list[str]]:
    return partial(_link if link else _copy, path, target, to)


def _copy(path: Path, target: Folder, to: str) -> list[str]:
    with path.open("rb") as file, target.writing(to) as out:
        shutil.copyfileobj(file, out)
    return []


def _link(path: Path, target: Folder, to: str) -> list[str]:
    new = target.path / to
    new.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(os.path.realpath(path), new)
    except OSError as error:
        if error.errno not in (errno.EXDEV, errno.EPERM, errno.ENOTSUP, errno.EMLINK):
            raise
        raise OSError(error.errno, "no hard link can be made there (--copy)") from None
    return []


def _list_pairs(division: Division, target: Folder) -> None:
    """Add the pairs of the old table to that of the new dataset."""
    place = {
        os.path.realpath(item.path): item.target(side)
        for item, side in zip(division.items, division.sides, strict=True)
    }
    rows = [
        (place[os.path.realpath(item.path)], place[os.path.realpath(item.partner)])
        for item in division.items
        if item.letter == "A" and item.partner is not None and os.path.realpath(item.partner) in place
    ]
    add_pairs(target, rows)
