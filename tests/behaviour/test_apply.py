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
from translate.errors import UserError
from translate.inference.model import Model

TREE = {
    "data": {"size": [16, 16]},
    "networks": {"generator": {"name": "resnet", "width": 4, "blocks": 1}},
    "produce": ["b"],
}
MANY = {
    "data": {"size": [16, 16]},
    "networks": {
        "generator": {"name": "fast", "width": 8, "blocks": 1, "detail": 4},
        "latent": {"dimension": 4, "enter": "maps"},
    },
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
    generators, discriminators = build.generators(config), build.discriminators(config)
    state = {"generator_ema": generators.state_dict(), "discriminator": discriminators.state_dict()}
    checkpoint.save(folder, {"step": 5, **state}, keep=1)
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
    assert "broken.png: is no image" in result.output
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["0.png", "1.png", "2.png"]
    with Image.open(tmp_path / "out/0.png") as image:
        assert image.size == (32, 16)
    (data / "test/broken.png").unlink()
    assert call("apply", run, data / "test", tmp_path / "out").exit_code == 0


def test_formats_batches_and_workers_are_chosen(run: Path, data: Path, tmp_path: Path) -> None:
    for i, words in enumerate((("--batch", "auto"), ("--batch", 2, "--workers", 1), ("--tile", 16))):
        result = call("apply", run, data / "test", tmp_path / str(i), "--format", "tif", *words)
        assert result.exit_code == 0, result.output
        for name in ("0.tif", "1.tif", "2.tif"):
            with Image.open(tmp_path / str(i) / name) as image, Image.open(tmp_path / "0" / name) as first:
                assert image.format == "TIFF"
                assert np.abs(np.asarray(image).astype(int) - np.asarray(first)).max() <= 1
    for words in (("--batch", "all"), ("--batch", 0), ("--format", "heic"), ("--address", "10.0.0.1:6379")):
        assert call("apply", run, data / "test", tmp_path / "none", *words).exit_code == 2
    assert not (tmp_path / "none").exists()


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
    # samples, held-out images, four and their nearest
    assert (prior / "report.html").read_text().count("<img") == 36 + 3 + 4 * 4


def test_samples_are_not_drawn_over_others_unasked(data: Path, tmp_path: Path) -> None:
    prior = write_run(tmp_path / "prior", PRIOR, data)
    out = tmp_path / "out"
    assert call("sample", prior, out, "--count", 1).exit_code == 0
    before = (out / "00000.png").read_bytes()
    result = call("sample", prior, out, "--count", 1, "--seed", 1)
    assert result.exit_code == 2
    assert "the same command with --overwrite" in result.output
    assert (out / "00000.png").read_bytes() == before
    assert call("sample", prior, out, "--count", 1, "--seed", 1, "--overwrite").exit_code == 0
    assert (out / "00000.png").read_bytes() != before


@pytest.fixture
def singles(tmp_path: Path) -> Path:
    """One domain: 4 images to train on and 3 held out."""
    root = tmp_path / "singles"
    for split, count in (("train", 4), ("test", 3)):
        (root / split).mkdir(parents=True)
        for i in range(count):
            pixels = np.random.default_rng(i).integers(0, 256, (16, 16, 3), np.uint8)
            Image.fromarray(pixels).save(root / split / f"{i}.png")
    return root


def test_evaluate_and_report_of_an_unconditional_run_with_held_out_images(singles: Path, tmp_path: Path) -> None:
    prior = write_run(tmp_path / "prior", PRIOR, singles)
    result = call("evaluate", prior, "--json", "-")
    assert result.exit_code == 0, result.output
    scores = json.loads(result.stdout)
    assert list(scores["metrics"]["sample"]) == ["swd", "swd_16"]
    assert scores["protocol"]["n"] == {"sample": 3, "real": 3, "baseline": 3}
    assert json.loads(call("evaluate", prior, "--json", "-").stdout) == scores
    shown = call("evaluate", prior, "--data", singles)
    assert "training images" in shown.output
    assert "do nothing" not in shown.output
    assert call("report", prior).exit_code == 0
    assert f"{scores['metrics']['sample']['swd']:.2f} against" in (prior / "report.html").read_text()
    shutil.rmtree(singles / "test")
    result = call("evaluate", prior)
    assert result.exit_code == 2
    assert "test/ beside train/" in result.output
    result = call("evaluate", prior, "--metrics", "psnr", "--split", "train")
    assert result.exit_code == 2
    assert "here there is none" in result.output


def test_a_grid_alone_a_movie_and_refined_samples(singles: Path, tmp_path: Path) -> None:
    prior = write_run(tmp_path / "prior", PRIOR, singles)
    assert call("sample", prior, tmp_path / "grid", "--grid", "--count", 9, "--truncation", 0.5).exit_code == 0
    assert [p.name for p in (tmp_path / "grid").iterdir()] == ["grid.png"]
    assert call("sample", prior, tmp_path / "grid", "--grid").exit_code == 2  # it is there
    result = call("sample", prior, tmp_path / "movie", "--interpolate", 3, "--stops", 4)
    assert result.exit_code == 0, result.output
    assert sorted(p.name for p in (tmp_path / "movie").iterdir()) == ["interpolation.gif", "strip.png"]
    with Image.open(tmp_path / "movie/strip.png") as strip:
        assert strip.size == (3 * 16, 4 * 16)
    with Image.open(tmp_path / "movie/interpolation.gif") as movie:
        assert movie.n_frames == 12  # type: ignore[attr-defined]
    result = call("sample", prior, tmp_path / "refined", "--count", 2, "--refine", 2, "--refine-step", 0.1)
    assert result.exit_code == 0, result.output
    assert "mean logit was" in result.output


def test_classes_are_drawn_by_name(singles: Path, tmp_path: Path) -> None:
    classed = write_run(tmp_path / "classed", PRIOR, singles)
    text = (classed / "config.yaml").read_text()
    (classed / "config.yaml").write_text(text.replace("classes: null", "classes: [cat, dog]"))
    result = call("sample", classed, tmp_path / "out", "--class", "dgo")
    assert result.exit_code == 2
    assert 'unknown class "dgo". Did you mean "dog"?' in result.output
    result = call("sample", classed, tmp_path / "out", "--class", "dog", "--class", "cat", "--interpolate", 5)
    assert result.exit_code == 2
    assert "one class" in result.output


def test_samples_of_one_image(data: Path, tmp_path: Path) -> None:
    many = write_run(tmp_path / "many", MANY, data)
    words = ("apply", many, data / "test", tmp_path / "out", "--seed", 3)
    result = call(*words, "--samples", 2)
    assert result.exit_code == 0, result.output
    found = sorted(p.relative_to(tmp_path / "out").as_posix() for p in (tmp_path / "out").rglob("*.png"))
    assert found == [f"{sample}/{i}.png" for sample in (1, 2) for i in range(3)]
    assert (tmp_path / "out/1/0.png").read_bytes() != (tmp_path / "out/2/0.png").read_bytes()
    assert call(*words).exit_code == 0
    assert (tmp_path / "out/0.png").read_bytes() == (tmp_path / "out/1/0.png").read_bytes()
    scores = json.loads(call("evaluate", many, "--json", "-").stdout)
    assert set(scores["diversity"]["a2b"]) == {"same_input", "same_latent", "best_of"}
    assert "two samples of one input" in call("evaluate", many).output
    assert call("report", many).exit_code == 0
    html = (many / "report.html").read_text()
    assert html.count("<img") == 3 * 7 + 1  # input, four samples, truth, error; the legend
    assert "Diversity" in html


def test_a_latent_changed_after_the_training_does_not_fit(singles: Path, tmp_path: Path) -> None:
    prior = write_run(tmp_path / "prior", PRIOR, singles)
    text = (prior / "config.yaml").read_text()
    assert "dimension: 4" in text
    (prior / "config.yaml").write_text(text.replace("dimension: 4", "dimension: 5"))
    result = call("sample", prior, tmp_path / "out")
    assert result.exit_code == 2
    assert "don't fit the networks" in result.output
    assert not (tmp_path / "out").exists()


def test_a_model_of_an_older_checkpoint_and_its_discriminator(singles: Path, tmp_path: Path) -> None:
    prior = write_run(tmp_path / "prior", PRIOR, singles)
    old = checkpoint.newest(prior)
    state = checkpoint.read(old)
    del state["discriminator"]
    zeros = {name: value * 0 for name, value in state["generator_ema"].items()}
    checkpoint.save(prior, {**state, "step": 9, "generator_ema": zeros}, keep=2)
    z = torch.ones(1, 4)
    newest, older = Model.load(prior, "cpu"), Model.load(prior, "cpu", old, discriminators=True)
    assert (newest.step, older.step, older.checkpoint) == (9, 5, old.name)
    assert float(newest.draw(z).abs().max()) == 0 < float(older.draw(z).abs().max())
    assert older.judge(older.draw(z)).shape == (1,)
    assert len(newest.discriminators) == 0
    with pytest.raises(UserError, match=r"don't fit the networks.*discriminator"):
        Model.load(prior, "cpu", discriminators=True)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--count", "3", "--interpolate", "5"), ("--count and --interpolate", "--stops K")),
        (("--grid", "--interpolate", "5"), ("--grid and --interpolate",)),
        (("--stops", "3"), ("--stops is for --interpolate",)),
        (("--movie", "gif"), ("--movie is for --interpolate",)),
        (("--path", "linear"), ("--path is for --interpolate",)),
        (("--interpolate", "5", "--stops", "1"), ("--stops", "x>=2")),
        (("--interpolate", "5", "--movie", "mp4"), ("ffmpeg", "--movie gif")),
        (("--class", "cat"), ("knows no classes", "networks.classes")),
        (("--truncation", "0"), ("--truncation", "x>0")),
        (("--truncation", "nan"), ("--truncation", "no number")),
        (("--refine-step", "0.1"), ("--refine-step without --refine",)),
        (("--count", "0"), ("--count",)),
    ],
)
def test_options_of_sample_that_do_not_go_together(
    singles: Path, tmp_path: Path, words: tuple[str, ...], says: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))  # without ffmpeg
    prior = write_run(tmp_path / "prior", PRIOR, singles)
    result = call("sample", prior, tmp_path / "out", *words)
    assert result.exit_code == 2
    assert isinstance(result.exception, SystemExit)
    assert all(text in result.output for text in says), result.output
    assert not (tmp_path / "out").exists()


