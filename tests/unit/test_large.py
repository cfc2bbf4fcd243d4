"""A picture in tiles becomes what it becomes in one piece."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from translate.config import Config
from translate.domain import Domain
from translate.formats.values import from_tensor, to_tensor
from translate.inference import convergence, large, memory
from translate.inference.large import translate_large
from translate.inference.model import Model
from translate.inference.reach import reach
from translate.networks.fast import FastGenerator
from translate.networks.latent import LatentInput
from translate.networks.resnet import ResnetGenerator
from translate.networks.unet import UnetGenerator

NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "fast": lambda: FastGenerator(3, 3, width=16, blocks=2, detail=4),
    "resnet": lambda: ResnetGenerator(3, 3, width=8, blocks=2),
    "antialiased": lambda: ResnetGenerator(3, 3, width=8, blocks=1, antialias=True, padding="zero"),
    "group": lambda: ResnetGenerator(3, 3, width=16, blocks=1, norm="group"),
    "unet": lambda: UnetGenerator(3, 3, levels=4, width=8, norm="instance", dropout=False),
    "batch": lambda: UnetGenerator(3, 3, levels=3, width=8),
}


class Lines:
    """A picture that remembers how many rows it was asked for at once."""

    def __init__(self, pixels: np.ndarray) -> None:
        self.pixels, self.form, self.most = pixels, SimpleNamespace(depth=pixels.dtype), 0
        self.warnings: list[str] = []
        self.height, self.width = pixels.shape[:2]

    def rows(self, top: int, bottom: int, channels: int) -> np.ndarray:
        assert 0 <= top < bottom <= self.height
        assert channels == self.pixels.shape[2]
        self.most = max(self.most, bottom - top)
        return self.pixels[top:bottom]


def patchwork(height: int, width: int, dtype: type = np.uint8, channels: int = 3) -> np.ndarray:
    """Patches that have little in common, each with its own colour and contrast: a few do not speak for all."""
    source = np.random.default_rng(0)
    levels = np.empty((height, width, channels))
    for top in range(0, height, 40):
        for left in range(0, width, 40):
            patch = levels[top : top + 40, left : left + 40]
            patch[:] = source.uniform(0, 1, channels) + source.uniform(0, 0.5) * source.normal(size=patch.shape)
    white = 1 if dtype is np.float32 else np.iinfo(dtype).max
    return (levels.clip(0, 1) * white).astype(dtype)


def model(generator: nn.Module, **data: object) -> Model:
    tree = {"data": {"size": [32, 32], **data}}
    return Model(Config.model_validate(tree), nn.ModuleDict(dict.fromkeys(Domain, generator)), checkpoint="-", step=0)


@pytest.fixture(params=NETWORKS)
def trained(request: pytest.FixtureRequest) -> Model:
    torch.manual_seed(1)
    return model(NETWORKS[request.param]())


@pytest.fixture
def small_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sample is a part of the picture, not all of it."""
    monkeypatch.setattr(large, "CROP", 64)
    monkeypatch.setattr(large, "MARGIN", 16)
    monkeypatch.setattr(large, "SAMPLE", 4 * 64 * 64)


def untiled(of: Model, pixels: np.ndarray, latents: Tensor | None = None) -> np.ndarray:
    return from_tensor(of(to_tensor(pixels)[None], Domain.B, latents), pixels.dtype)[0]


def tiled(of: Model, picture: Lines, tile: int | None, latents: Tensor | None = None) -> np.ndarray:
    return np.concatenate(list(translate_large(of, picture, Domain.B, tile, latents)))


def apart(some: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(some.astype(float) - other).mean())


