"""StyleGAN2 (Karras et al. 2020): a latent's style scales each convolution's weights; images are sums over sizes."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from translate.computing import rows
from translate.networks.equalised import HE, EqualisedConv2d, EqualisedLinear
from translate.networks.halving import halve, require_exactly, widths_of
from translate.networks.layers import BlurUpsample
from translate.networks.minibatch import BatchVerdict
from translate.networks.progan import PixelNorm

_MEMORY = 0.995  # of the average w, as published


class Stylegan2Generator(nn.Module):
    """[N, latent] -> [N, Cout, H, W] in [-1, 1]; UserError for a size that does not halve to a small base.

    `width`: channels at full size; each halving doubles them, up to `most`. `mapping`: layers from z to w.
    `mixing`: the probability, in training mode, that a row takes its finer styles from another row.
    """

    latent_input = True
    w_average: Tensor

    def __init__(
        self,
        latent: int,
        out_channels: int,
        size: tuple[int, int],
        *,
        width: int = 32,
        most: int = 256,
        mapping: int = 4,
        mixing: float = 0.9,
    ) -> None:
        super().__init__()
        base, halvings = halve(size)
        widths = widths_of(width, most, halvings)
        self.mixing, self.style_count = mixing, 2 * halvings + 2
        layers: list[nn.Module] = [PixelNorm()]
        for _ in range(mapping):
            layers += [EqualisedLinear(latent, latent, rate=0.01), nn.LeakyReLU(0.2, inplace=True)]
        self.mapping = nn.Sequential(*layers)
        self.start = nn.Parameter(torch.randn(1, widths[0], *base))
        self.first = StyledConv2d(widths[0], widths[0], latent, base)
        gain = (halvings + 1) ** -0.5  # the sum over all sizes starts with a variance of 1, where tanh is not yet flat
        self.to_image = nn.ModuleList(ToImage(channels, out_channels, latent, gain=gain) for channels in widths)
        self.up = nn.ModuleList()
        self.refine = nn.ModuleList()
        for level, (inner, outer) in enumerate(pairwise(widths), start=1):
            size_here = (base[0] * 2**level, base[1] * 2**level)
            self.up.append(StyledConv2d(inner, outer, latent, size_here, up=True))
            self.refine.append(StyledConv2d(outer, outer, latent, size_here))
        self.enlarge = BlurUpsample(out_channels)
        self.register_buffer("w_average", torch.zeros(latent))

    def forward(self, z: Tensor) -> Tensor:
        w = self.styles(z)
        if self.training:
            everyone = rows.whole(w)
            self._remember(everyone)
            w = rows.own(self._mixed(everyone))
        return self.paint(w)

    def styles(self, z: Tensor) -> Tensor:
        """[N, latent] -> w [N, L, latent], the same for all L layers."""
        w: Tensor = self.mapping(z)
        return w.unsqueeze(1).expand(-1, self.style_count, -1)

    def paint(self, w: Tensor) -> Tensor:
        """[N, L, latent] -> [N, Cout, H, W]; in training mode with fresh noise, else with the one that is kept."""
        styles = w.unbind(1)
        x: Tensor = self.first(self.start.expand(w.shape[0], -1, -1, -1), styles[0])
        image: Tensor = self.to_image[0](x, styles[1])
        for level, (up, refine) in enumerate(zip(self.up, self.refine, strict=True), start=1):
            x = up(x, styles[2 * level - 1])  # an image's layer shares its style with the convolution after it
            x = refine(x, styles[2 * level])
            image = self.enlarge(image) + self.to_image[level](x, styles[2 * level + 1])
        return image.tanh()  # the paper's output has no bounds; a clamp would stop the gradient of what it cuts off

    def truncated(self, z: Tensor, psi: float) -> Tensor:
        """Images [N, Cout, H, W] of styles `psi` as far from the average w (Karras et al. 2019, appendix B)."""
        return self.paint(self.w_average + psi * (self.styles(z) - self.w_average))

    @torch.no_grad()
    def _remember(self, w: Tensor) -> None:
        """The average w [latent] moves towards the batch's."""
        self.w_average.lerp_(w[:, 0].float().mean(0), 1 - _MEMORY)

    def _mixed(self, w: Tensor) -> Tensor:
        """Rows that take their styles from a random layer on from the row before (Karras et al. 2019, section 3.1)."""
        count, layers = w.shape[:2]
        crossover = torch.randint(1, layers, (count, 1), device=w.device)
        mixes = torch.rand(count, 1, device=w.device) < self.mixing
        other = mixes & (torch.arange(layers, device=w.device) >= crossover)
        return torch.where(other.unsqueeze(2), w.roll(1, 0), w)


