"""Between depths and tensors, checked against plain arithmetic and against Pillow."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from translate.data import images
from translate.formats.form import DEPTHS, FLOAT32, UINT8, UINT16
from translate.formats.values import convert, from_tensor, luma, on_white, straight, to_tensor, widen


def every(depth: np.dtype) -> np.ndarray:
    """Every value of a depth once (of floats a thousand), as [1, W, 1]."""
    if depth == FLOAT32:
        return np.linspace(0, 1, 1000, dtype=np.float32)[None, :, None]
    return np.arange(np.iinfo(depth).max + 1, dtype=depth)[None, :, None]


@pytest.mark.parametrize("depth", DEPTHS, ids=str)
def test_tensors_span_minus_one_to_one_and_come_back(depth: np.dtype) -> None:
    pixels = every(depth)
    tensor = to_tensor(pixels)
    assert tensor.dtype == torch.float32
    assert tensor.shape == (1, 1, pixels.shape[1])
    assert (tensor.min(), tensor.max()) == (-1, 1)
    back = from_tensor(tensor, depth)
    assert back.dtype == depth
    np.testing.assert_allclose(back, pixels, atol=1e-7 if depth == FLOAT32 else 0)
    beyond = from_tensor(torch.tensor([-1.5, 2.0])[None, None], depth)
    np.testing.assert_array_equal(beyond.ravel(), [pixels.min(), pixels.max()])


def test_eight_bits_are_as_in_the_training() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (2, 5, 7, 3), np.uint8)
    assert torch.equal(to_tensor(pixels), images.to_tensor(pixels))
    noise = torch.randn(2, 3, 5, 7)
    np.testing.assert_array_equal(from_tensor(noise, UINT8), images.to_uint8(noise))


@pytest.mark.parametrize("given", DEPTHS, ids=str)
@pytest.mark.parametrize("wanted", DEPTHS, ids=str)
def test_depths_convert_to_the_nearest_value(given: np.dtype, wanted: np.dtype) -> None:
    pixels = every(given)
    white = {UINT8: 255, UINT16: 65535, FLOAT32: 1}
    exact = pixels.astype(np.float64) * white[wanted] / white[given]
    found = convert(pixels, wanted)
    assert found.dtype == wanted
    assert np.abs(found - exact).max() <= (1e-7 if wanted == FLOAT32 else 0.5 + 1e-9)


def test_eight_bits_survive_sixteen() -> None:
    np.testing.assert_array_equal(convert(convert(every(UINT8), UINT16), UINT8), every(UINT8))


def test_luma_is_pillows() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (100, 300, 3), np.uint8)
    np.testing.assert_array_equal(luma(pixels)[..., 0], np.asarray(Image.fromarray(pixels).convert("L")))
    wide = convert(pixels, UINT16)
    assert np.abs(luma(wide)[..., 0] / 257 - pixels @ [0.299, 0.587, 0.114]).max() < 0.01
    assert luma(np.full((1, 1, 3), 65535, np.uint16)).item() == 65535
    assert luma(np.ones((1, 1, 3), np.float32)).dtype == np.float32


@pytest.mark.parametrize("depth", DEPTHS, ids=str)
def test_transparency_on_white_and_undone(depth: np.dtype) -> None:
    random = np.random.default_rng(0)
    colours, alpha = (convert(random.random((40, 50, n)).astype(np.float32), depth) for n in (3, 1))
    share = convert(alpha, FLOAT32).astype(np.float64)
    white = convert(np.ones((1, 1, 1), np.float32), depth).item()
    error = np.abs(on_white(colours, alpha) - (colours * share + white * (1 - share))).max()
    assert error <= (1e-6 if depth == FLOAT32 else 0.51 + 0.01 * (depth == UINT16))
    premultiplied = (colours * share).astype(depth) if depth == FLOAT32 else np.rint(colours * share).astype(depth)
    seen = share[..., 0] > 0.5
    assert np.abs(straight(premultiplied, alpha)[seen].astype(float) - colours[seen]).max() <= (
        1e-6 if white == 1 else 1
    )


@pytest.mark.parametrize("bits", [1, 2, 4, 7, 10, 12, 14])
def test_narrow_integers_reach_white(bits: int) -> None:
    values = np.arange(2**bits, dtype=np.uint16)
    wide = widen(values, bits)
    white = 255 if bits <= 8 else 65535
    assert wide.dtype == (np.uint8 if bits <= 8 else np.uint16)
    assert np.abs(wide - values.astype(float) * white / (2**bits - 1)).max() <= 0.5
    assert (wide[0], wide[-1]) == (0, white)
