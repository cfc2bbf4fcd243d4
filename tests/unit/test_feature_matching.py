"""Feature matching: which activations count, and how much."""

import pytest
import torch
from torch import Tensor, nn

from translate.domain import Batch, Domain
from translate.judging import Judging
from translate.terms.feature_matching import FeatureMatching
from translate.translations import Networks, Translations


class Judge(nn.Module):
    """Two scales, two layers each, and logits that must not count."""

    def features(self, x: Tensor) -> list[list[Tensor]]:
        return [[x, 2 * x, 100 * x], [3 * x, 4 * x, 100 * x]]


def test_layers_are_summed_scales_averaged_and_logits_left_out() -> None:
    networks = Networks(nn.ModuleDict({"b": nn.Identity()}), nn.ModuleDict({"b": Judge()}))
    images = {Domain.A: torch.zeros(2, 1, 4, 4), Domain.B: torch.ones(2, 1, 4, 4)}
    loss = FeatureMatching().for_generator(Translations(Batch(images, paired=2), networks))[Domain.B]
    assert loss.item() == pytest.approx((1 + 2 + 3 + 4) / 2)


def test_a_conditional_discriminator_sees_the_input_of_both() -> None:
    seen: list[Tensor] = []

    class Recorder(nn.Module):
        def features(self, x: Tensor) -> list[list[Tensor]]:
            seen.append(x)
            return [[x, x]]

    networks = Networks(nn.ModuleDict({"b": nn.Identity()}), nn.ModuleDict({"b": Recorder()}), conditional=True)
    images = {Domain.A: torch.full((3, 1, 4, 4), 0.1), Domain.B: torch.full((3, 1, 4, 4), 0.7)}
    FeatureMatching().for_generator(Translations(Batch(images, paired=2), networks))
    fake, real = seen
    assert fake.shape == real.shape == (2, 2, 4, 4)
    assert fake[0, :, 0, 0].tolist() == pytest.approx([0.1, 0.1])
    assert real[0, :, 0, 0].tolist() == pytest.approx([0.1, 0.7])


def test_fake_and_real_are_compared_as_one_draw_of_the_augmentation_shows_them() -> None:
    torch.manual_seed(0)
    judging = Judging([{"RandomAffine": {"degrees": 90}}], noise=0.3)
    judges = nn.ModuleDict({"b": Judge()})
    same = torch.rand(3, 3, 8, 8)
    x = Translations(
        Batch({Domain.A: same, Domain.B: same}, paired=3),
        Networks(nn.ModuleDict({"b": nn.Identity()}), judges, judging=judging),
    )
    assert FeatureMatching().for_generator(x)[Domain.B].item() == 0
    assert not torch.equal(judging(same), judging(same))
