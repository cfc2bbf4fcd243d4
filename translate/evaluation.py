"""How good a run is, or anybody's outputs, beside what doing nothing would score; the numbers carry their protocol."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from translate import __version__
from translate.data import images
from translate.data.images import Pixels, Unreadable
from translate.data.layouts import ENDINGS, Dataset, Picture, Split
from translate.domain import Domain
from translate.errors import UserError, unknown
from translate.metrics import TABLE
from translate.metrics.psnr import CAP

if TYPE_CHECKING:
    from translate.inference.model import Model

Metric = Callable[[Pixels, Pixels], float]
Row = tuple[Pixels, Pixels, Pixels | None]
"""An example: input, output, and the truth where there is one, all uint8 [H, W, C]."""

BATCH = 16


def metrics(names: Iterable[str] | None = None) -> dict[str, Metric]:
    """The metrics of these names, all of them for None; a UserError names the nearest to an unknown one."""
    found = {}
    for name in TABLE if names is None else names:
        if name not in TABLE:
            raise unknown("metric", name, TABLE, where="--metrics")
        module, _, function = TABLE[name].function.partition(":")
        found[name] = getattr(import_module(module), function)
    return found


def evaluate(
    model: Model,
    dataset: Dataset,
    split: str = "test",
    names: Iterable[str] | None = None,
    seed: int = 0,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Any]:
    """The scores of `model` on the pairs of a split, as `translate evaluate --json` writes them.

    Images are scored at the model's training size, each alone, then averaged. The baseline is the untranslated input.
    Unreadable pictures are named in the protocol. Raises UserError where there is nothing to score.
    """
    chosen = metrics(names)
    pairs = dataset.split(split).pairs
    if model.latent is not None:
        raise UserError(
            f"an unconditional run has no truth to compare with, as {', '.join(chosen)} need",
            where=str(dataset.root),
            hint="`translate sample` and `translate report` to look at what it makes",
        )
    if not pairs:
        raise UserError(
            f'{", ".join(chosen)} need held-out pairs, and split "{split}" has none',
            where=str(dataset.root),
            expected=f"{split}/ with pictures twice as wide as high (A left, B right), a pairs.csv (columns a,b), "
            f"or equal names in {split}A/ and {split}B/ with --pairs stem",
        )
    ours, nothing = _Table(chosen), _Table(chosen)
    counts: dict[str, int] = defaultdict(int)
    unreadable: list[str] = []
    done = 0
    for sides in _read(pairs, model, unreadable):
        for to in model.directions:
            direction = f"{to.other}2{to}"
            outputs = _translate(model, sides[to.other], to)
            for given, output, truth in zip(sides[to.other], outputs, sides[to], strict=True):
                ours.add(direction, output, truth)
                nothing.add(direction, recoloured(given, model.channels[to]), truth)
                counts[direction] += 1
        done += len(sides[Domain.A])
        progress(done, len(pairs))
    if not counts:
        raise UserError(
            f"none of the {len(pairs)} pairs can be read: {', '.join(unreadable[:3])}", where=str(dataset.root)
        )
    left_out = ours.left_out
    if not any(name not in left_out for name in chosen):
        raise UserError(f"nothing can be computed: {'; '.join(left_out.values())}", where=str(dataset.root))
    height, width = model.size
    protocol = {
        "data": str(dataset.root),
        "split": split,
        "size": [height, width],
        "n": dict(counts),
        "resize": "pillow-bicubic",
        "seed": seed,
        "checkpoint": model.checkpoint,
        "step": model.step,
        "version": __version__,
        "range": "uint8, 0 to 255",
        "psnr_cap": CAP,
        "left_out": left_out,
        "unreadable": unreadable,
    }
    return {"protocol": protocol, "metrics": ours.means(), "baseline": nothing.means(), "findings": []}


def examples(model: Model, dataset: Dataset, split: str = "test", count: int = 8) -> dict[str, list[Row]]:
    """`count` evenly spaced rows (never picked by hand) per direction, "a2b" and "b2a", at the training size."""
    found = dataset.split(split)
    rows: dict[str, list[Row]] = {}
    for to in model.directions:
        inputs = _sources(found, to.other)
        # Of an uneven spread, the middle of each stretch: sorted names often put one odd kind first.
        chosen = (
            [(2 * i + 1) * len(inputs) // (2 * count) for i in range(count)]
            if len(inputs) > count
            else range(len(inputs))
        )
        rows[f"{to.other}2{to}"] = []
        for index in chosen:
            try:
                given = _at_size(inputs[index], to.other, model)
                truth = _at_size(found.pairs[index][_side(to)], to, model) if found.pairs else None
            except Unreadable:
                continue  # an evaluation or `translate check` names it
            rows[f"{to.other}2{to}"].append((given, _translate(model, [given], to)[0], truth))
    return rows


def evaluate_folders(fake: Path, real: Path, paired: bool, names: Iterable[str] | None = None) -> dict[str, Any]:
    """The scores of the images in `fake` against those of equal relative path (but for the ending) in `real`.

    Images are compared as they are, in RGB. Those without a partner and unreadable ones are named in the protocol;
    two of unequal size raise a UserError that names them.
    """
    chosen = metrics(names)
    if not paired:
        raise UserError(
            f"{', '.join(chosen)} compare each image with its own truth",
            where="--fake, --real",
            hint="add --paired if the two folders hold images of equal names",
        )
    fakes, reals = _by_stem(fake), _by_stem(real)
    both = sorted(fakes.keys() & reals.keys())
    if not both:
        raise UserError(
            f"no image has a partner of the same name: {next(iter(fakes.values())).name} ..., "
            f"{next(iter(reals.values())).name} ...",
            where=f"{fake}, {real}",
            expected="equal relative paths but for the ending, as in FAKE/x/1.png and REAL/x/1.jpg",
        )
    table, unreadable = _Table(chosen), []
    scored = 0
    for stem in both:
        try:
            output, truth = images.decode(fakes[stem], 3), images.decode(reals[stem], 3)
        except Unreadable as error:
            unreadable.append(str(error))
            continue
        if output.shape != truth.shape:
            raise UserError(
                f"is {output.shape[1]}x{output.shape[0]}, but {reals[stem]} is {truth.shape[1]}x{truth.shape[0]}",
                where=str(fakes[stem]),
                expected="images of equal size (they are compared as they are)",
            )
        table.add("fake", output, truth)
        scored += 1
    if not scored:
        raise UserError(f"none of the {len(both)} pairs can be read: {unreadable[0]}", where=f"{fake}, {real}")
    if len(table.left_out) == len(chosen):
        raise UserError(f"nothing can be computed: {'; '.join(table.left_out.values())}", where=str(fake))
    protocol = {
        "split": None,
        "size": None,
        "n": {"fake": scored},
        "resize": None,
        "seed": None,
        "checkpoint": None,
        "version": __version__,
        "range": "uint8, 0 to 255",
        "psnr_cap": CAP,
        "fake": str(fake),
        "real": str(real),
        "left_out": table.left_out,
        "unreadable": unreadable,
        "unmatched": {
            "fake": [str(fakes[stem]) for stem in sorted(fakes.keys() - reals.keys())],
            "real": [str(reals[stem]) for stem in sorted(reals.keys() - fakes.keys())],
        },
    }
    return {"protocol": protocol, "metrics": table.means(), "baseline": {}, "findings": []}


def recoloured(pixels: Pixels, channels: int) -> Pixels:
    """uint8 [H, W, C] with `channels` channels: grey repeated to RGB, or the ITU-R 601 luma of RGB."""
    if pixels.shape[2] == channels:
        return pixels
    if channels == 3:
        return np.repeat(pixels, 3, axis=2)
    return np.asarray(Image.fromarray(pixels).convert("L"))[:, :, None]


class _Table:
    """Scores of single images by direction and metric; a metric that refuses its images is left out, with why."""

    def __init__(self, chosen: dict[str, Metric]) -> None:
        self.chosen = chosen
        self.left_out: dict[str, str] = {}
        self._scores: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))

    def add(self, direction: str, output: Pixels, truth: Pixels) -> None:
        for name, metric in self.chosen.items():
            if name in self.left_out:
                continue
            try:
                self._scores[direction][name].append(metric(output, truth))
            except UserError as error:
                self.left_out[name] = error.what

    def means(self) -> dict[str, dict[str, float]]:
        return {
            direction: {name: fmean(values) for name, values in scores.items() if name not in self.left_out}
            for direction, scores in self._scores.items()
        }


def _read(
    pairs: list[tuple[Picture, Picture]], model: Model, unreadable: list[str]
) -> Iterator[dict[Domain, list[Pixels]]]:
    """Batches of both sides at the training size, row by row the same scene."""
    for first in range(0, len(pairs), BATCH):
        sides: dict[Domain, list[Pixels]] = {Domain.A: [], Domain.B: []}
        for a, b in pairs[first : first + BATCH]:
            try:
                one, two = _at_size(a, Domain.A, model), _at_size(b, Domain.B, model)
            except Unreadable as error:
                unreadable.append(str(error))
                continue
            sides[Domain.A].append(one)
            sides[Domain.B].append(two)
        if sides[Domain.A]:
            yield sides


def _at_size(picture: Picture, domain: Domain, model: Model) -> Pixels:
    return images.resize(images.decode(picture, model.channels[domain]), model.size)


def _translate(model: Model, inputs: list[Pixels], to: Domain) -> Pixels:
    return images.to_uint8(model(images.to_tensor(np.stack(inputs)), to))


def _sources(split: Split, domain: Domain) -> list[Picture]:
    return [pair[_side(domain)] for pair in split.pairs] or split.of(domain)


def _side(domain: Domain) -> int:
    return 0 if domain is Domain.A else 1


def _by_stem(root: Path) -> dict[str, Path]:
    """Images below `root` by relative path without the ending."""
    if not root.is_dir():
        raise UserError("there is no such folder", where=str(root), expected="a folder of images")
    found: dict[str, Path] = {}
    for path in sorted(root.rglob("*")):
        relative = path.relative_to(root)
        if path.suffix.lower() not in ENDINGS or any(part.startswith(".") for part in relative.parts):
            continue
        stem = relative.with_suffix("").as_posix()
        if stem in found:
            raise UserError(
                f"{found[stem].name} and {path.name} have the same name but for the ending",
                where=str(path.parent),
                expected="one image a name, so that its partner is certain",
            )
        found[stem] = path
    if not found:
        raise UserError("no images here", where=str(root), expected="files ending in " + ", ".join(sorted(ENDINGS)))
    return found
