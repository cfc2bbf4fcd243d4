"""Which pictures a dataset folder holds, of which split, domain and class; reads names and image headers only."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from translate.data import manifest, opening, pairing
from translate.data.dataset import ENDINGS, SPLITS, Dataset, Picture, Split, listing
from translate.data.pairing import PAIRS_FILE, Named
from translate.domain import Domain
from translate.errors import UserError, nearest

__all__ = ["ENDINGS", "SPLITS", "Dataset", "Picture", "Split", "find"]

_SPLIT_AND_DOMAIN = re.compile(rf"({'|'.join(SPLITS)})[ _-]?([ab])", re.IGNORECASE)


@dataclass
class _Gathering(Split):
    """A split that is still being filled."""

    pairs: list[tuple[Picture, Picture]] = field(default_factory=list)
    only_a: list[Picture] = field(default_factory=list)
    only_b: list[Picture] = field(default_factory=list)


@dataclass(frozen=True)
class _Claim:
    """What a folder's name says about the images below it; domain None means that the images must tell."""

    split: str
    domain: Domain | None
    nested: bool = False


def find(root: Path | str, pairs: str | int = "all", progress: Callable[[int, int], None] | None = None) -> Dataset:
    """The dataset in `root`: a folder of pictures or of sharded archives, a pattern or URL of such archives, or a table
    of pictures (CSV, JSONL). Sorted and deterministic. `progress(done, total)` counts archives. `pairs`: "all" that are
    marked as such (side by side or listed in pairs.csv), "stem" (also files of equal stems in two folders), or K, to
    keep only K of the training pairs. Where no training pairs are marked, K > 0 means K of equal stems, and then the
    other splits are paired by stem too."""
    _refuse_bad_pairs(pairs)
    place = opening.located(root)
    if manifest.is_manifest(place):
        return manifest.find(place, pairs)
    if isinstance(place, str) or opening.is_archive(place):
        return _sharded(place, pairs, progress)
    root = place
    _refuse_bad_root(root)
    images, skipped = _walk(root)
    if not images:
        if any(root.rglob("*.tar")):
            return _sharded(root, pairs, progress)
        raise _no_images(root, skipped)
    claims = _claims(root, {folder for image in images for folder in _folders_between(root, image)})
    by_claim, stray = _assign(root, images, claims)
    if not claims:
        _refuse_dataset_further_down(root, images)
        by_claim, stray = {root: images}, []
        claims = {root: _Claim("train", None)}
    splits: dict[str, _Gathering] = {name: _Gathering() for name in ("train", "val", "test")}
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
                hint = pairing.overlooked(found)
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
    for split in kept.values():
        _label(split, root, claims)
    return Dataset(root, _layout(kept, marks), dict(kept), skipped, stray, hint)


def _sharded(place: Path | str, pairs: str | int, progress: Callable[[int, int], None] | None) -> Dataset:
    from translate.data import sharded  # and with it NumPy

    return sharded.find(place, pairs, progress)


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


def _label(split: _Gathering, root: Path, claims: dict[Path, _Claim]) -> None:
    """Says of each picture of the split in which folder below that of the split and domain it lies."""
    absolute = {Path(_real(folder)) for folder in (root, *claims)}

    def labelled(picture: Picture) -> Picture:
        inner: Path | None = None
        for folder in Path(_real(picture.path)).parents:
            if folder in absolute:
                return picture if inner is None else replace(picture, label=inner.name)
            inner = folder
        return picture

    split.pairs = [(labelled(a), labelled(b)) for a, b in split.pairs]
    split.only_a, split.only_b = ([labelled(picture) for picture in only] for only in (split.only_a, split.only_b))


# --- which of them belong together


def _take_folder(
    folder: Path, images: list[Path], name: str, split: _Gathering, marks: list[str], has_domains: bool
) -> None:
    """Images of a folder that names no domain: pairs side by side, or single pictures of one domain."""
    if not images:
        return
    if pairing.side_by_side(folder, [Picture(image) for image in images], name, has_domains):
        split.pairs += [(Picture(image, "left"), Picture(image, "right")) for image in images]
        marks.append("pairs side by side")
    else:
        split.only_b += [Picture(image) for image in images]
        marks.append("one folder of pictures")


