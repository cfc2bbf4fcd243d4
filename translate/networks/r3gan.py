"""R3GAN, configuration E (Huang et al. 2024, section 4): plain residual networks, for a relativistic game with R1 + R2.

No normalisation and no tricks. Both networks bring their own initialisation (`networks.initialise: own`), without which
they would not start stable: each block's path ends in zeros, so that a fresh network is nearly linear in its input.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional, init

from translate.errors import UserError
from translate.networks.conditional import ProjectionHead, require_labels
from translate.networks.halving import halve, require_exactly, widths_of

_SLOPE = 0.2


class R3ganGenerator(nn.Module):
    """[N, latent][, labels [N]] -> [N, Cout, H, W] in [-1, 1]; UserError for a size that doesn't halve to a small base.

    `width`: channels at the finest size; each halving doubles them, up to `most`. `blocks`: residual blocks at each
    size. A block's grouped convolution has `expansion` times the block's channels, in groups of `group` at most.
    `patch`: the finest size of the blocks is that of the image over `patch`, whose pixels are painted patch by patch:
    2 makes a step about four times as fast.
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
        blocks: int = 1,
        expansion: int = 2,
        group: int = 16,
        patch: int = 1,
    ) -> None:
        super().__init__()
        seen = _patches(size, patch)
        base, halvings = halve(seen)
        widths = widths_of(width, most, halvings)
        self.embed = nn.Embedding(classes, latent) if classes else None
        self.enter = _linear(latent * (2 if classes else 1), widths[0])
        self.basis = nn.Parameter(torch.randn(widths[0], *base))
        stages: list[nn.Module] = []
        for level, channels in enumerate(widths):
            layers = _blocks(channels, blocks, len(widths), expansion, group)
            if level:
                below = (base[0] * 2 ** (level - 1), base[1] * 2 ** (level - 1))
                layers = [*_channels(widths[level - 1], channels), BilinearUp(below), *layers]
            stages.append(nn.Sequential(*layers))
        self.stages = nn.Sequential(*stages)
        self.to_image = nn.ConvTranspose2d(widths[-1], out_channels, patch, stride=patch, bias=False)
        init.normal_(self.to_image.weight, std=widths[-1] ** -0.5)

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        require_labels(self.embed is not None, labels)
        if self.embed is not None:
            z = torch.cat([z, self.embed(labels)], dim=1)
        x = self.basis * self.enter(z)[:, :, None, None]
        image: Tensor = self.to_image(self.stages(x))
        # The paper's output has no bounds; of the bounded ones a clamp would stop the gradient of what it cuts off.
        return image.tanh()


