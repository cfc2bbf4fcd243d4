"""The table that says which pictures of a new dataset are pairs."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from translate.data.pairing import PAIRS_FILE
from translate.inference.places import Folder
from translate.keeping import durable


def add_pairs(target: Folder, pairs: Iterable[tuple[str, str]]) -> None:
    """Add rows (A, B), relative to `target`, to its pairs.csv, where both files are there; those that it has stay. No
    rows, no table."""
    path = target.path / PAIRS_FILE
    before: list[tuple[str, str]] = []
    if path.exists():
        with path.open(newline="", encoding="utf-8-sig") as file:
            before = [(row[0], row[1]) for row in list(csv.reader(file))[1:] if len(row) >= 2]
    rows = list(dict.fromkeys([*before, *(row for row in pairs if all(map(target.exists, row)))]))
    if rows == before:
        return
    text = io.StringIO(newline="")
    csv.writer(text).writerows([("a", "b"), *rows])
    durable.write(path, text.getvalue().encode("utf-8"))
