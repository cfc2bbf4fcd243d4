"""Images that anybody made, in a folder, against real ones in another: pair by pair, or as two sets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from PIL import Image

from translate.data import images
from translate.data.images import Pixels, Unreadable
from translate.data.layouts import ENDINGS
from translate.diagnosis import Seen, of_images
from translate.errors import UserError
from translate.evaluation import protocol
from translate.evaluation.result import Evaluation, Scored
from translate.evaluation.scores import Asked, Table, cautions, choose, headline
from translate.evaluation.sets import Gathered

Side = Literal["fake", "real"]
Size = tuple[int, int]
Progress = Callable[[int, int], None]


def evaluate_folders(
    fake: Path,
    real: Path,
    paired: bool,
    names: Iterable[str] | None = None,
    seed: int = 0,
    progress: Progress = lambda done, total: None,
    *,
    size: Size | None = None,
    bootstrap: int = 0,
    weights: Mapping[str, Path] | None = None,
    device: str = "cpu",
) -> Evaluation:
    """The scores of the images in `fake`: each against that of equal relative path (but for the ending) in `real` if
    `paired`, else the two folders as sets.

    Images are compared as they are, or resized to `size` (height, width), in RGB. Those without a partner, unreadable
    ones and grey ones beside colour are named in the protocol; two of unequal size raise a UserError that names them.
    """
    metrics = choose(names, paired=paired, weights=weights, device=device)
    folders = _Folders(fake, real, Asked(metrics, seed=seed, resamples=bootstrap), size, progress)
    return _as_pairs(folders) if paired else _as_sets(folders)


class _Folders:
    """The two folders, and how their images are read."""

    def __init__(self, fake: Path, real: Path, asked: Asked, size: Size | None, progress: Progress) -> None:
        self.fake, self.real, self.asked, self.size, self.progress = fake, real, asked, size, progress
        self.unreadable: list[str] = []
        self._grey = {"fake": 0, "real": 0}
        self._transparent = {"fake": 0, "real": 0}

    def read(self, side: Side, path: Path) -> Pixels | None:
        """RGB uint8 [H, W, 3]; None for a file that can't be read, which is named."""
        try:
            pixels = images.decode(path, 3)
        except Unreadable as error:
            self.unreadable.append(str(error))
            return None
        grey, transparent = _kind(path)
        self._grey[side] += grey
        self._transparent[side] += transparent
        return pixels if self.size is None else images.resize(pixels, self.size)

    def evaluation(
        self, ours: Gathered, real: Gathered, table: Table, scored: list[Scored], unmatched: dict[str, list[str]] | None
    ) -> Evaluation:
        """What was gathered, as scores with their protocol."""
        asked, paired = self.asked, unmatched is not None
        values, reach = asked.metrics.of_sets(ours, real, asked.seed, asked.resamples)
        asked.metrics.require_some(str(self.fake))
        values = table.means("fake") | values
        among = asked.metrics.among(real, asked.seed)
        counts = {"fake": len(scored)} if paired else {"fake": ours.count, "real": real.count}
        alike = not paired or ours.count == len(scored)  # all are of one size
        size = self.size or (ours.images.shape[1:3] if alike else None)
        of_halves = {
            "reference": f"half of the {real.count:,} real images against the other half: at equal counts it is less"
        }
        scores: dict[str, Any] = {
            "protocol": {
                "split": None,
                "size": None if size is None else list(size),
                "resize": None if self.size is None else protocol.RESIZE,
                "seed": asked.seed,
                "checkpoint": None,
                "fake": str(self.fake),
                "real": str(self.real),
                **protocol.of_scores(asked.metrics, counts, self.unreadable, asked.resamples, paired),
                **(of_halves if among else {}),
                **({"unmatched": unmatched} if unmatched is not None else {}),
            },
            "metrics": {"fake": values},
            "baseline": {},
            "reference": {"fake": among} if among else {},
            "headline": {"fake": headline(values, paired, min(ours.count, real.count))},
            "warnings": [
                *self._greys(ours.count, real.count),
                *self._transparencies(),
                *self._copies(ours, real, paired),
                *cautions(asked, ours, real, values),
            ],
            "findings": _findings(ours, real, paired, asked.seed) if alike else [],
        }
        if asked.resamples:
            reach = table.intervals("fake", asked.resamples, asked.seed) | reach
            scores["intervals"] = {"fake": {name: list(ends) for name, ends in reach.items()}}
        return Evaluation(scores, scored)

    def _greys(self, *counts: int) -> list[str]:
        """A sentence where one folder is grey and the other is not: every colour is a difference then."""
        grey = [n > count / 2 for n, count in zip(self._grey.values(), counts, strict=True)]
        if grey[0] == grey[1]:
            return []
        folder, other = (self.fake, self.real) if grey[0] else (self.real, self.fake)
        return [f"the images of {folder} are grey, those of {other} are not; both were compared as RGB"]

    def _copies(self, ours: Gathered, real: Gathered, paired: bool) -> list[str]:
        """A sentence where images of one folder are in the other too: no generator makes those."""
        if not ours.count or not real.count:
            return []
        known = [image.tobytes() for image in real.images]
        places = {content: place for place, content in enumerate(known)}
        found = [
            (place, places[image.tobytes()]) for place, image in enumerate(ours.images) if image.tobytes() in places
        ]
        if not found:
            return []
        moved = sum(known[place] != known[other] for place, other in found) if paired else 0
        mixed = f"; {moved} of them under another name: are the names mixed up?" if moved else ""
        return [f"{len(found)} of {ours.count:,} images of {self.fake} are in {self.real} too, pixel by pixel{mixed}"]

    def _transparencies(self) -> list[str]:
        return [
            f"{count} images of {folder} have transparency, which was laid on white"
            for folder, count in zip((self.fake, self.real), self._transparent.values(), strict=True)
            if count
        ]