class R3ganDiscriminator(nn.Module):
    """[N, Cin, H, W] of the one size (H, W) it was built for[, labels [N]] -> one logit per image, [N, 1, 1, 1].

    The generator mirrored, with the same options; classes are compared with what it sees (see ProjectionHead).
    """

    independent_rows = True
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
        blocks: int = 1,
        expansion: int = 2,
        group: int = 16,
        patch: int = 1,
    ) -> None:
        super().__init__()
        seen = _patches(size, patch)
        base, halvings = halve(seen)
        widths = widths_of(width, most, halvings)[::-1]
        self.from_image = nn.Conv2d(in_channels, widths[0], patch, stride=patch, bias=False)
        init.normal_(self.from_image.weight, std=(in_channels * patch**2) ** -0.5)
        stages: list[nn.Module] = []
        for level, channels in enumerate(widths):
            layers = _blocks(channels, blocks, len(widths), expansion, group)
            if level < halvings:
                here = (seen[0] // 2**level, seen[1] // 2**level)
                layers += [BilinearDown(here), *_channels(channels, widths[level + 1])]
            stages.append(nn.Sequential(*layers))
        self.stages = nn.ModuleList(stages)
        self.basis = nn.Parameter(torch.randn(widths[-1], *base) / (base[0] * base[1]) ** 0.5)
        self.judge = ProjectionHead(widths[-1], classes)
        self.size = (size[0], size[1])

    def forward(self, x: Tensor, labels: Tensor | None = None) -> list[Tensor]:
        return [self.features(x, labels)[0][-1]]

    def features(self, x: Tensor, labels: Tensor | None = None) -> list[list[Tensor]]:
        """For the one scale, the activations [N, C, h, w] of each stage, the logits last."""
        require_exactly(x, self.size)
        activations: list[Tensor] = [self.from_image(x)]
        for stage in self.stages:
            activations.append(stage(activations[-1]))
        seen = (activations[-1] * self.basis).sum((2, 3))
        return [[*activations[1:], self.judge(seen, labels)]]


class BilinearUp(nn.Module):
    """[N, C, H, W] of one size -> [N, C, 2H, 2W], bilinear: two products with matrices.

    Equal to functional.interpolate, whose backward pass takes a processor several times as long.
    """

    rows: Tensor
    columns: Tensor

    def __init__(self, size: tuple[int, int]) -> None:
        super().__init__()
        self.register_buffer("rows", _doubling(size[0]), persistent=False)
        self.register_buffer("columns", _doubling(size[1]).T, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.rows @ (x @ self.columns)


class BilinearDown(nn.Module):
    """[N, C, H, W] of one size -> [N, C, H/2, W/2]: BilinearUp's adjoint, halved on each axis to keep the mean.

    Each pixel is a mean of 4x4 with weights (1, 3, 3, 1) / 8 on each axis: no aliasing.
    """

    rows: Tensor
    columns: Tensor

    def __init__(self, size: tuple[int, int]) -> None:
        super().__init__()
        self.register_buffer("rows", _doubling(size[0] // 2).T / 2, persistent=False)
        self.register_buffer("columns", _doubling(size[1] // 2) / 2, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.rows @ (x @ self.columns)


class _Block(nn.Module):
    """[N, C, H, W] -> [N, C, H, W]: x + a path that expands, convolves in groups and contracts, at first zero."""

    def __init__(self, channels: int, expanded: int, groups: int, gain: float) -> None:
        super().__init__()
        self.path = nn.Sequential(
            _convolution(channels, expanded, gain=gain),
            nn.LeakyReLU(_SLOPE, inplace=True),
            _convolution(expanded, expanded, kernel=3, groups=groups, gain=gain),
            nn.LeakyReLU(_SLOPE, inplace=True),
            _convolution(expanded, channels, gain=0, bias=False),
        )

    def forward(self, x: Tensor) -> Tensor:
        summed: Tensor = x + self.path(x)
        return summed


def _patches(size: tuple[int, int], patch: int) -> tuple[int, int]:
    if patch < 1 or size[0] % patch or size[1] % patch:
        raise UserError(
            f"images of {size[0]}x{size[1]} (height x width) are no whole patches of {patch} pixels",
            where=".patch",
            expected="a number that divides height and width",
        )
    return size[0] // patch, size[1] // patch


def _blocks(channels: int, blocks: int, stages: int, expansion: int, group: int) -> list[nn.Module]:
    expanded = channels * expansion
    group = min(group, expanded)
    if expanded % group:
        raise UserError(
            f"{expanded} channels ({channels} times an expansion of {expansion}) are no whole groups of {group}",
            where=".group",
            expected=f"a number that divides {expanded}",
        )
    # Fix-up initialisation (Zhang et al. 2019, section 3): L blocks of 3 layers, all but the last scaled by L^(-1/4).
    gain = init.calculate_gain("leaky_relu", _SLOPE) * (blocks * stages) ** -0.25
    return [_Block(channels, expanded, expanded // group, gain) for _ in range(blocks)]


def _channels(before: int, after: int) -> list[nn.Module]:
    return [] if before == after else [_convolution(before, after, bias=False)]


def _convolution(
    before: int, after: int, *, kernel: int = 1, groups: int = 1, gain: float = 1.0, bias: bool = True
) -> nn.Conv2d:
    layer = nn.Conv2d(before, after, kernel, padding=kernel // 2, groups=groups, bias=bias)
    init.normal_(layer.weight, std=gain / (before // groups * kernel**2) ** 0.5)
    if layer.bias is not None:
        init.zeros_(layer.bias)
    return layer


def _linear(before: int, after: int) -> nn.Linear:
    layer = nn.Linear(before, after, bias=False)
    init.normal_(layer.weight, std=before**-0.5)
    return layer


def _doubling(length: int) -> Tensor:
    """[2 length, length]: the matrix that interpolates a line to twice its length."""
    return functional.interpolate(torch.eye(length)[None], scale_factor=2, mode="linear")[0].T.contiguous()
