"""How networks are told the class of an image: batch norms that know it, and a head that compares with it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from translate.networks.across import BatchNorm2d
from translate.networks.layers import spectral


class ConditionalBatchNorm2d(nn.Module):
    """x [N, C, H, W], told [N, K] -> batch norm whose scale and shift each row gets from what it is told.

    Scale 1 + a(told), shift b(told), a and b linear (Dumoulin et al. 2017; Brock et al. 2019, appendix B).
    """

    def __init__(self, channels: int, told: int, *, spectral_norm: bool = False) -> None:
        super().__init__()
        self.norm = BatchNorm2d(channels, affine=False)
        self.scale = spectral(nn.Linear(told, channels, bias=False), spectral_norm)
        self.shift = spectral(nn.Linear(told, channels, bias=False), spectral_norm)

    def forward(self, x: Tensor, told: Tensor) -> Tensor:
        y: Tensor = self.norm(x)
        return torch.addcmul(self.shift(told)[:, :, None, None], y, (1 + self.scale(told))[:, :, None, None])


class ProjectionHead(nn.Module):
    """phi [N, C][, labels [N]] -> logits [N, 1, 1, 1]: psi(phi) + <embed(label), phi>, psi linear.

    The projection discriminator's last layer (Miyato and Koyama 2018, eq. 3); with 0 classes psi alone.
    """

    def __init__(self, channels: int, classes: int, *, spectral_norm: bool = False) -> None:
        super().__init__()
        psi = nn.Linear(channels, 1)
        nn.init.normal_(psi.weight, std=channels**-0.5)
        nn.init.zeros_(psi.bias)
        self.psi = spectral(psi, spectral_norm)
        self.embed: nn.Module | None = None
        if classes:
            embed = nn.Embedding(classes, channels)
            nn.init.normal_(embed.weight, std=channels**-0.5)  # as loud as psi
            self.embed = spectral(embed, spectral_norm)

    def forward(self, phi: Tensor, labels: Tensor | None = None) -> Tensor:
        require_labels(self.embed is not None, labels)
        logits: Tensor = self.psi(phi)
        if self.embed is not None:
            logits = logits + (self.embed(labels) * phi).sum(1, keepdim=True)
        return logits[:, :, None, None]


def require_labels(takes: bool, labels: Tensor | None) -> None:
    """ValueError unless labels are there exactly where they are taken: a network would be silently unconditional."""
    if takes != (labels is not None):
        raise ValueError("this network takes labels" if takes else "this network was made without classes")
