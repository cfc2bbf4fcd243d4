"""Statistics counted over tiles are the picture's, and norms take what they are given."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from translate.inference.statistics import Moments, Norms, Statistics
from translate.networks.latent import LatentInput
from translate.networks.resnet import ResnetGenerator
from translate.networks.unet import UnetGenerator

NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "resnet": lambda: ResnetGenerator(3, 3, width=8, blocks=2),
    "unet": lambda: UnetGenerator(3, 3, levels=4, width=8, norm="instance", dropout=False),
    "group": lambda: ResnetGenerator(3, 3, width=16, blocks=1, norm="group"),
    "affine": lambda: nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.InstanceNorm2d(8, affine=True), nn.Conv2d(8, 3, 1)
    ),
}


@pytest.fixture(params=NETWORKS)
def network(request: pytest.FixtureRequest) -> nn.Module:
    torch.manual_seed(0)
    made = NETWORKS[request.param]().eval().requires_grad_(False)
    for name, parameter in made.named_parameters():
        if parameter.ndim == 1:
            parameter.copy_(torch.randn_like(parameter) + (1 if name.endswith("weight") else 0))
    return made


def everything(height: int, width: int, count: int = 1) -> tuple[Tensor, Tensor]:
    return torch.ones(count, height), torch.ones(count, width)


def test_a_pictures_own_statistics_change_nothing(network: nn.Module) -> None:
    image = torch.rand(1, 3, 48, 64) * 2 - 1
    plain = network(image)
    with Norms(cores=everything(48, 64)) as norms:
        counted = network(image)
    with Norms(norms.seen):
        given = network(image)
    torch.testing.assert_close(counted, plain, atol=2e-5, rtol=0)
    torch.testing.assert_close(given, plain, atol=2e-5, rtol=0)


def test_given_statistics_leave_no_trace_of_the_images_own(network: nn.Module) -> None:
    """With fixed statistics an output depends on its surroundings alone: half of an image gives half of its output."""
    image = torch.rand(1, 3, 48, 512) * 2 - 1
    image[..., 256:] *= 0.1
    with Norms(cores=everything(48, 512)) as norms:
        whole = network(image)
    with Norms(norms.seen):
        half = network(image[..., :256].contiguous())
    torch.testing.assert_close(half[..., :64], whole[..., :64], atol=2e-4, rtol=0)
    assert (network(image[..., :256])[..., :64] - whole[..., :64]).abs().mean() > 1e-3


def test_moments_of_tiles_are_merged_to_those_of_all() -> None:
    torch.manual_seed(0)
    maps = torch.randn(1, 5, 40, 60) * 3 + 100
    maps[..., 30:] += 7
    merged = Statistics()
    for top, bottom in ((0, 17), (17, 40)):
        for left, right in ((0, 50), (50, 60)):
            part = Moments.of(maps[:, :, top:bottom, left:right], *everything(bottom - top, right - left))
            merged = merged.merged(Statistics([part]))
    variance, mean = torch.var_mean(maps.double(), dim=(0, 2, 3), correction=0)
    assert merged.layers[0].count == 2400
    torch.testing.assert_close(merged.layers[0].mean, mean, rtol=1e-6, atol=0)
    torch.testing.assert_close(merged.layers[0].variance, variance, rtol=1e-5, atol=0)


def test_overlapping_tiles_count_each_pixel_once_also_in_small_maps() -> None:
    """Cores of 10 and 6 pixels, maps of a quarter of the size: places that straddle the seam count in part."""
    torch.manual_seed(0)
    image = torch.randn(1, 2, 4, 16)
    rows = torch.ones(1, 4)
    left, right = torch.zeros(1, 12), torch.zeros(1, 12)
    left[:, :10], right[:, 6:] = 1, 1
    small = nn.functional.avg_pool2d
    merged = Moments.of(small(image[..., :12], 4), rows, left).merged(Moments.of(small(image[..., 4:], 4), rows, right))
    whole = Moments.of(small(image, 4), rows, torch.ones(1, 16))
    torch.testing.assert_close(merged.mean, whole.mean)
    torch.testing.assert_close(merged.variance, whole.variance)


def test_corrections_make_of_a_sample_the_whole(network: nn.Module) -> None:
    torch.manual_seed(0)
    whole, sample = torch.rand(2, 3, 32, 32) * 2 - 1, torch.rand(1, 3, 32, 32) * 0.3
    with Norms(cores=everything(32, 32, 2)) as of_whole:
        network(whole)
    with Norms(of_whole.used, everything(32, 32)) as of_sample:
        network(sample)
    with Norms(cores=everything(32, 32), corrections=of_sample.seen.corrections(of_whole.seen)) as corrected:
        network(sample)
    for found, true in zip(corrected.used.layers, of_whole.used.layers, strict=True):
        torch.testing.assert_close(found.mean, true.mean, atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(found.variance, true.variance, atol=1e-4, rtol=1e-4)


def test_a_map_that_is_constant_in_the_sample_alone_is_corrected() -> None:
    flat, lively = torch.zeros(1, 3, 8, 8), torch.randn(1, 3, 8, 8)
    sample, whole = (Statistics([Moments.of(maps, *everything(8, 8))]) for maps in (flat, lively))
    corrected = sample.corrections(whole)[0].applied(sample.layers[0])
    torch.testing.assert_close(corrected.variance, whole.layers[0].variance)


def test_fixed_statistics_stay_the_networks_own() -> None:
    torch.manual_seed(0)
    norms = nn.Sequential(nn.BatchNorm2d(3), nn.InstanceNorm2d(3, track_running_stats=True))
    norms(torch.rand(4, 3, 8, 8))
    norms.eval()
    image = torch.rand(1, 3, 16, 16)
    with Norms(cores=everything(16, 16)) as active:
        inside = norms(image)
    assert torch.equal(inside, norms(image))
    assert not active.seen.layers


def test_a_latent_enters_by_the_norms_as_before() -> None:
    torch.manual_seed(0)
    network = ResnetGenerator(3, 3, LatentInput(4, "norm"), width=8, blocks=1).eval().requires_grad_(False)
    image, z = torch.rand(1, 3, 32, 32), torch.randn(1, 4)
    with Norms(cores=everything(32, 32)) as norms:
        network(image, z)
    with Norms(norms.seen):
        given = network(image, z)
    torch.testing.assert_close(given, network(image, z), atol=2e-5, rtol=0)


def test_nothing_to_take_statistics_from_is_refused() -> None:
    with pytest.raises(ValueError, match="statistics"):
        Norms()
