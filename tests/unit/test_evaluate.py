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
    scores = evaluate(model(), layouts.find(negatives(tmp_path)), "test", seed=3).scores
    assert {"protocol", "metrics", "baseline", "reference", "findings"} <= set(scores)
    protocol = scores["protocol"]
    assert {"split", "size", "n", "resize", "seed", "checkpoint", "version"} <= set(protocol)
    assert (protocol["split"], protocol["size"], protocol["seed"]) == ("test", [16, 16], 3)
    assert protocol["n"] == {"a2b": 20, "b2a": 20}
    assert (protocol["resize"], protocol["checkpoint"]) == ("pillow-bicubic", "step-7.pt")
    assert {"torch", "numpy", "pillow"} <= set(protocol["libraries"])
    for direction in ("a2b", "b2a"):
        values = scores["metrics"][direction]
        perfect = {"l1": 0, "l2": 0, "psnr": 100, "ssim": 1, "swd": 0}
        assert {name: values[name] for name in perfect} == perfect
        assert set(scores["baseline"][direction]) == set(values)
        # |255 - 2x| over uniform x is 127.5 on the average
        assert scores["baseline"][direction]["l1"] == pytest.approx(127.5, abs=4)
    json.dumps(scores, allow_nan=False)


def test_baseline_is_what_a_model_that_does_nothing_scores(tmp_path: Path) -> None:
    scores = evaluate(model(generator=nn.Identity()), layouts.find(negatives(tmp_path))).scores
    assert scores["metrics"] == scores["baseline"]


def test_a_metric_that_refuses_the_size_is_left_out_with_its_reason(tmp_path: Path) -> None:
    dataset = layouts.find(negatives(tmp_path, 2))
    scores = evaluate(model((8, 8)), dataset).scores
    left = set(scores["protocol"]["left_out"])
    assert set(scores["metrics"]["a2b"]) == set(scores["baseline"]["a2b"]) == set(TABLE) - left
    assert {"ssim", "swd"} <= left
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
    scores = evaluate(stochastic(0.5, 0.25), dataset).scores
    assert scores["protocol"]["samples"] == 5
    found = scores["diversity"]["a2b"]
    # Of two uniform latents in [-1, 1] the mean distance is 2/3; 0.25 of it, in steps of 1/127.5.
    assert found["same_input"] == pytest.approx(127.5 * 0.25 * 2 / 3, abs=3)
    # Of two uniform pixels too; the latent that both outputs have cancels.
    assert found["same_latent"] == pytest.approx(127.5 * 0.5 * 2 / 3, abs=1)
    assert 0 < found["best_of"] < scores["metrics"]["a2b"]["l1"]
    assert evaluate(stochastic(0.5, 0.25), dataset).scores == scores
    assert evaluate(stochastic(0.5, 0.25), dataset, seed=1).scores["metrics"] != scores["metrics"]
    json.dumps(scores, allow_nan=False)


@pytest.mark.parametrize(("image", "latent", "nothing"), [(1, 0, "same_input"), (0, 0.5, "same_latent")])
def test_a_generator_that_ignores_one_of_its_inputs_is_seen(
    tmp_path: Path, image: float, latent: float, nothing: str
) -> None:
    found = evaluate(stochastic(image, latent), layouts.find(negatives(tmp_path, 5))).scores["diversity"]["b2a"]
    assert found.pop(nothing) == 0
    found.pop("best_of")
    assert min(found.values()) > 10


def test_what_a_single_input_can_not_tell_is_left_out(tmp_path: Path) -> None:
    found = evaluate(stochastic(1, 0.1), layouts.find(negatives(tmp_path, 1))).scores["diversity"]["a2b"]
    assert set(found) == {"same_input", "best_of"}


