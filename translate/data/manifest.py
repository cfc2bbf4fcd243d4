"""A dataset as a table: CSV or lines of JSON that name the pictures of each split, by path or URL."""

from __future__ import annotations

import csv
import io
import json
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO, overload

from translate.data import opening, pairing
from translate.data.dataset import SPLITS, Dataset, Half, Picture, Split, Zipped
from translate.errors import UserError, nearest

COLUMNS = ("split", "a", "b", "image", "label", "side_by_side")
ENDINGS = (".csv", ".jsonl", ".ndjson")
_TRUE = {"1", "true", "yes"}
_FALSE = {"", "0", "false", "no"}


class Listed(Sequence[Picture]):
    """Pictures as one row of bytes and where each name ends in it; they are made when they are asked for."""

    def __init__(self, base: Path | str, labels: list[str], half: Half | None = None) -> None:
        self._base, self._labels, self._half = base, labels, half
        self._names, self._ends, self._label = bytearray(), array("q"), array("i")

    def add(self, name: str, label: int) -> None:
        """One more; `label`: its place among the labels, or -1."""
        self._names += name.encode("utf-8", "surrogateescape")
        self._ends.append(len(self._names))
        self._label.append(label)

    def halved(self, half: Half) -> Listed:
        """The left or right halves of the same files."""
        other = Listed(self._base, self._labels, half)
        other._names, other._ends, other._label = self._names, self._ends, self._label
        return other

    def take(self, places: Sequence[int]) -> Listed:
        """Those at `places`."""
        chosen = Listed(self._base, self._labels, self._half)
        for place in places:
            chosen.add(self._name(place), self._label[place])
        return chosen

    def _name(self, place: int) -> str:
        start = self._ends[place - 1] if place else 0
        return self._names[start : self._ends[place]].decode("utf-8", "surrogateescape")

    def __len__(self) -> int:
        return len(self._ends)

    @overload
    def __getitem__(self, place: int) -> Picture: ...
    @overload
    def __getitem__(self, place: slice) -> Listed: ...
    def __getitem__(self, place: int | slice) -> Picture | Listed:
        if isinstance(place, slice):
            return self.take(range(*place.indices(len(self))))
        place = range(len(self))[place]
        number = self._label[place]
        where = _beside(self._base, self._name(place))
        source = opening.RemoteFile(where) if isinstance(where, str) else None
        return Picture(opening.shown(where), self._half, self._labels[number] if number >= 0 else None, source)


@dataclass
class _Rows:
    """The rows of one split, by what they name."""

    a: Listed
    b: Listed
    only_a: Listed
    only_b: Listed
    single: Listed
    double: Listed

    @classmethod
    def empty(cls, base: Path | str, labels: list[str]) -> _Rows:
        return cls(*(Listed(base, labels) for _ in range(6)))


def is_manifest(place: Path | str) -> bool:
    """Whether a place is named as a table is."""
    return str(place).lower().endswith(ENDINGS) and not (isinstance(place, Path) and place.is_dir())


def find(place: Path | str, pairs: str | int = "all") -> Dataset:
    """The dataset that a table names: columns (or keys) `a` and `b` for a pair or for one of them alone, `image` for
    one domain, or with `side_by_side` for A left and B right; `split` (train), `label`. Names are URLs, or paths
    relative to the table. Files are not looked for: what is missing is named when it is asked for. `pairs` as in
    `layouts.find`. Raises UserError."""
    where, labels = opening.named(place), list[str]()
    number: dict[str, int] = {}
    base = place.parent if isinstance(place, Path) else place.rpartition("/")[0]
    gathered = {name: _Rows.empty(base, labels) for name in dict.fromkeys(SPLITS.values())}
    for line, row in _rows(place, where):
        said = (row.get("split") or "train").lower()
        if said not in SPLITS:
            raise UserError(
                f'names the split "{said}".{nearest(said, SPLITS)}',
                where=f"{where}, line {line}",
                expected="train, val or test",
            )
        label = row.get("label") or ""
        if label and label not in number:
            number[label] = len(labels)
            labels.append(label)
        _take(row, gathered[SPLITS[said]], number.get(label, -1), f"{where}, line {line}")
    splits, kinds = {}, {}
    for name, rows in gathered.items():
        split, kind = _split(rows, f"{where}: {name}")
        if len(split):
            splits[name], kinds[name] = split, kind
    if not splits:
        raise UserError("names no pictures", where=where, expected=f"lines with some of {', '.join(COLUMNS)}")
    if "train" in splits and isinstance(pairs, int):
        splits["train"] = pairing.fewer(Path(where), splits["train"], pairs)
    if pairs == "stem":
        raise UserError(
            "a table says itself what belongs together", where="data.pairs=stem", expected="data.pairs=all, or a number"
        )
    return Dataset(Path(str(opening.shown(base))), f"{next(iter(kinds.values()))} in a table", splits)


