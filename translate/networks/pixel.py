"""The PixelGAN discriminator: it judges colours one by one, not their arrangement (Isola et al. 2017, section 4.4)."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn

from translate.networks.layers import needs_bias, norm, spectral


class PixelDiscriminator(nn.Module):
    """[N, Cin, H, W] -> one map of logits [N, 1, H, W]. `net` is numbered as in the published weights."""

    independent_rows = True
    needs_size = False

    def __init__(
        self,
        in_channels: int,
        *,
        width: int = 64,
        norm: Literal["instance", "batch", "group", "none"] = "instance",
        spectral: bool = False,
    ) -> None:
        super().__init__()
        self.net = _layers(in_channels, width, norm, spectral)

    def forward(self, x: Tensor) -> list[Tensor]:
        return [self.net(x)]

    def features(self, x: Tensor) -> list[list[Tensor]]:
        """For the one scale, the activations [N, C, H, W] of each layer, the logits last."""
        activations: list[Tensor] = []
        for layer in self.net:
            x = layer(x)
            if isinstance(layer, nn.LeakyReLU):
                activations.append(x)
        return [[*activations, x]]


def _layers(in_channels: int, width: int, kind: str, spectral_norm: bool) -> nn.Sequential:
    bias = needs_bias(kind)
    return nn.Sequential(
        spectral(nn.Conv2d(in_channels, width, 1), spectral_norm),
        nn.LeakyReLU(0.2, inplace=True),
        spectral(nn.Conv2d(width, 2 * width, 1, bias=bias), spectral_norm),
        norm(kind, 2 * width),
        nn.LeakyReLU(0.2, inplace=True),
        spectral(nn.Conv2d(2 * width, 1, 1, bias=bias), spectral_norm),
    )
