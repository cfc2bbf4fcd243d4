"""Which pictures belong together: two side by side in one file, rows of a table, equal names; knows paths alone."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple, cast

from translate.data.dataset import Chained, Picture, Split, Zipped
from translate.data.headers import shape, spread
from translate.domain import Domain
from translate.errors import UserError

PAIRS_FILE = "pairs.csv"
MATCHING = 0.9
"""From this share of equal names on, two folders that are read as unpaired may well hold pairs."""


class Named(NamedTuple):
    """An image's path below its domain's folder without the ending, the image, and whether that folder is nested."""

    stem: str
    path: Path
    nested: bool


class Row(NamedTuple):
    """Two pictures that line `line` of `table` names."""

    table: Path
    line: int
    a: Path
    b: Path


@dataclass
class Matches:
    """Pairs of equal stems; by domain, those without a partner (`alone`) and those not to be matched (`apart`)."""

    pairs: list[tuple[Path, Path]]
    alone: dict[Domain, list[Path]]
    apart: dict[Domain, list[Path]]


# --- side by side


def side_by_side(folder: Path, images: Sequence[Picture], split: str, beside_domains: bool) -> bool:
    """Whether the images of `folder`, which names no domain, hold two pictures each, A left and B right; UserError for
    a mixture, and for single pictures where folders of A and B lie beside (`beside_domains`)."""
    shapes = {image.path: seen for image in spread(images) if (seen := shape(image))}
    wide = {path for path, (width, height) in shapes.items() if _is_double(width, height)}
    if wide and len(wide) == len(shapes):
        return True
    if len(wide) * 5 <= len(shapes) and not beside_domains:
        return False
    odd = next((path for path in shapes if path not in wide), images[0].path)
    width, height = shapes.get(odd, (0, 0))
    name = os.path.relpath(odd, folder)
    size = f"{name} is {width}x{height}" if width else f"{name} has no header"
    raise UserError(
        f"{len(wide)} of {len(shapes)} pictures looked at are twice as wide as high, but {size}",
        where=f"{folder}/",
        expected="every picture twice as wide as high (A left, B right)"
        + (f", because there are folders for A and B beside {folder.name}/" if beside_domains else ", or none"),
        hint=f"move single pictures to {split}A/ or {split}B/, or take the files of another shape away",
    )


def _is_double(width: int, height: int) -> bool:
    return abs(width - 2 * height) <= max(2, height // 50) and width >= 2


# --- tables


def table_in(folder: Path) -> Path | None:
    """The folder's pairs.csv, whatever its case."""
    return next((p for p in sorted(folder.iterdir()) if p.name.lower() == PAIRS_FILE and p.is_file()), None)


def rows(table: Path) -> Iterator[Row]:
    """The rows of a pairs.csv; UserError for other columns than a and b, and for paths that are no files."""
    with table.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file, skipinitialspace=True)
        names = {(name or "").strip().lower(): name for name in reader.fieldnames or []}
        if not {"a", "b"} <= names.keys():
            raise UserError(
                "its first line does not name the columns a and b",
                where=str(table),
                expected="a first line `a,b`, then one pair of paths a line, relative to the table's folder",
                hint=f"found the columns: {', '.join(names) or 'none'}",
            )
        for row in reader:
            paths = []
            for column in ("a", "b"):
                entry = (row[names[column]] or "").strip()
                path = table.parent / entry
                if not entry or not path.is_file():
                    raise UserError(
                        f'column {column} names "{entry}", which is no file',
                        where=f"{table}, line {reader.line_num}",
                        expected=f"a path relative to {table.parent}/",
                        hint="mend the path or take the line away",
                    )
                paths.append(path)
            yield Row(table, reader.line_num, paths[0], paths[1])


def split_of(row: Row, default: str, says: Callable[[Path], tuple[str, Domain | None] | None]) -> str:
    """The split that both pictures of a row lie in; `default` where their folders say nothing. `says` gives the split
    and the domain that a path's folders name. Raises UserError for swapped columns and for two splits."""
    said = set()
    for domain, path in ((Domain.A, row.a), (Domain.B, row.b)):
        folder = says(path)
        if folder is None:
            continue
        split, named = folder
        if named not in (None, domain):
            raise UserError(
                f"column {domain} names a picture of domain {named}: {path.name}",
                where=f"{row.table}, line {row.line}",
                expected=f"a picture of {domain.upper()} in column {domain}",
                hint="swap the two columns",
            )
        said.add(split)
    if len(said) > 1:
        raise UserError(
            f"the two pictures are of different splits ({' and '.join(sorted(said))})",
            where=f"{row.table}, line {row.line}",
            expected="both in train, both in val or both in test",
            hint="move one of the files or take the line away",
        )
    return said.pop() if said else default


