"""New images from an unconditional run: one by one, as a grid, or as a tour from one to the next."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from translate.data import images
from translate.data.images import Pixels
from translate.domain import Domain
from translate.inference import movie
from translate.inference.model import Model
from translate.inference.refine import STEP, refine
from translate.inference.tour import Path as Way
from translate.inference.tour import tour
from translate.prior import Prior
from translate.seeds import seed_of

GRID = 64
"""At most so many images are shown together in grid.png."""
GROUP = 16
"""Latents are refined in groups of so many that belong together: a discriminator may compare the images of a batch."""
COLUMNS = 8
"""Frames of each leg of a tour that strip.png shows."""


def latents(prior: Prior, *positions: tuple[int | str, ...]) -> Tensor:
    """Latents [N, Z], of which each is a function of its own position alone."""
    generators = (torch.Generator().manual_seed(seed_of(*position)) for position in positions)
    return torch.cat([prior.draw(1, generator) for generator in generators])


@dataclass
class Sampler:
    """Draws the images of a seed: image i follows from (seed, i) and from what is asked for here, not from how many are
    drawn, nor, but for the rounding of floats, from the length of a batch.

    `classes`: labels that images have in turn, of a class-conditional model. `truncation`: psi where the model
    truncates styles (Karras et al. 2019, appendix B), else the bound of a normal prior, whose values beyond are drawn
    again (Brock et al. 2019, section 3.1). `refinement`: Langevin steps of discriminator driven latent sampling, of
    size `step`; then `logits` hears the discriminator's logits of each latent before and after.
    """

    model: Model
    seed: int = 0
    classes: Sequence[int] = ()
    truncation: float | None = None
    refinement: int = 0
    step: float = STEP
    logits: list[tuple[float, float]] = field(default_factory=list)

    @property
    def prior(self) -> Prior:
        """What latents are drawn from."""
        prior = self.model.prior
        assert prior is not None, "an unconditional run has a prior"
        if self.truncation is None or self.model.truncates:
            return prior
        bound = min(self.truncation, prior.limit) if prior.kind == "truncated_normal" else self.truncation
        return replace(prior, kind="truncated_normal", limit=bound)

    def latents(self, count: int) -> Iterator[Tensor]:
        """The latents [Z] of images 0 and on."""
        for first in range(0, count, GROUP):
            shown = min(GROUP, count - first)
            drawn = range(first, first + (GROUP if self.refinement else shown))
            z = latents(self.prior, *(("sample", self.seed, index) for index in drawn))
            if self.refinement:
                z = self._refined(z, drawn, shown)
            yield from z[:shown]

    def draw(self, count: int, batch: int = 16) -> Iterator[Pixels]:
        """`count` images, uint8 [H, W, C], one after the other; of several frames as a strip."""
        rows = self.latents(count)
        for first in range(0, count, batch):
            indices = range(first, min(first + batch, count))
            yield from self._pixels(torch.stack([next(rows) for _ in indices]), self._labels(indices), batch)

    def tour(self, stops: int, frames: int, way: Way, batch: int = 16) -> Iterator[Pixels]:
        """The stops * frames images of a closed tour through the first latents, all of one class."""
        path = tour(torch.stack(list(self.latents(stops))), frames, way)
        for part in path.split(batch):
            yield from self._pixels(part, self._labels(range(len(part))), batch)

    def _pixels(self, z: Tensor, labels: Tensor | None, batch: int) -> Iterator[Pixels]:
        # Sums come out a little differently in batches of other lengths: each is filled up to the full one.
        shown, fill = len(z), batch - len(z)
        if fill > 0:
            z = torch.cat([z, z[-1:].expand(fill, -1)])
            labels = None if labels is None else torch.cat([labels, labels[-1:].expand(fill)])
        for pixels in images.to_uint8(self.model.draw(z, labels, self._psi)[:shown]):
            yield images.strip(pixels, self.model.channels[Domain.B])

    @property
    def _psi(self) -> float | None:
        return self.truncation if self.model.truncates else None

    def _labels(self, indices: range) -> Tensor | None:
        return torch.tensor([self.classes[i % len(self.classes)] for i in indices]) if self.classes else None

    def _refined(self, z: Tensor, drawn: range, shown: int) -> Tensor:
        labels, device = self._labels(drawn), self.model.device
        generators = [torch.Generator().manual_seed(seed_of("refine", self.seed, index)) for index in drawn]
        noise = torch.stack([torch.randn(self.refinement, z.shape[1], generator=g) for g in generators], dim=1)

        def logit(z: Tensor) -> Tensor:
            return self.model.judge(self.model.decode(z, labels, self._psi), labels)

        before = z.to(device)
        after = refine(before, noise.to(device), logit, self.prior, self.step)
        with torch.inference_mode():
            told = (logit(before)[:shown].tolist(), logit(after)[:shown].tolist())
        self.logits += zip(*told, strict=True)
        return after.cpu()


def sample(
    sampler: Sampler,
    output: Path,
    count: int,
    batch: int = 16,
    alone: bool = False,
    progress: Callable[[int], None] = lambda done: None,
) -> None:
    """Write 00000.png, 00001.png, ... and grid.png of the first into `output`, or, `alone`, grid.png of all and nothing
    else; `progress` hears how many are drawn."""
    shown = []
    digits = max(5, len(str(count - 1)))
    for index, pixels in enumerate(sampler.draw(count, batch)):
        if not alone:
            images.save(pixels, output / f"{index:0{digits}d}.png")
        if alone or index < GRID:
            shown.append(pixels)
        progress(index + 1)
    classes = len(sampler.classes)
    images.save(grid(shown, classes if 1 < classes <= 16 else None), output / "grid.png")  # a class, a column


def interpolate(
    sampler: Sampler,
    output: Path,
    stops: int,
    frames: int,
    way: Way,
    kind: str = "gif",
    progress: Callable[[int], None] = lambda done: None,
) -> Path:
    """Write a tour of the first `stops` latents, `frames` to each next one, into `output`: interpolation.gif or .mp4,
    and strip.png, a row a leg; the movie's path. `progress` hears how many frames are drawn."""
    shown: list[Pixels] = []
    every = max(1, math.ceil(frames / COLUMNS))

    def drawn() -> Iterator[Pixels]:
        for index, pixels in enumerate(sampler.tour(stops, frames, way)):
            if index % frames % every == 0:
                shown.append(pixels)
            progress(index + 1)
            yield pixels

    path = output / f"interpolation.{kind}"
    movie.write(drawn(), path)
    images.save(grid(shown, len(shown) // stops), output / "strip.png")
    return path


def grid(tiles: list[Pixels], columns: int | None = None) -> Pixels:
    """Tiles [H, W, C] as one picture, near square without `columns`; what is left over at the end is black."""
    columns = columns or math.ceil(math.sqrt(len(tiles)))
    blank = np.zeros_like(tiles[0])
    filled = tiles + [blank] * (-len(tiles) % columns)
    rows = [np.concatenate(filled[i : i + columns], axis=1) for i in range(0, len(filled), columns)]
    return np.concatenate(rows)
