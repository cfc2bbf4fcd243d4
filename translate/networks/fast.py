"""A generator for people without a GPU: the thinking is done at a quarter of the size, the drawing at full size."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from translate.networks.latent import (
    Chain,
    LatentInput,
    at_bottleneck,
    at_input,
    first_norm,
    more_channels,
    require_latent,
    require_norms,
    told_norm,
)


class FastGenerator(nn.Module):
    """Image [N, C, H, W] in [-1, 1] -> [N, C', H, W]: a quarter of the size for residual blocks, then up in two steps.

    Convolutions at full size are what a CPU pays for, so those are few and thin. Each step up is nearest-neighbour,
    then a 3x3 convolution (no checkerboard: Odena et al. 2016) that also sees the input at that size. The input's own
    colours are carried around all of it, so training starts from "do nothing". `latent`: z [N, Z] beside the image; as
    maps it comes in at a quarter of the size.
    """

    independent_rows = True
    latent_input = False
    takes_latent = True

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        latent: LatentInput | None = None,
        *,
        width: int = 96,
        blocks: int = 6,
        detail: int = 16,
        norm: Literal["instance", "batch", "group", "none"] = "instance",
    ) -> None:
        super().__init__()
        require_norms(norm, latent)
        self.latent = latent
        self.stride = 4
        entering = _conv(16 * in_channels + more_channels(latent), width, first_norm(norm, latent), latent)
        self.enter = Chain(nn.PixelUnshuffle(4), *at_input(latent), *entering)
        self.blocks = Chain(*at_bottleneck(latent, width), *(_Block(width, norm, latent) for _ in range(blocks)))
        self.narrow = nn.Conv2d(width, 2 * detail, 1)
        self.at_half = Chain(*_conv(2 * detail + 4 * in_channels, 2 * detail, norm, latent))
        self.at_full = nn.Sequential(
            nn.Conv2d(2 * detail + in_channels, detail, 3, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(detail, out_channels, 3, padding=1),
        )
        # How the input's channels reach the output's: each to itself, of stacked frames the newest, or all averaged.
        frames, rest = divmod(in_channels, out_channels)
        start = torch.full((out_channels, in_channels), 1 / in_channels)
        if not rest and (out_channels > 1 or frames == 1):
            start = torch.eye(out_channels).repeat(1, frames)
            start[:, : in_channels - out_channels] = 0
        self.carry = nn.Parameter(start)

    def forward(self, x: Tensor, z: Tensor | None = None) -> Tensor:
        """[N, C, H, W] -> [N, C', H, W]; H and W multiples of 4."""
        require_latent(self.latent, z)
        y = self.narrow(self.blocks(self.enter(x, z), z))
        y = self.at_half(torch.cat([_double(y), F.pixel_unshuffle(x, 2)], dim=1), z)
        change = self.at_full(torch.cat([_double(y), x], dim=1))
        # The inverse of tanh, short of its poles, so that "do nothing" is exactly a change of zero.
        carried = F.conv2d(torch.atanh(0.97 * x.clamp(-1, 1)), self.carry[:, :, None, None])
        return torch.tanh(carried + change)


def _conv(in_channels: int, out_channels: int, norm: str, latent: LatentInput | None) -> list[nn.Module]:
    return [
        nn.Conv2d(in_channels, out_channels, 3, padding=1, padding_mode="reflect"),
        told_norm(norm, out_channels, latent),
        nn.ReLU(),
    ]


def _double(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2.0, mode="nearest")


class _Block(nn.Module):
    """x + conv(relu(norm(conv(x)))), 3x3."""

    takes_latent = True

    def __init__(self, width: int, norm: str, latent: LatentInput | None) -> None:
        super().__init__()
        self.path = Chain(
            nn.Conv2d(width, width, 3, padding=1, padding_mode="reflect"),
            told_norm(norm, width, latent),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1, padding_mode="reflect"),
            told_norm(norm, width, latent),
        )

    def forward(self, x: Tensor, z: Tensor | None = None) -> Tensor:
        y: Tensor = x + self.path(x, z)
        return y