# --- names


def by_stem(split: str, found: dict[Domain, list[Named]], strict: bool) -> Matches:
    """Pairs of equal stems. Where both train/A and trainA exist, the former holds pairs, the latter unpaired images.
    Raises UserError for two pictures of one stem, and, if `strict`, where no stem has a partner."""
    forms = {named.nested for entries in found.values() for named in entries}
    sought: dict[Domain, dict[str, Path]] = {Domain.A: {}, Domain.B: {}}
    apart: dict[Domain, list[Path]] = {Domain.A: [], Domain.B: []}
    for domain, entries in found.items():
        for stem, image, nested in sorted(entries):
            if len(forms) == 2 and not nested:
                apart[domain].append(image)
            elif stem in sought[domain]:
                other = sought[domain][stem]
                raise UserError(
                    f'two pictures of {domain.upper()} are called "{stem}": {other.name} and {image.name}',
                    where=str(image.parent),
                    expected="one picture a stem, so that its partner is certain (data.pairs=stem)",
                    hint="rename or remove one of the two",
                )
            else:
                sought[domain][stem] = image
    both = sorted(sought[Domain.A].keys() & sought[Domain.B].keys())
    if strict and not both:
        examples = {d: ", ".join(image.name for image in list(sought[d].values())[:3]) for d in sought}
        raise UserError(
            f"no picture of A has a partner of the same name in B ({split}): "
            f"A has {examples[Domain.A]} ..., B has {examples[Domain.B]} ...",
            where="data.pairs=stem",
            expected="equal names but for the ending, as in A/0001.jpg and B/0001.png",
            hint=f"rename them, list the pairs in {PAIRS_FILE} (columns a,b), or train without pairs: data.pairs=all",
        )
    pairs = [(sought[Domain.A][stem], sought[Domain.B][stem]) for stem in both]
    matched = set(both)
    alone = {domain: [image for stem, image in sought[domain].items() if stem not in matched] for domain in sought}
    return Matches(pairs, alone, apart)


def overlooked(found: dict[Domain, list[Named]]) -> str | None:
    """Advice where nearly all names of A are names of B and the other way round."""
    a, b = ({named.stem for named in found[domain]} for domain in Domain)
    most, both = max(len(a), len(b)), len(a & b)
    if not both or both < MATCHING * most:
        return None
    return f"{both} of {most} names match: --set data.pairs=stem if they show the same scenes"


# --- fewer pairs


def fewer(root: Path, split: Split, count: int) -> Split:
    """The split with `count` of its pairs, evenly spread; the rest becomes unpaired pictures. For pairs in sequences
    that can `take`. Raises UserError where there are not so many."""
    refuse_more(root, len(split.pairs), count)
    if not isinstance(split.pairs, Zipped):
        return split
    chosen = kept(len(split.pairs), count)
    stay = sorted(chosen)
    go = [i for i in range(len(split.pairs)) if i not in chosen]
    a, b = split.pairs.sides
    return replace(
        split,
        pairs=Zipped(_taken(a, stay), _taken(b, stay)),
        only_a=_after(split.only_a, _taken(a, go)),
        only_b=_after(split.only_b, _taken(b, go)),
    )


def refuse_more(root: Path, pairs: int, count: int) -> None:
    """Raise UserError where fewer than `count` pairs are there to keep."""
    if count > pairs:
        raise UserError(
            f"data.pairs={count}, but the training split has {pairs} pairs",
            where=str(root),
            expected=f"a number from 0 to {pairs}"
            if pairs
            else f"pairs side by side, listed in {PAIRS_FILE}, or of equal stems in two folders",
            hint="a smaller number, or data.pairs=all",
        )


def _taken(pictures: Any, places: list[int]) -> Sequence[Picture]:
    return cast(Sequence[Picture], pictures.take(places))


def _after(first: Sequence[Picture], second: Sequence[Picture]) -> Sequence[Picture]:
    return Chained([part for part in (first, second) if len(part)])


def kept(total: int, count: int) -> set[int]:
    """`count` of 0 ... total-1, evenly spread, and contained in every larger choice (bit-reversed counting: van der
    Corput's sequence)."""
    bits = max(total - 1, 0).bit_length()
    order = (int(f"{i:0{bits}b}"[::-1], 2) if bits else 0 for i in range(1 << bits))
    return set([i for i in order if i < total][:count])


def scramble(path: Path, root: Path) -> bytes:
    """A sort key that has nothing to do with the name's order: the k-th of B is not the partner of the k-th of A."""
    return blake2b(os.path.relpath(path, root).encode("utf-8", "surrogateescape"), digest_size=8).digest()
