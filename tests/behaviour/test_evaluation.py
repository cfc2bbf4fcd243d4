"""`translate evaluate` and what it says of folders that somebody made."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from translate.cli import main
from translate.data import faces


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`fake` and `real`, 20 pairs of 32 px of which the fakes are noisy."""
    root = tmp_path_factory.mktemp("folders")
    random = np.random.default_rng(0)
    for i in range(20):
        real = random.integers(0, 256, (4, 4, 3), np.uint8).repeat(8, 0).repeat(8, 1)
        noisy = np.clip(real + random.normal(0, 10, real.shape), 0, 255).astype(np.uint8)
        for name, pixels in (("real", real), ("fake", noisy)):
            (root / name).mkdir(exist_ok=True)
            Image.fromarray(pixels).save(root / name / f"{i:02}.png")
    return root


def test_pairs_are_scored_one_by_one_and_as_sets(folders: Path, tmp_path: Path) -> None:
    said = run(
        "evaluate", "--fake", folders / "fake", "--real", folders / "real", "--paired", "--bootstrap", 50,
        "--json", tmp_path / "scores.json", "--csv", tmp_path / "images.csv",
    )  # fmt: skip
    assert said.exit_code == 0, said.output
    scores = json.loads((tmp_path / "scores.json").read_text())
    assert {"l1", "l2", "psnr", "ssim", "swd"} <= set(scores["metrics"]["fake"])
    assert len((tmp_path / "images.csv").read_text().splitlines()) == 21
    assert "SSIM" in said.stdout
    assert "95%" in said.stdout
    assert "left out: fid, kid," in said.stderr


def test_json_alone_is_what_standard_output_holds(folders: Path) -> None:
    said = run("evaluate", "--fake", folders / "fake", "--real", folders / "real", "--metrics", "swd", "--json", "-")
    assert set(json.loads(said.stdout)["metrics"]["fake"]) == {"swd", "swd_32", "swd_16"}


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--csv", "x.csv"], "no image has a score of its own"),
        (["--metrics", "sdw"], 'Did you mean "swd"'),
        (["--metrics", "ssim"], "--paired"),
        (["--size", "big"], "WIDTHxHEIGHT"),
        (["--weights", "inception=nowhere.pth"], "no such file"),
    ],
)
def test_mistakes_are_said_before_anything_is_scored(folders: Path, more: list[str], message: str) -> None:
    said = run("evaluate", "--fake", folders / "fake", "--real", folders / "real", *more)
    assert said.exit_code == 2
    assert message in said.stderr
    assert not said.stdout


def test_check_names_pictures_that_are_trained_on_in_disguise(tmp_path: Path) -> None:
    faces.make(tmp_path / "data", size=64, train=20, test=6, pairs=False)
    assert run("check", tmp_path / "data").exit_code == 0
    copied = sorted((tmp_path / "data/trainA").iterdir())[3]
    victim = sorted((tmp_path / "data/testA").iterdir())[2]
    with Image.open(copied) as image:  # mirrored and re-encoded: no hash finds it
        image.convert("RGB").transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(tmp_path / "x.jpg", quality=70)
    with Image.open(tmp_path / "x.jpg") as image:
        image.save(victim)
    said = run("check", tmp_path / "data", "--json", tmp_path / "check.json")
    assert said.exit_code == 1
    (finding,) = json.loads((tmp_path / "check.json").read_text())["findings"]
    assert finding["name"] == "leak"
    assert victim.name in finding["message"]
    assert "leak" in said.stdout


def test_real_against_the_same_real_images_is_zero(folders: Path, tmp_path: Path) -> None:
    shutil.copytree(folders / "real", tmp_path / "copy")
    said = run("evaluate", "--fake", tmp_path / "copy", "--real", folders / "real", "--metrics", "swd", "--json", "-")
    assert set(json.loads(said.stdout)["metrics"]["fake"].values()) == {0.0}


def save(folder: Path, count: int, mode: str = "RGB") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(count):
        pixels = np.random.default_rng(i).integers(0, 256, (32, 32, 3), np.uint8)
        image = Image.fromarray(pixels)
        if mode == "RGBA":
            image.putalpha(128)
        image.save(folder / f"{i:02}.png")
    return folder


def test_what_an_output_is_missing_for_is_named_and_no_success(tmp_path: Path) -> None:
    fake, real = save(tmp_path / "fake", 3), save(tmp_path / "real", 12)
    said = run("evaluate", "--fake", fake, "--real", real, "--paired", "--metrics", "l1")
    assert said.exit_code == 1
    assert said.stderr.count("no output of this name") == 5
    assert "and 4 more" in said.stderr


def test_a_metric_that_was_asked_for_and_can_not_be_had_is_no_success(tmp_path: Path) -> None:
    fake = save(tmp_path / "fake", 3)
    said = run("evaluate", "--fake", fake, "--real", fake, "--paired", "--metrics", "l1,ms_ssim")
    assert said.exit_code == 1
    assert "left out: ms_ssim" in said.stderr


def test_transparency_and_copies_are_said(tmp_path: Path) -> None:
    fake, real = save(tmp_path / "fake", 3, "RGBA"), save(tmp_path / "real", 3)
    scores = json.loads(run("evaluate", "--fake", fake, "--real", real, "--metrics", "swd", "--json", "-").stdout)
    assert any("transparency" in sentence for sentence in scores["warnings"])
    scores = json.loads(run("evaluate", "--fake", real, "--real", real, "--metrics", "swd", "--json", "-").stdout)
    assert any("pixel by pixel" in sentence for sentence in scores["warnings"])
    assert scores["protocol"]["size"] == [32, 32]


def test_faults_of_anybodys_outputs_are_found(tmp_path: Path) -> None:
    faces.make(tmp_path / "data", size=32, train=2, test=40)
    one = sorted((tmp_path / "data/testB").iterdir())[0]
    (tmp_path / "fake").mkdir()
    for path in (tmp_path / "data/testB").iterdir():
        shutil.copy(one, tmp_path / "fake" / path.name)
    for more in ([], ["--paired"]):
        said = run(
            "evaluate", "--fake", tmp_path / "fake", "--real", tmp_path / "data/testB", *more, "--metrics", "swd",
            "--json", "-",
        )  # fmt: skip
        assert "mode_collapse" in {finding["name"] for finding in json.loads(said.stdout)["findings"]}


def test_names_that_are_mixed_up_are_said(folders: Path, tmp_path: Path) -> None:
    (tmp_path / "fake").mkdir()
    paths = sorted((folders / "real").iterdir())
    for path, other in zip(paths, [*paths[1:], paths[0]], strict=True):
        shutil.copy(path, tmp_path / "fake" / other.name)
    said = run(
        "evaluate", "--fake", tmp_path / "fake", "--real", folders / "real", "--paired", "--metrics", "swd",
        "--json", "-",
    )  # fmt: skip
    assert any("20 of them under another name" in sentence for sentence in json.loads(said.stdout)["warnings"])
