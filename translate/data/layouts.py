"""Which pictures a dataset folder holds and which of them belong together; reads names and image headers only."""

from __future__ import annotations

import csv
import os
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Literal

from translate.domain import Domain, Regime, regime_of
from translate.errors import UserError, nearest

ENDINGS = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".ppm", ".pgm"})
SPLITS = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
PAIRS_FILE = "pairs.csv"
MATCHING = 0.9
"""From this share of equal names on, two folders that are read as unpaired may well hold pairs."""
HEADERS_READ = 300
"""At most so many image headers per folder are opened to tell whether its pictures are two side by side."""

_SPLIT_AND_DOMAIN = re.compile(rf"({'|'.join(SPLITS)})[ _-]?([ab])", re.IGNORECASE)


@dataclass(frozen=True)
class Picture:
    """An image file, or the left or right half of a file that holds a pair side by side."""

    path: Path
    half: Literal["left", "right"] | None = None

    def __str__(self) -> str:
        return str(self.path) if self.half is None else f"{self.path} ({self.half} half)"


@dataclass
class Split:
    """The pictures of train, val or test; `unmatched` names files whose partner was sought and not found."""

    pairs: list[tuple[Picture, Picture]] = field(default_factory=list)
    only_a: list[Picture] = field(default_factory=list)
    only_b: list[Picture] = field(default_factory=list)
    unmatched: list[Path] = field(default_factory=list)

    def of(self, domain: Domain) -> list[Picture]:
        """All pictures of `domain`: the pairs' sides first, in the pairs' order, then the unpaired ones."""
        side = 0 if domain is Domain.A else 1
        return [pair[side] for pair in self.pairs] + (self.only_a if domain is Domain.A else self.only_b)

    def __len__(self) -> int:
        return 2 * len(self.pairs) + len(self.only_a) + len(self.only_b)


@dataclass
class Dataset:
    """What a folder holds, by split; `skipped` counts files that are no images, `stray` are images of no split, `hint`
    is advice on pairs that may have been overlooked."""

    root: Path
    layout: str
    splits: dict[str, Split]
    skipped: int = 0
    stray: list[Path] = field(default_factory=list)
    hint: str | None = None

    def regime(self, split: str = "train") -> Regime:
        """The name of what the data allows."""
        found = self.split(split)
        return regime_of(len(found.pairs), len(found.only_a), len(found.only_b))

    def split(self, name: str) -> Split:
        """The split of that name; a UserError names the splits there are."""
        if name not in self.splits:
            raise UserError(
                f'there is no split "{name}".{nearest(name, self.splits)}',
                where=str(self.root),
                expected="one of " + ", ".join(self.splits),
                hint=f"add a folder {name}/ (or {name}A/ and {name}B/), or name one of the splits there are",
            )
        return self.splits[name]


@dataclass(frozen=True)
class _Claim:
    """What a folder's name says about the images below it; domain None means that the images must tell."""

    split: str
    domain: Domain | None
    nested: bool = False


_Named = tuple[str, Path, bool]
"""An image's path below its domain's folder without the ending, the image, and whether the folder is a nested one."""


