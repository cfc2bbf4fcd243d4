"""Scores of a model and of folders: protocol, baseline, what is left out or named."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from torch import Tensor, nn

from translate.config import Channels, Config, Data
from translate.data import layouts
from translate.domain import Domain
from translate.errors import UserError
from translate.evaluation import evaluate, evaluate_folders, examples, recoloured
from translate.inference.model import Model
from translate.metrics import TABLE


class Negative(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return -x


def model(size: tuple[int, int] = (16, 16), generator: nn.Module | None = None, **channels: int) -> Model:
    config = Config(data=Data(size=size, channels=Channels.model_validate(channels)))
    generators = nn.ModuleDict({d: generator or Negative() for d in Domain})
    return Model(config, generators, checkpoint="step-7.pt", step=7)


def negatives(root: Path, count: int = 20, size: int = 16) -> Path:
    """Held-out pairs side by side of which B is the negative of A."""
    for split in ("train", "test"):
        (root / split).mkdir(parents=True)
        for i in range(count):
            a = np.random.default_rng(i).integers(0, 256, (size, size, 3), np.uint8)
            Image.fromarray(np.concatenate([a, 255 - a], axis=1)).save(root / split / f"{i:03}.png")
    return root


def test_the_right_model_scores_best_and_the_keys_are_the_documented_ones(tmp_path: Path) -> None:
    scores = evaluate(model(), layouts.find(negatives(tmp_path)), "test", seed=3)
    assert set(scores) == {"protocol", "metrics", "baseline", "findings"}
    protocol = scores["protocol"]
    assert {"split", "size", "n", "resize", "seed", "checkpoint", "version"} <= set(protocol)
    assert (protocol["split"], protocol["size"], protocol["seed"]) == ("test", [16, 16], 3)
    assert protocol["n"] == {"a2b": 20, "b2a": 20}
    assert (protocol["resize"], protocol["checkpoint"]) == ("pillow-bicubic", "step-7.pt")
    assert scores["findings"] == []
    for direction in ("a2b", "b2a"):
        assert scores["metrics"][direction] == {"l1": 0, "psnr": 100, "ssim": 1}
        # |255 - 2x| over uniform x is 127.5 on the average
        assert scores["baseline"][direction]["l1"] == pytest.approx(127.5, abs=4)
    json.dumps(scores, allow_nan=False)


def test_baseline_is_what_a_model_that_does_nothing_scores(tmp_path: Path) -> None:
    scores = evaluate(model(generator=nn.Identity()), layouts.find(negatives(tmp_path)))
    assert scores["metrics"] == scores["baseline"]


def test_a_metric_that_refuses_the_size_is_left_out_with_its_reason(tmp_path: Path) -> None:
    dataset = layouts.find(negatives(tmp_path, 2))
    scores = evaluate(model((8, 8)), dataset)
    assert set(scores["metrics"]["a2b"]) == set(scores["baseline"]["a2b"]) == set(TABLE) - {"ssim"}
    assert "11x11" in scores["protocol"]["left_out"]["ssim"]
    with pytest.raises(UserError, match="11x11"):
        evaluate(model((8, 8)), dataset, names=["ssim"])


def test_no_pairs_says_what_is_needed(tmp_path: Path) -> None:
    for folder in ("trainA", "trainB", "testA", "testB"):
        (tmp_path / folder).mkdir()
        Image.new("RGB", (16, 16)).save(tmp_path / folder / f"{folder}.png")
    dataset = layouts.find(tmp_path)
    with pytest.raises(UserError, match="held-out pairs"):
        evaluate(model(), dataset)
    rows = examples(model(), dataset)
    assert {name: [row[2] for row in found] for name, found in rows.items()} == {"a2b": [None], "b2a": [None]}


def test_unreadable_pictures_are_named_and_the_rest_is_scored(tmp_path: Path) -> None:
    negatives(tmp_path, 3)
    broken = tmp_path / "test/001.png"
    broken.write_bytes(broken.read_bytes()[:200])
    scores = evaluate(model(), layouts.find(tmp_path))
    assert scores["protocol"]["n"] == {"a2b": 2, "b2a": 2}
    assert "001.png" in scores["protocol"]["unreadable"][0]


def test_grey_and_colour_are_compared_in_the_truths_channels(tmp_path: Path) -> None:
    class ToGrey(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.mean(1, keepdim=True) if x.shape[1] == 3 else x.expand(-1, 3, -1, -1)

    scores = evaluate(model(generator=ToGrey(), a=3, b=1), layouts.find(negatives(tmp_path, 3)))
    # From grey to colour the model only repeats, which is also what doing nothing means.
    assert scores["metrics"]["b2a"] == scores["baseline"]["b2a"]
    colour = np.array([[[255, 0, 0]]], np.uint8)
    assert recoloured(colour, 1).item() == 76
    assert recoloured(recoloured(colour, 1), 3).tolist() == [[[76, 76, 76]]]


def test_examples_are_spread_over_the_split(tmp_path: Path) -> None:
    dataset = layouts.find(negatives(tmp_path))
    rows = examples(model(), dataset, count=4)["b2a"]
    assert len(rows) == 4
    firsts = [np.asarray(Image.open(tmp_path / f"test/{i:03}.png")) for i in (2, 7, 12, 17)]
    for (given, output, truth), image in zip(rows, firsts, strict=True):
        np.testing.assert_array_equal(given, image[:, 16:])
        np.testing.assert_array_equal(truth, image[:, :16])
        np.testing.assert_array_equal(output, truth)


def save(path: Path, level: int, size: int = 16) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (size, size), (level,) * 3).save(path)


def test_folders_are_paired_by_relative_stem(tmp_path: Path) -> None:
    for name, level in (("x/1.png", 10), ("x/2.png", 20), ("only.png", 0)):
        save(tmp_path / "fake" / name, level)
    for name, level in (("x/1.bmp", 13), ("x/2.png", 25), ("other.png", 0), ("1.png", 255)):
        save(tmp_path / "real" / name, level)
    scores = evaluate_folders(tmp_path / "fake", tmp_path / "real", True, ["l1"])
    assert scores["metrics"] == {"fake": {"l1": 4.0}}
    assert scores["protocol"]["n"] == {"fake": 2}
    assert [Path(p).name for p in scores["protocol"]["unmatched"]["fake"]] == ["only.png"]
    assert [Path(p).name for p in scores["protocol"]["unmatched"]["real"]] == ["1.png", "other.png"]


def test_folder_mistakes_are_explained(tmp_path: Path) -> None:
    save(tmp_path / "fake/a.png", 0)
    save(tmp_path / "real/a.png", 0, size=20)
    save(tmp_path / "strange/b.png", 0)
    with pytest.raises(UserError, match=r"fake/a\.png: is 16x16, but .*real/a\.png is 20x20"):
        evaluate_folders(tmp_path / "fake", tmp_path / "real", True)
    with pytest.raises(UserError, match="--paired"):
        evaluate_folders(tmp_path / "fake", tmp_path / "real", False)
    with pytest.raises(UserError, match="no image has a partner"):
        evaluate_folders(tmp_path / "fake", tmp_path / "strange", True)
    save(tmp_path / "fake/a.bmp", 0)
    with pytest.raises(UserError, match="same name but for the ending"):
        evaluate_folders(tmp_path / "fake", tmp_path / "real", True)
