"""The latent prior: its distribution, its limits, and that it answers to a seed."""

import pytest
import torch
from torch.distributions import Normal

from translate.prior import Prior

ROWS = 20_000


def draw(kind: str, limit: float = 2.0) -> torch.Tensor:
    return Prior(4, kind, limit).draw(ROWS, torch.Generator().manual_seed(0)).flatten()  # type: ignore[arg-type]


def test_shapes_and_seeds() -> None:
    prior = Prior(7)
    one, same, other = (prior.draw(3, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert one.shape == (3, 7)
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


@pytest.mark.parametrize(
    ("kind", "deviation", "largest"), [("normal", 1.0, 6.0), ("uniform", 3**-0.5, 1.0), ("truncated_normal", None, 1.5)]
)
def test_distributions(kind: str, deviation: float | None, largest: float) -> None:
    z = draw(kind, 1.5)
    if deviation is None:  # Var[z | |z| < a] = 1 - 2 a pdf(a) / (2 cdf(a) - 1)
        a, normal = torch.tensor(1.5), Normal(0.0, 1.0)
        deviation = float((1 - 2 * a * normal.log_prob(a).exp() / (2 * normal.cdf(a) - 1)).sqrt())
    assert z.mean().item() == pytest.approx(0, abs=0.02)
    assert z.std().item() == pytest.approx(deviation, rel=0.02)
    assert z.abs().max() <= largest
    assert z.abs().max() > 0.9 * min(largest, 4)
