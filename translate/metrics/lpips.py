"""Learned perceptual similarity."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from translate.errors import UserError
from translate.extras import require
from translate.metrics.weights import PUBLISHED, state_dict

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

SMALLEST = 31
"""Pixels of the shorter side: below, AlexNet's second pooling has nothing left."""


def lpips(output: NDArray[np.uint8], truth: NDArray[np.uint8], weights: Path | None = None) -> float:
    """LPIPS version 0.1 on AlexNet of uint8 [H, W, C], 0 for equal images; grey images count as RGB.

    Zhang et al. 2018, "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric", eq. 1. `weights`: the
    file of AlexNet's, `weights.PUBLISHED["alexnet"]`; by default in torchvision's cache. Raises UserError without it,
    for images below SMALLEST and for ones that are neither grey nor RGB.
    """
    import torch

    height, width, channels = output.shape
    if min(height, width) < SMALLEST:
        raise UserError(f"LPIPS needs images of {SMALLEST}x{SMALLEST} pixels or more, these have {height}x{width}")
    if channels not in (1, 3):
        raise UserError(f"LPIPS needs grey or RGB images, these have {channels} channels")
    network = _network(weights)
    with torch.inference_mode():
        return float(network(_tensor(output), _tensor(truth)).mean())


def _tensor(image: NDArray[np.uint8]) -> Tensor:
    """[1, 3, H, W] in [-1, 1]."""
    import torch

    tensor = torch.from_numpy(image.astype(np.float32)).movedim(-1, 0)[None] / 127.5 - 1
    return tensor.expand(-1, 3, -1, -1)


@cache
def _network(path: Path | None) -> Module:
    """The network of torchmetrics, which brings the linear heads; not its way to AlexNet's weights, which would fetch
    them unasked."""
    require("torchmetrics", "metrics")
    from torchmetrics.functional.image.lpips import _NoTrainLpips

    path = path or PUBLISHED["alexnet"].find()
    state = state_dict(path)
    network = _NoTrainLpips(net="alex", pnet_rand=True)
    try:
        for part in network.net.children():
            for index, layer in part.named_children():
                layer.load_state_dict({name: state[f"features.{index}.{name}"] for name in layer.state_dict()})
    except (KeyError, RuntimeError) as error:
        raise UserError(f"these are no weights of torchvision's AlexNet: {error}", where=str(path)) from error
    return network
