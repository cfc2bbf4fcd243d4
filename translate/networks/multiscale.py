"""The multi-scale discriminator of pix2pixHD: a PatchGAN per resolution (Wang et al. 2018, section 3.2)."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn
from torch.nn import functional

from translate.networks.layers import require_size
from translate.networks.patchgan import PatchDiscriminator


class MultiscaleDiscriminator(nn.Module):
    """[N, Cin, H, W] -> `scales` maps of logits, the finest first, each from a PatchGAN on images of half the size."""

    independent_rows = True
    needs_size = False

    def __init__(
        self,
        in_channels: int,
        *,
        scales: int = 2,
        layers: int = 3,
        width: int = 64,
        norm: Literal["instance", "batch", "group", "none"] = "instance",
        spectral: bool = False,
    ) -> None:
        super().__init__()
        self.judges = nn.ModuleList(
            PatchDiscriminator(in_channels, layers=layers, width=width, norm=norm, spectral=spectral)
            for _ in range(scales)
        )
        self.smallest = 3 * 2 ** (layers + scales - 1)

    def forward(self, x: Tensor) -> list[Tensor]:
        return [judge(image)[0] for judge, image in zip(self.judges, self._pyramid(x), strict=True)]

    def features(self, x: Tensor) -> list[list[Tensor]]:
        """Per scale the activations [N, C, h, w] of each layer, the logits last."""
        scales: list[list[Tensor]] = []
        for judge, image in zip(self.judges, self._pyramid(x), strict=True):
            assert isinstance(judge, PatchDiscriminator)
            scales += judge.features(image)
        return scales

    def _pyramid(self, x: Tensor) -> list[Tensor]:
        require_size(
            x, self.smallest, lambda *_: "fewer networks.discriminator.scales or networks.discriminator.layers"
        )
        images = [x]
        for _ in range(len(self.judges) - 1):
            images.append(functional.avg_pool2d(images[-1], 3, stride=2, padding=1, count_include_pad=False))
        return images