def _findings(ours: Gathered, real: Gathered, paired: bool, seed: int) -> list[dict[str, Any]]:
    """What the images alone give away; what was trained on, and what the outputs were made of, is not known."""
    seen = Seen("fake", ours.images, real.images, truths=real.images if paired else None)
    return [finding.as_json() for finding in of_images(seen, seed)]


def _as_pairs(folders: _Folders) -> Evaluation:
    fakes, reals = _by_stem(folders.fake), _by_stem(folders.real)
    both = sorted(fakes.keys() & reals.keys())
    where = f"{folders.fake}, {folders.real}"
    if not both:
        raise UserError(
            f"no image has a partner of the same name: {next(iter(fakes.values())).name} ..., "
            f"{next(iter(reals.values())).name} ...",
            where=where,
            expected="equal relative paths but for the ending, as in FAKE/x/1.png and REAL/x/1.jpg",
            hint="without --paired the two folders are compared as sets",
        )
    metrics = folders.asked.metrics
    table, scored = Table(metrics), []
    ours, real = (Gathered(len(both), metrics.extractors) for _ in range(2))
    first: tuple[Path, Pixels] | None = None
    for index, stem in enumerate(both):
        output, truth = folders.read("fake", fakes[stem]), folders.read("real", reals[stem])
        folders.progress(index + 1, len(both))
        if output is None or truth is None:
            continue
        _require_equal(fakes[stem], output, reals[stem], truth)
        name = fakes[stem].relative_to(folders.fake).as_posix()
        scored.append(Scored("fake", index, name, table.add("fake", output, truth)))
        first = first or (reals[stem], truth)
        if first[1].shape == truth.shape:
            ours.extend([output])
            real.extend([truth])
        else:
            metrics.refuse_sets(f"{reals[stem].name} is of another size than {first[0].name}; --size HxW resizes all")
    if not scored:
        raise UserError(f"none of the {len(both)} pairs can be read: {folders.unreadable[0]}", where=where)
    unmatched = {
        "fake": [str(fakes[stem]) for stem in sorted(fakes.keys() - reals.keys())],
        "real": [str(reals[stem]) for stem in sorted(reals.keys() - fakes.keys())],
    }
    return folders.evaluation(ours, real, table, scored, unmatched)


def _as_sets(folders: _Folders) -> Evaluation:
    metrics = folders.asked.metrics
    paths: dict[Side, list[Path]] = {"real": _images(folders.real), "fake": _images(folders.fake)}
    total, done = sum(map(len, paths.values())), 0
    first: tuple[Path, Pixels] | None = None
    sides: list[Gathered] = []
    for name, found in paths.items():
        side = Gathered(len(found), metrics.extractors)
        sides.append(side)
        for path in found:
            pixels, done = folders.read(name, path), done + 1
            folders.progress(done, total)
            if pixels is None:
                continue
            first = first or (path, pixels)
            _require_equal(path, pixels, *first)
            side.extend([pixels])
        if not side.count:
            where = folders.fake if name == "fake" else folders.real
            raise UserError(f"no image can be read: {folders.unreadable[0]}", where=str(where))
    real, ours = sides
    return folders.evaluation(ours, real, Table(metrics), [], None)


def _require_equal(path: Path, pixels: Pixels, other: Path, others: Pixels) -> None:
    """Raise UserError for two images of unequal size."""
    if pixels.shape != others.shape:
        height, width = others.shape[:2]  # the truth's, or what the first image has
        raise UserError(
            f"is {pixels.shape[1]}x{pixels.shape[0]}, but {other} is {others.shape[1]}x{others.shape[0]}",
            where=str(path),
            expected="images of equal size, as they are compared as they are",
            hint=f"--size {width}x{height} resizes all; for a run of your own: translate evaluate RUN --data DIR",
        )


def _kind(path: Path) -> tuple[bool, bool]:
    """Whether an image is grey, and whether it has transparency, by its header: the pixels were decoded before."""
    with Image.open(path) as image:
        grey = image.mode in ("1", "L", "LA", "I", "I;16", "F")
        return grey, image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info


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
