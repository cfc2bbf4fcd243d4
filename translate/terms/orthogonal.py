"""Orthogonal regularisation: a layer's filters should not repeat one another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from translate.translations import Translations

_TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)


class Orthogonal(nn.Module):
    """Sum over a generator's weights of |W W^T * (1 - I)|_F^2, a row a filter (Brock et al. 2019, eq. 3; weight 1e-4).

    The diagonal is free, so norms of filters are. Embeddings are left out, as in the published code: classes may be
    alike. A weight under spectral norm counts as it is before the division. Networks with equalised learning rates,
    such as StyleGAN2, scale their weights elsewhere: no weight of this term suits those.
    """

    needs: tuple[str, ...] = ()

    def for_generator(self, x: Translations) -> dict[str, Tensor]:
        """The penalty of each generator, by the domain produced."""
        return {d: overlap(x.networks.generator[d]) for d in x.produced}


def overlap(network: nn.Module) -> Tensor:
    """The sum over the network's weights of the squared dot products of different filters; float32 scalar."""
    found = []
    for weight in weights(network):
        with torch.autocast(weight.device.type, enabled=False):
            rows = weight.flatten(1)
            found.append((rows @ rows.T).fill_diagonal_(0).square().sum())
    return torch.stack(found).sum()


def weights(network: nn.Module) -> Iterator[Tensor]:
    """Learnable weights of at least 2 dimensions, filters first; those of embeddings left out."""
    for layer in network.modules():
        if isinstance(layer, nn.Embedding | parametrize.ParametrizationList):
            continue
        own: list[Any] = list(layer.parameters(recurse=False))
        for name, kept in getattr(layer, "parametrizations", nn.ModuleDict()).items():
            own.append(kept.original if kept.is_tensor else getattr(layer, name))  # weight norm keeps parts, no weight
        for weight in own:
            if weight.ndim >= 2:
                yield weight.transpose(0, 1) if isinstance(layer, _TRANSPOSED) else weight
