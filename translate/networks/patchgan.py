"""The PatchGAN discriminator of pix2pix and CycleGAN (Isola et al. 2017, section 6.1.2), any depth."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn

from translate.errors import UserError
from translate.networks.layers import needs_bias, norm, require_size, spectral


class PatchDiscriminator(nn.Module):
    """[N, Cin, H, W] -> one map of logits [N, 1, h, w], one logit per overlapping patch (70 pixels wide for 3 layers).

    H and W must be at least 3 * 2**layers. `model` is numbered as in the published weights (without spectral norm).
    """

    independent_rows = True
    needs_size = False

    def __init__(
        self,
        in_channels: int,
        *,
        layers: int = 3,
        width: int = 64,
        norm: Literal["instance", "batch", "group", "none"] = "instance",
        spectral: bool = False,
    ) -> None:
        super().__init__()
        if layers < 1:
            raise UserError(f"a PatchGAN of {layers} layers", where=".layers", expected="at least 1")
        self.smallest = 3 * 2**layers
        widths = [width * min(2**layer, 8) for layer in range(layers + 1)]
        model = _block(in_channels, width, kind="none", stride=2, spectral_norm=spectral)
        for layer in range(1, layers + 1):
            stride = 2 if layer < layers else 1
            model += _block(widths[layer - 1], widths[layer], kind=norm, stride=stride, spectral_norm=spectral)
        model += _block(widths[-1], 1, kind="none", stride=1, spectral_norm=spectral)[:1]
        self.model = nn.Sequential(*model)

    def forward(self, x: Tensor) -> list[Tensor]:
        self._require_size(x)
        return [self.model(x)]

    def features(self, x: Tensor) -> list[list[Tensor]]:
        """For the one scale, the activations [N, C, h, w] of each layer, the logits last."""
        self._require_size(x)
        activations: list[Tensor] = []
        for layer in self.model:
            x = layer(x)
            if isinstance(layer, nn.LeakyReLU):
                activations.append(x)
        return [[*activations, x]]

    def _require_size(self, x: Tensor) -> None:
        require_size(x, self.smallest, _shallower)


def _shallower(height: int, width: int) -> str:
    fitting = (min(height, width) // 3).bit_length() - 1
    return f"networks.discriminator.layers={fitting}" if fitting >= 1 else "networks.discriminator.name=pixel"


def _block(in_channels: int, out_channels: int, *, kind: str, stride: int, spectral_norm: bool) -> list[nn.Module]:
    convolution = nn.Conv2d(in_channels, out_channels, 4, stride=stride, padding=1, bias=needs_bias(kind))
    layers = [spectral(convolution, spectral_norm), norm(kind, out_channels), nn.LeakyReLU(0.2, inplace=True)]
    return [layer for layer in layers if not isinstance(layer, nn.Identity)]
