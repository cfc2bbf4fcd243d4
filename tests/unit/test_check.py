"""The report on a dataset folder finds every planted fault, and none in a clean folder."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from translate.cli import main
from translate.data.check import check
from translate.data.images import save


def noise(seed: int, height: int = 8, width: int = 8) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.fixture
def clean(tmp_path: Path) -> Path:
    for place, name in enumerate(("trainA", "trainB", "testA", "testB")):
        for i in range(3):
            save(noise(10 * place + i), tmp_path / name / f"{i}.png")
    return tmp_path


def test_a_clean_folder_has_no_problems(clean: Path) -> None:
    report = check(clean)
    assert report["problems"] == []
    assert report["advice"] == ["3 of 3 names match: --set data.pairs=stem if they show the same scenes."]
    assert report["splits"]["test"] == {"pairs": 0, "only_a": 3, "only_b": 3}
    assert report["domains"]["a"] == {"sizes": {"8x8": 6}, "modes": {"RGB": 6}}
    assert report["regime"] == "unsupervised"
    assert json.loads(json.dumps(report)) == report


def test_every_planted_fault_is_found(clean: Path) -> None:
    content = Path(clean / "trainA/0.png").read_bytes()
    (clean / "trainA" / "cut.png").write_bytes(content[:-40])
    (clean / "trainB" / "text.jpg").write_text("not an image")
    (clean / "notes.txt").write_text("x")
    Image.fromarray(noise(1)).save(clean / "testA" / "copy.tif")  # trainA/1.png in another format
    Image.fromarray(np.arange(64, dtype=np.uint16).reshape(8, 8) * 999).save(clean / "trainB" / "deep.png")
    save(noise(90, 12, 20), clean / "trainB" / "large.png")
    save(noise(91), clean / "extra" / "stray.png")
    calls: list[tuple[int, int]] = []
    report = check(clean, progress=lambda done, total: calls.append((done, total)))
    assert [entry["file"] for entry in report["unreadable"]] == ["trainA/cut.png", "trainB/text.jpg"]
    assert all(entry["reason"] for entry in report["unreadable"])
    assert report["duplicates"] == [{"file": "testA/copy.tif", "same_as": "trainA/1.png"}]
    assert report["domains"]["b"]["modes"] == {"RGB": 7, "I;16": 1}
    assert report["domains"]["b"]["sizes"] == {"8x8": 7, "20x12": 1}
    assert report["skipped"] == 1
    assert report["stray"] == ["extra/stray.png"]
    said = " ".join(report["problems"])
    for name in ("trainA/cut.png", "text.jpg", "copy.tif = trainA/1.png", "stray.png"):
        assert name in said
    assert calls[-1] == (17, 17)


def test_the_half_of_a_pair_is_found_again_alone(tmp_path: Path) -> None:
    for i in range(2):
        save(np.concatenate([noise(2 * i), noise(2 * i + 1)], axis=1), tmp_path / "train" / f"{i}.png")
    save(noise(50), tmp_path / "testA" / "new.png")
    save(noise(3), tmp_path / "testB" / "old.png")
    report = check(tmp_path)
    assert report["duplicates"] == [{"file": "testB/old.png", "same_as": "train/1.png"}]
    assert report["domains"]["b"]["sizes"] == {"8x8": 3}


def test_copies_within_a_split_are_nobodys_business(clean: Path) -> None:
    save(noise(1), clean / "trainA" / "again.png")
    assert check(clean)["duplicates"] == []


def test_an_unmatched_stem_is_named(clean: Path) -> None:
    save(noise(70), clean / "trainA" / "alone.png")
    report = check(clean, "stem")
    assert report["unmatched"] == ["trainA/alone.png"]
    assert report["regime"] == "semi-supervised"
    assert any("trainA/alone.png" in advice for advice in report["advice"])
    assert report["problems"] == []


def test_grey_domains_and_two_folders_that_pass_for_one_are_pointed_out(clean: Path, tmp_path: Path) -> None:
    for path in [*clean.glob("*A/*.png")]:
        Image.open(path).convert("L").save(path)
    assert any("data.channels.a=1" in advice for advice in check(clean)["advice"])
    for name in ("horses", "zebras"):
        save(noise(1 if name == "horses" else 2), tmp_path / "other" / name / "x.png")
    report = check(tmp_path / "other")
    assert report["regime"] == "unconditional"
    assert any("horses/ and zebras/" in advice for advice in report["advice"])
    assert report["problems"] == []


def test_strips_of_frames_are_pointed_out(clean: Path) -> None:
    for path in clean.glob("*A/*.png"):
        save(noise(int(path.stem), 8, 24), path)
    assert any("--set data.frames.a=3." in advice for advice in check(clean)["advice"])
    for path in clean.glob("*A/*.png"):
        save(noise(int(path.stem), 8, 20), path)
    assert not any("frames" in advice for advice in check(clean)["advice"])


def test_advice_is_printed_and_no_failure_but_a_problem_is(clean: Path) -> None:
    said = CliRunner().invoke(main, ["check", str(clean)])
    assert said.exit_code == 0, said.output
    assert "advice: 3 of 3 names match" in said.output
    (clean / "trainB" / "text.jpg").write_text("not an image")
    said = CliRunner().invoke(main, ["check", str(clean)])
    assert said.exit_code == 1
    assert "advice: 3 of 4 names" not in said.output
    assert "! 1 file can't be read" in said.output


def test_importing_it_is_light() -> None:
    code = (
        "import sys, translate.data.check, translate.data.layouts;"
        "print([m for m in ('torch', 'numpy', 'PIL', 'albumentations') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
