"""A generator for people without a GPU: the thinking is done at a quarter of the size, the drawing at full size."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from translate.networks.layers import norm as norm_layer


class FastGenerator(nn.Module):
    """Image [N, C, H, W] in [-1, 1] -> [N, C', H, W]: a quarter of the size for residual blocks, then up in two steps.

    Convolutions at full size are what a CPU pays for, so those are few and thin. Each step up is nearest-neighbour,
    then a 3x3 convolution (no checkerboard: Odena et al. 2016) that also sees the input at that size. The input's own
    colours are carried around all of it, so training starts from "do nothing".
    """

    latent_input = False

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        width: int = 96,
        blocks: int = 6,
        detail: int = 16,
        norm: Literal["instance", "batch", "group", "none"] = "instance",
    ) -> None:
        super().__init__()
        self.stride = 4
        self.enter = nn.Sequential(nn.PixelUnshuffle(4), *_conv(16 * in_channels, width, norm))
        self.blocks = nn.Sequential(*(_Block(width, norm) for _ in range(blocks)))
        self.narrow = nn.Conv2d(width, 2 * detail, 1)
        self.at_half = nn.Sequential(*_conv(2 * detail + 4 * in_channels, 2 * detail, norm))
        self.at_full = nn.Sequential(
            nn.Conv2d(2 * detail + in_channels, detail, 3, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(detail, out_channels, 3, padding=1),
        )
        # How the input's channels reach the output's: each to itself, or all of them averaged.
        same = in_channels == out_channels
        start = torch.eye(out_channels) if same else torch.full((out_channels, in_channels), 1 / in_channels)
        self.carry = nn.Parameter(start)

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H, W] -> [N, C', H, W]; H and W multiples of 4."""
        y = self.narrow(self.blocks(self.enter(x)))
        y = self.at_half(torch.cat([_double(y), F.pixel_unshuffle(x, 2)], dim=1))
        change = self.at_full(torch.cat([_double(y), x], dim=1))
        # The inverse of tanh, short of its poles, so that "do nothing" is exactly a change of zero.
        carried = F.conv2d(torch.atanh(0.97 * x.clamp(-1, 1)), self.carry[:, :, None, None])
        return torch.tanh(carried + change)


def _conv(in_channels: int, out_channels: int, norm: str) -> list[nn.Module]:
    return [
        nn.Conv2d(in_channels, out_channels, 3, padding=1, padding_mode="reflect"),
        norm_layer(norm, out_channels),
        nn.ReLU(),
    ]


def _double(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2.0, mode="nearest")


class _Block(nn.Module):
    """x + conv(relu(norm(conv(x)))), 3x3."""

    def __init__(self, width: int, norm: str) -> None:
        super().__init__()
        self.path = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1, padding_mode="reflect"),
            norm_layer(norm, width),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1, padding_mode="reflect"),
            norm_layer(norm, width),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.path(x)