def test_options_that_the_run_can_not_follow(run: Path, singles: Path, data: Path, tmp_path: Path) -> None:
    latent = {"dimension": 4, "prior": "uniform"}
    plain = {**PRIOR, "networks": {**PRIOR["networks"], "latent": latent}}  # type: ignore[dict-item]
    uniform = write_run(tmp_path / "uniform", plain, singles)
    result = call("sample", uniform, tmp_path / "out", "--truncation", 0.5)
    assert result.exit_code == 2
    assert "the prior is uniform" in result.output
    assert "normal prior" in result.output
    text = (uniform / "config.yaml").read_text()
    lonely = text[: text.index("  discriminator:")] + "  discriminator: null\n" + text[text.index("  encoder:") :]
    (uniform / "config.yaml").write_text(lonely)
    result = call("sample", uniform, tmp_path / "out", "--refine", 5)
    assert result.exit_code == 2
    assert "no discriminator" in result.output
    result = call("apply", run, data / "test", tmp_path / "out", "--samples", 3)
    assert result.exit_code == 2
    assert "makes one output of an image" in result.output
    assert not (tmp_path / "out").exists()


def test_folders_are_compared_as_sets_unless_they_are_paired(data: Path, singles: Path) -> None:
    result = call("evaluate", "--fake", singles / "train", "--real", singles / "test", "--json", "-")
    assert result.exit_code == 0, result.output
    assert list(json.loads(result.stdout)["metrics"]["fake"]) == ["swd", "swd_16"]
    shown = call("evaluate", "--fake", singles / "train", "--real", singles / "test")
    assert shown.exit_code == 0, shown.output
    result = call("evaluate", "--fake", singles / "train", "--real", singles / "test", "--metrics", "ssim")
    assert result.exit_code == 2
    assert "--paired" in result.output


