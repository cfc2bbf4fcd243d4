"""A generator for people without a GPU: the thinking is done at a quarter of the size, the drawing at full size."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from translate.networks.layers import norm as norm_layer


class FastGenerator(nn.Module):
    """Image [N, C, H, W] in [-1, 1] -> [N, C', H, W]: space to depth, residual blocks, depth to space, a redrawing.

    Convolutions at full size are what a CPU pays for, so only two thin ones are left there (cf. sub-pixel convolution,
    Shi et al. 2016). The input's own colours are carried around all of it, so training starts from "do nothing".
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
        fold: int = 4,
        norm: Literal["instance", "batch", "group", "none"] = "instance",
    ) -> None:
        super().__init__()
        self.stride = fold
        self.enter = nn.Sequential(
            nn.PixelUnshuffle(fold),
            nn.Conv2d(in_channels * fold**2, width, 3, padding=1),
            norm_layer(norm, width),
            nn.ReLU(),
        )
        self.blocks = nn.Sequential(*(_Block(width, norm) for _ in range(blocks)))
        self.leave = nn.Sequential(nn.Conv2d(width, detail * fold**2, 1), nn.PixelShuffle(fold))
        self.draw = nn.Sequential(
            nn.Conv2d(detail + in_channels, detail, 3, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(detail, out_channels, 3, padding=1),
        )
        # How the input's channels reach the output's: grey spreads to all, all average to grey, else each to itself.
        same = in_channels == out_channels
        start = torch.eye(out_channels) if same else torch.full((out_channels, in_channels), 1 / in_channels)
        self.carry = nn.Parameter(start)

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H, W] -> [N, C', H, W]; H and W multiples of `stride`."""
        detail = self.leave(self.blocks(self.enter(x)))
        change = self.draw(torch.cat([detail, x], dim=1))
        carried = F.conv2d(torch.atanh(0.97 * x), self.carry[:, :, None, None])
        return torch.tanh(carried + change)


class _Block(nn.Module):
    """x + conv(relu(norm(conv(x)))), 3x3."""

    def __init__(self, width: int, norm: str) -> None:
        super().__init__()
        self.path = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1),
            norm_layer(norm, width),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1),
            norm_layer(norm, width),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.path(x)
