"""The metrics against independent implementations."""

import dataclasses
import importlib
import tracemalloc
from collections.abc import Iterator
from hashlib import blake2b
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch.nn import functional as F

from translate.errors import UserError
from translate.metrics import TABLE, find, lpips, swd
from translate.metrics.l1 import l1
from translate.metrics.l2 import l2
from translate.metrics.ms_ssim import ms_ssim
from translate.metrics.psnr import psnr
from translate.metrics.ssim import ssim
from translate.metrics.weights import PUBLISHED, digest

Pixels = NDArray[np.uint8]


def scene(seed: int, noise: float, channels: int = 3) -> tuple[Pixels, Pixels]:
    """A smooth image and a noisy one, uint8 [48, 40, C]."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:48, :40]
    smooth = np.stack([127 + 100 * np.sin(x / (3 + c)) * np.cos(y / (5 + c)) for c in range(channels)], axis=2)
    noisy = smooth + random.normal(0, noise, smooth.shape)
    return np.clip(noisy, 0, 255).astype(np.uint8), smooth.astype(np.uint8)


def tensor(pixels: Pixels) -> torch.Tensor:
    return torch.from_numpy(pixels).movedim(-1, 0)[None].double()


@pytest.mark.parametrize("noise", [1, 10, 80])
@pytest.mark.parametrize("channels", [1, 3])
def test_against_torchmetrics(noise: float, channels: int) -> None:
    from torchmetrics.functional.image import peak_signal_noise_ratio, structural_similarity_index_measure

    output, truth = scene(0, noise, channels)
    expected = peak_signal_noise_ratio(tensor(output), tensor(truth), data_range=255.0)
    assert psnr(output, truth) == pytest.approx(float(expected), abs=1e-4)
    _, similarity = structural_similarity_index_measure(
        tensor(output), tensor(truth), data_range=255.0, sigma=1.5, return_full_image=True
    )
    inside = similarity[..., 5:-5, 5:-5]  # torchmetrics goes on over the border, where windows see mirrored pixels
    assert ssim(output, truth) == pytest.approx(float(inside.mean()), abs=1e-4)


def test_l1_by_hand() -> None:
    output = np.array([[[0], [255]], [[10], [20]]], np.uint8)
    truth = np.array([[[255], [0]], [[13], [20]]], np.uint8)  # 255, 255, 3, 0: unsigned arithmetic would wrap
    assert l1(output, truth) == pytest.approx((255 + 255 + 3 + 0) / 4)


@pytest.mark.parametrize("noise", [1, 10, 80])
@pytest.mark.parametrize("channels", [1, 3])
def test_against_scikit_image(noise: float, channels: int) -> None:
    from skimage.metrics import mean_squared_error, peak_signal_noise_ratio, structural_similarity

    output, truth = scene(0, noise, channels)
    assert psnr(output, truth) == pytest.approx(peak_signal_noise_ratio(truth, output, data_range=255), abs=1e-4)
    assert l2(output, truth) == pytest.approx(mean_squared_error(truth, output) ** 0.5, abs=1e-4)
    one, two = output / 255, truth / 255  # in another range
    expected = structural_similarity(
        one, two, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=1.0, channel_axis=-1
    )
    assert ssim(output, truth) == pytest.approx(expected, abs=1e-4)


def test_l2_by_hand() -> None:
    output = np.array([[[0], [255]], [[10], [20]]], np.uint8)
    truth = np.array([[[255], [0]], [[13], [20]]], np.uint8)
    assert l2(output, truth) == pytest.approx(((255**2 + 255**2 + 3**2) / 4) ** 0.5)


def large(noise: float) -> tuple[Pixels, Pixels]:
    """As `scene`, uint8 [180, 200, 3]."""
    truth = smooth(1, 0, (180, 200))[0]
    noisy = truth + np.random.default_rng(1).normal(0, noise, truth.shape)
    return np.clip(noisy, 0, 255).astype(np.uint8), truth


def naive_ms_ssim(output: Pixels, truth: Pixels) -> float:
    """Wang et al. 2003, eq. 7, from the text; borders as torchmetrics says."""
    exponents = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333]
    one, two = output.astype(float), truth.astype(float)
    product = 1.0
    for scale, exponent in enumerate(exponents):

        def blurred(image: np.ndarray) -> np.ndarray:
            return ndimage.gaussian_filter(image, (1.5, 1.5, 0), mode="mirror", radius=(5, 5, 0))

        mean_one, mean_two = blurred(one), blurred(two)
        variances = blurred(one**2) - mean_one**2 + blurred(two**2) - mean_two**2
        structure = (2 * (blurred(one * two) - mean_one * mean_two) + 7.65**2) / (variances + 7.65**2)
        luminance = (2 * mean_one * mean_two + 2.55**2) / (mean_one**2 + mean_two**2 + 2.55**2)
        last = scale == len(exponents) - 1
        product *= ((structure * luminance).mean() if last else structure[5:-5, 5:-5].mean()) ** exponent
        height, width = (side // 2 * 2 for side in one.shape[:2])
        one, two = (
            image[:height, :width].reshape(height // 2, 2, width // 2, 2, -1).mean((1, 3)) for image in (one, two)
        )
    return product


@pytest.mark.parametrize("noise", [3, 30])
def test_ms_ssim_against_a_transcription_of_the_paper(noise: float) -> None:
    output, truth = large(noise)
    assert ms_ssim(output, truth) == pytest.approx(naive_ms_ssim(output, truth), abs=1e-4)


@pytest.fixture
def alexnet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Random weights of AlexNet's convolutions, as torchvision names them, in an otherwise empty cache."""
    random, sizes = torch.Generator().manual_seed(0), [(0, 3, 64, 11), (3, 64, 192, 5), (6, 192, 384, 3)]
    state = {}
    for index, into, out, side in [*sizes, (8, 384, 256, 3), (10, 256, 256, 3)]:
        scale = (2 / (into * side**2)) ** 0.5
        state[f"features.{index}.weight"] = scale * torch.randn(out, into, side, side, generator=random)
        state[f"features.{index}.bias"] = 0.1 * torch.randn(out, generator=random)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    path = tmp_path / "hub" / "checkpoints" / "alexnet-owt-7be5be79.pth"
    path.parent.mkdir(parents=True)
    torch.save(state, path)
    known = dataclasses.replace(PUBLISHED["alexnet"], sha256=digest(path))
    monkeypatch.setitem(PUBLISHED, "alexnet", known)
    lpips._network.cache_clear()
    yield path
    lpips._network.cache_clear()


