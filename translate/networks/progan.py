"""Progressive growing of GANs (Karras et al. 2018): both networks start at a small size and fade in the larger ones."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from translate.errors import UserError
from translate.networks.equalised import EqualisedConv2d, EqualisedLinear
from translate.networks.halving import halve, require_exactly, widths_of
from translate.networks.minibatch import BatchVerdict

_FRESH = -1.0
"""The level of a network that was never told how far the training is."""


class ProganGenerator(nn.Module):
    """[N, latent] -> [N, Cout, H, W] in [-1, 1], of full size at every stage; UserError as `halve` raises it.

    `width`: channels at full size; each halving doubles them, up to `most`. `grown_at`: the share of the training after
    which the network has its full size; 0: from the start.
    """

    latent_input = True

    def __init__(
        self,
        latent: int,
        out_channels: int,
        size: tuple[int, int],
        *,
        width: int = 32,
        most: int = 256,
        grown_at: float = 0.5,
    ) -> None:
        super().__init__()
        base, halvings = halve(size)
        self.growth = Growth(halvings, grown_at)
        widths = widths_of(width, most, halvings)
        self.first = nn.Sequential(
            PixelNorm(),
            EqualisedLinear(latent, widths[0] * base[0] * base[1]),
            nn.Unflatten(1, (widths[0], *base)),
            *_activation(),
            EqualisedConv2d(widths[0], widths[0], 3),
            *_activation(),
        )
        self.blocks = nn.ModuleList(
            nn.Sequential(Grow2d(inner, outer), *_activation(), EqualisedConv2d(outer, outer, 3), *_activation())
            for inner, outer in pairwise(widths)
        )
        seen = widths if grown_at else widths[-1:]
        self.to_image = nn.ModuleList(EqualisedConv2d(channels, out_channels, 1, gain=1) for channels in seen)

    def grow(self, progress: float) -> None:
        """Sets the size that belongs to `progress`, the share of the training that is done, in [0, 1]."""
        self.growth.to_progress(progress)

    def forward(self, z: Tensor) -> Tensor:
        stage, share = self.growth.stage()
        x: Tensor = self.first(z)
        for block in self.blocks[:stage]:
            x = block(x)
        image: Tensor = self._image(stage, x)
        if share:
            image = torch.lerp(_nearest(image, 2), self._image(stage + 1, self.blocks[stage](x)), share)
            stage += 1
        # The paper's output has no bounds; of the bounded ones a clamp would stop the gradient of what it cuts off.
        return _nearest(image.tanh(), 2 ** (len(self.blocks) - stage))

    def _image(self, stage: int, x: Tensor) -> Tensor:
        image: Tensor = self.to_image[stage - len(self.blocks) - 1](x)  # counted from full size, which is always there
        return image


class ProganDiscriminator(nn.Module):
    """[N, Cin, H, W] of full size at every stage -> [N, 1, 1, 1]; what is finer than the stage is averaged away.

    Options as the generator's; `group`: rows among which the minibatch's deviation is measured.
    """

    needs_size = True

    def __init__(
        self,
        in_channels: int,
        size: tuple[int, int],
        *,
        width: int = 32,
        most: int = 256,
        grown_at: float = 0.5,
        group: int = 4,
    ) -> None:
        super().__init__()
        base, halvings = halve(size)
        self.growth = Growth(halvings, grown_at)
        widths = widths_of(width, most, halvings)
        seen = widths if grown_at else widths[-1:]
        self.from_image = nn.ModuleList(
            nn.Sequential(EqualisedConv2d(in_channels, channels, 1), nn.LeakyReLU(0.2, inplace=True))
            for channels in seen
        )
        self.blocks = nn.ModuleList(
            nn.Sequential(
                EqualisedConv2d(outer, outer, 3),
                nn.LeakyReLU(0.2, inplace=True),
                Shrink2d(outer, inner),
                nn.LeakyReLU(0.2, inplace=True),
            )
            for inner, outer in pairwise(widths)
        )
        self.judge = BatchVerdict(widths[0], base, group)
        self.size = (size[0], size[1])

    def grow(self, progress: float) -> None:
        """Sets the size that belongs to `progress`, the share of the training that is done, in [0, 1]."""
        self.growth.to_progress(progress)

    def forward(self, x: Tensor) -> list[Tensor]:
        return [self.features(x)[0][-1]]

    def features(self, x: Tensor) -> list[list[Tensor]]:
        """For the one scale, the activations [N, C, h, w] of each layer of the stage, the logits last."""
        require_exactly(x, self.size)
        stage, share = self.growth.stage()
        finest = stage + (share > 0)
        image = _pooled(x, 2 ** (len(self.blocks) - finest))
        activations = [self._seen(finest, image)]
        if share:
            coarser = self._seen(stage, _pooled(image, 2))
            activations.append(torch.lerp(coarser, self.blocks[stage](activations[0]), share))
        for block in reversed(self.blocks[:stage]):
            activations.append(block(activations[-1]))
        return [[*activations, self.judge(activations[-1])]]

    def _seen(self, stage: int, image: Tensor) -> Tensor:
        activation: Tensor = self.from_image[stage - len(self.blocks) - 1](image)
        return activation


class Growth(nn.Module):
    """How far a network has grown: a buffer, so that checkpoints and averaged copies carry it; fresh ones are grown.

    The training up to `grown_at` is cut into as many parts as there are doublings of the size; in the first half of
    each part the network keeps its size, in the second half it fades in the next. What has grown stays: a training
    that is prolonged stands at a smaller share than it did. UserError for a `grown_at` that is no share.
    """

    level: Tensor

    def __init__(self, doublings: int, grown_at: float) -> None:
        super().__init__()
        if not 0 <= grown_at <= 1:
            raise UserError(
                f"networks grown at {grown_at} of the training",
                where=".grown_at",
                expected="a share from 0 (full size from the start) to 1 (at the end)",
            )
        self.doublings, self.grown_at = doublings, grown_at
        self.register_buffer("level", torch.tensor(_FRESH))

    def to_progress(self, progress: float) -> None:
        """Raises the level to that of `progress` in [0, 1]."""
        reached = float(self.doublings)
        if progress < self.grown_at:
            whole, part = divmod(progress / self.grown_at * self.doublings, 1)
            reached = whole + max(0.0, 2 * part - 1)
        self.level.clamp_(min=reached)

    def stage(self) -> tuple[int, float]:
        """(doublings that are done, share in [0, 1) of the next that is faded in)."""
        level = self.level.item()
        whole, share = divmod(self.doublings if level == _FRESH else level, 1)
        return int(whole), share


class PixelNorm(nn.Module):
    """Each pixel's features, or each latent, divided by their root mean square (Karras et al. 2018, section 4.2)."""

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.rsqrt(x.square().mean(1, keepdim=True) + 1e-8)


