"""Modes are counted as they are, digits are drawn and read, and a collapse can be produced and mended."""

import math
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from translate.data import digits
from translate.errors import UserError

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import modes_count
import modes_digits
import modes_gaussians


def around(modes: list[int], each: int) -> Tensor:
    """Points of the mixture's own width, `each` in every one of `modes`."""
    means = modes_gaussians.centres()[modes].repeat_interleave(each, dim=0)
    noise = torch.randn(means.shape, generator=torch.Generator().manual_seed(1)) * modes_gaussians.DEVIATION
    return means + noise


def test_the_grid_is_in_the_pictures_range_and_its_draws_reach_all_modes() -> None:
    assert modes_gaussians.centres().abs().max() == pytest.approx(0.8)
    points = modes_gaussians.draw(0, 0, 2500).flatten(1)
    assert points.abs().max() < 1
    counted = modes_gaussians.count_points(points)
    assert counted.reached == 25
    assert counted.quality == pytest.approx(1 - math.exp(-4.5), abs=0.01)  # within three deviations in two dimensions
    assert counted.kl == pytest.approx(24 / (2 * 2500), abs=0.005)
    again, other = modes_gaussians.draw(0, 0, 2500).flatten(1), modes_gaussians.draw(0, 1, 2500).flatten(1)
    assert torch.equal(points, again)
    assert not torch.equal(points, other)


def test_three_modes_are_three() -> None:
    counted = modes_gaussians.count_points(around([0, 7, 24], 800))
    assert counted.reached == 3
    assert counted.kl == pytest.approx(math.log(25 / 3), abs=0.01)


def test_uneven_modes_are_reached_and_yet_far_from_uniform() -> None:
    points = torch.cat([around([12], 2000), around([mode for mode in range(25) if mode != 12], 21)])
    counted = modes_gaussians.count_points(points)
    share = np.array([2000] + [21] * 24) / (2000 + 21 * 24)
    assert counted.kl == pytest.approx(math.log(25) + (share * np.log(share)).sum(), abs=0.02)


def test_noise_and_what_lies_between_modes_are_of_no_mode() -> None:
    box = torch.rand(2500, 2, generator=torch.Generator().manual_seed(1)) * 2 - 1
    counted = modes_gaussians.count_points(box)
    covered = 25 * math.pi * (3 * modes_gaussians.DEVIATION) ** 2 / 4
    assert counted.reached == 0
    assert counted.quality == pytest.approx(covered, abs=0.01)
    middle = (modes_gaussians.centres()[:1] + modes_gaussians.centres()[1:2]) / 2
    assert modes_gaussians.count_points(middle.expand(2500, 2)) == modes_count.Count(25, 0, 0.0, math.log(25))


def test_strays_are_no_mode() -> None:
    least = modes_gaussians.LEAST
    enough, strays = torch.zeros(least + 5, dtype=torch.int64), torch.ones(least - 1, dtype=torch.int64)
    assert modes_count.count(torch.cat([enough, strays]), 25, least).reached == 1
    assert modes_count.count(torch.cat([enough, strays]), 25).reached == 2


def collapsed(points: Tensor) -> int:
    """Cells of the grid that hold a fair share's fifth of the points, however blurred: early in training all are."""
    label = modes_count.nearest(points, modes_gaussians.centres(), math.inf)
    return modes_count.count(label, 25, modes_gaussians.LEAST).reached


def test_a_digit_depends_on_its_number_and_seed_alone() -> None:
    classes = np.arange(20) % 10
    drawn = digits.glyphs(classes, seed=3, first=100)
    assert drawn.shape == (20, 32, 32)
    assert drawn.min() == -1
    assert drawn.max() == 1
    assert np.array_equal(digits.glyphs(classes[7:9], seed=3, first=107), drawn[7:9])
    assert not np.array_equal(digits.glyphs(classes[:1], seed=4, first=100), drawn[:1])
    for mode in range(10):
        assert np.abs(drawn[mode] - drawn[mode + 10]).mean() > 0.02, mode  # a class is no single picture


