"""The metrics against independent implementations."""

import tracemalloc
from hashlib import blake2b
from itertools import pairwise

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy import ndimage

from translate.errors import UserError
from translate.evaluation import metrics
from translate.metrics import TABLE, find, swd
from translate.metrics.l1 import l1
from translate.metrics.psnr import psnr
from translate.metrics.ssim import ssim

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


@pytest.mark.parametrize("name", TABLE)
def test_equal_is_best_and_finite_and_worse_is_worse(name: str) -> None:
    metric = metrics([name])[name]
    truth = scene(0, 1)[1]
    scores = [metric(truth, truth)] + [metric(scene(0, noise)[0], truth) for noise in (3, 30, 90)]
    assert all(np.isfinite(scores))
    assert scores == sorted(scores, reverse=TABLE[name].better == "higher")
    assert len(set(scores)) == 4


def test_unknown_metric_names_the_nearest() -> None:
    with pytest.raises(UserError, match='Did you mean "ssim"'):
        metrics(["ssmi"])


def test_ssim_refuses_images_below_its_window() -> None:
    small = np.zeros((10, 30, 3), np.uint8)
    with pytest.raises(UserError, match="11x11"):
        ssim(small, small)


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
