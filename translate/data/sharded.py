"""Finding a dataset in sharded tar archives: which there are, what their names say, what they hold."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np

from translate.data import index, opening, pairing
from translate.data.cache import folder as cache_folder
from translate.data.dataset import SPLITS, Dataset, Split, Zipped
from translate.data.headers import spread
from translate.data.index import PLAIN, SIDE_A, SIDE_B, Table
from translate.data.shards import Archives, Members
from translate.data.store import Shard, Store
from translate.domain import Domain
from translate.errors import UserError

AT_ONCE = 8
"""Archives whose headers are read at the same time."""

LOOKED_AT = 32
"""Pictures of a split whose headers tell whether two are side by side; they lie in one archive, which may be far."""

_SPLIT = re.compile(rf"({'|'.join(SPLITS)})(?:[ _-]?([ab]))?(?![a-z])", re.IGNORECASE)
_DOMAIN = re.compile(r"([ab])(?![a-z])", re.IGNORECASE)
_RANGE = re.compile(r"(\d+)\.\.(\d+)")
_MOST = 1_000_000  # archives that a pattern may stand for


class _Found(NamedTuple):
    """An archive and its path below the place that was named."""

    shard: Shard
    name: str


class _Claim(NamedTuple):
    """What an archive's name and folders say about its pictures; domain None: the members must tell."""

    split: str
    domain: Domain | None


def find(place: Path | str, pairs: str | int = "all", progress: Callable[[int, int], None] | None = None) -> Dataset:
    """The dataset in the tar archives of a folder, of a pattern such as `train-{000000..000099}.tar`, or of one file,
    here or behind a URL. `pairs` as in `layouts.find`. `progress(done, total)` counts
    archives whose headers are read, which is done once. Raises UserError."""
    found = sorted(_archives(place), key=lambda one: one.name)
    root = opening.shown(place)
    if not found:
        raise UserError(
            "no archives here",
            where=str(root),
            expected="files ending in .tar, or where nothing can be listed a pattern: train-{000000..000099}.tar",
            hint="docs/long-data.md says how such archives are made",
        )
    store = Store(cache_folder() / "shards")
    tables = _tables([one.shard for one in found], store, progress)
    claims = [_claim(one.name) for one in found]
    if any(claims):
        stray = [opening.shown(one.shard.place) for one, claim in zip(found, claims, strict=True) if claim is None]
    else:
        claims, stray = [_Claim("train", None)] * len(found), []
    archives = Archives([one.shard for one in found], tables, store)
    splits, kinds = {}, {}
    for name in dict.fromkeys(SPLITS.values()):
        split, kind = _split(root, name, archives, claims)
        if len(split):
            splits[name], kinds[name] = split, kind
    skipped = sum(table.skipped for table in tables)
    if not splits:
        raise _nothing(root, len(found), skipped, tables)
    _refuse_mixtures(root, splits, kinds)
    if isinstance(pairs, int) and "train" in splits:
        splits["train"] = pairing.fewer(root, splits["train"], pairs)
    elif pairs == "stem" and "train" in splits and not splits["train"].pairs:
        raise UserError(
            "pictures in archives are not paired by equal names",
            where="data.pairs=stem",
            expected="both pictures of a pair in one archive, as key.a.jpg and key.b.jpg",
            hint="docs/long-data.md says how such archives are made",
        )
    many = f"{len(found):,} archives" if len(found) > 1 else "an archive"
    return Dataset(root, f"{kinds.get('train') or next(iter(kinds.values()))} in {many}", splits, skipped, stray)


# --- which archives


def _archives(place: Path | str) -> list[_Found]:
    text = str(place)
    if text.lower().endswith((".tar.gz", ".tgz")):
        raise UserError(
            "is compressed as a whole, so that nothing in it can be read without all before it",
            where=opening.named(place),
            expected="archives ending in .tar; pictures are compressed already",
            hint="gunzip it",
        )
    if "{" in text and not (isinstance(place, Path) and place.exists()):
        fixed = text[: text.index("{")].rpartition("/")[0]
        return [_one(name, name[len(fixed) :].lstrip("/")) for name in expanded(text)]
    if text.lower().endswith(".tar") and not (isinstance(place, Path) and place.is_dir()):
        return [_one(text, text.rpartition("/")[2])]
    if isinstance(place, Path):
        paths = (path for path in place.rglob("*.tar") if path.is_file())
        names = ((path, path.relative_to(place)) for path in paths)
        return [_one(str(path), name.as_posix()) for path, name in names if not name.name.startswith(".")]
    system, root = opening.reached(place)
    try:
        with opening.os_errors():
            listing = system.find(root, detail=True)
    except OSError as error:
        raise _unreachable(place, error) from None
    found = []
    for path, info in listing.items():
        if path.lower().endswith(".tar"):
            url, name = str(system.unstrip_protocol(path)), path[len(root.rstrip("/")) :].lstrip("/")
            size = info.get("size")  # a server of files may not say it in its listing
            found.append(
                _one(url, name) if size is None else _Found(Shard(url, int(size), opening.stamp_of(info)), name)
            )
    return found


