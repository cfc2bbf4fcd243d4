"""What a dataset folder holds and what is wrong with it: every picture is decoded once."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from translate.data.layouts import Dataset, Picture, find
from translate.domain import Domain, Regime


@dataclass(frozen=True)
class _Look:
    """One picture: width and height as shown, Pillow's mode of its file, and a hash of its pixels."""

    width: int
    height: int
    mode: str
    digest: bytes


def check(root: Path, pairs: str | int = "all", progress: Callable[[int, int], None] | None = None) -> dict[str, Any]:
    """A JSON-able report: layout, regime, counts by split, sizes ("WxH") and Pillow modes by domain, and by file name
    what is unreadable, unmatched, stray (in no split's folder) or the same, pixel by pixel, in two splits (also when
    re-encoded without loss). `problems` says in sentences what should be mended, `advice` what may be meant otherwise.
    Raises UserError as `find` does."""
    dataset = find(Path(root), pairs)
    looks, broken = _look_at_all(dataset, progress)

    def name(path: Path) -> str:
        return Path(os.path.relpath(path, dataset.root)).as_posix()

    regime = dataset.regime(next(iter(dataset.splits)))
    report: dict[str, Any] = {
        "root": str(dataset.root),
        "layout": dataset.layout,
        "regime": str(regime),
        "splits": {
            split: {"pairs": len(found.pairs), "only_a": len(found.only_a), "only_b": len(found.only_b)}
            for split, found in dataset.splits.items()
        },
        "domains": {},
        "unreadable": [{"file": name(path), "reason": reason} for path, reason in sorted(broken.items())],
        "unmatched": [name(path) for found in dataset.splits.values() for path in found.unmatched],
        "duplicates": [
            {"file": name(copy), "same_as": name(first)} for copy, first in _duplicates(dataset, looks).items()
        ],
        "stray": [name(path) for path in dataset.stray],
        "skipped": dataset.skipped,
    }
    for domain in Domain:
        seen = [looks[picture] for found in dataset.splits.values() for picture in found.of(domain) if picture in looks]
        if seen:
            report["domains"][str(domain)] = {
                "sizes": _histogram(f"{look.width}x{look.height}" for look in seen),
                "modes": _histogram(look.mode for look in seen),
            }
    report["problems"] = _problems(report)
    report["advice"] = _advice(dataset, regime, report)
    return report


def _look_at_all(
    dataset: Dataset, progress: Callable[[int, int], None] | None
) -> tuple[dict[Picture, _Look], dict[Path, str]]:
    """Looks by picture, and the reasons by file that can't be read; a file with two halves is decoded once."""
    wanted: dict[Path, list[Picture]] = {}
    for split in dataset.splits.values():
        for domain in Domain:
            for picture in split.of(domain):
                halves = wanted.setdefault(picture.path, [])
                if picture not in halves:
                    halves.append(picture)
    looks: dict[Picture, _Look] = {}
    broken: dict[Path, str] = {}
    with ThreadPoolExecutor(min(8, (os.cpu_count() or 1) + 1)) as pool:
        for done, (path, outcome) in enumerate(zip(wanted, pool.map(_look, wanted.values()), strict=True), 1):
            if isinstance(outcome, str):
                broken[path] = outcome
            else:
                looks |= zip(wanted[path], outcome, strict=True)
            if progress:
                progress(done, len(wanted))
    return looks, broken


def _look(pictures: list[Picture]) -> list[_Look] | str:
    """A look at each picture of one file, or the reason why it can't be read."""
    from hashlib import blake2b

    from PIL import Image

    from translate.data.images import Unreadable, decode, half_of

    try:
        pixels = decode(pictures[0].path, channels=3)
        with Image.open(pictures[0].path) as image:
            mode = image.mode
    except Unreadable as error:
        return error.reason
    looks = []
    for picture in pictures:
        part = half_of(pixels, picture.half)
        height, width = part.shape[:2]
        digest = blake2b(part.tobytes(), digest_size=16, salt=width.to_bytes(8, "little")).digest()
        looks.append(_Look(width, height, mode, digest))
    return looks


