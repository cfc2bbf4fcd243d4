"""Images that anybody made, in a folder, against real ones in another: pair by pair, or as two sets."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from translate import __version__
from translate.data import images
from translate.data.images import Pixels, Unreadable
from translate.data.layouts import ENDINGS
from translate.errors import UserError
from translate.evaluation.reading import spread
from translate.evaluation.scores import Table, metrics, of_sets, require_some, set_metrics
from translate.metrics.psnr import CAP
from translate.metrics.swd import LARGEST


def evaluate_folders(
    fake: Path, real: Path, paired: bool, names: Iterable[str] | None = None, seed: int = 0
) -> dict[str, Any]:
    """The scores of the images in `fake`: each against that of equal relative path (but for the ending) in `real` if
    `paired`, else the two folders as sets.

    Images are compared as they are, in RGB. Those without a partner and unreadable ones are named in the protocol;
    two of unequal size raise a UserError that names them.
    """
    return _as_pairs(fake, real, names) if paired else _as_sets(fake, real, names, seed)


def _as_pairs(fake: Path, real: Path, names: Iterable[str] | None) -> dict[str, Any]:
    chosen = metrics(names)
    fakes, reals = _by_stem(fake), _by_stem(real)
    both = sorted(fakes.keys() & reals.keys())
    if not both:
        raise UserError(
            f"no image has a partner of the same name: {next(iter(fakes.values())).name} ..., "
            f"{next(iter(reals.values())).name} ...",
            where=f"{fake}, {real}",
            expected="equal relative paths but for the ending, as in FAKE/x/1.png and REAL/x/1.jpg",
            hint="without --paired the two folders are compared as sets",
        )
    table, unreadable = Table(chosen), []
    scored = 0
    for stem in both:
        try:
            output, truth = images.decode(fakes[stem], 3), images.decode(reals[stem], 3)
        except Unreadable as error:
            unreadable.append(str(error))
            continue
        _require_equal(output, fakes[stem], truth, reals[stem])
        table.add("fake", output, truth)
        scored += 1
    if not scored:
        raise UserError(f"none of the {len(both)} pairs can be read: {unreadable[0]}", where=f"{fake}, {real}")
    require_some(chosen, table.left_out, str(fake))
    protocol = _protocol(fake, real, {"fake": scored}, table.left_out, unreadable) | {
        "psnr_cap": CAP,
        "unmatched": {
            "fake": [str(fakes[stem]) for stem in sorted(fakes.keys() - reals.keys())],
            "real": [str(reals[stem]) for stem in sorted(reals.keys() - fakes.keys())],
        },
    }
    return {"protocol": protocol, "metrics": table.means(), "baseline": {}, "findings": []}


def _as_sets(fake: Path, real: Path, names: Iterable[str] | None, seed: int) -> dict[str, Any]:
    chosen = set_metrics(names)
    unreadable: list[str] = []
    sides = [_read(folder, unreadable) for folder in (fake, real)]
    for folder, side in zip((fake, real), sides, strict=True):
        if not side:
            raise UserError(f"no image can be read: {unreadable[0]}", where=str(folder))
    first, shape = next(iter(sides[1].items()))
    for side in sides:
        for path, pixels in side.items():
            _require_equal(pixels, path, shape, first)
    left_out: dict[str, str] = {}
    fakes, reals = (list(side.values()) for side in sides)
    scores = {"fake": of_sets(chosen, fakes, reals, seed, left_out)}
    require_some(chosen, left_out, str(fake))
    protocol = _protocol(fake, real, {"fake": len(fakes), "real": len(reals)}, left_out, unreadable) | {"seed": seed}
    return {"protocol": protocol, "metrics": scores, "baseline": {}, "findings": []}


def _protocol(
    fake: Path, real: Path, counts: dict[str, int], left_out: dict[str, str], unreadable: list[str]
) -> dict[str, Any]:
    return {
        "split": None,
        "size": None,
        "n": counts,
        "resize": None,
        "seed": None,
        "checkpoint": None,
        "version": __version__,
        "range": "uint8, 0 to 255",
        "fake": str(fake),
        "real": str(real),
        "left_out": left_out,
        "unreadable": unreadable,
    }


def _require_equal(pixels: Pixels, path: Path, others: Pixels, other: Path) -> None:
    if pixels.shape != others.shape:
        raise UserError(
            f"is {pixels.shape[1]}x{pixels.shape[0]}, but {other} is {others.shape[1]}x{others.shape[0]}",
            where=str(path),
            expected="images of equal size (they are compared as they are)",
            hint="for a run of your own: translate evaluate RUN --data DIR, which resizes",
        )


def _read(folder: Path, unreadable: list[str]) -> dict[Path, Pixels]:
    """At most LARGEST of the folder's images, evenly spaced."""
    paths = _images(folder)
    found = {}
    for i in spread(len(paths), LARGEST):
        try:
            found[paths[i]] = images.decode(paths[i], 3)
        except Unreadable as error:
            unreadable.append(str(error))
    return found


def _images(root: Path) -> list[Path]:
    """Images below `root`, sorted, hidden ones left out."""
    if not root.is_dir():
        raise UserError("there is no such folder", where=str(root), expected="a folder of images")
    found = [
        path
        for path in sorted(root.rglob("*"))
        if path.suffix.lower() in ENDINGS and not any(p.startswith(".") for p in path.relative_to(root).parts)
    ]
    if not found:
        raise UserError("no images here", where=str(root), expected="files ending in " + ", ".join(sorted(ENDINGS)))
    return found


def _by_stem(root: Path) -> dict[str, Path]:
    """Images below `root` by relative path without the ending."""
    found: dict[str, Path] = {}
    for path in _images(root):
        stem = path.relative_to(root).with_suffix("").as_posix()
        if stem in found:
            raise UserError(
                f"{found[stem].name} and {path.name} have the same name but for the ending",
                where=str(path.parent),
                expected="one image a name, so that its partner is certain",
            )
        found[stem] = path
    return found
