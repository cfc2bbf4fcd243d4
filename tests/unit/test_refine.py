"""Discriminator driven latent sampling: the step by hand, and the distribution that it must arrive at."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from translate.inference.refine import refine
from translate.prior import Prior


def test_a_step_by_hand() -> None:
    z = torch.tensor([[1.0, -2.0], [0.5, 0.0]])
    noise = torch.tensor([[[0.1, 0.2], [-0.3, 0.4]]])

    def logit(z: Tensor) -> Tensor:
        return 3 * z[:, 0] + z[:, 1] ** 2

    found = refine(z, noise, logit, Prior(2), step=0.04)
    # E = |z|^2 / 2 - D: its slope is (z0 - 3, z1 - 2 z1)
    slope = torch.stack([z[:, 0] - 3, -z[:, 1]], dim=1)
    torch.testing.assert_close(found, z - 0.02 * slope + 0.2 * noise[0])
    assert not found.requires_grad


def test_it_samples_the_prior_weighed_by_the_discriminator() -> None:
    torch.manual_seed(0)
    precision, centre, step = 3.0, 1.5, 0.05

    def logit(z: Tensor) -> Tensor:
        return -precision / 2 * (z - centre).square().sum(1)

    found = refine(torch.randn(8000, 4), torch.randn(80, 8000, 4), logit, Prior(4), step)
    whole = 1 + precision
    assert float(found.mean()) == pytest.approx(precision * centre / whole, abs=0.02)
    # The chain is autoregressive, so its variance is known exactly: a little more than the target's 1 / precision.
    assert float(found.var()) == pytest.approx(1 / (whole * (1 - step * whole / 4)), rel=0.03)


@pytest.mark.parametrize(("kind", "variance"), [("uniform", 1 / 3), ("truncated_normal", 0.3 * 1.0)])
def test_a_prior_with_borders_keeps_within_them_and_as_it_is(kind: str, variance: float) -> None:
    torch.manual_seed(0)
    prior = Prior(2, kind, 1.0)  # type: ignore[arg-type]
    start = prior.draw(4000)
    found = refine(start, torch.randn(50, 4000, 2), lambda z: z.sum(1) * 0, prior, 0.1)
    assert float(found.abs().max()) <= 1
    assert float(found.var()) == pytest.approx(float(start.var()), rel=0.06)
    assert float(start.var()) == pytest.approx(variance, rel=0.06)
    assert float((found - start).abs().mean()) > 0.2  # it has moved
    pushed = refine(start, torch.zeros(200, 4000, 2), lambda z: 5 * z.sum(1), prior, 0.1)
    assert float(pushed.abs().max()) <= 1
    assert float(pushed.mean()) > 0.7