def _rows(place: Path | str, where: str) -> Iterator[tuple[int, dict[str, str]]]:
    """(line, values by column) of a table; values are stripped text."""
    try:
        with _opened(place) as file:
            yield from _csv(file, where) if str(place).lower().endswith(".csv") else _json(file, where)
    except FileNotFoundError:
        raise UserError("there is no such file", where=where, expected="a table of pictures (.csv, .jsonl)") from None
    except (OSError, csv.Error) as error:
        raise UserError(f"can't be read: {error}", where=where, expected="a table of pictures (.csv, .jsonl)") from None
    except UnicodeDecodeError:
        raise UserError("is no text", where=where, expected="a table of pictures in UTF-8 (.csv, .jsonl)") from None


@contextmanager
def _opened(place: Path | str) -> Iterator[TextIO]:
    if isinstance(place, Path):
        with place.open(newline="", encoding="utf-8-sig") as file:
            yield file
    else:
        with io.TextIOWrapper(io.BytesIO(opening.fetched(place)), encoding="utf-8-sig", newline="") as file:
            yield file


def _csv(file: TextIO, where: str) -> Iterator[tuple[int, dict[str, str]]]:
    reader = csv.DictReader(file, skipinitialspace=True)
    names = [(name or "").strip().lower() for name in reader.fieldnames or []]
    _refuse_columns(names, f"{where}, line 1")
    for row in reader:
        values = [value for value in row.values() if not isinstance(value, list)]  # a line may have too many
        yield reader.line_num, {name: (value or "").strip() for name, value in zip(names, values, strict=False)}


def _json(file: TextIO, where: str) -> Iterator[tuple[int, dict[str, str]]]:
    for line, text in enumerate(file, 1):
        if not text.strip():
            continue
        try:
            row: Any = json.loads(text)
        except ValueError as error:
            raise UserError(f"is no JSON: {error}", where=f"{where}, line {line}") from None
        if not isinstance(row, dict):
            raise UserError("is no object", where=f"{where}, line {line}", expected='{"a": "1.jpg", "b": "2.jpg"}')
        _refuse_columns([str(name).lower() for name in row], f"{where}, line {line}")
        yield line, {name.lower(): "" if value is None else str(value).strip() for name, value in row.items()}


def _refuse_columns(names: list[str], where: str) -> None:
    for name in names:
        if name not in COLUMNS:
            raise UserError(
                f'unknown column "{name}".{nearest(name, COLUMNS)}',
                where=where,
                expected="some of " + ", ".join(COLUMNS),
            )


def _take(row: dict[str, str], rows: _Rows, label: int, where: str) -> None:
    a, b, image = (row.get(name, "") for name in ("a", "b", "image"))
    double = row.get("side_by_side", "").lower()
    if double not in _TRUE | _FALSE:
        raise UserError(f'side_by_side is "{double}"', where=where, expected="true or false")
    if bool(image) == bool(a or b) or (double in _TRUE and not image):
        raise UserError(
            "names no picture" if not image and not a and not b else f"names {', '.join(filter(None, (a, b, image)))}",
            where=where,
            expected="a and b for a pair, one of them for an unpaired picture, or image alone",
        )
    if image:
        (rows.double if double in _TRUE else rows.single).add(image, label)
    elif a and b:
        rows.a.add(a, label)
        rows.b.add(b, label)
    else:
        (rows.only_a if a else rows.only_b).add(a or b, label)


def _split(rows: _Rows, where: str) -> tuple[Split, str]:
    """A split and what it is in words; UserError for pictures of one domain beside those of two."""
    kinds = {
        "pairs": len(rows.a),
        "pairs side by side": len(rows.double),
        "unpaired pictures": len(rows.only_a) + len(rows.only_b),
        "one domain of pictures": len(rows.single),
    }
    there = [kind for kind, count in kinds.items() if count]
    if (rows.single and len(there) > 1) or (len(rows.a) and len(rows.double)):
        raise UserError(
            f"holds {' and '.join(there)}",
            where=where,
            expected="one domain (image), or A and B (a, b), or pairs side by side and more of A and B",
        )
    pairs = Zipped(rows.double.halved("left"), rows.double.halved("right")) if rows.double else Zipped(rows.a, rows.b)
    return Split(pairs, rows.only_a, rows.single if rows.single else rows.only_b), " and ".join(there)


def _beside(base: Path | str, name: str) -> Path | str:
    """A name relative to the table's place, or a URL or whole path as it is."""
    where = opening.located(name)
    if isinstance(where, str) or where.is_absolute():
        return where
    return base / where if isinstance(base, Path) else f"{base}/{name}"
