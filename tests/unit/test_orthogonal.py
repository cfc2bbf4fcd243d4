"""Orthogonal regularisation against NumPy, and what it leaves alone."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations

from translate.terms.orthogonal import overlap


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def test_orthogonal_filters_of_any_norm_pay_nothing() -> None:
    layer = nn.Conv2d(3, 5, 3)
    nn.init.orthogonal_(layer.weight)
    with torch.no_grad():
        layer.weight *= torch.arange(1.0, 6.0)[:, None, None, None]
    assert overlap(layer).item() == pytest.approx(0, abs=1e-8)


def test_all_weights_agree_with_numpy() -> None:
    network = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.Conv2d(2, 6, 3), nn.ConvTranspose2d(5, 3, 2))
    expected = 0.0
    filters = (network[0].weight, network[2].weight, network[3].weight.transpose(0, 1))  # 3, 6 and 3 of them
    for weight in filters:
        w = weight.detach().double().flatten(1).numpy()
        expected += float((((w @ w.T) * (1 - np.eye(len(w)))) ** 2).sum())
    assert overlap(network).item() == pytest.approx(expected, rel=1e-5)


def test_embeddings_are_left_alone() -> None:
    assert overlap(nn.Sequential(nn.Embedding(4, 3), nn.Linear(2, 1))).item() == 0


def test_under_spectral_norm_the_weight_counts_as_it_is_before_the_division() -> None:
    plain = nn.ConvTranspose2d(4, 3, 2)
    normed = parametrizations.spectral_norm(nn.ConvTranspose2d(4, 3, 2))
    with torch.no_grad():
        normed.parametrizations.weight.original.copy_(plain.weight)  # type: ignore[union-attr, operator]
    assert overlap(normed).item() == pytest.approx(overlap(plain).item())


def test_under_weight_norm_the_weight_counts_and_not_its_parts() -> None:
    plain = nn.Linear(4, 3)
    expected = overlap(plain).item()
    assert overlap(parametrizations.weight_norm(plain)).item() == pytest.approx(expected)


def test_filters_move_apart() -> None:
    layer = nn.Linear(8, 4)
    before = overlap(layer).item()
    for _ in range(50):
        with torch.autocast("cpu", torch.bfloat16):
            (slope,) = torch.autograd.grad(overlap(layer), layer.weight)
        with torch.no_grad():
            layer.weight -= 0.05 * slope
    assert overlap(layer).item() < 0.5 * before