def _one(place: str, name: str) -> _Found:
    where = opening.located(place)
    try:
        if isinstance(where, Path):
            stat = where.stat()
            return _Found(Shard(where, stat.st_size, (stat.st_mtime_ns,)), name)
        system, path = opening.reached(where)
        with opening.os_errors():
            info = system.info(path)
        if info.get("size") is None:
            raise OSError("the server does not say how large it is")
        return _Found(Shard(where, int(info["size"]), opening.stamp_of(info)), name)
    except OSError as error:
        raise _unreachable(where, error) from None


def expanded(pattern: str) -> Iterable[str]:
    """The names that a pattern stands for: {000..099} counts, {a,b} chooses; from left to right. Raises UserError."""
    names = [""]
    for literal, braces in re.findall(r"([^{}]*)(?:\{([^{}]*)\})?", pattern):
        if found := _RANGE.fullmatch(braces):
            low, high, width = int(found[1]), int(found[2]), len(found[1])
            choices: Sequence[str] = () if high - low >= _MOST else [f"{n:0{width}}" for n in range(low, high + 1)]
        else:
            choices = braces.split(",")
        if not choices or len(names) * len(choices) > _MOST:
            raise UserError(
                f"{{{braces}}} stands for no name, or for too many",
                where=pattern,
                expected="a first and a last number of equal width, as in train-{000000..000099}.tar",
            )
        names = [name + literal + choice for name in names for choice in choices]
    return names


def _claim(name: str) -> _Claim | None:
    """Of the nearest part of the path that names a split; a folder or file called A or B gives the domain."""
    split, domain = None, None
    for part in reversed(name.removesuffix(".tar").split("/")):
        if found := _SPLIT.match(part):
            split = split or SPLITS[found[1].lower()]
            domain = domain or (Domain(found[2].lower()) if found[2] else None)
        elif found := _DOMAIN.match(part):
            domain = domain or Domain(found[1].lower())
    return _Claim(split or "train", domain) if split or domain else None


# --- what they hold


def _tables(shards: list[Shard], store: Store, progress: Callable[[int, int], None] | None) -> list[Table]:
    tables = []
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for done, table in enumerate(pool.map(lambda shard: _table(shard, store), shards), 1):
            tables.append(table)
            if progress:
                progress(done, len(shards))
    return tables


def _table(shard: Shard, store: Store) -> Table:
    folder = cache_folder() / "archives"
    if (known := index.kept(folder, shard.key)) is not None:
        return known
    try:
        table = _read(shard, store)
    except OSError as error:
        raise _unreachable(shard.place, error) from None
    index.keep(folder, shard.key, table)
    return table


def _read(shard: Shard, store: Store) -> Table:
    if isinstance(shard.place, str):
        system, path = opening.reached(shard.place)
        try:
            with opening.os_errors(), system.open(path, "rb", cache_type="readahead", block_size=2**18) as file:
                if file.seekable():
                    return index.read(file, shard.size)
        except OSError:
            if store.limit == 0:
                raise
        store.near(shard)  # a server that sends files only as a whole, or a connection that broke
    with store.open(shard) as file:
        return index.read(file, shard.size)


