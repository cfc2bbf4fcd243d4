"""`translate import`, as it is typed: what it says, what it leaves, and that the other commands take it."""

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
        (["--size", "30"], "multiple of 4"),
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


def test_weights_of_another_configuration_make_no_run(tmp_path: Path) -> None:
    from translate.errors import UserError

    made = config.validate({"networks": {"generator": {"name": "resnet", "width": 4, "blocks": 1}}}, "a test")
    other = config.validate({"networks": {"generator": {"name": "resnet", "width": 4, "blocks": 2}}}, "a test")
    with pytest.raises(UserError, match="don't fit"):
        write_run(Taken(made, build.generators(other).state_dict()), tmp_path / "run")
    assert not list(tmp_path.iterdir())
