"""Self-attention between the places of feature maps (Zhang et al. 2019, SAGAN, section 3)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from translate.networks.layers import spectral


class SelfAttention(nn.Module):
    """[N, C, H, W] -> [N, C, H, W]: x + gain * what each place gathers from all others; the gain starts at 0.

    Keys and values are max-pooled to half the size (Brock et al. 2019). C at least 8 is sensible; fewer work.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        narrow, half = max(1, channels // 8), max(1, channels // 2)
        self.query = spectral(nn.Conv2d(channels, narrow, 1, bias=False), True)
        self.key = spectral(nn.Conv2d(channels, narrow, 1, bias=False), True)
        self.value = spectral(nn.Conv2d(channels, half, 1, bias=False), True)
        self.out = spectral(nn.Conv2d(half, channels, 1, bias=False), True)
        self.gain = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        query = self.query(x).flatten(2)  # [N, C/8, H W]
        key = functional.max_pool2d(self.key(x), 2).flatten(2)  # [N, C/8, H W / 4]
        value = functional.max_pool2d(self.value(x), 2).flatten(2)
        # Written out: the fused kernels of scaled_dot_product_attention have no second derivative.
        shares = torch.softmax(query.transpose(1, 2) @ key, dim=2)  # [N, H W, H W / 4]
        gathered = (value @ shares.transpose(1, 2)).unflatten(2, x.shape[2:])
        return torch.add(x, self.gain * self.out(gathered))