def _split(root: Path, name: str, archives: Archives, claims: Sequence[_Claim | None]) -> tuple[Split, str]:
    """A split, and what it is in words."""
    mine = [claim is not None and claim.split == name for claim in claims]

    def rows(domain: Domain | None, slot: int) -> np.ndarray:
        parts = [
            archives.starts[i] + np.flatnonzero(archives.tables[i].slot == slot)
            for i, claim in enumerate(claims)
            if mine[i] and claim is not None and claim.domain == domain
        ]
        return np.concatenate([np.empty(0, np.int64), *parts])

    broken = [
        (opening.shown(archives.shards[i].place) / called, reason)
        for i in range(len(claims))
        if mine[i]
        for called, reason in archives.tables[i].faults
    ]
    sides = {SIDE_A: rows(None, SIDE_A), SIDE_B: rows(None, SIDE_B)}
    samples = {slot: _samples(archives, of) for slot, of in sides.items()}
    whole = np.intersect1d(samples[SIDE_A], samples[SIDE_B])
    paired = {slot: np.isin(samples[slot], whole) for slot in sides}
    pairs: Zipped = Zipped(*(Members(archives, sides[slot][paired[slot]]) for slot in sides))
    only_a, only_b = (sides[slot][~paired[slot]] for slot in (SIDE_A, SIDE_B))
    unmatched = (
        [archives.picture(int(row), None).path for only in (only_a, only_b) for row in only] if len(pairs) else []
    )
    kinds = ["pairs"] if len(pairs) else []
    plain, single = rows(None, PLAIN), False
    domains = [rows(domain, PLAIN) for domain in Domain]
    if len(plain) and not len(pairs):
        near = archives.shard_of(plain) == archives.shard_of(plain[:1])
        looked_at = spread(Members(archives, plain[near]), LOOKED_AT)
        if pairing.side_by_side(root, looked_at, name, any(len(of) for of in domains)):
            pairs = Zipped(Members(archives, plain, "left"), Members(archives, plain, "right"))
            kinds.append("pairs side by side")
        else:
            only_b, single = np.concatenate([only_b, plain]), True
            kinds.append("one domain of pictures")
    elif len(plain):
        broken.append((root, f"{len(plain)} pictures of samples without .a and .b, beside pairs: not used"))
    only_a, only_b = (np.sort(np.concatenate(both)) for both in zip((only_a, only_b), domains, strict=True))
    if not single and (len(only_a) or len(only_b)):
        kinds.append("unpaired pictures beside them" if kinds else "unpaired pictures of two domains")
    split = Split(pairs, Members(archives, only_a), Members(archives, only_b), unmatched, broken)
    return split, " and ".join(kinds)


def _samples(archives: Archives, rows: np.ndarray) -> np.ndarray:
    """Numbers of the samples that pictures belong to, different in different archives."""
    shard = archives.shard_of(rows)
    numbers = np.empty(len(rows), np.int64)
    for one in np.unique(shard):
        mine = shard == one
        numbers[mine] = archives.tables[one].sample[rows[mine] - archives.starts[one]] + archives.starts[one]
    return numbers


# --- mistakes


def _refuse_mixtures(root: Path, splits: dict[str, Split], kinds: dict[str, str]) -> None:
    single = {name for name, kind in kinds.items() if kind == "one domain of pictures"}
    if single and single != set(kinds):
        raise UserError(
            "; ".join(f"{name}: {kind}" for name, kind in kinds.items()),
            where=str(root),
            expected="A and B in every split, or one domain in every split",
        )
    train = splits.get("train")
    if train and not single and not train.pairs and not (len(train.only_a) and len(train.only_b)):
        missing = Domain.B if len(train.only_a) else Domain.A
        raise UserError(
            f"the archives of train hold pictures of {missing.other.upper()}, and none of {missing.upper()}",
            where=str(root),
            expected="archives of both, as trainA-000000.tar and trainB-000000.tar; a pattern: train{A,B}-...",
        )


def _nothing(root: Path, count: int, skipped: int, tables: Sequence[Table]) -> UserError:
    reasons = Counter(reason for table in tables for _, reason in table.faults)
    why = f"; {reasons.most_common(1)[0][0]}" if reasons else ""
    return UserError(
        f"no pictures in {count} archives ({skipped} other files){why}",
        where=str(root),
        expected="members such as key.jpg, key.png, or key.a.jpg and key.b.jpg, whose names have no other dots",
        hint="docs/long-data.md says how such archives are made",
    )


def _unreachable(place: Path | str, error: OSError) -> UserError:
    missing = isinstance(error, FileNotFoundError)
    return UserError(
        "there is no such file or folder" if missing else f"can't be read: {error.strerror or error}",
        where=opening.named(place),
        expected="archives that can be read, and for a URL the credentials in the environment or in fsspec's "
        "configuration",
    )
