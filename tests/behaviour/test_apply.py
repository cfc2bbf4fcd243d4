"""`apply`, `sample`, `evaluate` and `report` on a run folder, through the command line."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result
from PIL import Image

from translate import build, checkpoint
from translate.cli import main
from translate.config import validate

TREE = {
    "data": {"size": [16, 16]},
    "networks": {"generator": {"name": "resnet", "width": 4, "blocks": 1}},
    "produce": ["b"],
}
PRIOR = {
    "data": {"size": [16, 16]},
    "networks": {"latent": 4, "generator": {"name": "dcgan", "width": 4}, "discriminator": "dcgan"},
    "produce": ["b"],
    "objective": {"adversarial": {}},
}


def write_run(folder: Path, tree: dict[str, object], data: Path) -> Path:
    """A run folder as training leaves it, with untrained weights."""
    tree = {**tree, "data": {**tree["data"], "root": str(data)}}  # type: ignore[dict-item]
    if tree["networks"].get("discriminator") == "dcgan":  # type: ignore[attr-defined]
        tree["networks"] = {**tree["networks"], "discriminator": {"name": "dcgan"}}  # type: ignore[dict-item]
    config = validate(tree, "test")
    folder.mkdir()
    (folder / "config.yaml").write_text(config.to_yaml())
    torch.manual_seed(0)
    generators = build.generators(config)
    checkpoint.save(folder, {"step": 5, "generator_ema": generators.state_dict()}, keep=1)
    (folder / "log.jsonl").write_text('{"step": 5, "seconds": 1.0, "loss/adversarial/b": 0.5}\n')
    return folder


@pytest.fixture
def data(tmp_path: Path) -> Path:
    root = tmp_path / "data"
    for split in ("train", "test"):
        (root / split).mkdir(parents=True)
        for i in range(3):
            pixels = np.random.default_rng(i).integers(0, 256, (16, 32, 3), np.uint8)
            Image.fromarray(pixels).save(root / split / f"{i}.png")
    return root


@pytest.fixture
def run(tmp_path: Path, data: Path) -> Path:
    return write_run(tmp_path / "run", TREE, data)


def call(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_apply_needs_no_flags_and_names_what_failed(run: Path, data: Path, tmp_path: Path) -> None:
    (data / "test/broken.png").write_text("no image")
    result = call("apply", run, data / "test", tmp_path / "out")
    assert result.exit_code == 1, result.output
    assert "broken.png: not an image" in result.output
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["0.png", "1.png", "2.png"]
    with Image.open(tmp_path / "out/0.png") as image:
        assert image.size == (32, 16)
    (data / "test/broken.png").unlink()
    assert call("apply", run, data / "test", tmp_path / "out").exit_code == 0


def test_a_direction_that_the_run_lacks_is_refused(run: Path, data: Path, tmp_path: Path) -> None:
    result = call("apply", run, data / "test", tmp_path / "out", "--to", "a")
    assert result.exit_code == 2
    assert "no images of A" in result.output
    assert "--to b" in result.output
    assert not (tmp_path / "out").exists()


def test_the_other_command_is_named_for_the_other_kind_of_run(run: Path, data: Path, tmp_path: Path) -> None:
    result = call("sample", run, tmp_path / "out")
    assert result.exit_code == 2
    assert "translate apply" in result.output
    prior = write_run(tmp_path / "prior", PRIOR, data)
    result = call("apply", prior, data, tmp_path / "out")
    assert result.exit_code == 2
    assert "translate sample" in result.output


def test_sample_and_report_of_an_unconditional_run(data: Path, tmp_path: Path) -> None:
    prior = write_run(tmp_path / "prior", PRIOR, data)
    assert call("sample", prior, tmp_path / "out", "--count", 3).exit_code == 0
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["00000.png", "00001.png", "00002.png", "grid.png"]
    result = call("report", prior)
    assert result.exit_code == 0, result.output
    assert (prior / "report.html").read_text().count("<img") == 36
    result = call("evaluate", prior, "--data", data)
    assert result.exit_code == 2


def test_samples_are_not_drawn_over_others_unasked(data: Path, tmp_path: Path) -> None:
    prior = write_run(tmp_path / "prior", PRIOR, data)
    out = tmp_path / "out"
    assert call("sample", prior, out, "--count", 1).exit_code == 0
    before = (out / "00000.png").read_bytes()
    result = call("sample", prior, out, "--count", 1, "--seed", 1)
    assert result.exit_code == 2
    assert f"translate sample {prior} {out} --overwrite" in result.output
    assert (out / "00000.png").read_bytes() == before
    assert call("sample", prior, out, "--count", 1, "--seed", 1, "--overwrite").exit_code == 0
    assert (out / "00000.png").read_bytes() != before


def test_a_report_without_held_out_images_shows_training_images(run: Path, data: Path) -> None:
    shutil.rmtree(data / "test")
    result = call("report", run)
    assert result.exit_code == 0, result.output
    html = (run / "report.html").read_text()
    assert html.count("<img") == 9
    assert "training images, not held out" in html
    assert "held-out L1" not in html


def test_a_report_of_a_run_whose_data_has_moved_is_the_curves(run: Path, data: Path) -> None:
    row = json.loads((run / "log.jsonl").read_text())
    (run / "log.jsonl").write_text("".join(json.dumps({**row, "step": step}) + "\n" for step in (5, 6)))
    shutil.move(data, data.with_name("elsewhere"))
    result = call("report", run)
    assert result.exit_code == 0, result.output
    assert "--data DIR" in result.output
    html = (run / "report.html").read_text()
    assert "<img" not in html
    assert "<svg" in html
    assert f"{data}: this folder does not exist" in html
    assert call("report", run, "--data", data).exit_code == 2  # named by hand, it must be there


def test_evaluate_prints_nothing_but_json_and_report_shows_it(run: Path, tmp_path: Path) -> None:
    result = call("evaluate", run, "--json", "-")
    assert result.exit_code == 0, result.output
    scores = json.loads(result.stdout)
    assert scores["protocol"]["n"] == {"a2b": 3}
    assert list(scores["metrics"]["a2b"]) == ["l1", "psnr", "ssim"]
    assert call("evaluate", run, "--metrics", "l1", "--json", tmp_path / "s.json").exit_code == 0
    assert json.loads((tmp_path / "s.json").read_text())["metrics"]["a2b"] == {"l1": scores["metrics"]["a2b"]["l1"]}
    assert call("report", run, "--out", tmp_path / "r.html").exit_code == 0
    assert f"{scores['metrics']['a2b']['l1']:.1f} grey levels" in (tmp_path / "r.html").read_text()


def test_evaluate_folders_names_what_has_no_partner(data: Path, tmp_path: Path) -> None:
    result = call("evaluate", "--fake", data / "test", "--real", data / "train", "--paired")
    assert result.exit_code == 0, result.output
    Image.new("RGB", (4, 4)).save(data / "test/alone.png")
    result = call("evaluate", "--fake", data / "test", "--real", data / "train", "--paired")
    assert result.exit_code == 1
    assert "alone.png" in result.output


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("evaluate",), "nothing to score"),
        (("evaluate", "RUN", "--metrics", "l1,ssmi"), 'Did you mean "ssim"'),
        (("evaluate", "RUN", "--split", "tset"), 'Did you mean "test"'),
        (("apply", "nowhere", "in", "out"), "not a run folder"),
        (("report", "nowhere"), "not a run folder"),
        (("apply", "RUN", "nothing", "out"), "no such file"),
    ],
)
def test_mistakes_end_with_2_and_a_message(run: Path, arguments: tuple[str, ...], says: str) -> None:
    result = call(*(run if argument == "RUN" else argument for argument in arguments))
    assert result.exit_code == 2
    assert says in result.output
    assert "Traceback" not in result.output


def test_help_and_wrong_paths_do_not_import_torch(run: Path) -> None:
    code = (
        "import sys\nfrom translate.cli import main\n"
        "for line in sys.argv[1:]:\n"
        "    try: main(line.split('|'))\n"
        "    except SystemExit: pass\n"
        "sys.exit('torch' in sys.modules)"
    )
    lines = [f"{name}|--help" for name in ("apply", "sample", "evaluate", "report")]
    lines += [
        f"apply|{run}|nothing|out",
        f"apply|{run}|x|y|--to|a",
        f"sample|{run}|out",
        f"evaluate|{run}|--data|nothing",
    ]
    done = subprocess.run([sys.executable, "-c", code, *lines], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
