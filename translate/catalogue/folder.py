"""Whose folder it is that a dataset is got into, whether there is room, and that nobody else fills it."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from translate.catalogue.amount import amount
from translate.catalogue.download import PART
from translate.catalogue.recipe import Recipe
from translate.data.dataset import ENDINGS
from translate.errors import UserError
from translate.keeping import durable

SOURCE = "SOURCE.json"
WORK = ".get"
"""What has arrived and is not done yet lies in this folder of the dataset's."""
READY = "ready.json"
"""In it: all is converted, and only has to be put in its place."""
OWN = ("lock", "dataset")
"""In it: who fills the folder, and with what."""


def already(recipe: Recipe, directory: Path) -> dict[str, Any] | None:
    """What SOURCE.json says, or None without one; UserError where it speaks of something else."""
    path = directory / SOURCE
    if not path.exists():
        return None
    try:
        source: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        classes = source.get("classes", [])
        same = source["dataset"] == recipe.name and set(source["counts"]) <= set(recipe.targets)
    except (OSError, ValueError, KeyError, TypeError):
        raise UserError("can't be read", where=str(path), expected="what `translate data get` wrote") from None
    if not same or classes != list(recipe.chosen):
        of = f" of the classes {', '.join(map(str, classes))}" if classes else ""
        raise UserError(
            f"holds {source['dataset']} already, as {', '.join(source['counts'])}{of}",
            where=str(directory),
            expected="a new or an empty folder: nothing is overwritten",
        )
    return source


def refuse_foreign(recipe: Recipe, directory: Path) -> None:
    """Raise UserError where the folder holds something that does not come from an earlier call of the same kind."""
    if not directory.exists():
        return
    ours: set[str] = set()
    ready = directory / WORK / READY
    if ready.exists():
        ours = {target.partition("/")[0] for target in recipe.targets}
    held = directory.is_dir() and [
        p.name for p in directory.iterdir() if not p.name.startswith(".") and p.name not in ours
    ]
    if held or not directory.is_dir():
        raise UserError(
            f'"{directory}" is not an empty folder', expected="a new or an empty folder: nothing is overwritten"
        )


@contextmanager
def alone(work: Path, recipe: Recipe) -> Iterator[None]:
    """Be the only process that fills the folder, with this dataset. What nothing came into is removed again."""
    from filelock import FileLock, Timeout

    made = [folder for folder in (work, work.parent) if not folder.exists()]
    work.mkdir(parents=True, exist_ok=True)
    named = work / "dataset"
    kind = f"{recipe.name} {','.join(recipe.targets)}" + (f" of {','.join(recipe.chosen)}" if recipe.chosen else "")
    if named.exists() and named.read_text(encoding="utf-8") != kind:
        raise UserError(
            f"is being filled with {named.read_text(encoding='utf-8')}",
            where=str(work.parent),
            expected=f"a folder of its own for {kind}",
        )
    lock = FileLock(work / "lock")
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise UserError(
            "another process fills it",
            where=str(work.parent),
            expected="one process at a time",
            hint="wait for it, or stop it",
        ) from None
    try:
        durable.write(named, kind.encode())
        yield
    finally:
        lock.release()
        if not any(path.name not in OWN for path in work.iterdir()):
            shutil.rmtree(work, ignore_errors=True)
            for folder in made[1:]:
                if not any(folder.iterdir()):
                    folder.rmdir()


def held(directory: Path, counts: dict[str, int]) -> dict[str, int]:
    """How many pictures lie in each of the folders that `counts` names."""
    return {
        target: sum(
            entry.is_file() and not entry.name.startswith(".") and os.path.splitext(entry.name)[1].lower() in ENDINGS
            for entry in (os.scandir(directory / target) if (directory / target).is_dir() else ())
        )
        for target in counts
    }


def refuse_little_space(recipe: Recipe, directory: Path, given: dict[str, Path]) -> None:
    """Raise UserError where download and pictures, which take about as much again, would not fit."""
    needed = 0
    for file in recipe.files:
        size = given[file.name].stat().st_size if file.name in given else file.size or 0
        work = directory / WORK
        there = sum(path.stat().st_size for path in (work / file.name, work / (file.name + PART)) if path.exists())
        needed += (0 if file.name in given else max(0, size - there)) + (size if file.archive != "none" else 0)
    refuse_less(directory, 0 if (directory / WORK / READY).exists() else needed)


def refuse_less(folder: Path, needed: int) -> None:
    """Raise UserError where fewer than `needed` bytes are free."""
    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    free = shutil.disk_usage(there).free
    if free < needed:
        raise UserError(
            f"{amount(needed)} are needed, and {amount(free)} are free",
            where=str(there),
            expected="room for the download and for the pictures",
            hint="another disk, or make room",
        )
