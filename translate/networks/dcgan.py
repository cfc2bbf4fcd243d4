"""DCGAN's generator and discriminator (Radford et al. 2016, figure 1) for any size that halves to a small base."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn

from translate.errors import UserError
from translate.networks.halving import halve
from translate.networks.layers import needs_bias, norm, spectral


class DcganGenerator(nn.Module):
    """[N, latent] -> [N, Cout, H, W] in [-1, 1]; UserError for a size that does not halve to a small base."""

    latent_input = True

    def __init__(
        self,
        latent: int,
        out_channels: int,
        size: tuple[int, int],
        *,
        width: int = 64,
        norm: Literal["instance", "batch", "group", "none"] = "batch",
    ) -> None:
        super().__init__()
        base, halvings = halve(size)
        self.stride = 2**halvings
        widths = _widths(width, halvings)
        first = nn.ConvTranspose2d(latent, widths[-1], base, bias=needs_bias(norm))
        layers: list[nn.Module] = [first, *_norm_and_relu(norm, widths[-1])]
        for inner, outer in zip(reversed(widths[1:]), reversed(widths[:-1]), strict=True):
            layers.append(nn.ConvTranspose2d(inner, outer, 4, stride=2, padding=1, bias=needs_bias(norm)))
            layers += _norm_and_relu(norm, outer)
        layers += [nn.ConvTranspose2d(widths[0], out_channels, 4, stride=2, padding=1), nn.Tanh()]
        self.model = nn.Sequential(*layers)

    def forward(self, z: Tensor) -> Tensor:
        image: Tensor = self.model(z[:, :, None, None])
        return image


class DcganDiscriminator(nn.Module):
    """[N, Cin, H, W] of the one size (H, W) it was built for -> one logit per image, [N, 1, 1, 1]."""

    independent_rows = True
    needs_size = True

    def __init__(
        self,
        in_channels: int,
        size: tuple[int, int],
        *,
        width: int = 64,
        norm: Literal["instance", "batch", "group", "none"] = "batch",
        spectral: bool = False,
    ) -> None:
        super().__init__()
        base, halvings = halve(size)
        widths = _widths(width, halvings)
        self.blocks = nn.ModuleList(
            _block(
                in_channels if level == 0 else widths[level - 1],
                widths[level],
                kind="none" if level == 0 else norm,  # the paper: batch norm everywhere but at the images
                spectral_norm=spectral,
            )
            for level in range(halvings)
        )
        self.judge = _judge(widths[-1], base, spectral)
        self.size = (size[0], size[1])

    def forward(self, x: Tensor) -> list[Tensor]:
        return [self.features(x)[0][-1]]

    def features(self, x: Tensor) -> list[list[Tensor]]:
        """For the one scale, the activations [N, C, h, w] of each layer, the logits last."""
        if tuple(x.shape[-2:]) != self.size:
            raise UserError(
                f"images of {x.shape[-2]}x{x.shape[-1]} (height x width) for a DCGAN discriminator",
                expected=f"{self.size[0]}x{self.size[1]}, the size that it was built for",
            )
        activations: list[Tensor] = []
        for block in self.blocks:
            x = block(x)
            activations.append(x)
        return [[*activations, self.judge(x)]]


def _widths(width: int, halvings: int) -> list[int]:
    return [width * min(2**level, 8) for level in range(halvings)]


def _norm_and_relu(kind: str, channels: int) -> list[nn.Module]:
    return [norm(kind, channels), nn.ReLU(inplace=True)]


def _block(in_channels: int, out_channels: int, *, kind: str, spectral_norm: bool) -> nn.Sequential:
    convolution = nn.Conv2d(in_channels, out_channels, 4, stride=2, padding=1, bias=needs_bias(kind))
    return nn.Sequential(
        spectral(convolution, spectral_norm), norm(kind, out_channels), nn.LeakyReLU(0.2, inplace=True)
    )


def _judge(channels: int, base: tuple[int, int], spectral_norm: bool) -> nn.Module:
    return spectral(nn.Conv2d(channels, 1, base), spectral_norm)
