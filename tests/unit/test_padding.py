"""Padding to the stride and cropping back is invisible."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from translate.inference.padding import padded

SIZES = [(37, 53), (32, 32), (1, 1), (3, 64), (2, 31), (100, 1)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("stride", [1, 4, 32])
def test_identity_returns_exactly_the_input(size: tuple[int, int], stride: int) -> None:
    images = torch.rand(2, 3, *size)

    def identity(x: Tensor) -> Tensor:
        assert x.shape[-2] % stride == 0
        assert x.shape[-1] % stride == 0
        return x

    assert torch.equal(padded(identity, images, stride, (8, 8)), images)


def test_fitting_sizes_are_not_padded() -> None:
    seen = []
    padded(lambda x: seen.append(x.shape) or x, torch.rand(1, 3, 64, 32), 32, (32, 32))
    assert seen == [(1, 3, 64, 32)]


def test_margins_are_mirrored_not_black() -> None:
    """A blur must see the image go on: the mean over a constant image's border stays the constant."""
    image = torch.full((1, 1, 37, 53), 0.5)
    blurred = padded(lambda x: functional.avg_pool2d(x, 3, 1, 1, count_include_pad=False), image, 16, (16, 16))
    assert torch.allclose(blurred, image)


def test_small_images_reach_the_smallest_size() -> None:
    seen = []
    padded(lambda x: seen.append(tuple(x.shape[-2:])) or x, torch.rand(1, 3, 3, 5), 4, (8, 8))
    assert seen == [(8, 8)]
