"""A public dataset in a folder: downloaded, checked, unpacked, laid out; the same call again goes on."""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from translate import __version__
from translate.catalogue import folder, unpack
from translate.catalogue.convert import convert
from translate.catalogue.download import download, sha256
from translate.catalogue.folder import READY, SOURCE, WORK
from translate.catalogue.recipe import File, Recipe
from translate.errors import UserError
from translate.keeping import durable

Progress = Callable[[str, int, int | None], None]
"""What is going on, how far, of how much."""


@dataclass(frozen=True)
class Got:
    """What SOURCE.json says, the pictures that are there, whether they were there before, and sentences about what is
    not as it should be."""

    source: dict[str, Any]
    counts: dict[str, int]
    before: bool
    warnings: list[str]


@dataclass(frozen=True)
class Manner:
    """`retries`: vain tries in a row; `checked`: whether size and SHA-256 must be the recipe's; `keep`: leave the
    archives in the folder's .get; `report` hears what goes on, `tell` of each failure that is tried again."""

    retries: int = 5
    checked: bool = True
    keep: bool = False
    report: Progress = lambda what, done, total: None
    tell: Callable[[str], None] = lambda sentence: None


def get(recipe: Recipe, directory: Path, given: dict[str, Path], manner: Manner) -> Got:
    """Fill `directory`. `given`: files that were downloaded by hand, by the recipe's names. Raises UserError."""
    there, work = folder.already(recipe, directory), directory / WORK
    if there:
        if (work / READY).exists():  # a process was killed while it cleaned up
            with folder.alone(work, recipe):
                _clean(work, manner.keep)
        counts = folder.held(directory, there["counts"])
        return Got(there, counts, True, _missing(recipe, there["counts"], counts, work) or _differences(recipe, counts))
    folder.refuse_foreign(recipe, directory)
    folder.refuse_little_space(recipe, directory, given)
    with folder.alone(work, recipe):
        ready = work / READY
        if not ready.exists():
            _fill(recipe, work, given, manner)
        source: dict[str, Any] = json.loads(ready.read_text(encoding="utf-8"))
        for path in sorted((work / "out").iterdir()):
            path.rename(directory / path.name)
        durable.write(directory / SOURCE, json.dumps(source, indent=2).encode() + b"\n")
        _clean(work, manner.keep)
    counts = source["counts"]
    return Got(source, counts, False, [*_unreadable(source), *_differences(recipe, counts)])


def match(recipe: Recipe, paths: tuple[Path, ...]) -> dict[str, Path]:
    """Files that were downloaded by hand, by the recipe's names. Raises UserError for one that it does not know."""
    found: dict[str, Path] = {}
    for path in paths:
        names = [file.name for file in recipe.files if file.archive != "none"]
        name = path.name if path.name in [file.name for file in recipe.files] else names[0] if len(names) == 1 else None
        if name is None or name in found:
            raise UserError(
                f'"{path.name}" is not one of its files',
                where=f"--file {path}",
                expected=", ".join(file.name for file in recipe.files),
                hint=f"translate data get {recipe.name} --card",
            )
        found[name] = path
    return found


def _clean(work: Path, keep: bool) -> None:
    """Remove what is not needed any more; ready.json last, which says that this is still to be done."""
    shutil.rmtree(work / "out", ignore_errors=True)
    if not keep:
        for path in work.iterdir():
            if path.name not in (READY, *folder.OWN):
                path.unlink()
    (work / READY).unlink(missing_ok=True)


def _missing(recipe: Recipe, counts: dict[str, int], there: dict[str, int], work: Path) -> list[str]:
    short = [
        f"{target} has {there[target]:,} of {count:,}" for target, count in counts.items() if there[target] < count
    ]
    if not short:
        return []
    kept = [work / file.name for file in recipe.files if (work / file.name).exists()]
    words = ["translate data get", recipe.name, "DIR", *(f"--file {shlex.quote(str(path))}" for path in kept)]
    words += [f"--classes {','.join(recipe.chosen)}"] if recipe.chosen else []
    return [f"pictures are gone: {', '.join(short)}; all of them in a new folder: {' '.join(words)}"]


def _unreadable(source: dict[str, Any]) -> list[str]:
    names = source.get("no_pictures", [])
    return [f"{len(names):,} files were left out, which are no pictures: {', '.join(names[:3])}"] if names else []


