"""Gradient penalties: a discriminator should not be steeper than its game can bear."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from translate.domain import Batch, Domain
from translate.errors import UserError
from translate.translations import Networks, Translations


class GradientPenalty(nn.Module):
    """How far the slope |dD/dimages| of each image is from `target`, squared, averaged over images taken at `at`.

    between: E(|dD| - 1)^2 on lines from real to fake rows (Gulrajani et al. 2017, WGAN-GP, eq. 3; weight 10).
    around: the same at real images plus noise (Kodali et al. 2017, DRAGAN; weight 10).
    real, fake: 1/2 E|dD|^2, R1 and R2 (Mescheder et al. 2018, eq. 9, the weight being its gamma; R3GAN has both).
    `target` replaces the 1 or 0 of these formulas. The D of an image is the mean over its map of logits, and over the
    scales: what the Wasserstein game compares, and the one logit where there is one. Such a mean over many patches is
    flatter than one logit, so R1 and R2 want a larger weight there. Slopes are taken in front of what `judging` does.
    """

    needs: tuple[str, ...] = ("discriminator",)
    holds_discriminator = True

    def __init__(
        self, *, at: Literal["between", "around", "real", "fake"] = "between", target: float | None = None
    ) -> None:
        super().__init__()
        self.at = at
        centred = at in ("real", "fake")
        self.target = float(not centred) if target is None else target
        self.factor = 0.5 if centred else 1.0  # as published, so that published weights can be used

    def prepare(self, networks: Networks, sample: Batch) -> None:
        """Refuses batch norm with "between": each image's slope would be that of its neighbours too."""
        mixing = nn.modules.batchnorm._BatchNorm
        if self.at == "between" and any(isinstance(layer, mixing) for layer in networks.discriminator.modules()):
            raise UserError(
                "this penalty holds for each image, and batch norm judges a batch (Gulrajani et al. 2017, section 4)",
                where="networks.discriminator.norm",
                expected="a discriminator without batch norm",
                hint="--set networks.discriminator.norm=instance",
            )

    def for_discriminator(self, x: Translations) -> dict[str, Tensor]:
        """The penalty, by the domain judged."""
        losses: dict[str, Tensor] = {}
        for domain in x.judged:
            fake, real, inputs = x.judged_pair(domain)
            if min(len(fake), len(real)):
                points = self._points(real.detach().float(), fake.detach().float())
                rows = None if inputs is None else inputs[: len(points)].float()
                losses[domain] = self._penalty(x, domain, points, rows)
        return losses

    def _points(self, real: Tensor, fake: Tensor) -> Tensor:
        if self.at == "real":
            return real
        if self.at == "fake":
            return fake
        share = torch.rand(len(real), 1, 1, 1, device=real.device)
        if self.at == "around":  # uniform noise of half the batch's deviation, as in the published code
            return real + share * 0.5 * real.std() * torch.rand_like(real)
        rows = min(len(real), len(fake))
        return torch.lerp(fake[:rows], real[:rows], share[:rows])

    def _penalty(self, x: Translations, domain: Domain, points: Tensor, inputs: Tensor | None) -> Tensor:
        with torch.autocast(points.device.type, enabled=False):  # second derivatives are too fine for bfloat16
            points.requires_grad_()
            scales = x.judge(domain, points, inputs)
            score = torch.stack([logits.flatten(1).mean(1) for logits in scales]).mean(0)
            (slope,) = torch.autograd.grad(score.sum(), points, create_graph=True)
            slope = slope.flatten(1)
            if self.target == 0:
                return self.factor * slope.square().sum(1).mean()  # no root: its derivative is unbounded at 0
            return self.factor * (torch.linalg.vector_norm(slope, dim=1) - self.target).square().mean()
