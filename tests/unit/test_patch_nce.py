"""PatchNCE against the equation written out, and the choice of patches."""

import math

import pytest
import torch
from torch import Tensor, nn

from translate.domain import Batch, Domain
from translate.errors import UserError
from translate.networks.resnet import ResnetGenerator
from translate.terms.patch_nce import PatchNCE, info_nce
from translate.translations import Networks, Translations


def batch() -> Batch:
    return Batch({d: torch.rand(2, 3, 16, 16) * 2 - 1 for d in Domain}, paired=0)


def networks_of(generator: nn.Module) -> Networks:
    return Networks(nn.ModuleDict({"b": generator}), nn.ModuleDict())


def test_info_nce_is_the_equation_of_the_paper() -> None:
    torch.manual_seed(0)
    query, key = (nn.functional.normalize(torch.randn(2, 5, 4), dim=2) for _ in range(2))
    total = 0.0
    for q, k in zip(query, key, strict=True):
        for place in range(5):  # park et al. 2020, eq. 3: one positive, the other places of the same image negative
            positive = math.exp(float(q[place] @ k[place]) / 0.07)
            negatives = sum(math.exp(float(q[place] @ k[other]) / 0.07) for other in range(5) if other != place)
            total -= math.log(positive / (positive + negatives))
    assert info_nce(query, key, 0.07).item() == pytest.approx(total / 10, rel=1e-4)


def test_images_of_a_batch_are_no_negatives_of_each_other() -> None:
    torch.manual_seed(0)
    query, key = (nn.functional.normalize(torch.randn(3, 6, 4), dim=2) for _ in range(2))
    alone = torch.stack([info_nce(q[None], k[None], 0.07) for q, k in zip(query, key, strict=True)])
    assert info_nce(query, key, 0.07).item() == pytest.approx(alone.mean().item(), rel=1e-5)


def test_patches_follow_the_global_seed() -> None:
    torch.manual_seed(0)
    networks, images = networks_of(ResnetGenerator(3, 3, width=4, blocks=1)), batch()
    term = PatchNCE(layers=[0, 4], patches=8, dim=4)
    term.prepare(networks, images)

    def value(seed: int) -> float:
        torch.manual_seed(seed)
        return term.for_generator(Translations(images, networks))[Domain.B].item()

    assert value(1) == value(1)
    assert value(1) != value(2)


def test_output_and_input_are_compared_at_the_same_places() -> None:
    class Plain(nn.Module):
        """Its features are its input, so equal images have equal features at equal places only."""

        def forward(self, x: Tensor) -> Tensor:
            return x

        def features(self, x: Tensor, layers: list[int]) -> list[Tensor]:
            return [x for _ in layers]

    torch.manual_seed(0)
    term = PatchNCE(layers=[0], patches=20, heads=False, temperature=0.001, identity=False)
    # 20 patches out of place would cost log 20 and more
    assert term.for_generator(Translations(batch(), networks_of(Plain())))[Domain.B] < 0.1


def test_the_inputs_features_are_targets_without_gradient() -> None:
    torch.manual_seed(0)
    networks = networks_of(ResnetGenerator(3, 3, width=4, blocks=1))
    term = PatchNCE(layers=[4], patches=8, heads=False, identity=False)
    images = batch()
    images.images[Domain.A].requires_grad_()
    x = Translations(images, networks)
    x.fake(Domain.B)
    x.detach()  # now the only way to the input would be its own features
    term.for_generator(x)[Domain.B].backward()
    assert images.images[Domain.A].grad is None


def test_identity_averages_both_losses() -> None:
    torch.manual_seed(0)
    networks, images = networks_of(ResnetGenerator(3, 3, width=4, blocks=1)), batch()
    options = {"layers": [4], "patches": 64, "heads": False}  # all 8 x 8 patches: their order does not matter
    both = PatchNCE(identity=True, **options).for_generator(Translations(images, networks))[Domain.B]
    swapped = Batch({Domain.A: images.images[Domain.B], Domain.B: images.images[Domain.A]}, paired=0)
    apart = [
        PatchNCE(identity=False, **options).for_generator(Translations(each, networks))[Domain.B]
        for each in (images, swapped)
    ]
    assert both.item() == pytest.approx(sum(loss.item() for loss in apart) / 2, rel=1e-5)


def test_sizing_the_heads_moves_no_running_statistics() -> None:
    generator = ResnetGenerator(3, 3, width=4, blocks=1, norm="batch")
    before = {name: value.clone() for name, value in generator.state_dict().items()}
    PatchNCE(layers=[8], dim=4).prepare(networks_of(generator), batch())
    assert generator.training
    assert all(torch.equal(value, before[name]) for name, value in generator.state_dict().items())


def test_a_generator_without_features_is_refused() -> None:
    with pytest.raises(UserError, match="no inner features"):
        PatchNCE().prepare(networks_of(nn.Conv2d(3, 3, 1)), batch())


def test_a_layer_that_the_generator_lacks_is_refused() -> None:
    with pytest.raises(UserError, match='"99"'):
        PatchNCE(layers=[0, 99]).prepare(networks_of(ResnetGenerator(3, 3, width=4, blocks=1)), batch())
