"""From the members of a dataset's archives to a layout that training understands."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from translate.catalogue.beside import beside
from translate.catalogue.names import refuse_unfit
from translate.catalogue.recipe import Folders, Recipe, Table, fits
from translate.catalogue.unpack import Member, members
from translate.data.dataset import ENDINGS
from translate.data.images import Unreadable
from translate.errors import UserError
from translate.formats.kinds import sniff

_PIECE = 1 << 20


@dataclass
class Converted:
    """How many images or pairs each folder got, how many members were passed over, how many were there twice, and
    which were no pictures."""

    counts: Counter[str] = field(default_factory=Counter)
    passed: int = 0
    twice: int = 0
    broken: list[str] = field(default_factory=list)


def convert(
    recipe: Recipe,
    files: dict[str, Path],
    out: Path,
    report: Callable[[int], None] = lambda done: None,
) -> Converted:
    """Fill the new folder `out` from `files` (by the names that the recipe gives them). `report` hears how many bytes
    of members were seen. Raises UserError for an archive that is damaged or hostile, or lacks what is sought."""
    out.mkdir(parents=True)
    done = Converted()
    archives = [files[file.name] for file in recipe.files if file.archive != "none" and file.name in files]
    pictures = _pictures(archives, done, report)
    layout = recipe.layout
    with closing(pictures):  # an archive that is open can't be set aside everywhere
        if isinstance(layout, Folders):
            _folders(layout, pictures, out, done)
        elif isinstance(layout, Table):
            _table(layout, files.get(layout.table), pictures, out, done)
        else:
            done.counts, passed = beside(layout, pictures, out)
            done.passed += passed
    empty = [target for target in recipe.targets if not done.counts[target]]
    if isinstance(layout, Table) and layout.table not in files:
        empty = [] if done.counts else [layout.otherwise]
    if empty:
        raise UserError(
            f"holds no pictures for {', '.join(empty)}",
            where=", ".join(str(path) for path in archives),
            expected=f"the archive of {recipe.name}, as it is published",
            hint=f"translate data get {recipe.name} --card",
        )
    return done


def _pictures(archives: list[Path], done: Converted, report: Callable[[int], None]) -> Generator[Member, None, None]:
    seen = 0
    for archive in archives:
        with closing(members(archive)) as found:
            for member in found:
                seen += member.size
                report(seen)
                path = PurePosixPath(member.name)
                if path.suffix.lower() not in ENDINGS or any(part.startswith((".", "__MACOSX")) for part in path.parts):
                    done.passed += 1
                else:
                    yield member


def _folders(layout: Folders, pictures: Iterator[Member], out: Path, done: Converted) -> None:
    for member in pictures:
        targets = [target for target, patterns in layout.take.items() if any(fits(member.name, p) for p in patterns)]
        if targets:
            _keep(member, out, targets[0], done)
        else:
            done.passed += 1


def _table(layout: Table, table: Path | None, pictures: Iterator[Member], out: Path, done: Converted) -> None:
    splits = {} if table is None else _rows(table, layout)
    for member in pictures:
        name = PurePosixPath(member.name).name
        if not fits(member.name, layout.images) or (table is not None and name not in splits):
            done.passed += 1
        else:
            _keep(member, out, splits.get(name, layout.otherwise), done)


def _rows(table: Path, layout: Table) -> dict[str, str]:
    found = {}
    for number, line in enumerate(table.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
        words = line.split()
        if words and (len(words) != 2 or words[1] not in layout.splits):
            raise UserError(
                f'"{line[:60]}"',
                where=f"{table}, line {number}",
                expected=f"a file name and one of {', '.join(layout.splits)}",
            )
        if words:
            found[words[0]] = layout.splits[words[1]]
    return found


def _keep(member: Member, out: Path, target: str, done: Converted) -> None:
    name = PurePosixPath(member.name).name
    refuse_unfit(name, member.name)
    path = out / target / name
    if path.exists():
        if not _same(member, path):
            raise UserError(
                f'holds two pictures "{path.name}" for {target}',
                where=member.name,
                expected="names that tell the pictures of a folder apart",
            )
        done.twice += 1
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with member.open() as source, path.open("xb") as file:
        shutil.copyfileobj(source, file, _PIECE)
    try:
        with path.open("rb") as file:
            sniff(file, name)
    except Unreadable:
        path.unlink()
        done.broken.append(member.name)
    else:
        done.counts[target] += 1


def _same(member: Member, path: Path) -> bool:
    if member.size != path.stat().st_size:
        return False
    with member.open() as one, path.open("rb") as other:
        return all(piece == other.read(len(piece)) for piece in iter(lambda: one.read(_PIECE), b""))
