"""Which picture of one folder belongs to which of another."""

from __future__ import annotations

import posixpath
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, get_args

from translate.errors import UserError
from translate.preparing.folders import stem

By = Literal["stem", "name", "order"]
BY: tuple[By, ...] = get_args(By)


@dataclass(frozen=True)
class Partners:
    """Names of A and B that belong together, and by name why another has no partner."""

    pairs: list[tuple[str, str]]
    alone: dict[str, str] = field(default_factory=dict)


def partners(a: list[str], b: list[str], by: By) -> Partners:
    """Relative names of two folders, matched by name without ("stem") or with the ending ("name"), or one after the
    other ("order") within each subfolder. Raises UserError where nothing matches, and for an order of other counts."""
    if by == "order":
        return Partners(_in_order(a, b))
    key: Callable[[str], str] = stem if by == "stem" else str
    sides = [_by_key(names, key) for names in (a, b)]
    pairs: list[tuple[str, str]] = []
    alone: dict[str, str] = {}
    for letter, other, own, theirs in (("A", "B", sides[0], sides[1]), ("B", "A", sides[1], sides[0])):
        for wanted, names in own.items():
            if len(names) > 1:
                alone |= {f"{letter}: {name}": f"is one of {len(names)} called {wanted}" for name in names}
            elif len(others := theirs.get(wanted, [])) != 1:
                many = f"has {len(others)} partners in {other}: {_some(others)}"
                alone[f"{letter}: {names[0]}"] = many if others else f"has no partner in {other}"
            elif letter == "A":
                pairs.append((names[0], theirs[wanted][0]))
    if not pairs:
        raise UserError(
            f"no picture of A has a partner of the same {by} in B: A has {_some(a)}, B has {_some(b)}",
            expected="equal names, as A/train/0001.jpg and B/train/0001.png",
            hint="--by order, if both sorted lists of names show the same scenes in the same order",
        )
    return Partners(pairs, alone)


def outputs(pairs: list[tuple[str, str]], ending: str | None) -> list[str]:
    """What the pairs are called: the name of A, its ending where both have it and it can hold all colours, else .png;
    or the `ending` given. Where two would be called the same, the whole name of A comes first."""
    found = []
    for a, b in pairs:
        own, other = (name[len(stem(name)) :].lower() for name in (a, b))
        same = own == other and own in (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp")
        found.append((stem(a), a, ending or (own if same else ".png")))
    often = Counter(first + last for first, _, last in found)
    return [(whole if often[first + last] > 1 else first) + last for first, whole, last in found]


def _by_key(names: list[str], key: Callable[[str], str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for name in names:
        found[key(name)].append(name)
    return found


def _in_order(a: list[str], b: list[str]) -> list[tuple[str, str]]:
    ours, theirs = (_by_key(names, posixpath.dirname) for names in (a, b))
    for folder in sorted(ours.keys() | theirs.keys()):
        counts = len(ours.get(folder, ())), len(theirs.get(folder, ()))
        if counts[0] != counts[1]:
            raise UserError(
                f"{folder or 'the folder'}: {counts[0]} pictures of A and {counts[1]} of B",
                where="--by order",
                expected="equally many on both sides, in each subfolder, or the order says nothing",
                hint="--by stem, if their names are equal but for the ending",
            )
    return [pair for folder, names in ours.items() for pair in zip(names, theirs[folder], strict=True)]


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (" ..." if len(names) > 3 else "")
