"""The residual networks of SNGAN (Miyato et al. 2018, figures 8 to 10) and, with classes, of its projection version.

With classes the generator's batch norms know the class, and the discriminator compares with it (Miyato and Koyama
2018).
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from translate.networks.across import BatchNorm2d
from translate.networks.conditional import ConditionalBatchNorm2d, ProjectionHead, require_labels
from translate.networks.halving import halve, require_exactly, widths_of
from translate.networks.layers import spectral
from translate.networks.resampled import DoublingConv2d, HalvingConv2d


class SnganGenerator(nn.Module):
    """[N, latent][, labels [N]] -> [N, Cout, H, W] in [-1, 1]; UserError for a size that doesn't halve to a small base.

    `width`: channels at full size; each halving doubles them, up to `most` (published at 64 px: 64, 1024).
    """

    latent_input = True
    takes_classes = True

    def __init__(
        self,
        latent: int,
        out_channels: int,
        size: tuple[int, int],
        classes: int = 0,
        *,
        width: int = 32,
        most: int = 256,
    ) -> None:
        super().__init__()
        base, halvings = halve(size)
        widths = widths_of(width, most, halvings)
        self.classes = classes
        self.enter = nn.Sequential(
            nn.Linear(latent, widths[0] * base[0] * base[1]), nn.Unflatten(1, (widths[0], *base))
        )
        self.blocks = nn.ModuleList(UpBlock(inner, outer, classes) for inner, outer in pairwise(widths))
        self.to_image = nn.Sequential(
            BatchNorm2d(widths[-1]), nn.ReLU(), nn.Conv2d(widths[-1], out_channels, 3, padding=1), nn.Tanh()
        )

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        require_labels(self.classes > 0, labels)
        # A linear layer of one-hot vectors is a row of weights for each class.
        told = None if labels is None else functional.one_hot(labels, self.classes).to(z.dtype)
        x: Tensor = self.enter(z)
        for block in self.blocks:
            x = block(x, told)
        image: Tensor = self.to_image(x)
        return image


class SnganDiscriminator(nn.Module):
    """[N, Cin, H, W] of the one size (H, W) it was built for[, labels [N]] -> one logit per image, [N, 1, 1, 1].

    `width`: channels at half the size; each halving doubles them, up to `most`. Every layer's largest singular value is
    1, as the hinge game wants.
    """

    needs_size = True
    takes_classes = True

    def __init__(
        self,
        in_channels: int,
        size: tuple[int, int],
        classes: int = 0,
        *,
        width: int = 32,
        most: int = 256,
    ) -> None:
        super().__init__()
        _, halvings = halve(size)
        widths = widths_of(width, most, halvings - 1)[::-1]
        self.blocks = nn.ModuleList([DownBlock(in_channels, widths[0], hidden=widths[0], first=True)])
        self.blocks.extend(DownBlock(outer, inner, hidden=outer) for outer, inner in pairwise(widths))
        self.blocks.append(DownBlock(widths[-1], widths[-1], hidden=widths[-1], down=False))
        self.judge = ProjectionHead(widths[-1], classes, spectral_norm=True)
        self.size = (size[0], size[1])

    def forward(self, x: Tensor, labels: Tensor | None = None) -> list[Tensor]:
        return [self.features(x, labels)[0][-1]]

    def features(self, x: Tensor, labels: Tensor | None = None) -> list[list[Tensor]]:
        """For the one scale, the activations [N, C, h, w] of each block, the logits last."""
        require_exactly(x, self.size)
        activations: list[Tensor] = []
        for block in self.blocks:
            x = block(x)
            activations.append(x)
        return [[*activations, self.judge(summed(x), labels)]]


class UpBlock(nn.Module):
    """x [N, Cin, H, W][, told [N, K]] -> [N, Cout, 2H, 2W]: (norm, ReLU, convolution) twice, beside a linear path.

    With `told` > 0 the norms take their scale and shift from what they are told.
    """

    def __init__(self, in_channels: int, out_channels: int, told: int, *, spectral_norm: bool = False) -> None:
        super().__init__()
        self.norms = nn.ModuleList(
            ConditionalBatchNorm2d(channels, told, spectral_norm=spectral_norm) if told else BatchNorm2d(channels)
            for channels in (in_channels, out_channels)
        )
        # A constant on a map is still one behind each of these, and so a norm takes it away: no bias.
        self.first = spectral(DoublingConv2d(in_channels, out_channels, bias=False), spectral_norm)
        self.second = spectral(nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False), spectral_norm)
        self.skip = spectral(nn.Conv2d(in_channels, out_channels, 1, bias=False), spectral_norm)

    def forward(self, x: Tensor, told: Tensor | None = None) -> Tensor:
        known = () if told is None else (told,)
        y: Tensor = self.first(functional.relu(self.norms[0](x, *known)))
        y = self.second(functional.relu(self.norms[1](y, *known)))
        # The linear path goes pixel by pixel: it is the same before and after pixels are repeated, and cheaper before.
        return y + functional.interpolate(self.skip(x), scale_factor=2, mode="nearest")


class DownBlock(nn.Module):
    """[N, Cin, H, W] -> [N, Cout, H/2, W/2], or of the size of x if not `down`: (ReLU, convolution) twice beside x.

    `first`: x is an image, and passes no ReLU, which would take half of it away.
    """

    def __init__(
        self, in_channels: int, out_channels: int, *, hidden: int, down: bool = True, first: bool = False
    ) -> None:
        super().__init__()
        # Averages and a linear path may change places: averaged first, there is a quarter of the pixels left.
        self.skip = nn.Sequential(nn.AvgPool2d(2)) if down else nn.Sequential()
        if down or in_channels != out_channels:
            self.skip.append(spectral(nn.Conv2d(in_channels, out_channels, 1), True))
        last = HalvingConv2d(hidden, out_channels) if down else nn.Conv2d(hidden, out_channels, 3, padding=1)
        self.path = nn.Sequential(
            nn.Identity() if first else nn.ReLU(),
            spectral(nn.Conv2d(in_channels, hidden, 3, padding=1), True),
            nn.ReLU(inplace=True),
            spectral(last, True),
        )

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.path(x) + self.skip(x)
        return y


def summed(x: Tensor) -> Tensor:
    """[N, C, h, w] -> [N, C]: global sum pooling behind a last ReLU."""
    return torch.relu(x).sum((2, 3))
