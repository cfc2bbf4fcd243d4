"""The metrics against independent implementations."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from translate.errors import UserError
from translate.evaluation import metrics
from translate.metrics import TABLE
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