def find(root: Path, pairs: str | int = "all") -> Dataset:
    """The dataset in `root`, sorted and deterministic. `pairs`: "all" that are marked as such (side by side or listed
    in pairs.csv), "stem" (also files of equal stems in two folders), or K, to keep only K of the training pairs. Where
    no training pairs are marked, K > 0 means K of equal stems, and then the other splits are paired by stem too."""
    root = Path(root)
    _refuse_bad_request(root, pairs)
    images, skipped = _walk(root)
    if not images:
        raise _no_images(root, skipped)
    claims = _claims(root, {folder for image in images for folder in _folders_between(root, image)})
    by_claim, stray = _assign(root, images, claims)
    if not claims:
        _refuse_dataset_further_down(root, images)
        by_claim, stray = {root: images}, []
        claims = {root: _Claim("train", None)}
    splits: dict[str, Split] = {name: Split() for name in ("train", "val", "test")}
    marks: dict[str, list[str]] = defaultdict(list)
    has_domains = any(claim.domain for claim in claims.values())

    listed, listed_splits = _read_pair_files(root, claims, splits)
    for name in listed_splits:
        marks[name].append(f"pairs listed in {PAIRS_FILE}")
    for folder, claim in claims.items():
        if claim.domain is None and folder in by_claim:
            rest = [image for image in by_claim[folder] if _real(image) not in listed]
            if claim.split in listed_splits:
                stray += rest  # the table alone says what is A and what is B here
            else:
                _take_folder(folder, rest, claim.split, splits[claim.split], marks[claim.split], has_domains)
    hint, by_stem = None, pairs == "stem" or (isinstance(pairs, int) and pairs > 0 and not splits["train"].pairs)
    for name, split in splits.items():
        found = _in_domains(name, claims, by_claim, listed)
        if by_stem and found[Domain.A] and found[Domain.B]:
            strict = pairs == "stem" and name == "train" and not split.pairs
            _match_stems(name, split, found, marks[name], strict)
        else:
            split.only_a += [Picture(image) for _, image, _ in sorted(found[Domain.A])]
            split.only_b += [Picture(image) for _, image, _ in sorted(found[Domain.B])]
            if name == "train" and pairs == "all" and not split.pairs:
                hint = _overlooked_pairs(found)
        # Equal names, such as 0001.png, prove nothing: a number of pairs speaks of other splits only by way of train.
        by_stem = by_stem and (pairs == "stem" or bool(splits["train"].pairs))
    kept = {name: split for name, split in splits.items() if len(split)}
    if not kept:
        raise _nothing_in_a_split(root, stray)
    one_domain = {name for name in kept if "one folder of pictures" in marks[name]}
    if one_domain and one_domain != set(kept):
        raise _mixed(root, one_domain, set(kept) - one_domain)
    _refuse_half_a_dataset(root, claims, splits["train"])
    if isinstance(pairs, int):
        _keep_pairs(root, splits["train"], pairs)
        if marks["train"] and (splits["train"].only_a or splits["train"].only_b):
            marks["train"] = [f"{' and '.join(marks['train'])}, {pairs} of them kept as pairs"]
    return Dataset(root, _layout(kept, marks), kept, skipped, stray, hint)


# --- what is on disk


def _walk(root: Path) -> tuple[list[Path], int]:
    """All image files below `root`, sorted, and the number of other files; hidden ones are passed over."""
    images, skipped, seen = [], 0, set()
    for folder, below, names in os.walk(root, followlinks=True):
        real = os.path.realpath(folder)
        if real in seen:  # a link back up would walk in circles
            below.clear()
            continue
        seen.add(real)
        below[:] = sorted(name for name in below if not name.startswith("."))
        for name in names:
            if name.startswith("."):
                continue
            if os.path.splitext(name)[1].lower() in ENDINGS:
                images.append(Path(folder, name))
            elif name.lower() != PAIRS_FILE:
                skipped += 1
    return sorted(images), skipped


def _folders_between(root: Path, image: Path) -> Iterator[Path]:
    folder = image.parent
    while folder != root:
        yield folder
        folder = folder.parent


def _real(path: Path) -> str:
    return os.path.abspath(path)


def _claims(root: Path, with_images: set[Path]) -> dict[Path, _Claim]:
    """What the folders down to the second level say by their names (also the empty ones, so that they can be named)."""
    claims: dict[Path, _Claim] = {}
    top = _subfolders(root)
    for folder in top:
        both = _SPLIT_AND_DOMAIN.fullmatch(folder.name)
        if both:
            claims[folder] = _Claim(SPLITS[both[1].lower()], Domain(both[2].lower()))
        elif folder.name.lower() in SPLITS:
            split = SPLITS[folder.name.lower()]
            if folder in with_images:
                claims[folder] = _Claim(split, None)
            for domain, below in _domain_folders(_subfolders(folder)):
                claims[below] = _Claim(split, domain, nested=True)
    for domain, folder in _domain_folders(top):
        claims[folder] = _Claim("train", domain, nested=True)
        for below in _subfolders(folder):
            if below.name.lower() in SPLITS:
                claims[below] = _Claim(SPLITS[below.name.lower()], domain, nested=True)
    return claims


def _subfolders(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))


def _domain_folders(folders: list[Path]) -> list[tuple[Domain, Path]]:
    """The folders called A and B, unless they are two letters of an alphabet of classes."""
    if any(len(folder.name) == 1 and folder.name.lower() not in "ab" for folder in folders):
        return []
    return [(Domain(folder.name.lower()), folder) for folder in folders if folder.name.lower() in ("a", "b")]


def _assign(root: Path, images: list[Path], claims: dict[Path, _Claim]) -> tuple[dict[Path, list[Path]], list[Path]]:
    """Each image to the nearest folder above it that says something; the rest is stray."""
    by_claim: dict[Path, list[Path]] = defaultdict(list)
    stray = []
    for image in images:
        folder = next((f for f in _folders_between(root, image) if f in claims), None)
        if folder is None:
            stray.append(image)
        else:
            by_claim[folder].append(image)
    return dict(by_claim), stray


