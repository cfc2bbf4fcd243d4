"""What PatchGAN, pixel, multi-scale and DCGAN discriminators look at."""

import pytest
import torch
from torch import Tensor, nn

from translate.errors import UserError
from translate.networks.dcgan import DcganDiscriminator, DcganGenerator
from translate.networks.halving import halve
from translate.networks.multiscale import MultiscaleDiscriminator
from translate.networks.patchgan import PatchDiscriminator
from translate.networks.pixel import PixelDiscriminator


def reach(network: nn.Module, size: int) -> int:
    """How many pixels wide the patch is that the middle logit depends on."""
    x = torch.rand(1, 3, size, size, requires_grad=True)
    logits: Tensor = network(x)[0]
    logits[0, 0, logits.shape[2] // 2, logits.shape[3] // 2].backward()
    assert x.grad is not None
    return int((x.grad.abs().sum((0, 1, 2)) > 0).sum())


@pytest.mark.parametrize(("layers", "patch"), [(1, 16), (2, 34), (3, 70)])
def test_a_patchgan_sees_the_published_patch(layers: int, patch: int) -> None:
    assert reach(PatchDiscriminator(3, layers=layers, width=2, norm="none"), 144) == patch


def test_a_pixel_discriminator_sees_a_pixel() -> None:
    assert reach(PixelDiscriminator(3, width=4, norm="none"), 9) == 1


@pytest.mark.parametrize("layers", [1, 2, 3, 4])
def test_the_smallest_image_of_a_patchgan(layers: int) -> None:
    network = PatchDiscriminator(3, layers=layers, width=2)
    smallest = 3 * 2**layers
    assert network(torch.rand(1, 3, smallest, smallest + 5))[0].shape[2] == 1
    with pytest.raises(UserError, match=f"(?s){smallest - 1}x{smallest}.*at least {smallest}"):
        network(torch.rand(1, 3, smallest - 1, smallest))


def test_the_error_names_the_depth_that_would_fit() -> None:
    with pytest.raises(UserError, match="layers=2"):
        PatchDiscriminator(3, width=2)(torch.rand(1, 3, 16, 64))
    with pytest.raises(UserError, match="pixel"):
        PatchDiscriminator(3, width=2)(torch.rand(1, 3, 4, 64))
    with pytest.raises(UserError, match="scales"):
        MultiscaleDiscriminator(3, width=2)(torch.rand(1, 3, 32, 32))


def test_each_scale_judges_half_the_size_of_the_one_before() -> None:
    torch.manual_seed(0)
    network = MultiscaleDiscriminator(3, scales=3, layers=2, width=2)
    x = torch.rand(1, 3, 64, 96)
    maps = network(x)
    assert [tuple(logits.shape[-2:]) for logits in maps] == [(14, 22), (6, 10), (2, 4)]
    same = torch.full((1, 3, 64, 96), 0.4)  # a constant stays one at any size, up to the border
    for judge, logits in zip(network.judges, network(same), strict=True):
        torch.testing.assert_close(
            logits[0, 0], judge(torch.full((1, 3, *[4 * (s + 2) for s in logits.shape[-2:]]), 0.4))[0][0, 0]
        )


@pytest.mark.parametrize(
    ("size", "base", "halvings"),
    [((64, 64), (4, 4), 4), ((64, 96), (4, 6), 4), ((8, 8), (4, 4), 1), ((48, 48), (6, 6), 3), ((32, 256), (4, 32), 3)],
)
def test_dcgan_halves_any_size_down_to_a_small_base(
    size: tuple[int, int], base: tuple[int, int], halvings: int
) -> None:
    assert halve(size) == (base, halvings)
    assert DcganGenerator(7, 3, size, width=2)(torch.randn(2, 7)).shape == (2, 3, *size)
    assert DcganDiscriminator(3, size, width=2)(torch.rand(2, 3, *size))[0].shape == (2, 1, 1, 1)


@pytest.mark.parametrize("size", [(100, 100), (7, 7), (4, 4), (63, 64), (68, 68)])
def test_an_impossible_dcgan_size_is_refused_with_one_near_by(size: tuple[int, int]) -> None:
    with pytest.raises(UserError, match=f"{size[0]}x{size[1]}") as error:
        DcganGenerator(7, 3, size)
    assert error.value.hint is not None
    height, width = (int(side) for side in error.value.hint.removeprefix("data.size=").strip("[]").split(","))
    halve((height, width))


def test_a_dcgan_discriminator_refuses_another_size_than_its_own() -> None:
    with pytest.raises(UserError, match=r"(?s)32x64.*64x64"):
        DcganDiscriminator(3, (64, 64), width=2)(torch.rand(2, 3, 32, 64))
