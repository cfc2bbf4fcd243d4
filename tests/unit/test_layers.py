"""The layers that several networks share."""

from __future__ import annotations

import pytest
import torch
from torch import nn

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
    torch.testing.assert_close(ours(given), torchs(given), atol=0, rtol=0)  # with gradients: bit for bit torch's


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("level", [0.0, 100.0])
def test_group_norm_of_channels_last_images(layout: torch.memory_format, level: float) -> None:
    given, ours = maps(level, layout), norm("group", 6)
    with torch.no_grad():
        assert isinstance(ours, nn.GroupNorm)
        exact = nn.functional.group_norm(given.double(), ours.num_groups).float()
        torch.testing.assert_close(ours(given), exact, atol=1e-3, rtol=1e-3)


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