@pytest.mark.usefixtures("small_sample")
def test_tiled_is_untiled(trained: Model) -> None:
    pixels = patchwork(203, 170)
    whole = untiled(trained, pixels)
    picture = Lines(pixels)
    found = tiled(trained, picture, 100)
    assert (found.shape, found.dtype) == (whole.shape, whole.dtype)
    assert apart(found, whole) < 0.4
    assert picture.most <= 160
    # No step at any border, wherever they lie: no row's or column's steps are unlike the untiled ones.
    for axis in (0, 1):
        steps = [np.abs(np.diff(image.astype(float), axis=axis)).mean(axis=(1 - axis, 2)) for image in (found, whole)]
        np.testing.assert_allclose(steps[0], steps[1], atol=0.5)


@pytest.mark.usefixtures("small_sample")
@pytest.mark.parametrize("name", ["fast", "resnet"])
def test_a_samples_statistics_alone_would_not_do(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(1)
    chosen, pixels = model(NETWORKS[name]()), patchwork(203, 170)
    whole = untiled(chosen, pixels)
    errors, warned = [], []
    for passes in (0, 2, 5):
        monkeypatch.setattr(convergence, "PASSES", passes)
        monkeypatch.setattr(convergence, "TOLERANCE", 1e-6)
        errors.append(apart(tiled(chosen, picture := Lines(pixels), 64), whole))
        warned.append(bool(picture.warnings))
    assert errors[0] > 1
    assert errors[1] < errors[0] / 4
    assert errors[2] < 0.2
    assert not warned[2]


@pytest.mark.usefixtures("small_sample")
def test_more_tiles_are_counted_where_a_few_do_not_speak_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(1)
    chosen, pixels = model(NETWORKS["fast"]()), patchwork(203, 170)
    pixels[:100] //= 8
    monkeypatch.setattr(convergence, "FEW", 2)
    assert apart(tiled(chosen, Lines(pixels), 32), untiled(chosen, pixels)) < 0.5


@pytest.mark.usefixtures("small_sample")
def test_what_does_not_settle_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(1)
    monkeypatch.setattr(convergence, "PASSES", 1)
    picture = Lines(patchwork(203, 170))
    tiled(model(NETWORKS["resnet"]()), picture, 64)
    assert "grey levels" in picture.warnings[0]


@pytest.mark.parametrize("size", [(5, 300), (300, 7), (64, 64), (66, 131)])
def test_any_size_has_its_own_size(size: tuple[int, int]) -> None:
    torch.manual_seed(1)
    chosen, pixels = model(NETWORKS["resnet"]()), patchwork(*size)
    found, whole = tiled(chosen, Lines(pixels), 64), untiled(chosen, pixels)
    assert found.shape == whole.shape
    assert apart(found, whole) < 0.05


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_depth_stays(dtype: type) -> None:
    torch.manual_seed(1)
    chosen, pixels = model(NETWORKS["fast"]()), patchwork(100, 90, dtype)
    found, whole = tiled(chosen, Lines(pixels), 64), untiled(chosen, pixels)
    assert found.dtype == dtype
    white = 1 if dtype is np.float32 else 65535
    assert apart(found, whole) < 0.1 / 255 * white
    assert apart(np.round(found / white * 255) / 255 * white, whole) > 0.2 / 255 * white  # finer than 8 bits


def test_grey_becomes_colour() -> None:
    torch.manual_seed(1)
    chosen = model(FastGenerator(1, 3, width=8, blocks=1, detail=4), channels={"a": 1, "b": 3})
    pixels = patchwork(90, 100, channels=1)
    assert apart(tiled(chosen, Lines(pixels), 64), untiled(chosen, pixels)) < 0.05


@pytest.mark.parametrize("enter", ["maps", "norm"])
def test_all_tiles_have_the_same_latent(enter: str) -> None:
    torch.manual_seed(1)
    latent = {"dimension": 4, "prior": "normal", "enter": enter}
    generator = FastGenerator(3, 3, LatentInput(4, enter), width=8, blocks=1, detail=4)
    tree = {"data": {"size": [32, 32]}, "networks": {"latent": latent}}
    chosen = Model(Config.model_validate(tree), nn.ModuleDict({"b": generator}), checkpoint="-", step=0)
    pixels, z = patchwork(120, 100), torch.randn(1, 4)
    found = tiled(chosen, Lines(pixels), 64, z)
    assert apart(found, untiled(chosen, pixels, z)) < 0.05
    assert apart(found, tiled(chosen, Lines(pixels), 64, -z)) > 1
    with pytest.raises(ValueError, match="stochastic"):
        translate_large(chosen, Lines(pixels), Domain.B)


def test_strips_of_frames_are_refused() -> None:
    with pytest.raises(ValueError, match="frames"):
        translate_large(model(nn.Identity(), frames={"a": 2}), Lines(patchwork(64, 64)), Domain.B)


def test_strips_come_one_by_one() -> None:
    """A network without norms needs one look: the first rows are there before the last ones are read."""
    picture = Lines(patchwork(2000, 40))
    strips = translate_large(model(nn.Sequential(nn.Conv2d(3, 3, 3, padding=1))), picture, Domain.B, 128)
    first = next(strips)
    assert len(first) <= 128
    assert len(first) + sum(len(strip) for strip in strips) == 2000


@pytest.mark.parametrize("radius", [0, 3, 8])
def test_the_reach_of_a_filter_is_its_radius(radius: int) -> None:
    box = nn.Conv2d(3, 3, 2 * radius + 1, padding=radius, groups=3, bias=False)
    nn.init.constant_(box.weight, 1 / (2 * radius + 1) ** 2)
    found = reach(model(nn.Sequential(box)), Domain.B)
    assert radius - 2 <= found <= radius


def test_the_reach_leaves_out_what_norms_know_of_the_whole() -> None:
    """An instance norm over everything, and a convolution of one pixel around it."""
    torch.manual_seed(0)
    generator = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.InstanceNorm2d(8), nn.Conv2d(8, 3, 1), nn.Tanh())
    assert reach(model(generator), Domain.B) <= 1