def _fill(recipe: Recipe, work: Path, given: dict[str, Path], manner: Manner) -> None:
    """Have all files, convert them into work/out, and say in ready.json that this is done."""
    files, sources = {}, []
    for file in recipe.files:
        path = given.get(file.name, work / file.name)
        if not path.exists() and file.optional and not file.urls:
            continue
        address = work / f"{file.name}.url"
        if file.name not in given and not path.exists():
            durable.write(address, _download(recipe, file, path, manner).encode())
        url = address.read_text(encoding="utf-8") if file.name not in given and address.exists() else None
        sources.append(_looked_at(file, path, url, file.name in given, manner))
        files[file.name] = path
    archives = [files[file.name] for file in recipe.files if file.archive != "none" and file.name in files]
    out = work / "out"
    shutil.rmtree(out, ignore_errors=True)  # half of it, from a process that was killed
    try:
        size = sum(map(unpack.unpacked, archives))
        folder.refuse_less(work, size)
        done = convert(recipe, files, out, lambda seen: manner.report("unpacking", seen, max(size, seen)))
    except UserError as error:
        shutil.rmtree(out, ignore_errors=True)
        for path in archives:
            if isinstance(error, unpack.Damaged) and path.parent == work and str(path) == error.where:
                _set_aside(path)
        raise
    source = {
        "dataset": recipe.name,
        "classes": list(recipe.chosen),
        "homepage": recipe.homepage,
        "licence": recipe.licence,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "files": sources,
        "counts": dict(sorted(done.counts.items())),
        "passed_over": done.passed,
        "twice_the_same": done.twice,
        "no_pictures": done.broken,
        "version": __version__,
    }
    durable.write(work / READY, json.dumps(source).encode())


def _download(recipe: Recipe, file: File, path: Path, manner: Manner) -> str:
    if not file.urls:
        raise UserError(
            f"{file.name} can't be fetched by a program. {recipe.by_hand}",
            where=recipe.name,
            expected=f"the file, downloaded by hand: --file {file.name}",
            hint=f"translate data get {recipe.name} --card",
        )
    return download(
        file.urls,
        path,
        size=file.bytes if manner.checked else None,
        retries=manner.retries,
        report=lambda done, total: manner.report(f"downloading {file.name}", done, total or file.size),
        tell=manner.tell,
    )


def _looked_at(file: File, path: Path, url: str | None, by_hand: bool, manner: Manner) -> dict[str, Any]:
    """What is known of a file that has arrived; UserError where it is not the recipe's."""
    found = sha256(path, lambda done, total: manner.report(f"checking {file.name}", done, total))
    if manner.checked and file.sha256 not in (None, found):
        wrong = path if by_hand else _set_aside(path)
        # Browsers call a second download "name (1).zip"; another name speaks for another file.
        foreign = by_hand and not path.name.startswith(file.name.partition(".")[0])
        raise UserError(
            f"is another file than the recipe knows: SHA-256 {found}, {wrong.stat().st_size:,} bytes",
            where=str(wrong),
            expected=f"SHA-256 {file.sha256}" + (f", {file.bytes:,} bytes" if file.bytes else ""),
            hint=f"--file {file.name}"
            if foreign
            else ("" if by_hand else "the same command downloads it again; ")
            + "--unchecked takes it as it is, if you trust the source",
        )
    return {
        "name": file.name,
        "url": url,
        "by_hand": str(path.name) if by_hand else None,
        "bytes": path.stat().st_size,
        "sha256": found,
        "as_published": file.sha256 == found if file.sha256 else None,
    }


def _set_aside(path: Path) -> Path:
    """Out of the way, so that the same command downloads it again; not thrown away."""
    return path.replace(path.with_name(path.name + ".other"))


def _differences(recipe: Recipe, counts: dict[str, int]) -> list[str]:
    found = [
        f"{target} has {counts.get(target, 0):,}, and the card says {count:,}"
        for target, count in recipe.counts.items()
        if counts.get(target, 0) != count
    ]
    if recipe.total and sum(counts.values()) != recipe.total:
        found.append(f"in all there are {sum(counts.values()):,}, and the card says {recipe.total:,}")
    return found
