"""A grid of the same few images, translated again and again while training goes on."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from translate.config import Config
from translate.data import images
from translate.data.layouts import Dataset, Picture, Split
from translate.domain import Domain


class Preview:
    """Rows input | output (| truth, where the held-out images are pairs), for each produced domain."""

    def __init__(self, config: Config, dataset: Dataset, device: torch.device) -> None:
        self.rows, self.device, self.config = config.log.preview_rows, device, config
        self.inputs: dict[Domain, Tensor] = {}
        self.truths: dict[Domain, Tensor] = {}
        if config.networks.latent is not None:
            generator = torch.Generator().manual_seed(config.training.seed)
            z = torch.randn(self.rows**2, config.networks.latent, generator=generator)
            self.inputs[Domain.B] = z.to(device)
            return
        splits = [dataset.splits[name] for name in ("test", "val", "train") if name in dataset.splits]
        split = next(s for s in splits if all(s.of(domain.other) for domain in config.produce))
        for domain in config.produce:
            self.inputs[domain] = self._read(split, domain.other)
            if split.pairs:
                self.truths[domain] = self._read(split, domain)

    def _read(self, split: Split, domain: Domain) -> Tensor:
        pictures: list[Picture] = [pair[domain is Domain.B] for pair in split.pairs] or split.of(domain)
        channels = getattr(self.config.data.channels, domain)
        count = min(self.rows, len(pictures))
        chosen = [pictures[i * len(pictures) // count] for i in range(count)]
        arrays = []
        for picture in chosen:
            try:
                arrays.append(images.resize(images.decode(picture, channels), self.config.data.size))
            except images.Unreadable:  # named when the data was loaded
                arrays.append(np.zeros((*self.config.data.size, channels), np.uint8))
        return images.to_tensor(np.stack(arrays)).to(self.device)

    @torch.no_grad()
    def draw(self, generator: nn.Module) -> dict[str, NDArray[np.uint8]]:
        """{"a2b": grid [H, W, 3], ..}, or {"sample": grid} for an unconditional generator."""
        generator.eval()
        grids = {}
        for domain, inputs in self.inputs.items():
            outputs = generator.get_submodule(domain)(inputs)
            if self.config.networks.latent is not None:
                tiles = _colour(outputs)
                grids["sample"] = np.concatenate(
                    [np.concatenate(list(row), axis=1) for row in tiles.reshape(-1, self.rows, *tiles.shape[1:])]
                )
                continue
            columns = [inputs, outputs, *([self.truths[domain]] if domain in self.truths else [])]
            side_by_side = [np.concatenate(list(_colour(column)), axis=0) for column in columns]
            grids[f"{domain.other}2{domain}"] = np.concatenate(side_by_side, axis=1)
        generator.train()
        return grids


def _colour(column: Tensor) -> NDArray[np.uint8]:
    pixels = images.to_uint8(column)
    return np.repeat(pixels, 3, axis=-1) if pixels.shape[-1] == 1 else pixels
