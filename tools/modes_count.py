"""How many modes of a distribution samples reach, how evenly, and how many samples are of a mode at all."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Count:
    """`reached` modes of `modes`; `quality`: share of samples that belong to a mode; `kl`: of those, in nats."""

    modes: int
    reached: int
    quality: float
    kl: float


def count(labels: Tensor, modes: int, least: int = 1) -> Count:
    """Of each sample's mode, int64 [N], -1 for none: a mode is reached by `least` samples or more.

    `kl` is sum p log(p / (1 / modes)), p the modes' shares (Metz et al. 2017, section 3.3.1): 0 where all are equal,
    log(modes) where one has all samples, or where none belongs to a mode. A fair draw of N has about (modes - 1) / 2N.
    """
    found = torch.bincount(labels[labels >= 0], minlength=modes).double()
    share = found / found.sum().clamp(min=1)
    uniform = torch.log(torch.tensor(float(modes), dtype=torch.float64))
    kl = uniform + torch.special.xlogy(share, share).sum()
    return Count(modes, int((found >= least).sum()), float((labels >= 0).double().mean()), float(kl))


def nearest(points: Tensor, centres: Tensor, radius: float) -> Tensor:
    """The nearest of `centres` [M, D] within `radius` of each of `points` [N, D], int64 [N]; -1 where none is."""
    distance, label = torch.cdist(points.double(), centres.double()).min(dim=1)
    return label.masked_fill(distance > radius, -1)
