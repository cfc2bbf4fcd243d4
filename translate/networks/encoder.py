"""The residual encoder of BicycleGAN (Zhu et al. 2017, NeurIPS, section 4 and appendix): image -> q(z | image)."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from translate.errors import UserError
from translate.networks.layers import needs_bias, norm

_BOUND = 10.0


class ResnetEncoder(nn.Module):
    """[N, Cin, H, W] -> mean and log variance of q(z | image), [N, latent] each; H and W at least 16.

    A strided convolution, then `blocks` residual blocks that halve by averaging, LeakyReLU 0.2 (None: as many, up to 4,
    as leave the shorter side at least 4). pooled=True averages what is left over the image, as published: z says how it
    looks. pooled=False reads it place by place, for the one `size` it was built for: z says also what is where (a VAE).
    The log variance bends softly into (-10, 10), since exp() of a stray one would end a training; where a clamp would
    stop the gradient, tanh still leads back. Raises UserError for sizes and numbers of blocks that do not fit.
    """

    def __init__(
        self,
        in_channels: int,
        latent: int,
        size: tuple[int, int],
        *,
        width: int = 64,
        blocks: int | None = None,
        norm: Literal["instance", "batch", "group", "none"] = "instance",
        pooled: bool = True,
    ) -> None:
        super().__init__()
        fitting = min(size).bit_length() - 4  # halvings behind the first convolution's that leave 4 pixels
        if fitting < 1:
            raise UserError(
                f"images of {size[0]}x{size[1]} (height x width) are too small for the encoder",
                where="data.size",
                expected="at least 16 pixels on each side",
            )
        count = min(4, fitting) if blocks is None else blocks
        if not 0 < count <= fitting:
            raise UserError(
                f"{count} blocks for images of {size[0]}x{size[1]} (height x width)",
                where=".blocks",
                expected=f"1 to {fitting}, which leave at least 4 pixels on each side",
            )
        self.size, self.pooled = (size[0], size[1]), pooled
        self.first = nn.Conv2d(in_channels, width, 4, stride=2, padding=1)
        widths = [width * min(4, n + 1) for n in range(count + 1)]
        self.blocks = nn.Sequential(*(_HalvingBlock(below, above, norm) for below, above in pairwise(widths)))
        places = 1 if pooled else (size[0] // 2 ** (count + 1)) * (size[1] // 2 ** (count + 1))
        self.mean = nn.Linear(widths[-1] * places, latent)
        self.log_variance = nn.Linear(widths[-1] * places, latent)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        if not self.pooled and tuple(x.shape[-2:]) != self.size:
            raise UserError(
                f"images of {x.shape[-2]}x{x.shape[-1]} (height x width) for an encoder that reads place by place",
                expected=f"{self.size[0]}x{self.size[1]}, the size that it was built for",
                hint="--set networks.encoder.pooled=true",
            )
        y = functional.leaky_relu(self.blocks(self.first(x)), 0.2)
        vector = y.mean(dim=(2, 3)) if self.pooled else y.flatten(1)
        return self.mean(vector), _BOUND * torch.tanh(self.log_variance(vector) / _BOUND)


class _HalvingBlock(nn.Module):
    """[N, Cin, H, W] -> [N, Cout, H/2, W/2]: averages of (norm, LeakyReLU, convolution) twice, plus averages of x."""

    def __init__(self, in_channels: int, out_channels: int, kind: str) -> None:
        super().__init__()
        self.path = nn.Sequential(
            norm(kind, in_channels),
            nn.LeakyReLU(0.2),
            nn.Conv2d(in_channels, in_channels, 3, padding=1, bias=needs_bias(kind)),
            norm(kind, in_channels),
            nn.LeakyReLU(0.2),
            nn.Conv2d(in_channels, out_channels, 3, padding=1),
            nn.AvgPool2d(2),
        )
        self.shortcut = nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(in_channels, out_channels, 1))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.path(x) + self.shortcut(x)
        return y
