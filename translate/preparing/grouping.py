"""Which pictures must stay on one side of a cut: of one name, of one film, of equal content."""

from __future__ import annotations

import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import pairwise
from pathlib import Path

from translate.errors import UserError

FILMS = r"(.*?)\d+$"
"""What frames of one film have in common: all but the running number at the end."""
_PIECE = 2**20


@dataclass(frozen=True)
class Member:
    """A file, and its name without the ending and without the folders of split and domain, which its partner has too.
    `tied`: further files that belong to it, such as its partner in a table of pairs."""

    path: Path
    name: str
    tied: Path | None = None


def groups(members: Sequence[Member], pattern: str | None = None) -> list[list[int]]:
    """Positions of members that stay together: of equal names, or of names of which the regular expression `pattern`
    finds the same (its first group, if it has one); of equal bytes; tied. Raises UserError for a wrong pattern, OSError
    for a file that can't be read."""
    sets = _Sets(len(members))
    by_path = {os.path.realpath(member.path): place for place, member in enumerate(members)}
    for same in _equal(keys((member.name for member in members), pattern)):
        sets.join(same)
    for same in _copies(members):
        sets.join(same)
    for place, member in enumerate(members):
        if member.tied is not None and (other := by_path.get(os.path.realpath(member.tied))) is not None:
            sets.join([place, other])
    return sets.all()


def keys(names: Iterable[str], pattern: str | None = None) -> list[str]:
    """What says of each name which group it is of: the name itself where `pattern` finds nothing. UserError for a
    wrong pattern."""
    sought = _compiled(pattern)
    return [_called(name, sought) for name in names]


def matching(pattern: str, names: Iterable[str]) -> int:
    """In how many of the names `pattern` finds something. UserError for a wrong pattern."""
    sought = _compiled(pattern)
    return sum(sought is not None and sought.search(name) is not None for name in names)


def films(names: Iterable[str]) -> int:
    """How many films the names look like being frames of; 0 where they don't: most of them numbered without gaps, and
    several such series."""
    series: dict[str, list[int]] = defaultdict(list)
    total = 0
    for name in set(names):
        total += 1
        if found := re.search(r"^(.*?)(\d+)$", name):
            series[found[1]].append(int(found[2]))
    long = [sorted(numbers) for numbers in series.values() if len(numbers) >= 5]
    dense = [numbers for numbers in long if Counter(b - a for a, b in pairwise(numbers)).most_common(1)[0][1] * 5
             >= 4 * (len(numbers) - 1)]  # fmt: skip
    return len(dense) if len(dense) > 1 and sum(map(len, dense)) * 5 >= 4 * total else 0


def _compiled(pattern: str | None) -> re.Pattern[str] | None:
    try:
        return None if pattern is None else re.compile(pattern)
    except re.error as error:
        raise UserError(
            f"is no regular expression: {error}",
            where=f"--group {pattern}",
            expected=f"what the names of one group have in common, such as --group '{FILMS}'",
        ) from None


def _called(name: str, sought: re.Pattern[str] | None) -> str:
    found = None if sought is None else sought.search(name)
    if found is None:
        return name
    return "group " + (found[1] or "" if found.re.groups else found[0])


def _copies(members: Sequence[Member]) -> Iterable[list[int]]:
    """Files of equal bytes; only those of equal length are read."""
    for places in _equal(member.path.stat().st_size for member in members):
        digests = _equal(_digest(members[place].path) for place in places)
        yield from ([places[i] for i in same] for same in digests)


def _equal(keys: Iterable[object]) -> list[list[int]]:
    """Positions of keys that come more than once."""
    found: dict[object, list[int]] = defaultdict(list)
    for place, key in enumerate(keys):
        found[key].append(place)
    return [places for places in found.values() if len(places) > 1]


def _digest(path: Path) -> bytes:
    digest = blake2b(digest_size=16)
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
    return digest.digest()


class _Sets:
    """Disjoint sets of positions, joined by their smallest."""

    def __init__(self, count: int) -> None:
        self._above = list(range(count))

    def join(self, places: list[int]) -> None:
        roots = [self._root(place) for place in places]
        for root in roots:
            self._above[root] = min(roots)

    def all(self) -> list[list[int]]:
        found: dict[int, list[int]] = defaultdict(list)
        for place in range(len(self._above)):
            found[self._root(place)].append(place)
        return list(found.values())

    def _root(self, place: int) -> int:
        while self._above[place] != place:
            self._above[place] = self._above[self._above[place]]
            place = self._above[place]
        return place