def test_examples_of_a_stochastic_run_are_several_samples(tmp_path: Path) -> None:
    rows = examples(stochastic(0, 1), layouts.find(negatives(tmp_path, 3)), count=2)["a2b"]
    assert [len(row.outputs) for row in rows] == [4, 4]
    first, second = rows
    columns = list(zip(first.outputs, second.outputs, strict=True))
    for one, two in columns:  # a latent for each column
        np.testing.assert_array_equal(one, two)
    assert len({one.tobytes() for one, _ in columns}) == 4


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
    by_heart = evaluate(drawing(made["train"]), dataset, seed=3).scores
    protocol = by_heart["protocol"]
    assert protocol["n"] == {"sample": 16, "real": 16, "baseline": 16}
    assert (protocol["seed"], protocol["split"], protocol["size"]) == (3, "test", [32, 32])
    assert {"swd", "swd_32", "swd_16"} <= set(by_heart["metrics"]["sample"])
    # Training images drawn by heart score like training images; noise and a single image are worse.
    assert by_heart["metrics"]["sample"]["swd"] < 1.7 * by_heart["baseline"]["sample"]["swd"]
    noise = np.random.default_rng(0).integers(0, 256, (40, 32, 32, 3), np.uint8)
    assert (
        evaluate(drawing(noise), dataset).scores["metrics"]["sample"]["swd"]
        > 1.5 * by_heart["baseline"]["sample"]["swd"]
    )
    collapsed = evaluate(drawing(made["test"][:1]), dataset).scores["metrics"]["sample"]["swd"]
    assert collapsed > 1.5 * by_heart["baseline"]["sample"]["swd"]
    json.dumps(by_heart, allow_nan=False)


def test_without_held_out_images_the_way_to_some_is_told(tmp_path: Path) -> None:
    made = waves(tmp_path, {"all": 21})
    dataset = layouts.find(tmp_path / "all")
    with pytest.raises(UserError, match="no held-out images") as error:
        evaluate(drawing(made["all"]), dataset)
    assert "test/ beside train/" in str(error.value)
    assert "--split train" in str(error.value)
    scores = evaluate(drawing(made["all"]), dataset, "train").scores
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
    with pytest.raises(UserError, match='Did you mean "ssim"'):
        evaluate(model(), layouts.find(negatives(tmp_path / "two", 2)), names=["sim"])


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
    scores = evaluate(older, dataset).scores
    assert scores["baseline"]["a2b"]["l1"] == 0
    assert scores["metrics"]["a2b"]["l1"] == pytest.approx(64, abs=4)
    row = examples(older, dataset)["a2b"][0]
    given, (output,), truth = row.given, row.outputs, row.truth
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
        evaluate(model(), dataset, names=["l1", "swd"])


def test_unreadable_pictures_are_named_and_the_rest_is_scored(tmp_path: Path) -> None:
    negatives(tmp_path, 3)
    broken = tmp_path / "test/001.png"
    broken.write_bytes(broken.read_bytes()[:200])
    scores = evaluate(model(), layouts.find(tmp_path)).scores
    assert scores["protocol"]["n"] == {"a2b": 2, "b2a": 2}
    assert "001.png" in scores["protocol"]["unreadable"][0]


def test_grey_and_colour_are_compared_in_the_truths_channels(tmp_path: Path) -> None:
    class ToGrey(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.mean(1, keepdim=True) if x.shape[1] == 3 else x.expand(-1, 3, -1, -1)

    scores = evaluate(model(generator=ToGrey(), a=3, b=1), layouts.find(negatives(tmp_path, 3))).scores
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
    for row, image in zip(rows, firsts, strict=True):
        assert row.truth is not None
        np.testing.assert_array_equal(row.given, image[:, 16:])
        np.testing.assert_array_equal(row.truth, image[:, :16])
        np.testing.assert_array_equal(row.outputs[0], row.truth)


def save(path: Path, level: int, size: int = 16) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (size, size), (level,) * 3).save(path)


def test_folders_are_paired_by_relative_stem(tmp_path: Path) -> None:
    for name, level in (("x/1.png", 10), ("x/2.png", 20), ("only.png", 0)):
        save(tmp_path / "fake" / name, level)
    for name, level in (("x/1.bmp", 13), ("x/2.png", 25), ("other.png", 0), ("1.png", 255)):
        save(tmp_path / "real" / name, level)
    scores = evaluate_folders(tmp_path / "fake", tmp_path / "real", True, ["l1"]).scores
    assert scores["metrics"] == {"fake": {"l1": 4.0}}
    assert scores["protocol"]["n"] == {"fake": 2}
    assert [Path(p).name for p in scores["protocol"]["unmatched"]["fake"]] == ["only.png"]
    assert [Path(p).name for p in scores["protocol"]["unmatched"]["real"]] == ["1.png", "other.png"]


