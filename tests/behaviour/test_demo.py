"""`translate demo`: the whole way, small here and whole in the slow suite."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from translate.cli import demo, main


def run(*words: str) -> str:
    result = CliRunner().invoke(main, ["demo", *words])
    assert result.exit_code == 0, result.output
    return result.output


def test_everything_promised_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("TRAIN", 8), ("TEST", 3), ("SIZE", 64)):
        monkeypatch.setattr(demo, name, value)
    (tmp_path / "data.unfinished").mkdir()
    (tmp_path / "data.unfinished" / "half.png").write_bytes(b"an interrupted drawing")
    said = run("--out", str(tmp_path), "--minutes", "0.01", "--device", "cpu")
    assert {path.name for path in tmp_path.iterdir()} == {"data", "run", "translated", "scores.json", "report.html"}
    scores = json.loads((tmp_path / "scores.json").read_text())
    assert scores["protocol"]["n"] == {"a2b": 3, "b2a": 3}
    assert {"l1", "l2", "psnr", "ssim", "swd"} <= set(scores["metrics"]["a2b"]) == set(scores["baseline"]["b2a"])
    assert len(list((tmp_path / "translated" / "a2b").iterdir())) == 3
    assert "doing nothing" in said
    steps = scores["protocol"]["step"]
    run("--out", str(tmp_path), "--minutes", "0.01", "--device", "cpu")  # done already: nothing is trained again
    assert json.loads((tmp_path / "scores.json").read_text())["protocol"]["step"] == steps


@pytest.mark.slow
def test_held_out_error_is_at_most_half_of_doing_nothing_in_both_directions(tmp_path: Path) -> None:
    run("--out", str(tmp_path))
    scores = json.loads((tmp_path / "scores.json").read_text())
    for direction in ("a2b", "b2a"):
        assert scores["metrics"][direction]["l1"] <= 0.5 * scores["baseline"][direction]["l1"]
        assert scores["metrics"][direction]["ssim"] > scores["baseline"][direction]["ssim"]
