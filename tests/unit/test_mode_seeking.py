"""Mode seeking: the less a generator heeds its latent, the more it pays."""

import pytest
import torch
from torch import Tensor, nn

from translate.domain import Batch, Domain
from translate.terms.mode_seeking import ModeSeeking
from translate.translations import Networks, Prior, Translations


class Heeding(nn.Module):
    """z [N, 4] as 2x2 pixels times a gain a row, over the image if there is one."""

    def __init__(self, gains: list[float]) -> None:
        super().__init__()
        self.gains = nn.Parameter(torch.tensor(gains))

    def forward(self, *inputs: Tensor) -> Tensor:
        painted = inputs[-1].view(-1, 1, 2, 2) * self.gains[:, None, None, None]
        return painted + inputs[0] if len(inputs) == 2 else painted


def loss(generator: nn.Module, beside: bool) -> Tensor:
    torch.manual_seed(0)
    images = {Domain.B: torch.zeros(3, 1, 2, 2)} | ({Domain.A: torch.randn(3, 1, 2, 2)} if beside else {})
    networks = Networks(nn.ModuleDict({"b": generator}), nn.ModuleDict(), prior=Prior(4))
    return ModeSeeking().for_generator(Translations(Batch(images, 0), networks))[Domain.B]


@pytest.mark.parametrize("beside", [False, True])
def test_each_row_pays_by_how_little_its_image_differs(beside: bool) -> None:
    value = loss(Heeding([0.5, 1.0, 2.0]), beside).item()
    assert value == pytest.approx((1 / 0.5 + 1 / 1 + 1 / 2) / 3, rel=1e-4)


@pytest.mark.parametrize("beside", [False, True])
def test_a_generator_that_ignores_its_latent_pays_much_but_not_without_bound(beside: bool) -> None:
    generator = Heeding([0.0, 0.0, 0.0])
    value = loss(generator, beside)
    assert value.item() == pytest.approx(1e5, rel=1e-3)
    value.backward()
    assert generator.gains.grad is not None
    assert generator.gains.grad.isfinite().all()


def test_heeding_more_costs_less() -> None:
    generator = Heeding([0.5, 1.0, 2.0])
    loss(generator, beside=True).backward()
    assert generator.gains.grad is not None
    assert (generator.gains.grad < 0).all()