def naive_lpips(output: Pixels, truth: Pixels, state: dict[str, torch.Tensor]) -> float:
    """Zhang et al. 2018, eq. 1, with the published linear heads."""
    import torchmetrics.functional.image.lpips as theirs

    heads = torch.load(Path(theirs.__file__).parent / "lpips_models" / "alex.pth", map_location="cpu")
    shift, scale = (torch.tensor(v)[:, None, None] for v in ((-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)))
    ones = []
    for image in (output, truth):
        x = (torch.from_numpy(image).float().permute(2, 0, 1)[None] / 127.5 - 1 - shift) / scale
        layers = []
        for index, stride, padding in [(0, 4, 2), (3, 1, 2), (6, 1, 1), (8, 1, 1), (10, 1, 1)]:
            x = F.max_pool2d(x, 3, 2) if index in (3, 6) else x
            weight, bias = state[f"features.{index}.weight"], state[f"features.{index}.bias"]
            x = F.conv2d(x, weight, bias, stride, padding).relu()
            layers.append(x / (1e-8 + x.square().sum(1, keepdim=True)).sqrt())
        ones.append(layers)
    return sum(
        float((heads[f"lin{k}.model.1.weight"] * (a - b).square()).sum(1).mean())
        for k, (a, b) in enumerate(zip(*ones, strict=True))
    )


