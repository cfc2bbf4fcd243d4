"""Which pictures a folder holds, and that no output falls among inputs."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

from translate.data.dataset import ENDINGS
from translate.errors import UserError, nearest
from translate.inference.outcome import Tally
from translate.inference.places import Folder, printable

_DIGITS = re.compile(r"(\d+)")


def pictures(folder: Path, tally: Tally | None = None) -> list[str]:
    """The pictures below `folder`, relative to it with "/", sorted with frame2 before frame10; `tally` counts what is
    passed over. Raises UserError where there is no such folder, or no picture in it."""
    if not folder.is_dir():
        there = folder.absolute().parent
        beside = [one.name for one in there.iterdir() if one.is_dir()] if there.is_dir() else []
        what = "this is a file" if folder.exists() else f"no such folder.{nearest(folder.name, beside)}"
        raise UserError(what, where=printable(str(folder)), expected="a folder of pictures, on this machine")
    place = Folder(folder)
    tally = tally or Tally()
    found = []
    for entry in place.walk():
        if entry.kind == "unreadable":
            raise UserError("this folder can't be listed", where=place.label(entry.name))
        if entry.kind != "file":
            tally.hidden += entry.kind == "hidden"
            tally.outside += entry.kind == "outside"
        elif os.path.splitext(entry.name)[1].lower() in ENDINGS:
            found.append(entry.name)
        else:
            tally.other += 1
    if not found:
        raise UserError(
            f"no pictures here ({tally.other + tally.hidden} other files, {tally.outside} links that lead outside)",
            where=str(folder),
            expected="files ending in " + ", ".join(sorted(ENDINGS)),
        )
    return sorted(found, key=natural)


def natural(name: str) -> list[tuple[int, int, str]]:
    """A sort key in which numbers count as numbers."""
    parts = (part for part in _DIGITS.split(name) if part)
    return [(0, int(part), part) if part[0] in "0123456789" else (1, 0, part) for part in parts]


def stem(name: str) -> str:
    """A relative name without its ending."""
    return os.path.splitext(name)[0]


def png_names(names: list[str]) -> list[str]:
    """What PNG files made of these are called: a.png, or a.jpg.png where another of the names is a, too."""
    stems = [stem(name) for name in names]
    alone = {one for one in stems if stems.count(one) == 1} if len(set(stems)) < len(stems) else set(stems)
    return [(one if one in alone else name) + ".png" for one, name in zip(stems, names, strict=True)]


def prepared(out: Path, inputs: Iterable[Path]) -> Folder:
    """The folder `out`, made where there is none. UserError as `refuse_mingling`, and where it can't be written."""
    refuse_mingling(out, inputs)
    target = Folder(out)
    target.check_writable()
    return target


def refuse_mingling(out: Path, inputs: Iterable[Path]) -> None:
    """Raise UserError where `out` lies in one of the inputs or around one: what was read and what was written would
    mingle."""
    real = Path(os.path.realpath(out))
    for folder in inputs:
        given = Path(os.path.realpath(folder))
        if real.is_relative_to(given) or given.is_relative_to(real):
            inside = real.is_relative_to(given)
            raise UserError(
                f"OUT lies {'in' if inside else 'around'} the input {folder}, and outputs would mingle with inputs",
                where=str(out),
                expected="a folder outside of the input, and not around it",
            )
