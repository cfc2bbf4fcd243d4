"""What a discriminator may know of a batch: how much its images vary (Karras et al. 2018, section 3)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from translate.computing import rows
from translate.errors import UserError
from translate.networks.equalised import EqualisedConv2d, EqualisedLinear


class MinibatchStd(nn.Module):
    """[N, C, H, W] -> [N, C + 1, H, W]: one more map, the mean deviation of the features over a group of rows.

    Groups have `group` rows (Karras et al. 2020 take 4); where that doesn't divide N, as few more as divide it.
    UserError for a group without rows.
    """

    def __init__(self, group: int = 4) -> None:
        super().__init__()
        if group < 1:
            raise UserError(f"a group of {group} rows", where=".group", expected="1 or more")
        self.group = group

    def forward(self, x: Tensor) -> Tensor:
        everyone = rows.whole(x.float())  # deviations are too fine for bfloat16
        count = len(everyone)
        group = next((size for size in range(self.group, count) if count % size == 0), count)
        grouped = everyone.unflatten(0, (group, count // group))
        variance = (grouped - grouped.mean(0)).square().mean(0)
        # The constant keeps the root's slope finite where rows are equal, as they are in a batch of one.
        deviation = (variance + 1e-8).sqrt().mean((1, 2, 3))
        channel = rows.own(deviation.to(x.dtype).repeat(group).view(count, 1, 1, 1)).expand(-1, -1, *x.shape[2:])
        return torch.cat([x, channel], dim=1)


class BatchVerdict(nn.Module):
    """[N, C, h, w] of one size -> [N, 1, 1, 1]: the last layers of ProGAN's and StyleGAN2's discriminators."""

    def __init__(self, channels: int, size: tuple[int, int], group: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            MinibatchStd(group),
            EqualisedConv2d(channels + 1, channels, 3),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Flatten(),
            EqualisedLinear(channels * size[0] * size[1], channels),
            nn.LeakyReLU(0.2, inplace=True),
            EqualisedLinear(channels, 1, gain=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.layers(x)
        return logits[:, :, None, None]
