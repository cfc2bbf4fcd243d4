"""The ResNet generator of CycleGAN (Zhu et al. 2017, appendix 7.2), and with antialias=True that of CUT."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn

from translate.errors import unknown
from translate.networks.across import Dropout
from translate.networks.latent import (
    Chain,
    LatentInput,
    at_bottleneck,
    at_input,
    first_norm,
    more_channels,
    require_latent,
    require_norms,
    told,
    told_norm,
)
from translate.networks.layers import BlurDownsample, BlurUpsample, needs_bias, require_size, upsampling

_PADS: dict[str, type[nn.Module]] = {
    "reflect": nn.ReflectionPad2d,
    "replicate": nn.ReplicationPad2d,
    "zero": nn.ZeroPad2d,
}


class ResidualBlock(nn.Module):
    """[N, C, H, W] -> the same: x + convolutions of x. `conv_block` is numbered as in the published weights."""

    takes_latent = True

    def __init__(
        self, channels: int, *, kind: str, dropout: bool, padding: str, latent: LatentInput | None = None
    ) -> None:
        super().__init__()
        zero = padding == "zero"  # then the convolution pads by itself and no layer is counted for it

        def half() -> list[nn.Module]:
            convolution = nn.Conv2d(channels, channels, 3, padding=1 if zero else 0, bias=needs_bias(kind))
            return [*([] if zero else [_PADS[padding](1)]), convolution, told_norm(kind, channels, latent)]

        dropping = [Dropout(0.5)] if dropout else []
        self.conv_block = Chain(*half(), nn.ReLU(inplace=True), *dropping, *half())

    def forward(self, x: Tensor, z: Tensor | None = None) -> Tensor:
        y: Tensor = x + self.conv_block(x, z)
        return y


class ResnetGenerator(nn.Module):
    """[N, Cin, H, W] -> [N, Cout, H, W] in [-1, 1]; H and W multiples of 4, at least 8; `model` numbered as published.

    antialias=True gives CUT's layout: blurred down- and upsampling (with upsample="resize", blurred downsampling only);
    "down" and "up" blur one way alone, which are CUT's no_antialias_up and no_antialias.
    `latent`: z [N, Z] beside the image; one layer more in `model`, in front of all or of the residual blocks, unless z
    enters by the norms.
    """

    independent_rows = True
    latent_input = False
    takes_latent = True
    stride = 4

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        latent: LatentInput | None = None,
        *,
        width: int = 64,
        blocks: int = 9,
        norm: Literal["instance", "batch", "group", "none"] = "instance",
        dropout: bool = False,
        upsample: Literal["transposed", "resize"] = "transposed",
        antialias: bool | Literal["down", "up"] = False,
        padding: Literal["reflect", "replicate", "zero"] = "reflect",
    ) -> None:
        super().__init__()
        if padding not in _PADS:
            raise unknown("padding", padding, _PADS)
        require_norms(norm, latent)
        self.latent = latent
        kind = first_norm(norm, latent)
        layers: list[nn.Module] = [*at_input(latent), nn.ReflectionPad2d(3)]
        layers.append(nn.Conv2d(in_channels + more_channels(latent), width, 7, bias=needs_bias(kind)))
        layers += _norm_and_relu(kind, width, latent)
        for channels in (width, 2 * width):
            stride = 1 if antialias in (True, "down") else 2
            layers.append(nn.Conv2d(channels, 2 * channels, 3, stride=stride, padding=1, bias=needs_bias(norm)))
            layers += _norm_and_relu(norm, 2 * channels, latent)
            if stride == 1:
                layers.append(BlurDownsample(2 * channels))
        layers += at_bottleneck(latent, 4 * width)
        for _ in range(blocks):
            layers.append(ResidualBlock(4 * width, kind=norm, dropout=dropout, padding=padding, latent=latent))
        for channels in (4 * width, 2 * width):
            if antialias in (True, "up") and upsample == "transposed":
                layers.append(BlurUpsample(channels))
                layers.append(nn.Conv2d(channels, channels // 2, 3, padding=1, bias=needs_bias(norm)))
            else:
                layers.append(upsampling(upsample, channels, channels // 2, kernel=3, bias=needs_bias(norm)))
            layers += _norm_and_relu(norm, channels // 2, latent)
        layers += [nn.ReflectionPad2d(3), nn.Conv2d(width, out_channels, 7), nn.Tanh()]
        self.model = Chain(*layers)

    def forward(self, x: Tensor, z: Tensor | None = None) -> Tensor:
        self._require_size(x)
        require_latent(self.latent, z)
        y: Tensor = self.model(x, z)
        return y

    def features(self, x: Tensor, layers: list[int], z: Tensor | None = None) -> list[Tensor]:
        """The outputs [N, C, h, w] of these layers of `model`, in that order; no layer after them is run.

        Without z a generator that takes one is shown 0, the middle of every prior: who compares patches of two images
        wants both read alike.
        """
        self._require_size(x)
        if self.latent is not None and z is None:
            z = x.new_zeros(len(x), self.latent.dimension)
        require_latent(self.latent, z)
        beyond = [layer for layer in layers if not 0 <= layer < len(self.model)]
        if beyond:
            raise unknown("layer of the generator", str(beyond[0]), [str(i) for i in range(len(self.model))])
        outputs: dict[int, Tensor] = {}
        for index, layer in enumerate(self.model[: max(layers) + 1]):
            if index - 1 in outputs and getattr(layer, "inplace", False):
                x = x.clone()  # the next layer would overwrite what was asked for
            x = told(layer, x, z)
            if index in layers:
                outputs[index] = x
        return [outputs[layer] for layer in layers]

    def _require_size(self, x: Tensor) -> None:
        require_size(x, 8, lambda *_: "data.size in multiples of 4, at least 8", multiple=self.stride)


def _norm_and_relu(kind: str, channels: int, latent: LatentInput | None) -> list[nn.Module]:
    return [told_norm(kind, channels, latent), nn.ReLU(inplace=True)]
