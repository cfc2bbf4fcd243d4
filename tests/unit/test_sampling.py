"""New images: the same seed is the same images, refined or truncated, in whatever batches they are drawn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from translate.config import Config
from translate.inference.model import Model
from translate.inference.sampling import Sampler, grid, latents, sample
from translate.networks.dcgan import DcganGenerator
from translate.prior import Prior


class Telling(nn.Module):
    """Shows its latent, and the class in the second channel."""

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        shown = torch.zeros(len(z), 3, 4, 4) if labels is None else labels[:, None, None, None].expand(-1, 3, 4, 4) / 10
        return torch.cat([z.tanh().reshape(-1, 1, 4, 4), shown[:, :2]], dim=1)


class Styled(Telling):
    def truncated(self, z: Tensor, psi: float) -> Tensor:
        return self(z * 0 + psi)


class Comparing(nn.Module):
    """Likes bright images, and a batch whose images differ: as discriminators that look at a whole batch do."""

    def forward(self, x: Tensor, labels: Tensor | None = None) -> list[Tensor]:
        bright = x[:, :1].mean((2, 3), keepdim=True) * (1 if labels is None else 1 + labels[:, None, None, None])
        return [40 * bright + x.std(0).mean(), 20 * bright.expand(-1, 1, 3, 3)]


def model(generator: nn.Module | None = None, judge: nn.Module | None = None, **networks: Any) -> Model:
    networks = {"latent": 16, **networks}
    config = Config.model_validate({"data": {"size": [4, 4]}, "networks": networks, "produce": ["b"]})
    judges = nn.ModuleDict({"b": judge or Comparing()})
    generators = nn.ModuleDict({"b": generator or Telling()})
    return Model(config, generators, checkpoint="none", step=0, discriminators=judges)


def drawn(sampler: Sampler, count: int, batch: int = 16) -> np.ndarray:
    return np.stack(list(sampler.draw(count, batch)))


def test_a_latent_is_a_function_of_its_own_position() -> None:
    prior = Prior(16)
    together = latents(prior, *(("sample", 3, i) for i in range(10)))
    assert torch.equal(together[4:5], latents(prior, ("sample", 3, 4)))
    assert not torch.equal(together[4:5], latents(prior, ("sample", 4, 4)))
    assert len(torch.unique(together)) == together.numel()
    many = latents(Prior(64), *(("sample", 0, i) for i in range(300)))
    assert abs(float(many.mean())) < 0.03
    assert float(many.std()) == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("refinement", [0, 3])
def test_the_batch_and_the_count_change_no_image(refinement: int) -> None:
    torch.manual_seed(0)
    network = DcganGenerator(16, 3, (16, 16), width=8)
    real = model(network, _Conv())
    expected = drawn(Sampler(real, 7, refinement=refinement), 40)
    for count, batch in ((40, 1), (40, 7), (33, 64), (3, 16)):
        found = drawn(Sampler(real, 7, refinement=refinement), count, batch)
        # Sums of floats come out by about 1e-6 differently in other batches: rarely that is a level of 8 bits.
        assert np.abs(found.astype(int) - expected[:count]).max() <= 1
        assert (found != expected[:count]).mean() < 1e-3
    for count in (1, 3, 33):
        np.testing.assert_array_equal(drawn(Sampler(real, 7, refinement=refinement), count), expected[:count])
    assert (drawn(Sampler(real, 8, refinement=refinement), 3) != expected[:3]).mean() > 0.5


class _Conv(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.layers = nn.Sequential(nn.Conv2d(3, 8, 4, 2), nn.LeakyReLU(0.2), nn.Conv2d(8, 1, 4))

    def forward(self, x: Tensor) -> list[Tensor]:
        return [self.layers(x) + x.std(0).mean()]


def test_floats_of_other_batches_are_close() -> None:
    torch.manual_seed(0)
    real = model(DcganGenerator(16, 3, (16, 16), width=8))
    z = latents(Prior(16), *(("sample", 0, i) for i in range(24)))
    together = real.draw(z)
    apart = torch.cat([real.draw(part) for part in z.split(5)])
    torch.testing.assert_close(together, apart, atol=1e-5, rtol=0)


def test_classes_in_turn_and_chosen() -> None:
    classed = model(classes=["cat", "dog", "owl"])
    assert classed.classes == ("cat", "dog", "owl")

    def told(classes: list[int]) -> list[int]:
        return [round((int(pixels[0, 0, 1]) / 127.5 - 1) * 10) for pixels in Sampler(classed, 0, classes).draw(5, 2)]

    assert told([0, 1, 2]) == [0, 1, 2, 0, 1]
    assert told([2]) == [2] * 5


def test_truncation_bounds_a_normal_prior() -> None:
    free = torch.stack(list(Sampler(model()).latents(200)))
    bound = torch.stack(list(Sampler(model(), truncation=0.7).latents(200)))
    assert float(bound.abs().max()) <= 0.7 < float(free.abs().max())
    uniform = bound.abs().flatten().sort().values / 0.7
    assert float(uniform.mean()) == pytest.approx(0.48, abs=0.02)  # spread over the interval, not heaped at its ends
    wide, plain = torch.empty(2, 8), torch.empty(2, 8).normal_(generator=torch.Generator().manual_seed(0))
    torch.nn.init.trunc_normal_(wide, a=-9, b=9, generator=torch.Generator().manual_seed(0))
    if torch.equal(wide, plain):  # as torch draws them by now; it used to invert the distribution's function
        assert torch.equal(torch.stack(list(Sampler(model(), truncation=9).latents(200))), free)
    narrow = model(latent={"dimension": 16, "prior": "truncated_normal", "limit": 0.5})
    assert float(torch.stack(list(Sampler(narrow, truncation=2).latents(50))).abs().max()) <= 0.5


def test_truncation_is_psi_where_there_are_styles() -> None:
    styled = Sampler(model(Styled()), truncation=0.5)
    assert styled.prior.kind == "normal"
    level = round((np.tanh(0.5) + 1) * 127.5)
    assert (drawn(styled, 2)[..., 0] == level).all()
    assert (drawn(Sampler(model(Styled())), 2)[..., 0] != level).any()


def test_refined_images_please_the_discriminator_and_say_so() -> None:
    sampler = Sampler(model(), refinement=60, step=0.05)
    refined, plain = drawn(sampler, 20), drawn(Sampler(model()), 20)
    before, after = np.array(sampler.logits).T
    assert len(before) == 20
    assert after.mean() > before.mean() + 5
    assert refined[..., 0].mean() > plain[..., 0].mean() + 10
    # what is told is the mean over the scales of the logits of what is shown
    bright = torch.from_numpy(plain[..., 0].astype(np.float32)).flatten(1).mean(1) / 127.5 - 1
    assert np.corrcoef(before, bright)[0, 1] > 0.99


def test_refinement_tells_the_discriminator_the_class() -> None:
    classed = model(classes=["cat", "dog"])
    sampler = Sampler(classed, classes=[0, 1], refinement=40, step=0.05)
    list(sampler.draw(32))
    gains = np.array(sampler.logits)[:, 1] - np.array(sampler.logits)[:, 0]
    assert gains[1::2].mean() > 1.5 * gains[::2].mean()  # of the second class brightness counts twice


def test_files_and_grids(tmp_path: Path) -> None:
    heard: list[int] = []
    sample(Sampler(model(), 7), tmp_path / "all", 5, progress=heard.append)
    names = [f"{i:05}.png" for i in range(5)]
    assert sorted(p.name for p in (tmp_path / "all").iterdir()) == [*names, "grid.png"]
    assert heard == [1, 2, 3, 4, 5]
    assert np.asarray(Image.open(tmp_path / "all/grid.png")).shape == (8, 12, 3)
    sample(Sampler(model(), 7), tmp_path / "alone", 70, alone=True)
    assert [p.name for p in (tmp_path / "alone").iterdir()] == ["grid.png"]
    alone = np.asarray(Image.open(tmp_path / "alone/grid.png"))
    assert alone.shape == (8 * 4, 9 * 4, 3)  # all 70 of them
    np.testing.assert_array_equal(alone[:4, 4:8], np.asarray(Image.open(tmp_path / "all/00001.png")))
    sample(Sampler(model(classes=["cat", "dog"]), classes=[0, 1]), tmp_path / "classes", 6, alone=True)
    columns = np.asarray(Image.open(tmp_path / "classes/grid.png"))
    assert columns.shape == (12, 8, 3)
    assert len(np.unique(columns[:, :4, 1])) == len(np.unique(columns[:, 4:, 1])) == 1  # a class, a column


def test_a_grid_is_filled_up_with_black() -> None:
    tiles = [np.full((2, 3, 1), 200, np.uint8)] * 5
    assert grid(tiles).shape == (4, 9, 1)
    assert (grid(tiles)[2:, 6:] == 0).all()
    assert grid(tiles, 5).shape == (2, 15, 1)