class Grow2d(EqualisedConv2d):
    """[N, Cin, H, W] -> [N, Cout, 2H, 2W]: nearest upsampling and a 3x3 convolution, computed as one."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(in_channels, out_channels, 3)

    def forward(self, x: Tensor) -> Tensor:
        # A pixel is four of the upsampled ones, and so meets the kernel at four offsets: their sum is a 4x4 kernel.
        kernel = functional.avg_pool2d(self.weight * (4 * self.scale), 2, stride=1, padding=1)
        return functional.conv_transpose2d(x, kernel.flip(2, 3).transpose(0, 1), self.bias, stride=2, padding=1)


class Shrink2d(EqualisedConv2d):
    """[N, Cin, H, W] -> [N, Cout, H/2, W/2]: a 3x3 convolution and the mean over 2x2 pixels, computed as one."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(in_channels, out_channels, 3)

    def forward(self, x: Tensor) -> Tensor:
        kernel = functional.avg_pool2d(self.weight * self.scale, 2, stride=1, padding=1)
        return functional.conv2d(x, kernel, self.bias, stride=2, padding=1)


def _activation() -> list[nn.Module]:
    return [nn.LeakyReLU(0.2, inplace=True), PixelNorm()]


def _nearest(image: Tensor, factor: int) -> Tensor:
    return image if factor == 1 else functional.interpolate(image, scale_factor=factor, mode="nearest")


def _pooled(image: Tensor, factor: int) -> Tensor:
    return image if factor == 1 else functional.avg_pool2d(image, factor)
