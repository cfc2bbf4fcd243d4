"""What a dataset holds and what is wrong with it: every picture is decoded once, and little of it is remembered."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from translate.data import opening
from translate.data.dataset import Dataset, Picture, Split
from translate.data.layouts import find
from translate.domain import Domain, Regime

_AT_A_TIME = 256


@dataclass(frozen=True)
class _Look:
    """One picture: width and height as shown, Pillow's mode of its file, and a hash of its pixels."""

    width: int
    height: int
    mode: str
    digest: bytes


def check(
    root: Path | str, pairs: str | int = "all", progress: Callable[[int, int], None] | None = None
) -> dict[str, Any]:
    """A JSON-able report: layout, regime, counts by split, sizes ("WxH") and Pillow modes by domain, and by file name
    what is unreadable, unmatched, stray (in no split's folder) or the same, pixel by pixel, in two splits (also when
    re-encoded without loss). `problems` says in sentences what should be mended, `advice` what may be meant otherwise.
    Raises UserError as `find` does."""
    dataset = find(root, pairs)
    seen = _look_at_all(dataset, progress)

    def name(path: Path) -> str:
        return Path(os.path.relpath(path, dataset.root)).as_posix()

    broken = dict(entry for found in dataset.splits.values() for entry in found.broken) | seen.broken
    regime = dataset.regime(next(iter(dataset.splits)))
    report: dict[str, Any] = {
        "root": opening.named(dataset.root),
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
            {"file": name(copy), "same_as": name(first)} for copy, first in seen.copies(dataset.splits).items()
        ],
        "stray": [name(path) for path in dataset.stray],
        "skipped": dataset.skipped,
    }
    for domain in Domain:
        if sizes := seen.sizes[domain]:
            report["domains"][str(domain)] = {"sizes": _histogram(sizes), "modes": _histogram(seen.modes[domain])}
    report["problems"] = _problems(report)
    report["advice"] = _advice(dataset, regime, report)
    return report


class _Seen:
    """What is remembered of all pictures: counts, reasons of the unreadable, and the hashes of val and test alone, with
    which those of train are compared as they come by."""

    def __init__(self) -> None:
        self.broken: dict[Path, str] = {}
        self.sizes: dict[Domain, Counter[str]] = {domain: Counter() for domain in Domain}
        self.modes: dict[Domain, Counter[str]] = {domain: Counter() for domain in Domain}
        self._held_out: dict[str, list[tuple[Path, bytes]]] = {}
        self._wanted: set[bytes] = set()
        self._first: dict[bytes, Path] = {}  # the first of the first split with these pixels

    def take(self, split: str, last: bool, domain: Domain, picture: Picture, look: _Look) -> None:
        """Splits come from the last to the first, which is the `last` one here."""
        self.sizes[domain][f"{look.width}x{look.height}"] += 1
        self.modes[domain][look.mode] += 1
        if last:
            if look.digest in self._wanted:
                self._first.setdefault(look.digest, picture.path)
        else:
            self._held_out.setdefault(split, []).append((picture.path, look.digest))
            self._wanted.add(look.digest)

    def copies(self, splits: Iterable[str]) -> dict[Path, Path]:
        """Files of val and test with the pixels of a file of an earlier split, and that file."""
        earlier, copies = dict(self._first), dict[Path, Path]()
        for split in splits:
            mine: dict[bytes, Path] = {}
            for path, digest in self._held_out.get(split, ()):
                mine.setdefault(digest, path)
                if digest in earlier:
                    copies.setdefault(path, earlier[digest])
            earlier = mine | earlier
        return copies


def _look_at_all(dataset: Dataset, progress: Callable[[int, int], None] | None) -> _Seen:
    """A look at every picture, the last split first."""
    seen, first, done = _Seen(), next(iter(dataset.splits)), 0
    total = sum(1 for split in dataset.splits.values() for _ in _files(split))
    with ThreadPoolExecutor(min(8, (os.cpu_count() or 1) + 1)) as pool:
        for name in reversed(dataset.splits):
            files = _files(dataset.splits[name])
            while some := list(islice(files, _AT_A_TIME)):
                outcomes = pool.map(_look, ([picture for _, picture in file] for file in some))
                for file, outcome in zip(some, outcomes, strict=True):
                    if isinstance(outcome, str):
                        seen.broken[file[0][1].path] = outcome
                    else:
                        for (domain, picture), look in zip(file, outcome, strict=True):
                            seen.take(name, name == first, domain, picture, look)
                    done += 1
                    if progress:
                        progress(done, total)
    return seen


def _files(split: Split) -> Iterator[list[tuple[Domain, Picture]]]:
    """The pictures of each file; one that holds both of a pair comes once."""
    for a, b in split.pairs:
        if a.path == b.path:
            yield [(Domain.A, a), (Domain.B, b)]
        else:
            yield from ([(Domain.A, a)], [(Domain.B, b)])
    yield from ([(Domain.A, picture)] for picture in split.only_a)
    yield from ([(Domain.B, picture)] for picture in split.only_b)


def _look(pictures: list[Picture]) -> list[_Look] | str:
    """A look at each picture of one file, or the reason why it can't be read."""
    from hashlib import blake2b

    from PIL import Image

    from translate.data.images import Unreadable, decode, half_of

    try:
        pixels = decode(replace(pictures[0], half=None), channels=3)
        with pictures[0].open() as file, Image.open(file) as image:
            mode = image.mode
    except (Unreadable, OSError) as error:
        return error.reason if isinstance(error, Unreadable) else str(error)
    looks = []
    for picture in pictures:
        part = half_of(pixels, picture.half)
        height, width = part.shape[:2]
        digest = blake2b(part.tobytes(), digest_size=16, salt=width.to_bytes(8, "little")).digest()
        looks.append(_Look(width, height, mode, digest))
    return looks


def _histogram(counts: Counter[str]) -> dict[str, int]:
    """Counts, the most frequent first."""
    return dict(counts.most_common())


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
    paths = [picture.path for picture in train.only_b] if train and isinstance(train.only_b, list) else []
    return [path for path in paths if path.parent != dataset.root]


def _count(things: list[Any], noun: str) -> str:
    return f"{len(things)} {noun}{'' if len(things) == 1 else 's'}"


def _names(things: list[Any], key: str | None = None) -> str:
    shown = ", ".join(thing[key] if key else thing for thing in things[:5])
    return shown + (", ..." if len(things) > 5 else "")