class Stylegan2Discriminator(nn.Module):
    """[N, Cin, H, W] of the one size (H, W) it was built for -> one logit per image, [N, 1, 1, 1].

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
        group: int = 4,
    ) -> None:
        super().__init__()
        base, halvings = halve(size)
        widths = widths_of(width, most, halvings)
        self.from_image = nn.Sequential(EqualisedConv2d(in_channels, widths[-1], 1), nn.LeakyReLU(0.2, inplace=True))
        self.blocks = nn.ModuleList(
            _Residual(outer, inner) for outer, inner in zip(widths[:0:-1], widths[-2::-1], strict=True)
        )
        self.judge = BatchVerdict(widths[0], base, group)
        self.size = (size[0], size[1])

    def forward(self, x: Tensor) -> list[Tensor]:
        return [self.features(x)[0][-1]]

    def features(self, x: Tensor) -> list[list[Tensor]]:
        """For the one scale, the activations [N, C, h, w] of each block, the logits last."""
        require_exactly(x, self.size)
        activations: list[Tensor] = [self.from_image(x)]
        for block in self.blocks:
            activations.append(block(activations[-1]))
        return [[*activations, self.judge(activations[-1])]]


class ModulatedConv2d(nn.Module):
    """x [N, Cin, H, W], w [N, latent] -> [N, Cout, H, W], or twice H and W if `up` (Karras et al. 2020, eqs. 1-3).

    Scales are of the inputs and the outputs, not of a copy of the weights for each row: the same, by linearity, without
    a grouped convolution. The output has the deviation `gain` where the input has 1.
    """

    def __init__(
        self, in_channels: int, out_channels: int, latent: int, *, up: bool = False, gain: float = 1.0
    ) -> None:
        super().__init__()
        self.style = EqualisedLinear(latent, in_channels, gain=1, bias=1)
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, 3, 3))
        self.bias = nn.Parameter(torch.zeros(out_channels))
        self.blur = Blur(out_channels, gain=4) if up else None  # three in four of the pixels that it sees were zeros
        self.scale, self.gain = (9 * in_channels) ** -0.5, gain

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        style: Tensor = self.style(w) * self.scale
        x = self._convolved(x * style[:, :, None, None])
        squares = functional.linear(style.square(), self.weight.square().sum((2, 3)))
        norm = self.gain * torch.rsqrt(squares + 1e-8)
        return torch.addcmul(self.bias[:, None, None], x, norm[:, :, None, None])

    def _convolved(self, x: Tensor) -> Tensor:
        if self.blur is None:
            return functional.conv2d(x, self.weight, padding=1)
        blurred: Tensor = self.blur(functional.conv_transpose2d(x, self.weight.transpose(0, 1), stride=2))
        return blurred


class ToImage(nn.Module):
    """x [N, Cin, H, W], w [N, latent] -> [N, Cout, H, W]: a modulated 1x1 convolution without demodulation."""

    def __init__(self, in_channels: int, out_channels: int, latent: int, *, gain: float) -> None:
        super().__init__()
        self.style = EqualisedLinear(latent, in_channels, gain=1, bias=1)
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels))
        self.bias = nn.Parameter(torch.zeros(out_channels, 1))
        self.scale = gain / in_channels**0.5

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        # One matrix for each row: as a convolution with so few outputs it takes a processor seven times as long.
        matrices = self.weight * (self.style(w) * self.scale).unsqueeze(1)
        return torch.baddbmm(self.bias, matrices, x.flatten(2)).unflatten(2, x.shape[2:])


class StyledConv2d(nn.Module):
    """A modulated convolution, noise of a learned strength, leaky ReLU; the output has the H and W of `size`."""

    noise: Tensor

    def __init__(
        self, in_channels: int, out_channels: int, latent: int, size: tuple[int, int], *, up: bool = False
    ) -> None:
        super().__init__()
        self.convolution = ModulatedConv2d(in_channels, out_channels, latent, up=up, gain=HE)
        self.strength = nn.Parameter(torch.zeros(()))
        self.register_buffer("noise", torch.randn(1, 1, *size))

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        x = self.convolution(x, w)
        noise = self._noise_for(x) if self.training else self.noise
        return functional.leaky_relu(x + self.strength * noise, 0.2, inplace=True)

    @staticmethod
    def _noise_for(x: Tensor) -> Tensor:
        if rows.shared() is None:
            return torch.randn_like(x[:, :1])
        return rows.drawn(lambda n: x.new_empty(n, 1, *x.shape[2:]).normal_(), len(x))


class Blur(nn.Module):
    """[N, C, H, W] -> [N, C, H - 1, W - 1], or half of H and W with stride 2: the binomial filter [1, 3, 3, 1]."""

    filt: Tensor

    def __init__(self, channels: int, *, stride: int = 1, gain: float = 1.0) -> None:
        super().__init__()
        line = torch.tensor((1.0, 3.0, 3.0, 1.0)) / 8
        self.register_buffer("filt", gain * torch.outer(line, line).repeat(channels, 1, 1, 1))
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        return functional.conv2d(x, self.filt, stride=self.stride, padding=1, groups=x.shape[1])


class _Residual(nn.Module):
    """[N, Cin, H, W] -> [N, Cout, H/2, W/2]: two convolutions beside a linear path (Karras et al. 2020, figure 7)."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        # The sum of the two paths is divided by the root of 2, to keep the variance: their gains say so.
        self.path = nn.Sequential(
            EqualisedConv2d(in_channels, in_channels, 3),
            nn.LeakyReLU(0.2, inplace=True),
            Blur(in_channels),
            EqualisedConv2d(in_channels, out_channels, 3, stride=2, gain=HE / 2**0.5),
            nn.LeakyReLU(0.2, inplace=True),
        )
        self.skip = nn.Sequential(
            Blur(in_channels, stride=2), EqualisedConv2d(in_channels, out_channels, 1, gain=2**-0.5, bias=False)
        )

    def forward(self, x: Tensor) -> Tensor:
        summed: Tensor = self.path(x) + self.skip(x)
        return summed
