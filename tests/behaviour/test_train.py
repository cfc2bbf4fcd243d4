"""`translate train`, as it is typed: what it says, what it leaves, and that it goes on where it stopped."""

import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from translate import checkpoint, config, log, machine
from translate.cli import main
from translate.machine import Machine

DCGAN = ["networks.latent=8", "networks.generator.width=4", "networks.discriminator.width=4", "data.size=[16, 16]"]


def sets(settings: list[str]) -> list[str]:
    return [word for setting in settings for word in ("--set", setting)]


def train(*words: str | Path) -> Result:
    return CliRunner().invoke(main, ["train", *map(str, words), "--device", "cpu"])


def smoke(data: Path, out: Path, *words: str) -> Result:
    return train("smoke", "--data", data, "--out", out, *words)


def step(out: Path) -> int:
    return int(checkpoint.read(checkpoint.newest(out))["step"])


@pytest.mark.parametrize(
    ("data", "words", "regime"),
    [
        ("paired", ["smoke"], "supervised"),
        ("semi", ["smoke"], "semi-supervised"),
        ("unpaired", ["smoke"], "unsupervised"),
        ("single", ["dcgan", *sets([*DCGAN, "training.batch=4"])], "unconditional"),
        ("paired", ["smoke", *sets(["data.pairs=3"])], "semi-supervised"),
        ("paired", ["smoke", *sets(["data.pairs=0"])], "unsupervised"),
    ],
)
def test_the_regime_follows_from_the_folder(
    data: str, words: list[str], regime: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    root, out = request.getfixturevalue(data), tmp_path / "run"
    done = train(*words, "--data", root, "--out", out, "--steps", "2")
    assert done.exit_code == 0, done.output
    assert f"regime     {regime}: " in done.stdout
    assert f" in {root}: " in done.stdout
    assert step(out) == 2
    assert (out / "config.yaml").is_file()
    assert (out / "log.jsonl").is_file()
    assert list((out / "tensorboard").iterdir())
    assert list((out / "previews").glob("*-00000002.png"))
    assert config.load_run(out).training.steps == 2


def test_what_is_found_is_counted(semi: Path, tmp_path: Path) -> None:
    said = smoke(semi, tmp_path / "run", "--dry-run").stdout
    assert "3 pairs, 5 images of A without a partner, 5 images of B without a partner" in said
    assert not (tmp_path / "run").exists()


def test_the_same_command_again_goes_on(unpaired: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    words = sets(["log.every=1"])
    assert smoke(unpaired, out, "--steps", "2", *words).exit_code == 0
    assert smoke(unpaired, out, "--steps", "2", *words).exit_code == 0
    assert step(out) == 2
    assert smoke(unpaired, out, "--steps", "5", *words).exit_code == 0
    assert step(out) == 5
    again = train("--data", unpaired, "--out", out, "--steps", "6")  # a run knows its own configuration
    assert again.exit_code == 0, again.output
    assert "continuing" in again.stdout
    assert [row["step"] for row in log.read(out)] == [1, 2, 3, 4, 5, 6]


def test_a_run_is_not_continued_with_other_settings(unpaired: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    smoke(unpaired, out, "--steps", "1")
    for words, key in (
        (["--seed", "5"], "training.seed"),
        (sets(["networks.generator.blocks=2"]), "networks.generator.blocks"),
    ):
        refused = smoke(unpaired, out, "--steps", "2", *words)
        assert refused.exit_code == 2
        assert key in refused.stderr
        assert "--out" in refused.stderr
        assert "Traceback" not in refused.output
    assert step(out) == 1


def test_a_folder_that_holds_other_things_is_left_alone(unpaired: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("precious")
    refused = smoke(unpaired, tmp_path)
    assert refused.exit_code == 2
    assert str(tmp_path) in refused.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_training_is_saved_and_goes_on(kind: signal.Signals, unpaired: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    command = [sys.executable, "-m", "translate", "train", "smoke", "--data", str(unpaired), "--out", str(out)]
    process = subprocess.Popen(
        [*command, "--steps", "1000000", "--set", "log.every=1", "--device", "cpu"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    deadline = time.monotonic() + 300
    while not log.read(out) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(kind)
    _, said = process.communicate(timeout=300)
    assert process.returncode == 130, said
    assert "Traceback" not in said
    assert "The same command continues" in said
    stopped = step(out)
    assert stopped >= 1
    resumed = smoke(unpaired, out, "--steps", str(stopped + 2), *sets(["log.every=1"]))
    assert resumed.exit_code == 0, resumed.output
    assert [row["step"] for row in log.read(out)] == list(range(1, stopped + 3))


def pictures(folder: Path, mode: str, size: tuple[int, int], count: int = 4) -> None:
    folder.mkdir(parents=True)
    for number in range(count):
        pixels = np.random.default_rng(number).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
        Image.fromarray(pixels).convert(mode).save(folder / f"{folder.name}{number}.png")


def test_grey_a_and_colour_b(tmp_path: Path) -> None:
    pictures(tmp_path / "data" / "trainA", "L", (16, 16))
    pictures(tmp_path / "data" / "trainB", "RGB", (16, 16))
    done = smoke(tmp_path / "data", tmp_path / "run", "--steps", "2", *sets(["data.channels.a=1"]))
    assert done.exit_code == 0, done.output
    refused = smoke(tmp_path / "data", tmp_path / "no", *sets(["data.channels.a=1", "objective.identity.weight=5"]))
    assert refused.exit_code == 2
    assert "identity" in refused.stderr
    assert "channels" in refused.stderr


def test_sizes_need_not_be_square(tmp_path: Path) -> None:
    for name in ("trainA", "trainB"):
        pictures(tmp_path / "data" / name, "RGB", (40, 20))
    done = smoke(tmp_path / "data", tmp_path / "run", "--steps", "2", *sets(["data.size=[16, 32]"]))
    assert done.exit_code == 0, done.output
    assert "32x16 px" in done.stdout
    with Image.open(tmp_path / "run" / "previews" / "a2b-00000002.png") as preview:
        assert preview.size == (2 * 32, 4 * 16)


def test_minutes_are_kept(unpaired: Path, tmp_path: Path) -> None:
    done = smoke(unpaired, tmp_path / "run", "--minutes", "0.005")
    assert done.exit_code == 0, done.output
    state = checkpoint.read(checkpoint.newest(tmp_path / "run"))
    assert state["step"] >= 1
    assert state["seconds"] >= 0.3
    assert step(tmp_path / "run") == state["step"]


def test_steps_and_minutes_exclude_each_other(unpaired: Path, tmp_path: Path) -> None:
    refused = smoke(unpaired, tmp_path / "run", "--steps", "3", "--minutes", "1")
    assert refused.exit_code == 2
    assert "--minutes" in refused.stderr
    assert "one of them" in refused.stderr


@pytest.mark.parametrize("name", ["2024", "null", "a: b", "with #1", "très [bien]"])
def test_a_folder_may_have_any_name(name: str, unpaired: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / name).symlink_to(unpaired)
    monkeypatch.chdir(tmp_path)
    done = smoke(Path(name), Path("run"), "--steps", "1")
    assert done.exit_code == 0, done.output
    assert config.load_run(tmp_path / "run").data.root == str(tmp_path / name)


SLOW_MACHINE = Machine("cpu", 60)


@pytest.mark.parametrize(
    ("data", "preset"),
    [("paired", "pix2pix"), ("semi", "semi"), ("unpaired", "fast"), ("single", "r3gan")],
)
def test_without_a_configuration_one_is_planned_and_saved(
    data: str, preset: str, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "measure", lambda device: SLOW_MACHINE)
    root, out = request.getfixturevalue(data), tmp_path / "run"
    small = ["networks.generator.width=4", "networks.discriminator.width=4", "training.batch=2"]
    done = train("--data", root, "--out", out, "--steps", "1", *sets(small))
    assert done.exit_code == 0, done.output
    planned = [line for line in done.stdout.splitlines() if line.startswith("  ")]
    assert any(line.split()[:2] == ["preset", preset] for line in planned)
    assert all(line.rstrip().endswith(")") and "(" in line for line in planned)
    saved = config.load_run(out)
    assert saved.networks.generator.options["width"] == 4
    again = train("--data", root, "--out", out, "--steps", "2")
    assert again.exit_code == 0, again.output
    assert step(out) == 2
    assert config.load_run(out).networks == saved.networks


def test_the_plan_can_be_looked_at_first(unpaired: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "measure", lambda device: SLOW_MACHINE)
    said = train("--data", unpaired, "--out", tmp_path / "run", "--minutes", "5", "--dry-run")
    assert said.exit_code == 0, said.output
    assert "training.minutes" in said.stdout
    assert not (tmp_path / "run").exists()


def test_another_dataset_is_another_run(unpaired: Path, paired: Path, tmp_path: Path) -> None:
    assert smoke(unpaired, tmp_path / "run", "--steps", "2").exit_code == 0
    other = smoke(paired, tmp_path / "run", "--steps", "4")
    assert other.exit_code == 2
    assert "was trained on" in other.output
    assert str(unpaired) in other.output
    moved = tmp_path / "moved"
    shutil.copytree(unpaired, moved)
    assert smoke(moved, tmp_path / "run", "--steps", "4").exit_code == 0  # the same images elsewhere are the same data


def test_a_finished_run_says_that_nothing_was_left_to_do(unpaired: Path, tmp_path: Path) -> None:
    assert "trained 2 steps" in smoke(unpaired, tmp_path / "run", "--steps", "2").output
    assert "already trained" in smoke(unpaired, tmp_path / "run", "--steps", "2").output
    assert "2 of them before" in smoke(unpaired, tmp_path / "run", "--steps", "3").output


def test_a_papers_preset_without_a_gpu_says_how_long_it_takes(single: Path, tmp_path: Path) -> None:
    words = ("dcgan", "--data", single, "--out", tmp_path / "run", "--dry-run", *sets(DCGAN))
    big = sets(["training.batch=512", "training.steps=1000000", "data.size=[16, 16]"])
    assert "or more; --minutes N ends in time" in train(*words, *big).output
    assert "--minutes N" not in train(*words, *big, "--minutes", "1").output
    assert "--minutes N" not in train(*words, "--steps", "10").output
    assert not (tmp_path / "run").exists()


def test_classes_are_told_with_their_counts(zoo: Path, tmp_path: Path) -> None:
    tiny = sets(["data.size=[16, 16]", "networks.generator.width=4", "networks.discriminator.width=4"])
    told = train("biggan", "--data", zoo, "--out", tmp_path / "run", "--dry-run", *tiny)
    assert "classes    clay (8), comic (8)" in told.output