def test_folders_without_pairs_are_two_sets(tmp_path: Path) -> None:
    made = waves(tmp_path, {"fake": 9, "real/sub": 12})
    (tmp_path / "fake/broken.png").write_text("no image")
    scores = evaluate_folders(tmp_path / "fake", tmp_path / "real", False, ["swd"]).scores
    assert list(scores["metrics"]["fake"]) == ["swd", "swd_32", "swd_16"]
    assert any("say little" in sentence for sentence in scores["warnings"])
    assert scores["metrics"]["fake"] == swd(made["fake"], made["real/sub"], 0)
    assert scores["protocol"]["n"] == {"fake": 9, "real": 12}
    assert "broken.png" in scores["protocol"]["unreadable"][0]
    with pytest.raises(UserError, match="--paired"):
        evaluate_folders(tmp_path / "fake", tmp_path / "real", False, ["l1"])
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


def unpaired_photos(root: Path, level: int, count: int = 12) -> layouts.Dataset:
    """Two domains without pairs: A is noise around 60, B around `level`."""
    for split in ("train", "test"):
        for side, mean in (("A", 60), ("B", level)):
            (root / f"{split}{side}").mkdir(parents=True)
            for i in range(count):
                random = np.random.default_rng([i, split == "test", side == "B"])
                pixels = np.clip(random.normal(mean, 20, (32, 32, 3)), 0, 255).astype(np.uint8)
                Image.fromarray(pixels).save(root / f"{split}{side}/{i:02}.png")
    return layouts.find(root)


