"""How a generator that reads an image takes a latent z [N, Z] beside it: one input, many outputs.

Instance norm subtracts each map's mean, and with it whatever z adds evenly to that map. So wherever z comes in evenly,
a nonlinearity follows before the next norm: what z leaves of an image's pattern then differs from place to place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from translate.errors import UserError
from translate.networks.layers import norm


@dataclass(frozen=True)
class LatentInput:
    """The size Z of the latent, and where it enters.

    maps: as Z even maps beside the input image (Zhu et al. 2017, BicycleGAN, section 4, "add to input").
    bottleneck: as Z even maps beside the feature maps where those are smallest.
    add: a learned projection of z, added to the feature maps there.
    norm: the scale and shift of every norm layer come from z (Huang and Belongie 2017, AdaIN).
    """

    dimension: int
    enter: Literal["maps", "bottleneck", "add", "norm"]


class Chain(nn.Sequential):
    """nn.Sequential, keys and all, that hands z to those of its layers that take it."""

    takes_latent = True

    def forward(self, x: Tensor, z: Tensor | None = None) -> Tensor:
        for layer in self:
            x = told(layer, x, z)
        return x


def told(layer: nn.Module, x: Tensor, z: Tensor | None) -> Tensor:
    """layer(x, z) for a layer that takes z, layer(x) for any other."""
    y: Tensor = layer(x, z) if getattr(layer, "takes_latent", False) else layer(x)
    return y


class Beside(nn.Module):
    """[N, C, H, W], z [N, Z] -> [N, C + Z, H, W]: z as even maps behind those of x."""

    takes_latent = True

    def forward(self, x: Tensor, z: Tensor) -> Tensor:
        return torch.cat([x, z[:, :, None, None].expand(-1, -1, *x.shape[2:])], dim=1)


class Mixed(nn.Module):
    """[N, C, H, W], z [N, Z] -> [N, C, H, W]: ReLU of a 1x1 convolution of x with z beside it."""

    takes_latent = True

    def __init__(self, channels: int, dimension: int) -> None:
        super().__init__()
        self.beside = Beside()
        self.conv = nn.Conv2d(channels + dimension, channels, 1)

    def forward(self, x: Tensor, z: Tensor) -> Tensor:
        return functional.relu(self.conv(self.beside(x, z)))


class Added(nn.Module):
    """[N, C, H, W], z [N, Z] -> [N, C, H, W]: ReLU of x + a projection of z."""

    takes_latent = True

    def __init__(self, channels: int, dimension: int) -> None:
        super().__init__()
        self.project = nn.Linear(dimension, channels)

    def forward(self, x: Tensor, z: Tensor) -> Tensor:
        return functional.relu(x + self.project(z)[:, :, None, None])


class AdaptiveNorm(nn.Module):
    """norm(x) (1 + scale(z)) + shift(z), a scale and a shift for each map (Huang and Belongie 2017, eq. 8).

    Both start near 0: at first z tints what the plain norm gives.
    """

    takes_latent = True

    def __init__(self, plain: nn.Module, channels: int, dimension: int) -> None:
        super().__init__()
        self.norm = plain
        self.style = nn.Linear(dimension, 2 * channels)
        nn.init.normal_(self.style.weight, std=0.02)
        nn.init.zeros_(self.style.bias)

    def forward(self, x: Tensor, z: Tensor) -> Tensor:
        scale, shift = self.style(z)[:, :, None, None].chunk(2, dim=1)
        y: Tensor = self.norm(x) * (1 + scale) + shift
        return y


def at_input(latent: LatentInput | None) -> list[nn.Module]:
    """What stands in front of a generator's first convolution: with `maps`, z beside the image."""
    return [Beside()] if latent is not None and latent.enter == "maps" else []


def more_channels(latent: LatentInput | None) -> int:
    """How many channels `at_input` adds."""
    return latent.dimension if latent is not None and latent.enter == "maps" else 0


def first_norm(kind: str, latent: LatentInput | None) -> str:
    """The kind of the norm behind the first convolution: none with `maps`, since nothing nonlinear stands between."""
    return "none" if more_channels(latent) else kind


def at_bottleneck(latent: LatentInput | None, channels: int) -> list[nn.Module]:
    """What stands where a generator's feature maps are smallest: with `bottleneck` and `add`, how z joins them."""
    layers = {"bottleneck": Mixed, "add": Added}
    if latent is None or latent.enter not in layers:
        return []
    return [layers[latent.enter](channels, latent.dimension)]


def told_norm(kind: str, channels: int, latent: LatentInput | None) -> nn.Module:
    """The norm layer of this kind; with `norm`, its scale and shift come from z. None stays none."""
    plain = norm(kind, channels)
    if latent is None or latent.enter != "norm" or kind == "none":
        return plain
    return AdaptiveNorm(plain, channels, latent.dimension)


def require_norms(kind: str, latent: LatentInput | None) -> None:
    """UserError where z should enter by norm layers that a generator does not have."""
    if latent is not None and latent.enter == "norm" and kind == "none":
        raise UserError(
            "z can't enter by the norm layers of a generator without them",
            where="networks.latent.enter",
            expected="maps, bottleneck or add, or a generator with norms",
            hint="--set networks.generator.norm=instance",
        )


def require_latent(latent: LatentInput | None, z: Any) -> None:
    """ValueError unless z is there exactly where it is taken, and of the right size."""
    if latent is None and z is not None:
        raise ValueError("this generator was made without a latent: it takes an image alone")
    if latent is not None and (z is None or z.ndim != 2 or z.shape[1] != latent.dimension):
        given = "none" if z is None else tuple(z.shape)
        raise ValueError(f"this generator takes latents of [N, {latent.dimension}] beside its images, given: {given}")
