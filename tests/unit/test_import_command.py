"""`translate import`, as it is typed: what it says, what it leaves, and that the other commands take it."""

import os
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner, Result
from PIL import Image

from translate import build, checkpoint, config
from translate.cli import main
from translate.domain import Domain
from translate.exchange.taken import Taken, write_run
from translate.inference.model import Model
from translate.networks.resnet import ResnetGenerator
from translate.networks.unet import UnetGenerator, published_keys


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """A ResNet's weights under CycleGAN's name for what makes B."""
    torch.manual_seed(0)
    torch.save(ResnetGenerator(3, 3, width=4, blocks=2).state_dict(), tmp_path / "latest_net_G_A.pth")
    return tmp_path / "latest_net_G_A.pth"


def translate(*words: str | Path) -> Result:
    return CliRunner().invoke(main, [*map(str, words)])


def test_a_checkpoint_becomes_a_run_that_apply_takes(published: Path, unpaired: Path, tmp_path: Path) -> None:
    run = tmp_path / "runs" / "mine"
    done = translate("import", published, run, "--size", "16")
    assert done.exit_code == 0, done.output
    assert "ResNet with 2 blocks, width 4, instance norm, no dropout; A to B (A RGB, B RGB), 16 px" in done.stdout
    assert "each image's own statistics" in done.stdout
    assert f"translate apply {run}" in done.stdout.splitlines()[-1]
    assert sorted(path.name for path in run.parent.iterdir()) == ["mine"]  # and nothing half done beside it
    state = checkpoint.read(checkpoint.newest(run))
    assert state["step"] == 0
    assert state["about"]["source"] == {"b": "latest_net_G_A.pth"}
    applied = translate("apply", run, unpaired / "testA", tmp_path / "out")
    assert applied.exit_code == 0, applied.output
    (first, *rest) = sorted((tmp_path / "out").iterdir())
    assert len(rest) == 3
    with Image.open(first) as image:
        assert image.size == (16, 16)


def test_nothing_is_overwritten(published: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    assert translate("import", published, run).exit_code == 0  # an empty folder is nothing
    before = (run / "config.yaml").read_bytes()
    again = translate("import", published, run, "--size", "32")
    assert again.exit_code == 2
    assert "holds a run already" in again.stderr
    assert (run / "config.yaml").read_bytes() == before
    (tmp_path / "file").write_text("mine")
    assert "is there already" in translate("import", published, tmp_path / "file").stderr
    assert (tmp_path / "file").read_text() == "mine"


def test_a_file_under_the_other_directions_name_is_remarked(published: Path, tmp_path: Path) -> None:
    other = published.rename(tmp_path / "latest_net_G_B.pth")
    assert "CycleGAN's name for what makes A" in translate("import", other, tmp_path / "b").stdout
    said = translate("import", other, tmp_path / "a", "--to", "a").stdout
    assert "CycleGAN's name" not in said
    assert "B to A" in said
    assert "--to a" in said.splitlines()[-1]


def test_no_norm_is_said(published: Path, tmp_path: Path) -> None:
    assert "without norm and dropout" in translate("import", published, tmp_path / "run", "--norm", "none").stdout


def test_what_batch_norm_and_dropout_do_is_said(tmp_path: Path) -> None:
    ours = UnetGenerator(3, 1, levels=5, width=2).state_dict()
    keys = published_keys(5)
    torch.save({keys[key]: value for key, value in ours.items()}, tmp_path / "latest_net_G.pth")
    said = translate("import", tmp_path / "latest_net_G.pth", tmp_path / "run").stdout
    assert "running statistics (batch norm)" in said
    assert "--eval" in said
    assert "A RGB, B grey" in said
    assert "dropout in training: on" in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--to", "c"], "--to"),
        (["--size", "30"], "--size: 30 is no multiple of 4"),
        (["--norm", "batch"], "expected: instance or none"),
        (["--dropout", "on"], "without dropout"),
        (["--back", "nowhere.pth"], "nowhere.pth: there is no such file"),
    ],
)
def test_mistakes_leave_nothing(words: list[str], said: str, published: Path, tmp_path: Path) -> None:
    done = translate("import", published, tmp_path / "run", *words)
    assert done.exit_code == 2
    assert said in done.stderr
    assert not (tmp_path / "run").exists()


def test_what_export_wrote_as_safetensors_comes_back(published: Path, tmp_path: Path) -> None:
    pytest.importorskip("safetensors")
    from translate.exchange import safe

    assert translate("import", published, tmp_path / "run", "--size", "16").exit_code == 0
    state = checkpoint.read(checkpoint.newest(tmp_path / "run"))["generator_ema"]
    safe.write(Taken(config.load_run(tmp_path / "run"), state), tmp_path / "mine.safetensors")
    refused = translate("import", tmp_path / "mine.safetensors", tmp_path / "again", "--size", "32")
    assert "leave --size out" in refused.stderr
    done = translate("import", tmp_path / "mine.safetensors", tmp_path / "again")
    assert done.exit_code == 0, done.output
    images = torch.rand(1, 3, 16, 16)
    one, other = (Model.load(tmp_path / name, "cpu")(images, Domain.B) for name in ("run", "again"))
    torch.testing.assert_close(one, other, rtol=0, atol=0)