class Wide(nn.Module):
    """Holds 32 channels of float32 at full size, and their double at once."""

    def forward(self, x: Tensor) -> Tensor:
        wide = x[:, :1].expand(-1, 32, -1, -1) + 1
        return (wide + wide * 2).mean(1, keepdim=True).expand(-1, 3, -1, -1)


def test_memory_is_measured_and_shared_out(monkeypatch: pytest.MonkeyPatch) -> None:
    wide = model(Wide())
    found = memory.bytes_per_pixel(wide, Domain.B)
    assert 2 * 32 * 4 <= found <= 6 * 32 * 4
    monkeypatch.setattr(memory, "free", lambda device: 2 * found * 100 * 100 * 5)
    assert memory.whole_limit(wide, Domain.B) == 100 * 100 * 5
    assert [memory.batch_size(wide, Domain.B, 100, 100, most) for most in (1, 4, 8)] == [1, 4, 5]
    assert memory.batch_size(wide, Domain.B, 9999, 9999, 8) == 1


def test_a_containers_limit_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "CONTROL_GROUP", tmp_path)
    cpu = torch.device("cpu")
    alone = memory.free(cpu)
    (tmp_path / "memory.max").write_text("5000\n")
    (tmp_path / "memory.current").write_text("3000\n")
    (tmp_path / "memory.stat").write_text("anon 2500\ninactive_file 400\n")
    assert memory.free(cpu) == 2400 < alone
    (tmp_path / "memory.max").write_text("max\n")
    assert memory.free(cpu) > 10**6


def test_tiles_shrink_to_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = model(NETWORKS["unet"]())
    assert large.tile_side(chosen, Domain.B) == 512
    monkeypatch.setattr(memory, "free", lambda device: 2 * memory.bytes_per_pixel(chosen, Domain.B) * 200 * 200)
    assert large.tile_side(chosen, Domain.B) <= 200