def test_digits_stay_on_their_picture() -> None:
    drawn = digits.glyphs(np.arange(200) % 10, seed=5)
    rim = np.concatenate([drawn[:, [0, -1]].ravel(), drawn[:, :, [0, -1]].ravel()])
    assert (rim > 0).mean() < 0.001
    assert digits.glyphs(np.arange(2), size=28).shape == (2, 28, 28)
    assert len(digits.glyphs(np.arange(0))) == 0


@pytest.fixture(scope="module")
def reader() -> modes_digits.Reader:
    return modes_digits.train_reader(0, steps=120, rows=2000)


def test_the_reader_reads_digits_that_it_has_not_seen(reader: modes_digits.Reader) -> None:
    assert modes_digits.accuracy(reader, 0, rows=1000) > 0.98


def test_planted_stacks_are_counted(reader: modes_digits.Reader) -> None:
    planted = torch.tensor([[1, 2, 3], [1, 2, 3], [4, 0, 6], [7, 7, 7]]).repeat_interleave(50, dim=0)
    drawn = digits.glyphs(planted.flatten().numpy(), seed=9)
    stacks = torch.from_numpy(drawn).view(-1, 3, 32, 32)
    modes, _ = modes_digits.read(reader, stacks)
    wanted = planted @ torch.tensor([100, 10, 1])
    assert (modes == wanted).double().mean() > 0.95
    found = torch.bincount(modes, minlength=1000)
    assert set(found.topk(3).indices.tolist()) == {123, 406, 777}
    counted, sure = modes_digits.count_stacks(reader, stacks[modes == wanted])
    assert counted.reached == 3
    assert counted.kl == pytest.approx(math.log(1000) - 1.04, abs=0.02)  # shares of a half, a quarter and a quarter
    assert sure > 0.85


def test_what_is_no_digit_is_not_recognised(reader: modes_digits.Reader) -> None:
    noise = torch.randn(200, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    assert modes_digits.count_stacks(reader, noise)[1] < 0.5


def test_stacks_are_three_digits_each_drawn_by_itself(
    reader: modes_digits.Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(modes_digits, "POOL", 200)
    modes_digits.pool.cache_clear()
    stacks = modes_digits.draw(0, 0, 600)
    assert torch.equal(stacks, modes_digits.draw(0, 0, 600))
    modes, _ = modes_digits.read(reader, stacks)
    for place in (100, 10, 1):  # 60 of each digit, give or take four standard deviations
        assert (torch.bincount(modes // place % 10, minlength=10) - 60).abs().max() < 30
    assert len(modes.unique()) > 400  # of 1,000; 451 expected of 600 fair draws
    modes_digits.pool.cache_clear()


def test_the_dataset_of_stacks_says_each_ones_mode(tmp_path: Path, reader: modes_digits.Reader) -> None:
    digits.make(tmp_path / "digits", train=30, test=10)
    files = sorted((tmp_path / "digits" / "train").iterdir())
    assert len(files) == 30
    assert len(list((tmp_path / "digits" / "test").iterdir())) == 10
    pictures = np.stack([np.asarray(Image.open(file)) for file in files])
    stacks = torch.from_numpy(pictures).permute(0, 3, 1, 2) / 127.5 - 1
    said = torch.tensor([int(file.stem.split("_")[1]) for file in files])
    assert (modes_digits.read(reader, stacks)[0] == said).double().mean() > 0.9
    assert len(said.unique()) > 20
    digits.make(tmp_path / "again", train=30, test=10)
    for file in files:
        assert (tmp_path / "again" / "train" / file.name).read_bytes() == file.read_bytes()
    with pytest.raises(UserError, match="not an empty folder"):
        digits.make(tmp_path / "digits")
