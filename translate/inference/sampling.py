"""New images from an unconditional run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from translate.data import images
from translate.data.images import Pixels
from translate.inference.model import Model

GRID = 64
"""At most so many images are shown together in grid.png."""


def latents(seed: int, first: int, count: int, dimension: int) -> Tensor:
    """Normal latents [count, dimension] of images `first` and on; row i depends on (seed, first + i) alone."""
    rows = [np.random.default_rng([seed, first + i]).standard_normal(dimension, np.float32) for i in range(count)]
    return torch.from_numpy(np.stack(rows))


def draw(model: Model, seed: int, count: int, batch: int) -> Iterator[Pixels]:
    """`count` images, uint8 [H, W, C], one after the other."""
    assert model.latent is not None
    for first in range(0, count, batch):
        yield from images.to_uint8(model.draw(latents(seed, first, min(batch, count - first), model.latent)))


def sample(
    model: Model,
    output: Path,
    count: int,
    seed: int,
    batch: int = 16,
    progress: Callable[[int], None] = lambda done: None,
) -> None:
    """Write 00000.png, 00001.png, ... and grid.png into `output`; `progress` hears how many are written."""
    shown = []
    digits = max(5, len(str(count - 1)))
    for index, pixels in enumerate(draw(model, seed, count, batch)):
        images.save(pixels, output / f"{index:0{digits}d}.png")
        if index < GRID:
            shown.append(pixels)
        progress(index + 1)
    images.save(grid(shown), output / "grid.png")


def grid(tiles: list[Pixels]) -> Pixels:
    """Tiles [H, W, C] as one near square picture; what is left over at the end is black."""
    columns = int(np.ceil(np.sqrt(len(tiles))))
    blank = np.zeros_like(tiles[0])
    filled = tiles + [blank] * (-len(tiles) % columns)
    rows = [np.concatenate(filled[i : i + columns], axis=1) for i in range(0, len(filled), columns)]
    return np.concatenate(rows)