class Lighter(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x + 80 / 127.5


def test_outputs_without_pairs_are_scored_as_a_set_between_nothing_and_real_images(tmp_path: Path) -> None:
    dataset = unpaired_photos(tmp_path, 140)
    found = evaluate(model((32, 32), Lighter()), dataset)
    assert found.images == []
    a2b = {key: found.scores[key]["a2b"]["swd_16"] for key in ("metrics", "baseline", "reference")}
    # The coarsest level sees brightness only in as far as the set varies: patches are normalised over the set.
    assert set(found.scores["metrics"]) == {"a2b", "b2a"}
    assert all(value > 0 for value in a2b.values())
    assert found.scores["headline"] == {"a2b": "swd", "b2a": "swd"}
    assert found.scores["protocol"]["n"] == {"a2b": 12, "b2a": 12, "real_a": 12, "real_b": 12}


def test_each_output_has_its_own_scores_also_as_csv(tmp_path: Path) -> None:
    import csv

    found = evaluate(
        model(generator=nn.Identity()), layouts.find(negatives(tmp_path / "data", 6)), names=["l1", "ssim"]
    )
    assert [(image.direction, image.index, image.name) for image in found.images[:2]] == [
        ("a2b", 0, "000.png"),
        ("a2b", 1, "001.png"),
    ]
    found.write_csv(tmp_path / "out/scores.csv")
    rows = list(csv.DictReader((tmp_path / "out/scores.csv").read_text().splitlines()))
    assert len(rows) == 12
    means = np.mean([float(row["l1"]) for row in rows if row["direction"] == "b2a"])
    assert means == pytest.approx(found.scores["metrics"]["b2a"]["l1"])
    assert rows[0]["nothing_ssim"] == rows[0]["ssim"]


def test_intervals_are_given_on_request(tmp_path: Path) -> None:
    dataset = layouts.find(negatives(tmp_path, 8))
    found = evaluate(model(generator=nn.Identity()), dataset, names=["l1", "ssim"], bootstrap=200).scores
    for name, value in found["metrics"]["a2b"].items():
        low, high = found["intervals"]["a2b"][name]
        assert low <= value <= high
    assert found["protocol"]["intervals"]["level"] == 0.95
    assert "intervals" not in evaluate(model(), dataset, names=["l1"]).scores


def test_folders_of_unequal_sizes_are_resized_on_request(tmp_path: Path) -> None:
    save(tmp_path / "fake/a.png", 10)
    save(tmp_path / "real/a.png", 13, size=20)
    found = evaluate_folders(tmp_path / "fake", tmp_path / "real", True, ["l1"], size=(16, 16)).scores
    assert found["metrics"]["fake"]["l1"] == 3
    assert (found["protocol"]["size"], found["protocol"]["resize"]) == ([16, 16], "pillow-bicubic")


def test_pairs_of_several_sizes_have_scores_of_their_own_and_none_as_sets(tmp_path: Path) -> None:
    for side, more in (("fake", 0), ("real", 4)):
        save(tmp_path / side / "a.png", 10 + more)
        save(tmp_path / side / "b.png", 10 + more, size=20)
    found = evaluate_folders(tmp_path / "fake", tmp_path / "real", True, ["l1", "swd"]).scores
    assert found["metrics"]["fake"] == {"l1": 4}
    assert "b.png is of another size" in found["protocol"]["left_out"]["swd"]


def test_grey_beside_colour_is_said(tmp_path: Path) -> None:
    made = waves(tmp_path, {"fake": 4, "real": 4})
    for i, pixels in enumerate(made["fake"]):
        Image.fromarray(pixels).convert("L").save(sorted((tmp_path / "fake").iterdir())[i])
    warnings = evaluate_folders(tmp_path / "fake", tmp_path / "real", False, ["swd"]).scores["warnings"]
    assert any("fake are grey" in sentence for sentence in warnings)
    warnings = evaluate_folders(tmp_path / "real", tmp_path / "real", False, ["swd"]).scores["warnings"]
    assert not any("are grey" in sentence for sentence in warnings)


EXTRACTOR = """
import numpy as np
from translate.metrics.features import Features

class Colours:
    calls = 0

    def __init__(self, weights, device, download):
        self.name = "colours"

    def protocol(self):
        return {"network": "mean colours"}

    def __call__(self, images):
        Colours.calls += len(images)
        return Features(images.mean((1, 2)).astype(np.float32))
"""


def test_features_are_read_once_for_all_metrics_and_said_in_the_protocol(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from translate.metrics.features import Features
    from translate.metrics.fid import fid

    (tmp_path / "mine.py").write_text(EXTRACTOR)
    monkeypatch.syspath_prepend(tmp_path)
    made = waves(tmp_path, {"fake": 40, "real": 50})
    names = [f"{metric}_mine:Colours" for metric in ("fid", "kid", "precision", "coverage")]
    found = evaluate_folders(tmp_path / "fake", tmp_path / "real", False, names, bootstrap=3).scores
    import mine  # type: ignore[import-not-found]

    assert mine.Colours.calls == 90
    values = found["metrics"]["fake"]
    ours, theirs = (Features(made[side].mean((1, 2)).astype(np.float32)) for side in ("fake", "real"))
    assert values["fid_mine:Colours"] == pytest.approx(fid(ours, theirs)["fid"], rel=1e-6)
    assert {f"{n}_mine:Colours" for n in ("kid", "kid_std", "precision", "recall", "density", "coverage")} <= set(
        values
    )
    assert found["protocol"]["features"] == {"mine:Colours": {"network": "mean colours"}}
    assert any("biased upwards" in sentence for sentence in found["warnings"])
    low, high = found["intervals"]["fake"]["kid_mine:Colours"]
    assert low < values["kid_mine:Colours"] < high
    assert found["headline"]["fake"] == "kid_mine:Colours"  # few images


def test_metrics_whose_weights_are_not_here_are_left_out_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "empty"))
    made = waves(tmp_path, {"train": 4, "test": 4})
    found = evaluate(drawing(made["train"]), layouts.find(tmp_path)).scores
    left = found["protocol"]["left_out"]
    assert set(left) == {"fid", "kid", "inception_score", "precision", "recall", "density", "coverage"}
    assert all("weights of Inception are not here" in reason and "--metrics" in reason for reason in left.values())
    assert not set(left) & set(found["metrics"]["sample"])


def test_halves_of_the_real_images_say_how_near_real_ones_come(tmp_path: Path) -> None:
    waves(tmp_path, {"fake": 100, "real": 120})
    found = evaluate_folders(tmp_path / "fake", tmp_path / "real", False, ["swd"]).scores
    assert found["reference"]["fake"]["swd"] > 0
    assert "half of the 120" in found["protocol"]["reference"]
    same = evaluate_folders(tmp_path / "real", tmp_path / "real", False, ["swd"]).scores
    assert same["metrics"]["fake"]["swd"] == 0


def test_no_features_of_a_run_are_read_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "again.py").write_text(EXTRACTOR)
    monkeypatch.syspath_prepend(tmp_path)
    dataset = layouts.find(negatives(tmp_path / "data", 20))
    scores = evaluate(model(), dataset, names=["fid_again:Colours"]).scores
    import again  # type: ignore[import-not-found]

    assert again.Colours.calls == 2 * 3 * 20  # each direction: outputs, held-out images, training images
    assert scores["baseline"]["a2b"]["fid_again:Colours"] > scores["metrics"]["a2b"]["fid_again:Colours"]
