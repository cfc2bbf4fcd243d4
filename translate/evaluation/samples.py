"""New images of an unconditional run as a set, against held-out ones, beside what real images score in their place."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from translate import __version__
from translate.data import images
from translate.data.images import Pixels
from translate.data.layouts import Dataset, Picture
from translate.domain import Domain
from translate.errors import UserError
from translate.evaluation.reading import readable, spread
from translate.evaluation.scores import of_sets, require_some, set_metrics
from translate.metrics.swd import LARGEST

if TYPE_CHECKING:
    from translate.inference.model import Model


def evaluate(
    model: Model,
    dataset: Dataset,
    split: str,
    names: Iterable[str] | None,
    seed: int,
    progress: Callable[[int, int], None],
) -> dict[str, Any]:
    """The scores of the first samples of `seed`, as many as there are held-out images, and of the same classes; see
    `translate.evaluation.evaluate`.

    The baseline are real images that are not the held-out ones, which is what a perfect generator would reach: as many
    of the training images, or, where the split is that of the training, its other half.
    """
    chosen = set_metrics(names)
    held_out, others = _halves(dataset, split)
    unreadable: list[str] = []
    real = _strips(readable(held_out, Domain.B, model, unreadable), model)
    known = _strips(readable(others, Domain.B, model, unreadable), model)
    if not real:
        raise UserError(
            f"none of the {len(held_out)} images can be read: {', '.join(unreadable[:3])}", where=str(dataset.root)
        )
    fake = []
    for pixels in _drawn(model, seed, len(real), _classes(model, held_out)):
        fake.append(pixels)
        progress(len(fake), len(real))
    left_out: dict[str, str] = {}
    scores = {"sample": of_sets(chosen, fake, real, seed, left_out)}
    baseline = {"sample": of_sets(chosen, known, real, seed, left_out)} if known else {}
    require_some(chosen, left_out, str(dataset.root))
    height, width = model.size
    protocol = {
        "data": str(dataset.root),
        "split": split,
        "size": [height, width],
        "n": {"sample": len(fake), "real": len(real), "baseline": len(known)},
        "baseline": "training images against the same held-out ones"
        if split != "train"
        else "half of the training images against the other half, as the samples",
        "resize": "pillow-bicubic",
        "seed": seed,
        "checkpoint": model.checkpoint,
        "step": model.step,
        "version": __version__,
        "range": "uint8, 0 to 255",
        "left_out": left_out,
        "unreadable": unreadable,
    }
    return {"protocol": protocol, "metrics": scores, "baseline": baseline, "findings": []}


def _halves(dataset: Dataset, split: str) -> tuple[list[Picture], list[Picture]]:
    """The images to compare with, and at most as many others; LARGEST at most, evenly spaced."""
    if split not in dataset.splits and split in ("test", "val"):
        raise UserError(
            "there are no held-out images to compare new ones with",
            where=str(dataset.root),
            expected=f"a folder {split}/ beside train/, with images that are kept out of the training",
            hint="move some images into it before you train, or --split train, which can't tell learnt from copied",
        )
    pictures = dataset.split(split).of(Domain.B)
    if split == "train":
        held_out, others = pictures[::2], pictures[1::2]
    else:
        held_out = pictures
        others = dataset.splits["train"].of(Domain.B) if "train" in dataset.splits else []
    held_out = [held_out[i] for i in spread(len(held_out), LARGEST)]
    return held_out, [others[i] for i in spread(len(others), len(held_out))]


def _strips(pictures: list[Pixels], model: Model) -> list[Pixels]:
    return [images.strip(pixels, model.channels[Domain.B]) for pixels in pictures]


def _classes(model: Model, pictures: list[Picture]) -> list[int]:
    """The labels of images in turn: those of the pictures, so that no class counts more than it does there."""
    known = {name: place for place, name in enumerate(model.classes)}
    found = [known[picture.label] for picture in pictures if picture.label in known]
    return found or list(known.values())


def _drawn(model: Model, seed: int, count: int, classes: list[int]) -> Iterable[Pixels]:
    from translate.inference.sampling import Sampler

    return Sampler(model, seed, classes).draw(count)