# --- pairs


def _take_folder(
    folder: Path, images: list[Path], name: str, split: Split, marks: list[str], has_domains: bool
) -> None:
    """Images of a folder that names no domain: pairs side by side, or single pictures of one domain."""
    if not images:
        return
    looked_at = _spread(images, HEADERS_READ)
    shapes = {image: shape for image in looked_at if (shape := _header(image))}
    wide = [image for image, (width, height) in shapes.items() if _is_double(width, height)]
    if wide and len(wide) == len(shapes):
        split.pairs += [(Picture(image, "left"), Picture(image, "right")) for image in images]
        marks.append("pairs side by side")
        return
    odd = next((image for image in shapes if image not in set(wide)), images[0])
    if len(wide) * 5 > len(shapes) or has_domains:
        width, height = shapes.get(odd, (0, 0))
        size = f"{odd.relative_to(folder)} is {width}x{height}" if width else f"{odd.relative_to(folder)} has no header"
        raise UserError(
            f"{len(wide)} of {len(shapes)} pictures looked at are twice as wide as high, but {size}",
            where=f"{folder}/",
            expected="every picture twice as wide as high (A left, B right)"
            + (f", because there are folders for A and B beside {folder.name}/" if has_domains else ", or none"),
            hint=f"move single pictures to {name}A/ or {name}B/, or take the files of another shape away",
        )
    split.only_b += [Picture(image) for image in images]
    marks.append("one folder of pictures")


def _header(path: Path) -> tuple[int, int] | None:
    """(width, height) as shown, from the file's header; None for a broken file (it is named when it is decoded)."""
    from PIL import Image

    try:
        with Image.open(path) as image:
            width, height = image.size
            turned = image.format in ("JPEG", "MPO") and image.getexif().get(0x0112, 1) >= 5
    except Exception:  # Pillow's plugins raise nearly anything on a broken header
        return None
    return (height, width) if turned else (width, height)


