"""New images of an unconditional run as a set, against held-out ones, beside what real images score in their place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from translate.data import images
from translate.data.images import Pixels
from translate.data.layouts import Dataset, Picture
from translate.domain import Domain
from translate.errors import UserError
from translate.evaluation import protocol
from translate.evaluation.evidence import Evidence, enough
from translate.evaluation.reading import readable, spread
from translate.evaluation.result import Evaluation
from translate.evaluation.scores import Asked, cautions, headline
from translate.evaluation.sets import Gathered
from translate.metrics.swd import LARGEST

if TYPE_CHECKING:
    from translate.inference.model import Model


def evaluate(
    model: Model, dataset: Dataset, split: str, asked: Asked, progress: Callable[[int, int], None]
) -> Evaluation:
    """The scores of the first samples of a seed, as many as there are held-out images, and of the same classes; see
    `translate.evaluation.evaluate`.

    The baseline are real images that are not the held-out ones, which is what a perfect generator would reach: as many
    of the training images, or, where the split is that of the training, its other half.
    """
    metrics, seed = asked.metrics, asked.seed
    held_out, others = _halves(dataset, split, asked.most)
    unreadable: list[str] = []
    frames, channels = model.frames[Domain.B], model.channels[Domain.B]
    fake, real = (Gathered(len(held_out), metrics.extractors) for _ in range(2))
    real.extend(images.strip(pixels, channels) for pixels in readable(held_out, Domain.B, model, unreadable))
    if not real.count:
        raise UserError(
            f"none of the {len(held_out)} images can be read: {', '.join(unreadable[:3])}", where=str(dataset.root)
        )
    evidence = Evidence(model, Domain.B, real.count)
    for pixels in _drawn(model, seed, real.count, _classes(model, held_out)):
        fake.extend([pixels])
        evidence.add(None, images.stack(pixels, frames), None)
        progress(fake.count, real.count)
    values, reach = metrics.of_sets(fake, real, seed, asked.resamples)
    scores: dict[str, Any] = {"protocol": {}, "metrics": {"sample": values}, "baseline": {}}
    beside = Gathered(real.count, metrics.extractors)
    if asked.beside:
        as_many = (others[i] for i in spread(len(others), real.count))
        beside.extend(images.strip(pixels, channels) for pixels in readable(as_many, Domain.B, model, unreadable))
    if beside.count:
        scores["baseline"]["sample"] = metrics.of_sets(beside, real, seed)[0]
    metrics.require_some(str(dataset.root))
    if asked.resamples:
        scores["intervals"] = {"sample": {name: list(both) for name, both in reach.items()}}
    scores["warnings"] = cautions(asked, fake, real, values) if asked.beside else []
    scores["headline"] = {"sample": headline(values, False, fake.count)}
    counts = {"sample": fake.count, "real": real.count, "baseline": beside.count}
    scores["protocol"] = {
        **protocol.of_run(model, dataset, split, seed),
        **protocol.of_scores(metrics, counts, unreadable, asked.resamples, False),
        "baseline": "training images against the same held-out ones"
        if split != "train"
        else "half of the training images against the other half, as the samples",
    }
    # Against training images that stand in for held-out ones nobody can tell a copy.
    trained = others if asked.beside and split != "train" else []
    looked_at = (trained[i] for i in spread(len(trained), enough(model, Domain.B)))
    known = list(readable(looked_at, Domain.B, model, []))
    reals = [images.stack(pixels, frames) for pixels in real.images]
    scores["findings"] = [finding.as_json() for finding in evidence.findings(reals, known, seed)]
    return Evaluation(scores)


def _halves(dataset: Dataset, split: str, most: int | None) -> tuple[Sequence[Picture], Sequence[Picture]]:
    """The images to compare with, evenly spaced where they are very many, and others that the training has seen."""
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
    held_out = [held_out[i] for i in spread(len(held_out), most or LARGEST)]
    return held_out, others


def _classes(model: Model, pictures: Sequence[Picture]) -> list[int]:
    """The labels of images in turn: those of the pictures, so that no class counts more than it does there."""
    known = {name: place for place, name in enumerate(model.classes)}
    found = [known[picture.label] for picture in pictures if picture.label in known]
    return found or list(known.values())


def _drawn(model: Model, seed: int, count: int, classes: list[int]) -> Iterable[Pixels]:
    from translate.inference.sampling import Sampler

    return Sampler(model, seed, classes).draw(count)
