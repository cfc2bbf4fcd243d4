"""The ResNet generator is laid out as the published CycleGAN and CUT weights are."""

import pytest
import torch
from torch import nn

from translate.errors import UserError
from translate.networks.patchgan import PatchDiscriminator
from translate.networks.resnet import ResnetGenerator


def parameters_of(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def test_the_published_cyclegan_has_as_many_parameters() -> None:
    with torch.device("meta"):
        assert parameters_of(ResnetGenerator(3, 3)) == 11_378_179  # "11.378 M", as printed by the original
        assert parameters_of(ResnetGenerator(3, 3, blocks=6)) == 7_837_699
        assert parameters_of(PatchDiscriminator(3)) == 2_764_737  # "2.765 M"


def test_keys_are_numbered_as_published() -> None:
    with torch.device("meta"):
        state = ResnetGenerator(3, 3).state_dict()
    convolutions = ["1", "4", "7"]
    convolutions += [f"{block}.conv_block.{half}" for block in range(10, 19) for half in (1, 5)]
    convolutions += ["19", "22", "26"]
    assert list(state) == [f"model.{name}.{kind}" for name in convolutions for kind in ("weight", "bias")]
    assert state["model.19.weight"].shape == (256, 128, 3, 3)
    assert state["model.26.weight"].shape == (3, 64, 7, 7)


def test_antialiased_keys_are_numbered_as_in_cut() -> None:
    with torch.device("meta"):
        state = ResnetGenerator(3, 3, antialias=True).state_dict()
    convolutions = ["1", "4", "8"]
    convolutions += [f"{block}.conv_block.{half}" for block in range(12, 21) for half in (1, 5)]
    convolutions += ["22", "26", "30"]
    keys = {f"model.{name}.{kind}" for name in convolutions for kind in ("weight", "bias")}
    assert set(state) == keys | {f"model.{index}.filt" for index in (7, 11, 21, 25)}
    assert state["model.7.filt"].shape == (128, 1, 3, 3)
    assert state["model.21.filt"].shape == (256, 1, 4, 4)


def test_dropout_moves_the_second_convolution_of_a_block() -> None:
    with torch.device("meta"):
        assert "model.10.conv_block.6.weight" in ResnetGenerator(3, 3, dropout=True, blocks=1).state_dict()
        assert "model.10.conv_block.4.weight" not in ResnetGenerator(3, 3, blocks=1).state_dict()
        assert "model.10.conv_block.3.weight" in ResnetGenerator(3, 3, blocks=1, padding="zero").state_dict()


def test_features_are_the_outputs_of_the_numbered_layers_even_before_an_inplace_relu() -> None:
    torch.manual_seed(0)
    network = ResnetGenerator(3, 3, width=4, blocks=1)
    x = torch.rand(1, 3, 16, 16)
    norm, relu = network.features(x, [2, 3])
    assert norm.min() < 0
    torch.testing.assert_close(relu, norm.relu())
    torch.testing.assert_close(norm, network.model[:3](x))


def test_blurred_resampling_keeps_constants() -> None:
    from translate.networks.layers import BlurDownsample, BlurUpsample

    x = torch.full((1, 2, 6, 8), 0.7)
    torch.testing.assert_close(BlurDownsample(2)(x), x[:, :, :3, :4])
    torch.testing.assert_close(BlurUpsample(2)(x), torch.full((1, 2, 12, 16), 0.7))


@pytest.mark.parametrize("size", [(4, 16), (18, 16)])
def test_sizes_that_do_not_fit_are_named(size: tuple[int, int]) -> None:
    with pytest.raises(UserError, match=f"{size[0]}x{size[1]}"):
        ResnetGenerator(3, 3, width=4, blocks=1)(torch.zeros(1, 3, *size))
