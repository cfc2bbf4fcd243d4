"""How far into a tile it shows that the picture ends there for the network, and not in truth."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from translate.domain import Domain
from translate.inference.statistics import Norms

if TYPE_CHECKING:
    from translate.inference.model import Model

TOLERANCE = 0.5
"""Grey levels, a mean along the border, that count as no difference."""
SIDE = 256
"""Height of the image that this is measured on, and half its width: no network's reach is found to be longer."""

_MEASURED: weakref.WeakKeyDictionary[nn.Module, int] = weakref.WeakKeyDictionary()


def reach(model: Model, to: Domain) -> int:
    """Pixels from a border that was cut through the picture, beyond which the output is as without the cut.

    Measured once for a generator, with fixed statistics, on an image that is always the same, so that what a picture
    becomes does not depend on those before it.
    """
    generator = model.generators[to]
    if generator not in _MEASURED:
        _MEASURED[generator] = _measured(model, to)
    return _MEASURED[generator]


@torch.inference_mode()
def _measured(model: Model, to: Domain) -> int:
    side = -(-SIDE // model.stride) * model.stride
    image = _clouds(model.channels[to.other] * model.frames[to.other], side, 2 * side).to(model.device)
    network = model.generators[to]
    beside = (torch.zeros(1, model.latent or 0, device=model.device),) if model.stochastic else ()
    with Norms(cores=(torch.ones(1, side), torch.ones(1, 2 * side))) as norms:
        whole = network(image, *beside)
    with Norms(norms.seen):
        cut = network(image[..., side:].contiguous(), *beside)
    levels = 127.5 * (cut - whole[..., side:]).abs().mean(dim=(0, 1, 2))
    beyond = torch.nonzero(levels > TOLERANCE)
    return int(beyond[-1]) + 1 if len(beyond) else 0


def _clouds(channels: int, height: int, width: int) -> Tensor:
    """[1, channels, height, width] in [-1, 1] with coarse and fine patterns, as photos have them."""
    source = torch.Generator().manual_seed(0)
    layers = []
    scale = 1
    while scale < height:
        noise = torch.randn(1, channels, -(-height // scale), -(-width // scale), generator=source)
        layers.append(functional.interpolate(noise, scale_factor=float(scale))[..., :height, :width] * scale**0.5)
        scale *= 2
    clouds = torch.stack(layers).sum(0)
    return (clouds / (2 * clouds.std())).clamp(-1, 1)