def test_a_report_without_held_out_images_shows_training_images(run: Path, data: Path) -> None:
    shutil.rmtree(data / "test")
    result = call("report", run)
    assert result.exit_code == 0, result.output
    html = (run / "report.html").read_text()
    assert html.count("<img") == 3 * 4 + 1 + 3 * 2  # input, output, truth, error; the legend; identity
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
    assert {"l1", "l2", "psnr", "ssim", "swd"} <= set(scores["metrics"]["a2b"])
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


def test_help_and_wrong_paths_do_not_import_torch(run: Path, data: Path, tmp_path: Path) -> None:
    write_run(tmp_path / "prior", PRIOR, data)
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
        f"apply|{run}|{data / 'test'}|{data / 'test/out'}",
        f"apply|{run}|{data / 'test'}|{data / 'test/0.png'}/out",
        f"apply|{run}|{data / 'test'}|{tmp_path / 'out'}|--manifest|{run / 'config.yaml'}",
        f"apply|{run}|{data / 'test'}|{tmp_path / 'out'}|--address|auto",
        f"sample|{run}|out",
        f"sample|{tmp_path / 'prior'}|out|--count|3|--interpolate|5",
        f"sample|{tmp_path / 'prior'}|out|--class|cat",
        f"apply|{run}|x|y|--samples|2",
        f"evaluate|{run}|--data|nothing",
    ]
    done = subprocess.run([sys.executable, "-c", code, *lines], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
