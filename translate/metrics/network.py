"""What extractors that are a network of torch have in common: size, batches, protocol."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from translate.errors import UserError
from translate.metrics import weights
from translate.metrics.features import Features

BATCH = 32


class Network:
    """An extractor around a network with published weights; its subclasses say which.

    Images are resized before they enter, in floating point, by Pillow's bicubic filter: it is antialiased, and neither
    rounds nor depends on a library's version, which moves FID by more than models differ (Parmar et al. 2022, "On
    Aliased Resizing and Surprising Subtleties in GAN Evaluation").
    """

    name: str
    network: str
    size: int
    """Pixels of the square that the network reads."""
    mean: tuple[float, float, float]
    deviation: tuple[float, float, float]
    """What grey levels are normalised by, in each channel."""

    def __init__(self, given: Path | None = None, device: str = "cpu", download: bool = False) -> None:
        path = weights.PUBLISHED[self.name].find(given, download)
        self._device = device
        self._sha256 = weights.digest(path)
        try:
            self._network = self.load(path).to(device).eval().requires_grad_(False)
        except (KeyError, RuntimeError, IndexError) as error:
            title = weights.PUBLISHED[self.name].title
            raise UserError(f"these are no weights of {title}: {str(error)[:300]}", where=str(path)) from error

    def load(self, path: Path) -> nn.Module:
        """The network with its weights."""
        raise NotImplementedError

    def read(self, images: Tensor) -> tuple[Tensor, Tensor | None]:
        """Features [N, D] and logits of normalised images [N, 3, S, S]."""
        return self._network(images), None

    def protocol(self) -> dict[str, Any]:
        """As `Extractor.protocol`."""
        return {
            "network": self.network,
            "input": [self.size, self.size],
            "resize": "pillow-bicubic, floating point, antialiased",
            "weights_sha256": self._sha256,
        }

    @torch.inference_mode()
    def __call__(self, images: NDArray[np.uint8]) -> Features:
        """As `Extractor`. Raises UserError for images that are neither grey nor RGB, and for none."""
        if not len(images):
            raise UserError("there are no images to read features of")
        if images.shape[3] not in (1, 3):
            raise UserError(f"{self.name} reads grey or RGB images, these have {images.shape[3]} channels")
        parts = [images[first : first + BATCH] for first in range(0, len(images), BATCH)]
        return Features.concatenated([self._part(part) for part in parts])

    def _part(self, images: NDArray[np.uint8]) -> Features:
        square = np.stack([resized(image, self.size) for image in images])
        pixels = torch.from_numpy(square).movedim(-1, 1).to(self._device).expand(-1, 3, -1, -1)
        mean, deviation = (pixels.new_tensor(values)[:, None, None] for values in (self.mean, self.deviation))
        features, logits = self.read((pixels - mean) / deviation)
        return Features(features.float().cpu().numpy(), None if logits is None else logits.float().cpu().numpy())


def resized(image: NDArray[np.uint8], size: int) -> NDArray[np.float32]:
    """uint8 [H, W, C] as float32 [size, size, C] in grey levels 0 to 255, not rounded."""
    channels = [Image.fromarray(channel.astype(np.float32)) for channel in np.moveaxis(image, -1, 0)]
    square = [channel.resize((size, size), Image.Resampling.BICUBIC) for channel in channels]
    return np.stack([np.asarray(channel) for channel in square], axis=-1).clip(0, 255)