def _is_double(width: int, height: int) -> bool:
    return abs(width - 2 * height) <= max(2, height // 50) and width >= 2


def _spread(items: list[Path], count: int) -> list[Path]:
    """At most `count` of the items, evenly spread, the first and the last among them."""
    if len(items) <= count:
        return items
    return [items[i * (len(items) - 1) // (count - 1)] for i in range(count)]


def _read_pair_files(root: Path, claims: dict[Path, _Claim], splits: dict[str, Split]) -> tuple[set[str], set[str]]:
    """Adds the rows of each pairs.csv to its split; all files that they name, and the splits that got rows."""
    listed: set[str] = set()
    touched: set[str] = set()
    absolute = {Path(_real(folder)): claim for folder, claim in claims.items()}
    for folder in [root, *(f for f in _subfolders(root) if f.name.lower() in SPLITS)]:
        table = next((p for p in sorted(folder.iterdir()) if p.name.lower() == PAIRS_FILE and p.is_file()), None)
        if table is None:
            continue
        default = SPLITS.get(folder.name.lower(), "train") if folder != root else "train"
        for line, a, b in _rows(table):
            split = _split_of_row(absolute, default, table, line, a, b)
            splits[split].pairs.append((Picture(a), Picture(b)))
            touched.add(split)
            listed |= {_real(a), _real(b)}
    return listed, touched


def _rows(table: Path) -> Iterator[tuple[int, Path, Path]]:
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
            yield reader.line_num, paths[0], paths[1]


def _split_of_row(claims: dict[Path, _Claim], default: str, table: Path, line: int, a: Path, b: Path) -> str:
    """The split that both paths of a row lie in; `default` where the folders say nothing."""
    said = set()
    for domain, path in ((Domain.A, a), (Domain.B, b)):
        claim = next((claims[folder] for folder in Path(_real(path)).parents if folder in claims), None)
        if claim and claim.domain not in (None, domain):
            raise UserError(
                f"column {domain} names a picture of domain {claim.domain}: {path.name}",
                where=f"{table}, line {line}",
                expected=f"a picture of {domain.upper()} in column {domain}",
                hint="swap the two columns",
            )
        if claim:
            said.add(claim.split)
    if len(said) > 1:
        raise UserError(
            f"the two pictures are of different splits ({' and '.join(sorted(said))})",
            where=f"{table}, line {line}",
            expected="both in train, both in val or both in test",
            hint="move one of the files or take the line away",
        )
    return said.pop() if said else default


def _in_domains(
    name: str, claims: dict[Path, _Claim], by_claim: dict[Path, list[Path]], listed: set[str]
) -> dict[Domain, list[_Named]]:
    """The split's images in folders of A and of B that no pairs.csv lists."""
    found: dict[Domain, list[_Named]] = {Domain.A: [], Domain.B: []}
    for folder, claim in claims.items():
        if claim.split == name and claim.domain:
            found[claim.domain] += [
                (image.relative_to(folder).with_suffix("").as_posix(), image, claim.nested)
                for image in by_claim.get(folder, [])
                if _real(image) not in listed
            ]
    return found


def _overlooked_pairs(found: dict[Domain, list[_Named]]) -> str | None:
    """Advice where nearly all names of A are names of B and the other way round."""
    a, b = ({stem for stem, _, _ in found[domain]} for domain in Domain)
    most, both = max(len(a), len(b)), len(a & b)
    if not both or both < MATCHING * most:
        return None
    return f"{both} of {most} names match: --set data.pairs=stem if they show the same scenes"


def _match_stems(name: str, split: Split, found: dict[Domain, list[_Named]], marks: list[str], strict: bool) -> None:
    """Pairs of equal stems. Where both train/A and trainA exist, the former holds pairs, the latter unpaired images."""
    forms = {nested for entries in found.values() for _, _, nested in entries}
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
            f"no picture of A has a partner of the same name in B ({name}): "
            f"A has {examples[Domain.A]} ..., B has {examples[Domain.B]} ...",
            where="data.pairs=stem",
            expected="equal names but for the ending, as in A/0001.jpg and B/0001.png",
            hint=f"rename them, list the pairs in {PAIRS_FILE} (columns a,b), or train without pairs: data.pairs=all",
        )
    split.pairs += [(Picture(sought[Domain.A][stem]), Picture(sought[Domain.B][stem])) for stem in both]
    for domain, only in ((Domain.A, split.only_a), (Domain.B, split.only_b)):
        alone = [image for stem, image in sought[domain].items() if stem not in set(both)]
        only += [Picture(image) for image in alone + apart[domain]]
        split.unmatched += alone
    if both:
        marks.append("pairs in two folders, by equal stems")


def _keep_pairs(root: Path, split: Split, count: int) -> None:
    """Leaves `count` pairs, evenly spread and contained in every larger choice; the rest becomes unpaired images."""
    if count > len(split.pairs):
        raise UserError(
            f"data.pairs={count}, but the training split has {len(split.pairs)} pairs",
            where=str(root),
            expected=f"a number from 0 to {len(split.pairs)}"
            if split.pairs
            else f"pairs side by side, listed in {PAIRS_FILE}, or of equal stems in two folders",
            hint="a smaller number, or data.pairs=all",
        )
    chosen = set(_van_der_corput(len(split.pairs))[:count])
    dissolved = [pair for i, pair in enumerate(split.pairs) if i not in chosen]
    split.pairs = [pair for i, pair in enumerate(split.pairs) if i in chosen]
    split.only_a += [a for a, _ in dissolved]
    split.only_b = sorted(split.only_b + [b for _, b in dissolved], key=lambda b: _scramble(b, root))


def _van_der_corput(count: int) -> list[int]:
    """0 ... count-1 in an order whose every beginning is evenly spread (bit-reversed counting)."""
    bits = max(count - 1, 0).bit_length()
    order = (int(f"{i:0{bits}b}"[::-1], 2) if bits else 0 for i in range(1 << bits))
    return [i for i in order if i < count]


def _scramble(picture: Picture, root: Path) -> bytes:
    """A sort key that has nothing to do with the name's order: the k-th of B is not the partner of the k-th of A."""
    return blake2b(os.path.relpath(picture.path, root).encode("utf-8", "surrogateescape"), digest_size=8).digest()


def _layout(splits: dict[str, Split], marks: dict[str, list[str]]) -> str:
    """A fragment of a sentence about the training pictures, and about the other splits where they differ."""
    said: dict[str, str] = {}
    for name, split in splits.items():
        parts = list(dict.fromkeys(marks[name]))
        if "one folder of pictures" not in parts and (split.only_a or split.only_b):
            if not parts:
                parts.append("two folders of unpaired pictures" if split.only_a and split.only_b else "one side only")
            else:
                parts.append("unpaired pictures beside them")
        said[name] = " and ".join(parts)
    first = next(iter(said.values()))
    return "; ".join([first, *(f"{name}: {text}" for name, text in said.items() if text != first)])


# --- mistakes


def _refuse_bad_request(root: Path, pairs: str | int) -> None:
    if isinstance(pairs, bool) or not (pairs in ("all", "stem") or (isinstance(pairs, int) and pairs >= 0)):
        raise UserError(f"data.pairs={pairs}", expected='"all", "stem" or a number of pairs', hint="data.pairs=all")
    if not root.exists():
        parent = next(p for p in [root.absolute(), *root.absolute().parents] if p.is_dir())
        inside = [p.name for p in _subfolders(parent)]
        wanted = root.absolute().relative_to(parent).parts[0]
        raise UserError(
            f"this folder does not exist.{nearest(wanted, inside)}",
            where=str(root),
            expected=f"a folder of pictures; {parent} holds {_listing(inside)}",
            hint="the path of the dataset's folder, or `translate data make faces DIR` for one to play with",
        )
    if not root.is_dir():
        raise UserError(
            "this is a file",
            where=str(root),
            expected="the folder that holds the pictures",
            hint=f"unpack it if it is an archive, or name the folder it lies in: {root.parent}",
        )


def _listing(names: Iterable[str]) -> str:
    names = list(names)
    return (", ".join(names[:12]) + (", ..." if len(names) > 12 else "")) if names else "no folders"


def _folders_found(root: Path) -> str:
    return "found the folders: " + _listing(f"{p.name}/" for p in _subfolders(root))


_LAYOUTS = (
    "trainA/ and trainB/ (unpaired), train/ with pictures twice as wide as high (pairs), "
    "or just a folder of pictures (one domain)"
)


def _no_images(root: Path, skipped: int) -> UserError:
    return UserError(
        f"no pictures here ({skipped} other files); {_folders_found(root)}",
        where=str(root),
        expected=f"files ending in {', '.join(sorted(ENDINGS))}, as {_LAYOUTS}",
        hint="the folder that holds trainA/ and trainB/, or train/",
    )


def _nothing_in_a_split(root: Path, stray: list[Path]) -> UserError:
    return UserError(
        f"none of the {len(stray)} pictures lies in a folder of a split; {_folders_found(root)}",
        where=str(root),
        expected=f"{_LAYOUTS}; found {_listing(str(path.relative_to(root)) for path in stray[:3])}",
        hint="move the pictures into such folders; for one domain alone, take the empty folders away",
    )


def _refuse_dataset_further_down(root: Path, images: list[Path]) -> None:
    """A folder around the dataset would otherwise pass for one domain of pictures in subfolders."""
    for folder in sorted({folder for image in images for folder in _folders_between(root, image)}):
        if folder.parent != root and _SPLIT_AND_DOMAIN.fullmatch(folder.name):
            raise UserError(
                f"the dataset seems to lie further down, in {folder.parent.relative_to(root)}/",
                where=str(root),
                expected=f"{_LAYOUTS}; {_folders_found(root)}",
                hint=f"--data {folder.parent}",
            )


def _mixed(root: Path, single: set[str], other: set[str]) -> UserError:
    return UserError(
        f"{', '.join(sorted(single))}: single pictures of one domain; {', '.join(sorted(other))}: pictures of A and B",
        where=str(root),
        expected=f"A and B in every split, or one domain in every split: {_LAYOUTS}",
        hint=f"put the pictures of {sorted(single)[0]}/ into {sorted(single)[0]}A/ and {sorted(single)[0]}B/",
    )


def _refuse_half_a_dataset(
    root: Path,
    claims: dict[Path, _Claim],
    train: Split,
) -> None:
    """Training on A and B needs pictures of both, unless there are pairs."""
    train_folders = {c.domain: folder for folder, c in claims.items() if c.split == "train" and c.domain}
    if train.pairs or not train_folders or (train.only_a and train.only_b):
        return
    missing = Domain.B if train.only_a else Domain.A
    empty = train_folders.get(missing)
    if empty is not None:
        what = f"{empty.relative_to(root)}/ holds no pictures"
        other = empty
    else:
        there = train_folders[missing.other]
        what = f"{there.relative_to(root)}/ is there, but no folder of {missing.upper()} beside it"
        renamed = re.sub(r"[abAB]$", missing.upper(), there.name)
        other = there.with_name(renamed) if there.name.lower() not in SPLITS else root / missing.upper() / there.name
    raise UserError(
        f"{what}; {_folders_found(root)}",
        where=str(root),
        expected=f"pictures of both domains: {_LAYOUTS}",
        hint=f"put the pictures of {missing.upper()} into {other}/; for one domain alone, name its folder itself",
    )
