"""Latents that the discriminator likes better: discriminator driven latent sampling (Che et al. 2020)."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from translate.prior import Prior

STEP = 0.01
"""The step size that the paper takes on CIFAR-10, and with it a noise of 0.1, its root."""


def refine(
    latents: Tensor, noise: Tensor, logit: Callable[[Tensor], Tensor], prior: Prior, step: float = STEP
) -> Tensor:
    """Latents [N, Z] after Langevin steps z <- z - step/2 dE/dz + sqrt(step) n on the energy of Che et al. 2020,
    E(z) = -log p(z) - D(G(z)) (eq. 6 and algorithm 1): samples of the prior, weighed by the discriminator.

    `noise` [S, N, Z]: n ~ N(0, 1) of each of the S steps; `logit`: latents [N, Z] to logits [N] of their images.
    A prior with borders reflects at them, so that no latent leaves what the generator knows.
    """
    z = latents
    for n in noise:
        with torch.enable_grad():
            z = z.detach().requires_grad_()
            (slope,) = torch.autograd.grad((_energy(z, prior) - logit(z)).sum(), z)
        z = _reflected(z.detach() - step / 2 * slope + math.sqrt(step) * n, prior)
    return z.detach()


def _energy(z: Tensor, prior: Prior) -> Tensor:
    """-log p(z) [N] but for a constant: within its borders a uniform prior is flat, a truncated normal one normal."""
    return z.sum(1) * 0 if prior.kind == "uniform" else z.square().sum(1) / 2


def _reflected(z: Tensor, prior: Prior) -> Tensor:
    if prior.kind == "normal":
        return z
    limit = 1.0 if prior.kind == "uniform" else prior.limit
    return limit - (torch.remainder(z + limit, 4 * limit) - 2 * limit).abs()
