"""The layers that several networks share."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from translate.inference.statistics import Norms
from translate.networks.layers import norm

LAYOUTS = [torch.contiguous_format, torch.channels_last]


def maps(level: float, layout: torch.memory_format) -> torch.Tensor:
    torch.manual_seed(0)
    return (torch.randn(2, 6, 9, 7) * torch.rand(1, 6, 1, 1) + level).to(memory_format=layout)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("level", [0.0, 100.0])
def test_instance_norm_is_the_same_with_and_without_gradients(layout: torch.memory_format, level: float) -> None:
    given = maps(level, layout)
    ours, torchs = norm("instance", 6), nn.InstanceNorm2d(6)
    with torch.no_grad():
        quick = ours(given)
    assert quick.is_contiguous(memory_format=layout)
    torch.testing.assert_close(quick, torchs(given.double()).float(), atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(ours(given), quick, atol=1e-4, rtol=1e-4)
    assert ours(given).is_contiguous(memory_format=layout)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("level", [0.0, 100.0])
def test_instance_norm_has_torchs_gradients_and_their_gradients(layout: torch.memory_format, level: float) -> None:
    """The second ones are what gradient penalties learn by."""
    given, ours = maps(level, layout), norm("instance", 6)
    exact = given.double().requires_grad_()
    found = given.clone(memory_format=torch.preserve_format).requires_grad_()
    told = torch.randn(given.shape)
    results = []
    for x, layer in ((exact, nn.InstanceNorm2d(6)), (found, ours)):
        (first,) = torch.autograd.grad((layer(x) * told.to(x)).sum(), x, create_graph=True)
        (second,) = torch.autograd.grad(first.square().sum(), x)
        results.append((first.detach().float(), second.float()))
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(other, one, atol=2e-3 * one.abs().max().item(), rtol=2e-3)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_images_do_not_share_their_instance_norm(layout: torch.memory_format) -> None:
    given, layer = maps(0.0, layout).requires_grad_(), norm("instance", 6)
    alone = torch.cat([layer(row.contiguous(memory_format=layout)) for row in given.split(1)])
    torch.testing.assert_close(layer(given), alone)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_instance_norm_under_autocast_keeps_the_type(layout: torch.memory_format) -> None:
    given, layer = maps(0.0, layout).bfloat16(), norm("instance", 6)
    with torch.autocast("cpu", torch.bfloat16):
        found = layer(given)
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found.float(), nn.InstanceNorm2d(6)(given.float()), atol=0.03, rtol=0.02)


def test_maps_of_one_pixel_can_not_be_learned_from() -> None:
    """Instance norm makes 0 of them, and would pass no gradient on."""
    with pytest.raises(ValueError, match="spatial"):
        norm("instance", 6)(torch.zeros(2, 6, 1, 1))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_norms_are_listened_to_with_gradients_too(layout: torch.memory_format) -> None:
    given, layer = maps(0.0, layout), norm("instance", 6)
    ones = torch.ones(2, 9), torch.ones(2, 7)
    with Norms(cores=ones) as listening:
        layer(given)
    assert len(listening.seen.layers) == 1


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("level", [0.0, 100.0])
def test_group_norm_of_channels_last_images(layout: torch.memory_format, level: float) -> None:
    given, ours = maps(level, layout), norm("group", 6)
    with torch.no_grad():
        assert isinstance(ours, nn.GroupNorm)
        exact = nn.functional.group_norm(given.double(), ours.num_groups).float()
        torch.testing.assert_close(ours(given), exact, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("gradients", [False, True])
@pytest.mark.parametrize("kind", ["instance", "group"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_large_maps_are_added_up_rightly(kind: str, layout: torch.memory_format, gradients: bool) -> None:
    """Pixel after pixel in float32, the variance of a million of them is off by several per cent."""
    maps = (torch.randn(1, 6, 512, 512, generator=torch.Generator().manual_seed(0)) + 1).relu() * 2
    layer = norm(kind, 6)
    with torch.set_grad_enabled(gradients):
        found = layer(maps.to(memory_format=layout))
    groups = layer.num_groups if isinstance(layer, nn.GroupNorm) else 6
    exact = nn.functional.group_norm(maps.double(), groups)
    assert float((found.detach() - exact).abs().max()) < 2e-5


@pytest.mark.parametrize("kind", ["instance", "group"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_what_is_even_stays_even(kind: str, layout: torch.memory_format) -> None:
    """A blank page is no noise: in channels-last images torch's variance of it is a rounding error, on either side."""
    page = torch.full((1, 6, 64, 64), 7.3).to(memory_format=layout)
    page[:, :, 3, 5] += 0.01
    with torch.no_grad():
        exact = nn.functional.instance_norm(page.double()).float()
        found = norm(kind, 6)(page)
    torch.testing.assert_close(found, exact, atol=2e-3, rtol=2e-3)
