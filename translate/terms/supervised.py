"""Supervision: a translated image should be its pair's other half."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from translate.translations import Translations


class Supervised(nn.Module):
    """E|G(x) - y| over paired rows (Isola et al. 2017, eq. 3; weight 100), or the mean square, or 1 - SSIM."""

    needs: tuple[str, ...] = ("pairs",)

    def __init__(self, *, loss: Literal["l1", "l2", "ssim"] = "l1") -> None:
        super().__init__()
        losses: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
            "l1": functional.l1_loss,
            "l2": functional.mse_loss,
            "ssim": structural_dissimilarity,
        }
        self.loss = losses[loss]

    def for_generator(self, x: Translations) -> dict[str, Tensor]:
        """The difference of the batch's paired rows, by the domain produced; nothing without such rows."""
        if x.paired == 0:
            return {}
        return {d: self.loss(x.fake(d)[: x.paired].float(), x.real(d)[: x.paired]) for d in x.produced}


def structural_dissimilarity(fake: Tensor, real: Tensor) -> Tensor:
    """1 - SSIM of images [N, C, H, W] in [-1, 1], Gaussian window of 11 pixels (Wang et al. 2004, eq. 13)."""
    from kornia.metrics import ssim  # costs a second that the other losses need not pay

    with torch.autocast(fake.device.type, enabled=False):  # variances are differences of squares: too fine for bfloat16
        return 1 - ssim((fake + 1) / 2, (real + 1) / 2, window_size=11).mean()