def test_lpips_against_a_transcription_of_the_paper(alexnet: Path) -> None:
    output, truth = scene(0, 20)
    expected = naive_lpips(output, truth, torch.load(alexnet))
    assert expected > 1e-3
    assert lpips.lpips(output, truth) == pytest.approx(expected, rel=1e-4)
    assert lpips.lpips(output, truth, weights=alexnet) == lpips.lpips(output, truth)
    grey, other = output[..., :1], truth[..., :1]
    assert lpips.lpips(grey, other) == lpips.lpips(grey.repeat(3, 2), other.repeat(3, 2))


@pytest.mark.parametrize("name", TABLE)
def test_equal_is_best_and_finite_and_worse_is_worse(name: str, alexnet: Path) -> None:
    module, _, function = TABLE[name].function.partition(":")
    metric = getattr(importlib.import_module(module), function)
    truth = large(0)[1]
    scores = [metric(truth, truth)] + [metric(large(noise)[0], truth) for noise in (3, 30, 90)]
    assert all(isinstance(score, float) and np.isfinite(score) for score in scores)
    assert scores == sorted(scores, reverse=TABLE[name].better == "higher")
    assert len(set(scores)) == 4


def test_images_that_a_metric_cannot_compare_are_refused_with_the_reason(alexnet: Path) -> None:
    small = np.zeros((10, 200, 3), np.uint8)
    for metric, least in ((ssim, "11x11"), (ms_ssim, "176x176"), (lpips.lpips, "31x31")):
        with pytest.raises(UserError, match=f"{least} pixels or more, these have 10x200"):
            metric(small, small)
        enough = np.zeros((int(least.split("x")[0]), 200, 3), np.uint8)
        assert metric(enough, enough) == pytest.approx(0 if metric is lpips.lpips else 1, abs=1e-6)
    with pytest.raises(UserError, match="2 channels"):
        lpips.lpips(np.zeros((40, 40, 2), np.uint8), np.zeros((40, 40, 2), np.uint8))


def test_lpips_without_weights_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    lpips._network.cache_clear()
    with pytest.raises(UserError, match="weights of AlexNet are not here"):
        lpips.lpips(*scene(0, 1))


def naive_swd(fake: Pixels, real: Pixels, seed: int) -> dict[int, float]:
    """Karras et al. 2018, section 5, written from the text, one pixel after the other; draws are taken as given."""
    kernel = np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1]) / 256

    def blur(image: np.ndarray) -> np.ndarray:
        return np.stack([ndimage.convolve(image[..., c], kernel, mode="mirror") for c in range(image.shape[2])], axis=2)

    def levels(image: np.ndarray) -> list[np.ndarray]:
        gaussian = [image.astype(float)]
        while (min(gaussian[-1].shape[:2]) + 1) // 2 >= 16:
            gaussian.append(blur(gaussian[-1])[::2, ::2])
        laplacian = []
        for fine, coarse in pairwise(gaussian):
            wide = np.zeros_like(fine)
            wide[::2, ::2] = coarse
            laplacian.append(fine - 4 * blur(wide))
        return [*laplacian, gaussian[-1]]

    def patches(images: Pixels, level: int) -> np.ndarray:
        found = []
        for image in images:
            picture = levels(image)[level]
            digest = blake2b(image.tobytes(), digest_size=16).hexdigest()
            tops, lefts = swd.positions([digest], picture.shape[:2], seed)
            found += [picture[y : y + 7, x : x + 7] for y, x in zip(tops[0], lefts[0], strict=True)]
        stacked = np.stack(found)
        stacked = (stacked - stacked.mean((0, 1, 2))) / stacked.std((0, 1, 2))
        return stacked.reshape(len(stacked), -1)

    scores = {}
    for level, picture in enumerate(levels(fake[0])):
        one, two = patches(fake, level), patches(real, level)
        side = min(picture.shape[:2])
        lines = swd.directions(one.shape[1], seed, side)
        scores[side] = 1e3 * np.mean([np.abs(np.sort(one @ d) - np.sort(two @ d)).mean() for d in lines])
    return scores


