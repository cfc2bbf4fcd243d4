"""Scores of a model and of folders: protocol, baseline, what is left out or named."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from torch import Tensor, nn

from translate.config import Channels, Config, Data
from translate.data import images, layouts
from translate.domain import Domain
from translate.errors import UserError
from translate.evaluation import evaluate, evaluate_folders, examples
from translate.evaluation.reading import recoloured
from translate.inference.model import Model
from translate.metrics import TABLE
from translate.metrics.swd import swd


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


class Tinted(nn.Module):
    """What the latent may say of the output: nothing, a little, or all of it."""

    def __init__(self, image: float, latent: float) -> None:
        super().__init__()
        self.image, self.latent = image, latent

    def forward(self, x: Tensor, z: Tensor) -> Tensor:
        return -self.image * x + self.latent * z[:, :1, None, None]


def stochastic(image: float, latent: float) -> Model:
    networks = {"latent": {"dimension": 4, "prior": "uniform", "enter": "maps"}}
    config = Config.model_validate({"data": {"size": [16, 16]}, "networks": networks})
    generators = nn.ModuleDict({d: Tinted(image, latent) for d in Domain})
    return Model(config, generators, checkpoint="step-7.pt", step=7)


def test_the_samples_of_a_stochastic_run_are_compared_with_one_another(tmp_path: Path) -> None:
    dataset = layouts.find(negatives(tmp_path, 20))
    scores = evaluate(stochastic(0.5, 0.25), dataset)
    assert scores["protocol"]["samples"] == 5
    found = scores["diversity"]["a2b"]
    # Of two uniform latents in [-1, 1] the mean distance is 2/3; 0.25 of it, in steps of 1/127.5.
    assert found["same_input"] == pytest.approx(127.5 * 0.25 * 2 / 3, abs=3)
    # Of two uniform pixels too; the latent that both outputs have cancels.
    assert found["same_latent"] == pytest.approx(127.5 * 0.5 * 2 / 3, abs=1)
    assert 0 < found["best_of"] < scores["metrics"]["a2b"]["l1"]
    assert evaluate(stochastic(0.5, 0.25), dataset) == scores
    assert evaluate(stochastic(0.5, 0.25), dataset, seed=1)["metrics"] != scores["metrics"]
    json.dumps(scores, allow_nan=False)


@pytest.mark.parametrize(("image", "latent", "nothing"), [(1, 0, "same_input"), (0, 0.5, "same_latent")])
def test_a_generator_that_ignores_one_of_its_inputs_is_seen(
    tmp_path: Path, image: float, latent: float, nothing: str
) -> None:
    found = evaluate(stochastic(image, latent), layouts.find(negatives(tmp_path, 5)))["diversity"]["b2a"]
    assert found.pop(nothing) == 0
    found.pop("best_of")
    assert min(found.values()) > 10


def test_what_a_single_input_can_not_tell_is_left_out(tmp_path: Path) -> None:
    found = evaluate(stochastic(1, 0.1), layouts.find(negatives(tmp_path, 1)))["diversity"]["a2b"]
    assert set(found) == {"same_input", "best_of"}


def test_examples_of_a_stochastic_run_are_several_samples(tmp_path: Path) -> None:
    rows = examples(stochastic(0, 1), layouts.find(negatives(tmp_path, 3)), count=2)["a2b"]
    assert [len(row) for row in rows] == [6, 6]  # input, four samples, truth
    first, second = rows
    columns = [(one, two) for one, two in zip(first[1:-1], second[1:-1], strict=True)]
    for one, two in columns:  # a latent for each column
        np.testing.assert_array_equal(one, two)
    assert len({one.tobytes() for one, _ in columns if one is not None}) == 4


class Bank(nn.Module):
    """Draws the pictures that it holds: by heart, as z tells."""

    def __init__(self, pictures: np.ndarray) -> None:
        super().__init__()
        self.pictures = images.to_tensor(pictures)

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        rows = (z[:, 0] * 1000).long() % len(self.pictures)
        return self.pictures[rows if labels is None else labels]


def drawing(pictures: np.ndarray, **networks: object) -> Model:
    config = Config.model_validate(
        {"data": {"size": [32, 32]}, "networks": {"latent": 4, **networks}, "produce": ["b"]}
    )
    return Model(config, nn.ModuleDict({"b": Bank(pictures)}), checkpoint="step-7.pt", step=7)


def waves(root: Path, counts: dict[str, int]) -> dict[str, np.ndarray]:
    """Pictures of one kind in folders; the arrays that they hold."""
    random = np.random.default_rng(0)
    y, x = np.mgrid[:32, :32]
    found = {}
    for folder, count in counts.items():
        (root / folder).mkdir(parents=True)
        pictures = []
        for i in range(count):
            phase, pitch, angle = random.random(3) * 6
            wave = np.sin((x * np.cos(angle) + y * np.sin(angle)) / (1 + pitch) + phase)[..., None]
            picture = np.clip(127 + 80 * wave * random.random(3), 0, 255).astype(np.uint8)
            Image.fromarray(picture).save(root / folder / f"{i:03}.png")
            pictures.append(picture)
        found[folder] = np.stack(pictures)
    return found


def test_samples_are_scored_as_a_set_beside_training_images(tmp_path: Path) -> None:
    made = waves(tmp_path, {"train": 40, "test": 16})
    dataset = layouts.find(tmp_path)
    by_heart = evaluate(drawing(made["train"]), dataset, seed=3)
    protocol = by_heart["protocol"]
    assert protocol["n"] == {"sample": 16, "real": 16, "baseline": 16}
    assert (protocol["seed"], protocol["split"], protocol["size"]) == (3, "test", [32, 32])
    assert list(by_heart["metrics"]["sample"]) == ["swd", "swd_32", "swd_16"]
    # Training images drawn by heart score like training images; noise and a single image are worse.
    assert by_heart["metrics"]["sample"]["swd"] < 1.7 * by_heart["baseline"]["sample"]["swd"]
    noise = np.random.default_rng(0).integers(0, 256, (40, 32, 32, 3), np.uint8)
    assert evaluate(drawing(noise), dataset)["metrics"]["sample"]["swd"] > 1.5 * by_heart["baseline"]["sample"]["swd"]
    collapsed = evaluate(drawing(made["test"][:1]), dataset)["metrics"]["sample"]["swd"]
    assert collapsed > 1.5 * by_heart["baseline"]["sample"]["swd"]
    json.dumps(by_heart, allow_nan=False)


def test_without_held_out_images_the_way_to_some_is_told(tmp_path: Path) -> None:
    made = waves(tmp_path, {"all": 21})
    dataset = layouts.find(tmp_path / "all")
    with pytest.raises(UserError, match="no held-out images") as error:
        evaluate(drawing(made["all"]), dataset)
    assert "test/ beside train/" in str(error.value)
    assert "--split train" in str(error.value)
    scores = evaluate(drawing(made["all"]), dataset, "train")
    assert scores["protocol"]["n"] == {"sample": 11, "real": 11, "baseline": 10}  # the two halves
    assert scores["baseline"]["sample"]["swd"] > 0
    with pytest.raises(UserError, match='Did you mean "train"'):
        evaluate(drawing(made["all"]), dataset, "trian")


def test_samples_have_the_classes_of_the_held_out_images(tmp_path: Path) -> None:
    made = waves(tmp_path, {"train/cat": 3, "train/dog": 3, "test/cat": 1, "test/dog": 6})
    shown = np.concatenate([made["test/cat"], made["test/dog"][:1]])
    asked: list[int] = []

    class Asked(Bank):
        def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
            assert labels is not None
            asked.extend(labels.tolist())
            return super().forward(z, labels)

    classed = drawing(shown, classes=["cat", "dog"])
    classed.generators["b"] = Asked(shown)
    evaluate(classed, layouts.find(tmp_path))
    assert sorted(asked[:7]) == [0, 1, 1, 1, 1, 1, 1]  # the rest fills the batch up


def test_a_metric_of_the_other_kind_says_where_it_belongs(tmp_path: Path) -> None:
    made = waves(tmp_path / "one", {"train": 3, "test": 3})
    with pytest.raises(UserError, match="here there is none"):
        evaluate(drawing(made["train"]), layouts.find(tmp_path / "one"), names=["l1"])
    with pytest.raises(UserError, match="compares sets of images") as error:
        evaluate(model(), layouts.find(negatives(tmp_path / "two", 2)), names=["swd"])
    assert "--fake DIR --real DIR" in str(error.value)


def test_frames_are_scored_together_and_doing_nothing_repeats_the_newest(tmp_path: Path) -> None:
    for split in ("train", "test"):
        for side, frames in (("A", 2), ("B", 1)):
            (tmp_path / split / side).mkdir(parents=True)
            for i in range(3):
                levels = np.random.default_rng(i).integers(0, 256, (16, 16, 3), np.uint8)
                strip = [levels // 2, levels][-frames:]  # B is the newer frame of A, unmoved
                Image.fromarray(np.concatenate(strip, axis=1)).save(tmp_path / split / side / f"{i}.png")

    class Older(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x[:, :3]

    tree = {"data": {"size": [16, 16], "frames": {"a": 2}, "pairs": "stem"}, "produce": ["b"]}
    older = Model(Config.model_validate(tree), nn.ModuleDict({"b": Older()}), checkpoint="-", step=0)
    dataset = layouts.find(tmp_path, "stem")
    scores = evaluate(older, dataset)
    assert scores["baseline"]["a2b"]["l1"] == 0
    assert scores["metrics"]["a2b"]["l1"] == pytest.approx(64, abs=4)
    given, output, truth = examples(older, dataset)["a2b"][0]
    assert given is not None
    assert output is not None
    assert truth is not None
    assert (given.shape, output.shape, truth.shape) == ((16, 32, 3), (16, 16, 3), (16, 16, 3))
    np.testing.assert_array_equal(given[:, 16:], truth)
    np.testing.assert_array_equal(given[:, :16], output)


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


def test_folders_without_pairs_are_two_sets(tmp_path: Path) -> None:
    made = waves(tmp_path, {"fake": 9, "real/sub": 12})
    (tmp_path / "fake/broken.png").write_text("no image")
    scores = evaluate_folders(tmp_path / "fake", tmp_path / "real", False)
    assert list(scores["metrics"]["fake"]) == ["swd", "swd_32", "swd_16"]
    assert scores["metrics"]["fake"] == swd(made["fake"], made["real/sub"], 0)
    assert scores["protocol"]["n"] == {"fake": 9, "real": 12}
    assert "broken.png" in scores["protocol"]["unreadable"][0]
    with pytest.raises(UserError, match="--paired"):
        evaluate_folders(tmp_path / "fake", tmp_path / "real", False, ["l1"])
    with pytest.raises(UserError, match="compares sets"):
        evaluate_folders(tmp_path / "fake", tmp_path / "real", True, ["swd"])
    save(tmp_path / "small/a.png", 0, size=8)
    with pytest.raises(UserError, match=r"nothing can be computed.*16x16"):
        evaluate_folders(tmp_path / "small", tmp_path / "small", False)


def test_folder_mistakes_are_explained(tmp_path: Path) -> None:
    save(tmp_path / "fake/a.png", 0)
    save(tmp_path / "real/a.png", 0, size=20)
    save(tmp_path / "strange/b.png", 0)
    with pytest.raises(UserError, match=r"fake/a\.png: is 16x16, but .*real/a\.png is 20x20"):
        evaluate_folders(tmp_path / "fake", tmp_path / "real", True)
    with pytest.raises(UserError, match="images of equal size"):
        evaluate_folders(tmp_path / "fake", tmp_path / "real", False)
    with pytest.raises(UserError, match="no image has a partner"):
        evaluate_folders(tmp_path / "fake", tmp_path / "strange", True)
    save(tmp_path / "fake/a.bmp", 0)
    with pytest.raises(UserError, match="same name but for the ending"):
        evaluate_folders(tmp_path / "fake", tmp_path / "real", True)
