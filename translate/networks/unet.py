"""The U-Net generator of pix2pix (Isola et al. 2017, section 6.1.1), any depth, in a flat layout."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from translate.errors import UserError
from translate.networks.across import Dropout
from translate.networks.latent import (
    Chain,
    LatentInput,
    at_bottleneck,
    at_input,
    more_channels,
    require_latent,
    require_norms,
    told,
    told_norm,
)
from translate.networks.layers import needs_bias, require_size, upsampling


class Down(nn.Module):
    """[N, Cin, H, W] -> [N, Cout, H/2, W/2]: (LeakyReLU,) convolution, (norm). The outermost has neither bracket."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        kind: str,
        active: bool,
        normed: bool,
        latent: LatentInput | None = None,
    ) -> None:
        super().__init__()
        self.active = active
        self.conv = nn.Conv2d(in_channels, out_channels, 4, stride=2, padding=1, bias=needs_bias(kind))
        self.norm = told_norm(kind if normed else "none", out_channels, latent)

    def forward(self, x: Tensor, z: Tensor | None = None) -> Tensor:
        return told(self.norm, self.conv(functional.leaky_relu(x, 0.2) if self.active else x), z)


class Up(nn.Module):
    """[N, Cin, H, W] -> [N, Cout, 2H, 2W]: ReLU, upsampling convolution, norm, dropout."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        kind: str,
        upsample: str,
        bias: bool,
        drop: float,
        latent: LatentInput | None = None,
    ) -> None:
        super().__init__()
        self.conv = upsampling(upsample, in_channels, out_channels, kernel=4, bias=bias)
        self.norm = told_norm(kind, out_channels, latent)
        self.drop = Dropout(drop)

    def forward(self, x: Tensor, z: Tensor | None = None) -> Tensor:
        y: Tensor = self.drop(told(self.norm, self.conv(functional.relu(x)), z))
        return y


class UnetGenerator(nn.Module):
    """[N, Cin, H, W] -> [N, Cout, H, W] in [-1, 1]; H and W multiples of 2**levels (8: unet_256, 7: unet_128).

    dropout=True drops half of the values in the `levels` - 5 steps up that follow the bottleneck, as published.
    `latent`: z [N, Z] beside the image.
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
        levels: int = 8,
        width: int = 64,
        norm: Literal["instance", "batch", "group", "none"] = "batch",
        dropout: bool = True,
        upsample: Literal["transposed", "resize"] = "transposed",
    ) -> None:
        super().__init__()
        if levels < 2:
            raise UserError(f"a U-Net of {levels} levels", where=".levels", expected="at least 2")
        require_norms(norm, latent)
        self.latent = latent
        self.stride = 2**levels
        widths = [width * min(2**level, 8) for level in range(levels)]
        inner = levels - 1
        self.entrance = Chain(*at_input(latent))
        self.downs = nn.ModuleList(
            Down(
                in_channels + more_channels(latent) if level == 0 else widths[level - 1],
                widths[level],
                kind=norm,
                active=level > 0,
                normed=0 < level < inner,
                latent=latent,
            )
            for level in range(levels)
        )
        self.middle = Chain(*at_bottleneck(latent, widths[-1]))
        self.ups = nn.ModuleList(  # ups[level] undoes downs[level]; all but the innermost also take the skip connection
            Up(
                widths[level] if level == inner else 2 * widths[level],
                out_channels if level == 0 else widths[level - 1],
                kind="none" if level == 0 else norm,
                upsample=upsample,
                bias=level == 0 or needs_bias(norm),
                drop=0.5 if dropout and 4 <= level < inner else 0.0,
                latent=latent,
            )
            for level in range(levels)
        )

    def forward(self, x: Tensor, z: Tensor | None = None) -> Tensor:
        require_size(x, self.stride, self._hint, multiple=self.stride)
        require_latent(self.latent, z)
        x = self.entrance(x, z)
        skips: list[Tensor] = []
        for down in self.downs:
            x = down(x, z)
            skips.append(x)
        x = self.ups[-1](self.middle(skips.pop(), z), z)
        for up in reversed(self.ups[:-1]):
            x = up(torch.cat([skips.pop(), x], dim=1), z)
        return torch.tanh(x)

    def _hint(self, height: int, width: int) -> str:
        fitting = min((side & -side).bit_length() - 1 for side in (height, width))  # halvings that leave both whole
        size = f"data.size in multiples of {self.stride}"
        return f"networks.generator.levels={fitting}, or {size}" if fitting >= 2 else size


def published_keys(levels: int, norm: str = "batch") -> dict[str, str]:
    """Our state_dict key -> the key in the published nested pix2pix weights, for transposed upsampling.

    There every level is a Sequential inside the one around it: [LeakyReLU, conv, norm, inner level, ReLU, conv, norm].
    """
    affine = ("weight", "bias")
    statistics = ("running_mean", "running_var", "num_batches_tracked")
    of_norm = {"batch": affine + statistics, "group": affine}.get(norm, ())
    of_conv = ("weight", "bias") if needs_bias(norm) else ("weight",)
    keys: dict[str, str] = {}
    for level in range(levels):
        outermost, innermost = level == 0, level == levels - 1
        path = "model.model" + "".join(".1.model" if outer == 0 else ".3.model" for outer in range(level))
        down, up = (0, 3) if outermost else (1, 3) if innermost else (1, 5)
        for name in of_conv:
            keys[f"downs.{level}.conv.{name}"] = f"{path}.{down}.{name}"
        for name in ("weight", "bias") if outermost else of_conv:
            keys[f"ups.{level}.conv.{name}"] = f"{path}.{up}.{name}"
        for name in () if outermost else of_norm:
            keys[f"ups.{level}.norm.{name}"] = f"{path}.{up + 1}.{name}"
            if not innermost:
                keys[f"downs.{level}.norm.{name}"] = f"{path}.2.{name}"
    return keys