def test_what_a_hub_holds_comes_back_and_others_weights_too(published: Path, tmp_path: Path) -> None:
    safetensors = pytest.importorskip("safetensors.torch")
    from translate.exchange import safe

    assert translate("import", published, tmp_path / "run", "--size", "16").exit_code == 0
    state = checkpoint.read(checkpoint.newest(tmp_path / "run"))["generator_ema"]
    told, hub = config.load_run(tmp_path / "run"), tmp_path / "hub"
    safe.write(Taken(told, state), hub / "MODEL.SAFETENSORS", hub / "config.json")
    assert "leave --size out" in translate("import", hub / "MODEL.SAFETENSORS", tmp_path / "a", "--size", "32").stderr
    done = translate("import", hub / "MODEL.SAFETENSORS", tmp_path / "a")
    assert done.exit_code == 0, done.output
    assert config.load_run(tmp_path / "a") == told
    (hub / "config.json").write_text('{"model_type": "another program\'s"}')  # so the keys say what it is
    safetensors.save_file(torch.load(published, weights_only=True), hub / "net.SAFETENSORS")
    done = translate("import", hub / "net.SAFETENSORS", tmp_path / "b", "--size", "16")
    assert done.exit_code == 0, done.output
    assert config.load_run(tmp_path / "b") == told


def test_an_empty_folder_is_gone_before_the_run_takes_its_place(
    published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows refuses to put a folder on another, even on an empty one."""
    replace = os.replace

    def as_windows(source: Path, target: Path) -> None:
        if os.path.isdir(target):
            raise PermissionError(13, "Access is denied", str(target))
        replace(source, target)

    monkeypatch.setattr(os, "replace", as_windows)
    (tmp_path / "run").mkdir()
    done = translate("import", published, tmp_path / "run")
    assert done.exit_code == 0, done.output


def test_an_imported_run_leaves_as_any_other(published: Path, unpaired: Path, tmp_path: Path) -> None:
    """What is said of its source does not stand in the way of what says that the file is ours."""
    pytest.importorskip("safetensors")
    run = tmp_path / "run"
    assert translate("import", published, run, "--size", "16").exit_code == 0
    assert translate("export", run, tmp_path / "made.safetensors").exit_code == 0
    assert translate("push", run, "me/photos", "--dry-run", tmp_path / "hub").exit_code == 0
    for name in ("made.safetensors", "hub/model.safetensors"):
        applied = translate("apply", tmp_path / name, unpaired / "testA", tmp_path / "out" / name)
        assert applied.exit_code == 0, applied.output
    card = (tmp_path / "hub/README.md").read_text()
    assert "another program has trained" in card
    assert "multiples of 4, at least 8x8" in card


def test_one_way_and_one_file_twice_are_remarked(published: Path, unpaired: Path, tmp_path: Path) -> None:
    assert translate("import", published, tmp_path / "run", "--size", "16").exit_code == 0
    said = translate("apply", tmp_path / "run", unpaired / "testA", tmp_path / "out", "--to", "a").stderr
    assert "translate import ... --back FILE" in said
    twice = translate("import", published, tmp_path / "both", "--back", published, "--size", "16")
    assert "both directions are the same weights" in twice.stdout


@pytest.mark.parametrize("command", ["train", "export", "push"])
def test_a_file_in_the_place_of_a_run_is_sent_to_import(
    command: str, published: Path, unpaired: Path, tmp_path: Path
) -> None:
    words = {
        "train": ["--from", published, "--data", unpaired, "--out", tmp_path / "new"],
        "export": [published, tmp_path / "x.pt2"],
        "push": [published, "me/photos", "--dry-run", tmp_path / "hub"],
    }[command]
    done = translate(command, *words)
    assert done.exit_code == 2
    assert f"translate import {published} RUN" in done.stderr


def test_a_quiet_import_and_export_say_results_alone(published: Path, tmp_path: Path) -> None:
    done = translate("import", published, tmp_path / "run", "--size", "16", "--quiet")
    assert done.stdout == f"imported: {tmp_path / 'run'}\n"
    pytest.importorskip("safetensors")
    made = translate("export", tmp_path / "run", tmp_path / "made.safetensors", "--quiet")
    assert "made.safetensors" in made.stdout
    assert "next:" not in made.stdout


def test_weights_of_another_configuration_make_no_run(tmp_path: Path) -> None:
    from translate.errors import UserError

    made = config.validate({"networks": {"generator": {"name": "resnet", "width": 4, "blocks": 1}}}, "a test")
    other = config.validate({"networks": {"generator": {"name": "resnet", "width": 4, "blocks": 2}}}, "a test")
    with pytest.raises(UserError, match="don't fit"):
        write_run(Taken(made, build.generators(other).state_dict()), tmp_path / "run")
    assert not list(tmp_path.iterdir())