def _duplicates(dataset: Dataset, looks: dict[Picture, _Look]) -> dict[Path, Path]:
    """Files of val and test with the pixels of a file of an earlier split, and that file."""
    earlier: dict[bytes, Path] = {}
    copies: dict[Path, Path] = {}
    for split in dataset.splits.values():
        mine: dict[bytes, Path] = {}
        for domain in Domain:
            for picture in split.of(domain):
                if picture in looks:
                    digest = looks[picture].digest
                    mine.setdefault(digest, picture.path)
                    if digest in earlier:
                        copies.setdefault(picture.path, earlier[digest])
        earlier = mine | earlier
    return copies


def _histogram(values: Iterable[str]) -> dict[str, int]:
    """Counts, the most frequent first."""
    return dict(Counter(values).most_common())


def _problems(report: dict[str, Any]) -> list[str]:
    """Pictures that are not used, or that make scores flatter."""
    problems = []
    if broken := report["unreadable"]:
        problems.append(f"{_count(broken, 'file')} can't be read and will be left out: {_names(broken, 'file')}.")
    if copies := report["duplicates"]:
        examples = ", ".join(f"{copy['file']} = {copy['same_as']}" for copy in copies[:3])
        problems.append(
            f"{_count(copies, 'picture')} of val or test also in an earlier split, so that scores flatter: {examples}"
            + (", ..." if len(copies) > 3 else ".")
        )
    if stray := report["stray"]:
        problems.append(f"{_count(stray, 'picture')} in no folder of a split or domain, not used: {_names(stray)}.")
    return problems


def _advice(dataset: Dataset, regime: Regime, report: dict[str, Any]) -> list[str]:
    """What is used as it is, though another reading or setting may suit it better."""
    advice = []
    if dataset.hint:
        advice.append(f"{dataset.hint}.")
    if alone := report["unmatched"]:
        advice.append(
            f"{_count(alone, 'picture')} of A or B without a partner of the same name, used unpaired: {_names(alone)}."
        )
    folders = sorted({path.relative_to(dataset.root).parts[0] for path in _below_a_folder(dataset)})
    if regime is Regime.UNCONDITIONAL and len(folders) == 2:
        advice.append(
            f"{folders[0]}/ and {folders[1]}/ are read as one domain; to translate between them, "
            "call them trainA/ and trainB/."
        )
    domains = report["domains"]
    if (frames := _frames(domains)) > 1:
        advice.append(
            f"Most pictures of A are {frames} times as wide as those of B: if they are strips of {frames} frames, the "
            f"oldest left, --set data.frames.a={frames}."
        )
    grey = {domain: set(found["modes"]) <= {"1", "L", "I;16"} for domain, found in domains.items()}
    for domain, is_grey in grey.items():
        if is_grey and not all(grey.values()):
            advice.append(f"All pictures of {domain.upper()} are grey: data.channels.{domain}=1 suits them.")
    return advice


def _frames(domains: dict[str, Any]) -> int:
    """How many of the most frequent size of B stand side by side in that of A; 1 where that is no whole number."""
    if len(domains) < 2:
        return 1
    (wide, high), (width, height) = (
        tuple(map(int, next(iter(domains[name]["sizes"])).split("x"))) for name in ("a", "b")
    )
    return wide // width if high == height and wide % width == 0 else 1


def _below_a_folder(dataset: Dataset) -> list[Path]:
    train = dataset.splits.get("train")
    paths = [picture.path for picture in train.only_b] if train else []
    return [path for path in paths if path.parent != dataset.root]


def _count(things: list[Any], noun: str) -> str:
    return f"{len(things)} {noun}{'' if len(things) == 1 else 's'}"


def _names(things: list[Any], key: str | None = None) -> str:
    shown = ", ".join(thing[key] if key else thing for thing in things[:5])
    return shown + (", ..." if len(things) > 5 else "")
