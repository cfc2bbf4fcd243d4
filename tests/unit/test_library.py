"""`translate.load(RUN)`: pictures, arrays and tensors in, the same kind out."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

import translate
from translate import build, checkpoint
from translate.config import Channels, Config, Data, validate
from translate.domain import Domain
from translate.errors import UserError
from translate.inference import memory
from translate.inference.library import Translator
from translate.inference.model import Model


class Negative(nn.Module):
    stride = 4

    def forward(self, x: Tensor) -> Tensor:
        return -x


class ToGrey(nn.Module):
    stride = 1

    def forward(self, x: Tensor) -> Tensor:
        return x.mean(1, keepdim=True)


def negative(generator: nn.Module | None = None, channels: Channels | None = None) -> Translator:
    config = Config(data=Data(size=(64, 64), channels=channels or Channels()))
    generators = nn.ModuleDict({domain: generator or Negative() for domain in Domain})
    return Translator(Model(config, generators, checkpoint="none", step=0))


def noise(*shape: int, dtype: str = "uint8") -> np.ndarray:
    rng = np.random.default_rng(0)
    if dtype == "float32":
        return rng.random(shape, np.float32)
    return rng.integers(0, np.iinfo(dtype).max + 1, shape, dtype)


@pytest.mark.parametrize(
    ("shape", "dtype"),
    [((37, 53, 3), "uint8"), ((37, 53, 3), "uint16"), ((37, 53, 3), "float32"), ((2, 5, 9, 3), "uint8")],
)
def test_arrays_keep_their_depth_and_size(shape: tuple[int, ...], dtype: str) -> None:
    given = noise(*shape, dtype=dtype)
    made = negative()(given)
    assert made.dtype == given.dtype
    white = 1 if dtype == "float32" else np.iinfo(dtype).max
    np.testing.assert_allclose(made.astype(np.float64), white - given.astype(np.float64), atol=1e-6)


def test_grey_arrays_become_colours_or_stay_grey_as_the_model_makes_them() -> None:
    grey = noise(8, 12)
    np.testing.assert_array_equal(negative()(grey), np.repeat(255 - grey[:, :, None], 3, axis=2))
    assert negative(ToGrey(), Channels(a=3, b=1))(noise(8, 12)).shape == (8, 12)
    assert negative(ToGrey(), Channels(a=3, b=1))(noise(8, 12, 3)).shape == (8, 12, 1)


def test_a_fourth_channel_is_transparency_and_kept() -> None:
    given = noise(8, 12, 4)
    given[0, 0] = (10, 20, 30, 0)  # unseen, so the network sees white
    made = negative()(given)
    np.testing.assert_array_equal(made[:, :, 3], given[:, :, 3])
    assert made[0, 0].tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "LA", "P", "1", "CMYK"])
def test_pictures_of_any_mode(mode: str) -> None:
    given = Image.fromarray(noise(9, 14, 3)).convert("RGBA" if mode == "LA" else mode).convert(mode)
    made = negative()(given)
    assert made.size == (14, 9)
    assert made.mode == ("RGBA" if mode in ("RGBA", "LA") else "RGB")
    np.testing.assert_array_equal(np.asarray(made)[..., :3], 255 - np.asarray(given.convert("RGB")))


def test_pictures_are_turned_upright_and_grey_of_16_bits_stays_deep() -> None:
    given = Image.fromarray(noise(9, 14, 3))
    given.getexif()[0x0112] = 6
    assert negative()(given).size == (9, 14)
    deep = noise(9, 14, dtype="uint16")
    identity = nn.Identity()
    made = negative(identity, Channels(a=1, b=1))(Image.fromarray(deep))
    np.testing.assert_array_equal(np.asarray(made), deep)


def test_tensors_are_neither_rounded_nor_stacked_unasked() -> None:
    image = torch.rand(3, 10, 14) * 2 - 1
    torch.testing.assert_close(negative()(image), -image)
    torch.testing.assert_close(negative()(image[None]), -image[None])


@pytest.mark.parametrize(
    ("given", "kind", "says"),
    [
        ("a.png", TypeError, "not a str"),
        (np.zeros((4, 4), np.int64), ValueError, "uint8, uint16, or floats"),
        (np.full((4, 4, 3), 2, np.float32), ValueError, "expected 0 to 1"),
        (np.zeros((4, 4, 5), np.uint8), ValueError, "1 to 4 channels"),
        (np.zeros((4,), np.uint8), ValueError, r"\[H, W\]"),
        (np.full((4, 4, 3), np.nan, np.float32), ValueError, "expected 0 to 1"),
        (np.zeros((0, 4, 4, 3), np.uint8), ValueError, "holds no image"),
        (torch.full((3, 4, 4), torch.nan), ValueError, "expected -1 to 1"),
        (torch.zeros(0, 3, 4, 4), ValueError, "holds no image"),
        (torch.zeros(3, 4, 0), ValueError, "holds no image"),
        (torch.zeros(1, 4, 4), ValueError, r"\[3, H, W\]"),
        (torch.zeros(3, 4, 4, dtype=torch.uint8), ValueError, "floats in"),
        (torch.full((3, 4, 4), 200.0), ValueError, "expected -1 to 1"),
    ],
)
def test_what_does_not_fit_is_said(given: object, kind: type[Exception], says: str) -> None:
    with pytest.raises(kind, match=says):
        negative()(given)


def test_large_images_go_tile_by_tile(monkeypatch: pytest.MonkeyPatch) -> None:
    given = noise(150, 170, 3)
    monkeypatch.setattr(memory, "whole_limit", lambda *_: 10_000)
    np.testing.assert_array_equal(negative()(given), 255 - given)


def written(folder: Path, networks: dict[str, object], produce: list[str]) -> Path:
    tree = {"data": {"root": "none", "size": [16, 16]}, "networks": networks, "produce": produce}
    config = validate({**tree, "objective": {"adversarial": {}}}, "test")
    folder.mkdir()
    (folder / "config.yaml").write_text(config.to_yaml())
    checkpoint.save(folder, {"step": 5, "generator_ema": build.generators(config).state_dict()}, keep=1)
    return folder


def test_a_run_folder_is_loaded(tmp_path: Path) -> None:
    run = written(tmp_path / "run", {"generator": {"name": "fast", "width": 8, "blocks": 1, "detail": 4}}, ["b"])
    model = translate.load(run)
    assert model(noise(20, 30, 3)).shape == (20, 30, 3)
    with pytest.raises(UserError, match="no images of a"):
        model(noise(20, 30, 3), to="a")
    with pytest.raises(UserError, match="no images of c"):
        translate.load(run, to="c")
    with pytest.raises(UserError, match="an unconditional run"):
        model.sample(2)


def test_a_stochastic_run_follows_its_seed(tmp_path: Path) -> None:
    generator = {"name": "fast", "width": 8, "blocks": 1, "detail": 4}
    run = written(tmp_path / "run", {"generator": generator, "latent": {"dimension": 4, "enter": "maps"}}, ["b"])
    model, image = translate.load(str(run)), noise(16, 16, 3, dtype="uint16")
    np.testing.assert_array_equal(model(image, seed=1), model(image, seed=1))
    assert (model(image, seed=1) != model(image, seed=2)).any()
    both = model(np.stack([image, image]), seed=1)
    np.testing.assert_array_equal(both[0], model(image, seed=1))
    assert (both[0] != both[1]).any()


def test_an_unconditional_run_draws(tmp_path: Path) -> None:
    networks = {"latent": 4, "generator": {"name": "dcgan", "width": 4}, "discriminator": {"name": "dcgan"}}
    model = translate.load(written(tmp_path / "run", networks, ["b"]))
    made = model.sample(3, seed=1)
    assert made.shape == (3, 16, 16, 3)
    np.testing.assert_array_equal(made[:2], model.sample(2, seed=1))


def test_importing_the_package_is_cheap() -> None:
    code = "import sys, translate; assert 'torch' not in sys.modules; translate.load; assert 'torch' in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
    with pytest.raises(AttributeError, match="lod"):
        translate.lod  # noqa: B018


def test_floats_of_other_widths_and_a_little_rounding_are_no_mistakes() -> None:
    given = noise(6, 7, 3).astype(np.float64) / 255
    given[0, 0, 0] = 1 + 1e-6
    made = negative()(given)
    assert made.dtype == np.float64
    np.testing.assert_allclose(made, 1 - given, atol=1e-5)
    learning = (torch.rand(3, 6, 7) * 2 - 1).requires_grad_()
    torch.testing.assert_close(negative()(learning), -learning.detach())


def test_float_pictures_and_profiles() -> None:
    given = Image.fromarray(noise(6, 7, dtype="float32"))
    assert negative()(given).mode == "RGB"
    profiled = Image.fromarray(noise(6, 7, 3))
    profiled.info.update(icc_profile=b"profile", dpi=(300, 300), comment="private")
    assert negative()(profiled).info == {"icc_profile": b"profile", "dpi": (300, 300)}
    assert "icc_profile" not in negative(ToGrey(), Channels(a=3, b=1))(profiled).info
