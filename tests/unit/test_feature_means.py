"""Feature means: which activations count, and that rows need not correspond."""

import pytest
import torch
from torch import Tensor, nn

from translate.domain import Batch, Domain
from translate.terms.feature_means import FeatureMeans
from translate.translations import Networks, Translations


class Judge(nn.Module):
    """Two scales; only the layer before the logits counts."""

    def features(self, x: Tensor) -> list[list[Tensor]]:
        return [[9 * x, x, 100 * x], [2 * x, -100 * x]]


def loss(a: Tensor, b: Tensor, judge: nn.Module | None = None, conditional: bool = False, paired: int = 0) -> float:
    networks = Networks(nn.ModuleDict({"b": nn.Identity()}), nn.ModuleDict({"b": judge or Judge()}), conditional)
    x = Translations(Batch({Domain.A: a, Domain.B: b}, paired), networks)
    return FeatureMeans().for_generator(x)[Domain.B].item()


def test_means_over_the_batch_are_compared_place_by_place_and_scales_averaged() -> None:
    torch.manual_seed(0)
    a, b = torch.randn(2, 5, 1, 3, 3)
    gap = (a.mean(0) - b.mean(0)).square().mean().item()
    assert loss(a, b) == pytest.approx((1 + 4) / 2 * gap, rel=1e-5)


def test_which_row_is_which_does_not_matter() -> None:
    b = torch.randn(6, 1, 3, 3)
    assert loss(b.flip(0), b) == pytest.approx(0, abs=1e-10)


def test_a_conditional_discriminator_sees_paired_rows_beside_their_inputs() -> None:
    seen: list[Tensor] = []

    class Recorder(nn.Module):
        def features(self, x: Tensor) -> list[list[Tensor]]:
            seen.append(x)
            return [[x, x]]

    loss(torch.full((3, 1, 4, 4), 0.1), torch.full((3, 1, 4, 4), 0.7), Recorder(), conditional=True, paired=2)
    assert [tuple(x.shape) for x in seen] == [(2, 2, 4, 4)] * 2
    assert sorted(x[0, 1, 0, 0].item() for x in seen) == pytest.approx([0.1, 0.7])
    assert [x[0, 0, 0, 0].item() for x in seen] == pytest.approx([0.1, 0.1])
