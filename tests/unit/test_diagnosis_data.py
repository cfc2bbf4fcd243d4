"""Held-out pictures that were trained on are found, however they were saved; other pictures of a like scene are not."""

import sys
from pathlib import Path

import numpy as np
import pytest

from translate.data.images import save
from translate.data.layouts import find
from translate.diagnosis import of_data

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))

import diagnosis_faults as faults


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("how", faults.LEAKS)
def test_a_single_copy_is_found(how: str, seed: int, tmp_path: Path) -> None:
    faults.leaked(tmp_path, seed, 64, 12, 6, how)
    (finding,) = of_data(find(tmp_path))
    assert finding.name == "leak"
    assert finding.severity == "error"
    assert finding.evidence["copies"] == 1
    (example,) = finding.evidence["examples"]
    assert example["file"].startswith("testB/0.")
    assert example["same_as"] == f"trainB/{seed % 12}.png"
    assert example["file"] in finding.message


@pytest.mark.parametrize("seed", range(5))
def test_faces_of_one_kind_are_no_leak(seed: int, tmp_path: Path) -> None:
    faults.folder(tmp_path, seed, 32, 24, 8)
    assert of_data(find(tmp_path)) == []


def test_halves_of_pairs_are_named(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (6, 16, 32, 3), dtype=np.uint8)
    for i, image in enumerate(images[:4]):
        save(image, tmp_path / "train" / f"{i}.png")
    save(np.concatenate([images[4][:, :16], images[2][:, 16:]], axis=1), tmp_path / "test" / "x.png")
    (finding,) = of_data(find(tmp_path))
    assert finding.evidence["examples"] == [{"file": "test/x.png (right half)", "same_as": "train/2.png (right half)"}]


def test_flat_and_unreadable_pictures_say_nothing(tmp_path: Path) -> None:
    for name in ("trainA", "trainB", "testA", "testB"):
        save(np.full((16, 16, 3), 7, np.uint8), tmp_path / name / "flat.png")
        (tmp_path / name / "broken.png").write_bytes(b"no picture")
    assert of_data(find(tmp_path)) == []


def test_one_split_alone_cannot_leak(tmp_path: Path) -> None:
    for i in range(4):
        save(np.random.default_rng(i % 2).integers(0, 256, (16, 16, 3), dtype=np.uint8), tmp_path / f"{i}.png")
    assert of_data(find(tmp_path)) == []
