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
