"""Equalised learning rates: N(0, 1) weights that He's constant scales at run time (Karras et al. 2018, section 4.1)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

HE = 2**0.5
"""The gain that keeps a variance of 1 through (leaky) ReLU (He et al. 2015, eq. 10); 1 where no ReLU follows."""


class EqualisedLinear(nn.Module):
    """[N, Cin] -> [N, Cout]; `rate` multiplies the layer's learning rate (Karras et al. 2019, appendix C)."""

    def __init__(
        self, in_channels: int, out_channels: int, *, gain: float = HE, rate: float = 1.0, bias: float = 0.0
    ) -> None:
        super().__init__()
        # Adam's steps don't depend on a weight's scale: a large parameter, made small here, learns slowly.
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels) / rate)
        self.bias = nn.Parameter(torch.full((out_channels,), bias / rate))
        self.scale, self.rate = gain * rate / in_channels**0.5, rate

    def forward(self, x: Tensor) -> Tensor:
        bias = self.bias if self.rate == 1 else self.bias * self.rate
        return functional.linear(x, self.weight * self.scale, bias)


class EqualisedConv2d(nn.Module):
    """[N, Cin, H, W] -> [N, Cout, H, W], or half of H and W with stride 2; zeros around the border."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int,
        *,
        stride: int = 1,
        gain: float = HE,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(out_channels)) if bias else None
        self.scale = gain / (in_channels * kernel**2) ** 0.5
        self.stride, self.padding = stride, kernel // 2

    def forward(self, x: Tensor) -> Tensor:
        return functional.conv2d(x, self.weight * self.scale, self.bias, self.stride, self.padding)
