"""Supervised losses against independent references."""

import pytest
import torch
from torch import nn
from torchmetrics.functional.image import structural_similarity_index_measure

from translate.domain import Batch, Domain
from translate.terms.supervised import Supervised, structural_dissimilarity
from translate.translations import Networks, Translations


def pair() -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    smooth = nn.functional.interpolate(torch.rand(2, 3, 8, 8), size=(64, 64), mode="bilinear") * 2 - 1
    return smooth, (smooth + 0.2 * torch.randn_like(smooth)).clamp(-1, 1)


@pytest.mark.parametrize(("loss", "expected"), [("l1", 0.5), ("l2", 0.25)])
def test_only_the_difference_of_paired_rows_counts(loss: str, expected: float) -> None:
    a = torch.zeros(3, 3, 16, 16)
    b = torch.stack([torch.full((3, 16, 16), value) for value in (0.5, -0.5, 9.0)])
    networks = Networks(nn.ModuleDict({"b": nn.Identity()}), nn.ModuleDict())
    x = Translations(Batch({Domain.A: a, Domain.B: b}, paired=2), networks)
    assert Supervised(loss=loss).for_generator(x)[Domain.B].item() == pytest.approx(expected)  # type: ignore[arg-type]


def test_structural_dissimilarity_agrees_with_torchmetrics() -> None:
    first, second = pair()
    reference = structural_similarity_index_measure((first + 1) / 2, (second + 1) / 2, data_range=1.0)
    # the border is treated differently: 64 pixels leave that a small part
    assert structural_dissimilarity(first, second).item() == pytest.approx(1 - float(reference), abs=0.01)
    assert structural_dissimilarity(first, first).item() == pytest.approx(0, abs=1e-6)


def test_structural_dissimilarity_is_computed_in_full_precision_under_autocast() -> None:
    first, second = pair()
    plain = structural_dissimilarity(first, second)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(structural_dissimilarity(first, second), plain)
