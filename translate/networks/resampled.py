"""A 3x3 convolution and a change of size, computed as one 4x4 convolution: the same numbers, 16 products for 36."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional


def doubled(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """[N, Cin, H, W], weight [Cout, Cin, 3, 3] -> [N, Cout, 2H, 2W]: nearest upsampling, then the convolution.

    A pixel is four of the upsampled ones, and so meets the kernel at four offsets: their sum is a 4x4 kernel.
    """
    kernel = functional.avg_pool2d(4 * weight, 2, stride=1, padding=1)
    return functional.conv_transpose2d(x, kernel.flip(2, 3).transpose(0, 1), bias, stride=2, padding=1)


def halved(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """[N, Cin, H, W], weight [Cout, Cin, 3, 3] -> [N, Cout, H/2, W/2]: the convolution, then means over 2x2 pixels."""
    return functional.conv2d(x, functional.avg_pool2d(weight, 2, stride=1, padding=1), bias, stride=2, padding=1)


class DoublingConv2d(nn.Conv2d):
    """[N, Cin, H, W] -> [N, Cout, 2H, 2W], zeros around the border."""

    def __init__(self, in_channels: int, out_channels: int, *, bias: bool = True) -> None:
        super().__init__(in_channels, out_channels, 3, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        return doubled(x, self.weight, self.bias)


class HalvingConv2d(nn.Conv2d):
    """[N, Cin, H, W] -> [N, Cout, H/2, W/2], zeros around the border."""

    def __init__(self, in_channels: int, out_channels: int, *, bias: bool = True) -> None:
        super().__init__(in_channels, out_channels, 3, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        return halved(x, self.weight, self.bias)