def smooth(count: int, seed: int, size: tuple[int, int] = (64, 64), channels: int = 3) -> Pixels:
    """Random images [N, H, W, C] with detail on every scale."""
    random = np.random.default_rng(seed)
    images = np.zeros((count, *size, channels))
    for sigma in (0.7, 2, 6):
        noise = ndimage.gaussian_filter(random.standard_normal(images.shape), (0, sigma, sigma, 0))
        images += noise / noise.std()
    return np.clip(127 + 30 * images, 0, 255).astype(np.uint8)


@pytest.mark.parametrize(("size", "channels"), [((37, 50), 3), ((16, 16), 1), ((64, 64), 1)])
def test_swd_against_a_transcription_of_the_paper(size: tuple[int, int], channels: int) -> None:
    one, two = smooth(4, 0, size, channels), smooth(4, 1, size, channels)
    expected = naive_swd(one, two, 5)
    found = swd.swd(one, two, 5)
    assert {f"swd_{side}" for side in expected} == set(found) - {"swd"}
    for side, value in expected.items():
        assert found[f"swd_{side}"] == pytest.approx(value, rel=1e-4)
    assert found["swd"] == pytest.approx(np.mean(list(expected.values())), rel=1e-4)


def test_swd_of_equal_sets_is_nothing_and_the_order_does_not_matter() -> None:
    one, two = smooth(12, 0, (32, 32)), smooth(12, 1, (32, 32))
    assert set(swd.swd(one, one[::-1]).values()) == {0}
    apart = swd.swd(one, two)
    shuffled = np.random.default_rng(0).permutation(12)
    assert swd.swd(one[shuffled], two[::-1]) == apart
    assert swd.swd(two, one) == pytest.approx(apart)
    assert swd.swd(one, two, seed=1) != apart
    # As many patches of either, whichever set is larger, and not those of the images that happen to come first.
    assert swd.swd(one, two[:6]) == swd.swd(one[shuffled], two[:6])


def test_swd_of_blurred_images_is_worst_on_the_finest_level(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(swd, "DIRECTIONS", 128)  # enough to tell, and quicker
    images = smooth(60, 0)
    half, other = images[:30], images[30:]
    chance, blurred = swd.swd(half, other), swd.swd(half, ndimage.gaussian_filter(other, (0, 1, 1, 0)))
    worse = {name: value / chance[name] for name, value in blurred.items() if name != "swd"}
    assert worse["swd_64"] > 2 > 1.3 > worse["swd_32"] > worse["swd_16"]
    assert chance["swd"] < blurred["swd"]


def test_swd_holds_the_patches_of_one_level_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(swd, "DIRECTIONS", 2)
    images = smooth(1, 0, (32, 32), channels=1).repeat(200, axis=0)
    tracemalloc.start()
    swd.swd(images, images)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 3 * 200 * swd.PATCHES * 49 * 4  # of the two sets, and less than one more for all the rest


def test_swd_says_what_it_cannot_compare() -> None:
    with pytest.raises(UserError, match="one shape"):
        swd.swd(smooth(2, 0), smooth(2, 0, (32, 32)))
    with pytest.raises(UserError, match="16x16"):
        swd.swd(smooth(2, 0, (8, 32)), smooth(2, 1, (8, 32)))
    flat = np.zeros((3, 16, 16, 3), np.uint8)  # no deviation to divide by
    assert np.isfinite(swd.swd(flat, smooth(3, 0, (16, 16)))["swd"])


def test_the_name_of_a_part_says_its_metric_and_its_pixels() -> None:
    entry = find("swd_32")
    assert entry is not None
    assert (entry.label, entry.better) == ("SWD × 10³ at 32 px", "lower")
    assert find("l1") == TABLE["l1"]
    assert find("l1_32") is find("swd_fine") is find("nothing") is None
