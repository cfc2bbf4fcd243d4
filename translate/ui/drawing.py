"""New images of an unconditional run, and what lies between two of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from translate.data import images
from translate.data.images import Pixels
from translate.domain import Domain
from translate.errors import UserError, unknown
from translate.inference.model import Model
from translate.inference.sampling import Sampler
from translate.inference.tour import linear, spherical

COUNT = 64
"""Images that are drawn at once, at most."""
STEPS = 7
"""Images of a way from one to another."""


@dataclass(frozen=True)
class Wish:
    """What kind of images: of one class or of all in turn (None), and how far from the average, where the run can."""

    label: str | None = None
    truncation: float | None = None


def truncation_of(model: Model) -> tuple[str, float] | None:
    """What truncation means for this model, and the value at which it does nothing; None where there is none."""
    if model.truncates:
        return "psi: 1 is as it is, less is nearer to the average", 1.0
    if model.prior is None or model.prior.kind == "uniform":
        return None
    bound = model.prior.limit if model.prior.kind == "truncated_normal" else 4.0
    return "bound of the prior: less is better images, less varied", bound


def drawn(model: Model, folder: Path, seed: int, count: int, wish: Wish) -> list[Path]:
    """`count` images as `translate sample --seed` draws them, 00000.png and on in `folder`."""
    paths = []
    for index, pixels in enumerate(_sampler(model, seed, wish).draw(count)):
        paths.append(folder / f"{index:05d}.png")
        images.save(pixels, paths[-1])
    return paths


def between(model: Model, seeds: tuple[int, int], shares: list[float], wish: Wish) -> list[Pixels]:
    """Images uint8 [H, W, C] on the way from the first image of one seed (share 0) to that of another (share 1)."""
    start, end = (next(_sampler(model, seed, wish).latents(1))[None] for seed in seeds)
    sampler = _sampler(model, seeds[0], wish)
    way = linear if sampler.prior.kind == "uniform" else spherical
    z = way(start, end, torch.tensor(shares)[:, None])
    labels = torch.full((len(z),), sampler.classes[0]) if sampler.classes else None
    made = images.to_uint8(model.draw(z, labels, wish.truncation if model.truncates else None))
    return [images.strip(pixels, model.channels[Domain.B]) for pixels in made]


def _sampler(model: Model, seed: int, wish: Wish) -> Sampler:
    if not model.unconditional:
        raise UserError("this run translates images, it draws none from noise")
    if wish.label is not None and wish.label not in model.classes:
        raise unknown("class", wish.label, model.classes)
    classes = range(len(model.classes)) if wish.label is None else [model.classes.index(wish.label)]
    nothing = truncation_of(model)
    unneeded = nothing is None or wish.truncation is None or wish.truncation >= nothing[1]
    return Sampler(model, seed, classes, None if unneeded else wish.truncation)
