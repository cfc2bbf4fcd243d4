"""New images from noise beside real ones, and beside the training images that come nearest to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from translate.data import images
from translate.data.images import Pixels, Unreadable
from translate.data.layouts import Dataset, Picture
from translate.domain import Domain
from translate.evaluation.reading import at_size, spread

if TYPE_CHECKING:
    from translate.inference.model import Model

SHOWN = 36
"""Samples, and as many held-out images beside them."""
NEAREST = 8
"""Samples that are shown with the training image nearest to them."""
SEARCHED = 2000
"""Training images that are looked through at most, evenly spaced: reading more takes minutes."""
CLASSES = 9
"""Classes that are shown at most, evenly spaced."""

_SIDE = 16  # of the thumbnails that are compared: what is left of an image there is its content, not its grain


@dataclass(frozen=True)
class Shown:
    """An image uint8 [H, W, C], and its class where there are classes."""

    pixels: Pixels
    label: str = ""


@dataclass(frozen=True)
class Neighbours:
    """The samples nearest to a training image, each with that one and their distance: mean absolute difference of
    16 pixel thumbnails, in grey levels. `typical`: the mean over all samples, `real`: over held-out images, or None;
    `searched` of `known` training images were looked through."""

    rows: list[tuple[Pixels, Pixels, float]]
    typical: float
    real: float | None
    searched: int
    known: int


def samples(model: Model, seed: int = 0) -> list[Shown]:
    """The first samples of a seed; of a run with classes as many of each, class by class."""
    from translate.inference.sampling import Sampler

    chosen = spread(len(model.classes), CLASSES)
    count = SHOWN // len(chosen) * len(chosen) if chosen else SHOWN
    drawn = list(Sampler(model, seed, chosen).draw(count))
    if not chosen:
        return [Shown(pixels) for pixels in drawn]
    labels = [model.classes[chosen[i % len(chosen)]] for i in range(count)]
    order = sorted(range(count), key=lambda i: i % len(chosen))
    return [Shown(drawn[i], labels[i]) for i in order]


def held_out(model: Model, dataset: Dataset, split: str) -> list[Shown]:
    """As many evenly spaced images of a split; of a run with classes as many of each, class by class."""
    pictures = dataset.split(split).of(Domain.B)
    chosen = [model.classes[i] for i in spread(len(model.classes), CLASSES)]
    if not chosen:
        return [Shown(pixels) for pixels in _read([pictures[i] for i in spread(len(pictures), SHOWN)], model)]
    found = []
    for name in chosen:
        own = [picture for picture in pictures if picture.label == name]
        kept = [own[i] for i in spread(len(own), SHOWN // len(chosen))]
        found += [Shown(pixels, name) for pixels in _read(kept, model)]
    return found


def neighbours(model: Model, dataset: Dataset, drawn: list[Shown], real: list[Shown]) -> Neighbours | None:
    """The samples that come nearest to training images; None where there are none to be read."""
    pictures = dataset.splits["train"].of(Domain.B) if "train" in dataset.splits else []
    searched = [pictures[i] for i in spread(len(pictures), SEARCHED)]
    thumbnails, places = [], []
    for place, picture in enumerate(searched):  # the images themselves would not fit into memory
        for pixels in _read([picture], model):
            thumbnails.append(_thumbnail(pixels))
            places.append(place)
    if not thumbnails or not drawn:
        return None
    known = np.stack(thumbnails)
    nearest, distances = _nearest([shown.pixels for shown in drawn], known)
    rows = []
    for i in np.argsort(distances, kind="stable")[:NEAREST]:
        (neighbour,) = _read([searched[places[nearest[i]]]], model)
        rows.append((drawn[i].pixels, neighbour, float(distances[i])))
    others = _nearest([shown.pixels for shown in real], known)[1] if real else None
    yardstick = None if others is None else float(others.mean())
    return Neighbours(rows, float(distances.mean()), yardstick, len(known), len(pictures))


def _read(pictures: list[Picture], model: Model) -> list[Pixels]:
    found = []
    for picture in pictures:
        try:
            found.append(images.strip(at_size(picture, Domain.B, model), model.channels[Domain.B]))
        except Unreadable:
            continue  # an evaluation or `translate check` names it
    return found


def _thumbnail(pixels: Pixels) -> NDArray[np.float32]:
    return images.resize(pixels, (_SIDE, _SIDE)).astype(np.float32).ravel()


def _nearest(shown: list[Pixels], known: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """For each image the place of the nearest of the thumbnails [K, D], and the mean absolute difference."""
    distances = np.stack([np.abs(known - _thumbnail(pixels)).mean(axis=1) for pixels in shown])
    return distances.argmin(axis=1), distances.min(axis=1)
