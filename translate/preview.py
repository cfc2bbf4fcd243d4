"""A grid of the same few images and latents, translated again and again while training goes on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from translate import build
from translate.config import Config
from translate.data import images
from translate.data.layouts import Dataset, Picture, Split
from translate.domain import Domain
from translate.prior import Prior

SAMPLES = 4
"""Outputs shown of each input, where a generator makes many of one."""
CLASSES = 8
"""Classes shown at most, spread evenly over all, where a generator is told one."""


class Preview:
    """For each produced domain rows input | output (| truth, where the held-out images are pairs).

    A generator that takes a latent beside the image shows several outputs, a column a latent. One that draws from a
    latent alone shows a square of images; one that is told classes, a row for each class and a column for each latent.
    """

    def __init__(self, config: Config, dataset: Dataset, device: torch.device) -> None:
        self.rows, self.device, self.config = config.log.preview_rows, device, config
        self.inputs: dict[Domain, Tensor] = {}
        self.truths: dict[Domain, Tensor] = {}
        self.labels: Tensor | None = None
        self.latents: Tensor | None = None
        prior = build.prior_of(config)
        if prior is not None:
            self._draw_latents(prior)
        if config.unconditional:
            return
        splits = [dataset.splits[name] for name in ("test", "val", "train") if name in dataset.splits]
        split = next(s for s in splits if all(s.of(domain.other) for domain in config.produce))
        for domain in config.produce:
            self.inputs[domain] = self._read(split, domain.other)
            if split.pairs:
                self.truths[domain] = self._read(split, domain)

    def _draw_latents(self, prior: Prior) -> None:
        """The latents: one for each sample, each column of classes, or each place of the square."""
        generator = torch.Generator().manual_seed(self.config.training.seed)
        if not self.config.unconditional:
            self.latents = prior.draw(SAMPLES, generator).to(self.device)
        elif count := len(self.config.networks.classes or ()):
            shown = min(count, CLASSES)
            chosen = torch.arange(shown) * count // shown
            self.latents = prior.draw(self.rows, generator).repeat(shown, 1).to(self.device)
            self.labels = chosen.repeat_interleave(self.rows).to(self.device)
        else:
            self.latents = prior.draw(self.rows**2, generator).to(self.device)

    def _read(self, split: Split, domain: Domain) -> Tensor:
        pictures: Sequence[Picture] = [pair[domain is Domain.B] for pair in split.pairs] or split.of(domain)
        data = self.config.data
        channels, frames = getattr(data.channels, domain), getattr(data.frames, domain)
        count = min(self.rows, len(pictures))
        chosen = [pictures[i * len(pictures) // count] for i in range(count)]
        arrays = []
        for picture in chosen:
            try:
                arrays.append(images.resize(images.decode(picture, channels, frames), data.size))
            except images.Unreadable:  # named when the data was loaded
                arrays.append(np.zeros((*data.size, channels * frames), np.uint8))
        return images.to_tensor(np.stack(arrays)).to(self.device)

    @torch.no_grad()
    def draw(self, generator: nn.Module) -> dict[str, NDArray[np.uint8]]:
        """{"a2b": grid [H, W, 3], ..}, or {"sample": grid} for an unconditional generator; of frames, the last."""
        generator.eval()
        grids = {}
        if self.config.unconditional:
            told = () if self.labels is None else (self.labels,)
            tiles = self._colour(generator.get_submodule(Domain.B)(self.latents, *told), Domain.B)
            rows = tiles.reshape(-1, self.rows, *tiles.shape[1:])
            grids["sample"] = np.concatenate([np.concatenate(list(row), axis=1) for row in rows])
        for domain, inputs in self.inputs.items():
            columns = [self._colour(inputs, domain.other)]
            columns += [self._colour(made, domain) for made in self._outputs(generator.get_submodule(domain), inputs)]
            columns += [self._colour(self.truths[domain], domain)] if domain in self.truths else []
            side_by_side = [np.concatenate(list(column), axis=0) for column in columns]
            grids[f"{domain.other}2{domain}"] = np.concatenate(side_by_side, axis=1)
        generator.train()
        return grids

    def _outputs(self, generator: nn.Module, inputs: Tensor) -> Sequence[Tensor]:
        if self.latents is None:
            return [generator(inputs)]
        return [generator(inputs, z.expand(len(inputs), -1)) for z in self.latents]

    def _colour(self, column: Tensor, domain: Domain) -> NDArray[np.uint8]:
        """Images [N, C, H, W] as RGB [N, H, W, 3]."""
        pixels = images.last_frame(images.to_uint8(column), getattr(self.config.data.channels, domain))
        return np.repeat(pixels, 3, axis=-1) if pixels.shape[-1] == 1 else pixels
