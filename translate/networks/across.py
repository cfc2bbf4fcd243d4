"""Layers that look across a batch's rows, or draw for each: the same on several processes as on one."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from translate.computing import rows


class BatchNorm2d(nn.BatchNorm2d):
    """[N, C, H, W] -> the same, as torch's own; the batch is that of all processes.

    torch's own layer for that runs on GPUs alone, and can't be differentiated twice.
    """

    def forward(self, x: Tensor) -> Tensor:
        share = rows.shared()
        if share is None or not self.training:
            return super().forward(x)
        values = x.float()
        count = share.total * x.shape[2] * x.shape[3]
        mean = rows.summed(values.sum((0, 2, 3))) / count
        centred = values - mean[:, None, None]
        variance = rows.summed(centred.square().sum((0, 2, 3))) / count
        self._remember(mean.detach(), variance.detach() * count / max(1, count - 1))
        y = centred * (variance + self.eps).rsqrt()[:, None, None]
        if self.affine:
            y = y * self.weight[:, None, None] + self.bias[:, None, None]
        return y.to(x.dtype)

    @torch.no_grad()
    def _remember(self, mean: Tensor, variance: Tensor) -> None:
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        self.num_batches_tracked.add_(1)
        share = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean, share)
        self.running_var.lerp_(variance, share)


class Dropout(nn.Dropout):
    """As torch's own: the values that one process would have dropped."""

    def forward(self, x: Tensor) -> Tensor:
        if rows.shared() is None or not self.training:
            return super().forward(x)
        return x * rows.drawn(lambda n: functional.dropout(x.new_ones(n, *x.shape[1:]), self.p), len(x))
