"""Initialisation reaches every layer, also below spectral norm, with the published spread."""

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations

from translate.errors import UserError
from translate.networks.initialise import initialise


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(16, 32, 3), nn.BatchNorm2d(32), nn.ConvTranspose2d(32, 16, 4), nn.Linear(64, 64))


def test_normal_is_the_published_one() -> None:
    net = network()
    initialise(net)
    for layer in (net[0], net[2], net[3]):
        assert layer.weight.std().item() == pytest.approx(0.02, rel=0.1)
        assert layer.weight.mean().abs() < 0.002
        assert not layer.bias.any()
    assert net[1].weight.mean().item() == pytest.approx(1, abs=0.02)
    assert 0 < net[1].weight.std().item() < 0.04


def test_the_kinds_differ_in_spread_as_they_should() -> None:
    spread = {}
    for kind in ("xavier", "kaiming", "orthogonal"):
        net = network()
        initialise(net, kind, gain=1.0)
        spread[kind] = net[3].weight.std().item()
        if kind == "orthogonal":
            torch.testing.assert_close(net[3].weight @ net[3].weight.T, torch.eye(64), atol=1e-4, rtol=0)
    assert spread["xavier"] == pytest.approx((2 / 128) ** 0.5, rel=0.1)
    assert spread["kaiming"] == pytest.approx((2 / 64) ** 0.5, rel=0.1)


def test_below_spectral_norm_the_weight_itself_is_drawn_and_its_norm_known() -> None:
    torch.manual_seed(0)
    layer = parametrizations.spectral_norm(nn.Conv2d(8, 16, 3))
    initialise(nn.Sequential(layer))
    assert layer.parametrizations.weight.original.std().item() == pytest.approx(0.02, rel=0.1)
    assert torch.linalg.matrix_norm(layer.weight.flatten(1), ord=2).item() == pytest.approx(1, abs=0.05)


def test_an_unknown_kind_is_refused_with_the_nearest() -> None:
    with pytest.raises(UserError, match="kaiming"):
        initialise(network(), "kaimin")


def test_the_gain_of_convolutions_leaves_norms_near_one() -> None:
    norm = nn.BatchNorm2d(512)
    initialise(norm, "xavier", gain=1.0)
    assert 0.9 < norm.weight.min() < norm.weight.max() < 1.1