def _read_pair_files(
    root: Path, claims: dict[Path, _Claim], splits: dict[str, _Gathering]
) -> tuple[set[str], set[str]]:
    """Adds the rows of each pairs.csv to its split; all files that they name, and the splits that got rows."""
    listed: set[str] = set()
    touched: set[str] = set()
    absolute = {Path(_real(folder)): (claim.split, claim.domain) for folder, claim in claims.items()}

    def says(path: Path) -> tuple[str, Domain | None] | None:
        return next((absolute[folder] for folder in Path(_real(path)).parents if folder in absolute), None)

    for folder in [root, *(f for f in _subfolders(root) if f.name.lower() in SPLITS)]:
        table = pairing.table_in(folder)
        default = SPLITS.get(folder.name.lower(), "train") if folder != root else "train"
        for row in pairing.rows(table) if table else ():
            split = pairing.split_of(row, default, says)
            splits[split].pairs.append((Picture(row.a), Picture(row.b)))
            touched.add(split)
            listed |= {_real(row.a), _real(row.b)}
    return listed, touched


def _in_domains(
    name: str, claims: dict[Path, _Claim], by_claim: dict[Path, list[Path]], listed: set[str]
) -> dict[Domain, list[Named]]:
    """The split's images in folders of A and of B that no pairs.csv lists."""
    found: dict[Domain, list[Named]] = {Domain.A: [], Domain.B: []}
    for folder, claim in claims.items():
        if claim.split == name and claim.domain:
            found[claim.domain] += [
                Named(image.relative_to(folder).with_suffix("").as_posix(), image, claim.nested)
                for image in by_claim.get(folder, [])
                if _real(image) not in listed
            ]
    return found


def _match_stems(
    name: str, split: _Gathering, found: dict[Domain, list[Named]], marks: list[str], strict: bool
) -> None:
    """Adds pairs of equal stems to the split, and the pictures that are left over."""
    matches = pairing.by_stem(name, found, strict)
    split.pairs += [(Picture(a), Picture(b)) for a, b in matches.pairs]
    for domain, only in ((Domain.A, split.only_a), (Domain.B, split.only_b)):
        only += [Picture(image) for image in matches.alone[domain] + matches.apart[domain]]
        split.unmatched += matches.alone[domain]
    if matches.pairs:
        marks.append("pairs in two folders, by equal stems")


def _keep_pairs(root: Path, split: _Gathering, count: int) -> None:
    """Leaves `count` pairs; the rest becomes unpaired images."""
    pairing.refuse_more(root, len(split.pairs), count)
    chosen = pairing.kept(len(split.pairs), count)
    dissolved = [pair for i, pair in enumerate(split.pairs) if i not in chosen]
    split.pairs = [pair for i, pair in enumerate(split.pairs) if i in chosen]
    split.only_a += [a for a, _ in dissolved]
    only_b = split.only_b + [b for _, b in dissolved]
    split.only_b = sorted(only_b, key=lambda b: pairing.scramble(b.path, root))


def _layout(splits: Mapping[str, Split], marks: dict[str, list[str]]) -> str:
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


def _refuse_bad_pairs(pairs: str | int) -> None:
    if isinstance(pairs, bool) or not (pairs in ("all", "stem") or (isinstance(pairs, int) and pairs >= 0)):
        raise UserError(f"data.pairs={pairs}", expected='"all", "stem" or a number of pairs', hint="data.pairs=all")


def _refuse_bad_root(root: Path) -> None:
    if not root.exists():
        parent = next(p for p in [root.absolute(), *root.absolute().parents] if p.is_dir())
        inside = [p.name for p in _subfolders(parent)]
        wanted = root.absolute().relative_to(parent).parts[0]
        raise UserError(
            f"this folder does not exist.{nearest(wanted, inside)}",
            where=str(root),
            expected=f"a folder of pictures; {parent} holds {listing(inside)}",
            hint="the path of the dataset's folder, or `translate data make faces DIR` for one to play with",
        )
    if not root.is_dir():
        raise UserError(
            "this is a file",
            where=str(root),
            expected="the folder that holds the pictures",
            hint=f"unpack it if it is an archive, or name the folder it lies in: {root.parent}",
        )


def _folders_found(root: Path) -> str:
    return "found the folders: " + listing(f"{p.name}/" for p in _subfolders(root))


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
        expected=f"{_LAYOUTS}; found {listing(str(path.relative_to(root)) for path in stray[:3])}",
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
