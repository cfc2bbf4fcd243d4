"""Every mistake: exit code 2, one message with what was expected and what to type, no traceback, nothing written."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from translate.cli import main


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


def refused(*words: str | Path, says: tuple[str, ...], code: int = 2) -> None:
    result = run(*words)
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    assert isinstance(result.exception, SystemExit)
    for text in says:
        assert text in result.stderr, (text, result.stderr)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "run"


def picture(path: Path, number: int = 0, size: tuple[int, int] = (16, 16)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(number).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)


def test_a_path_that_is_not_there(tmp_path: Path, out: Path) -> None:
    gone = tmp_path / "gone"
    for words in (("train", "smoke", "--data", gone, "--out", out), ("check", gone)):
        refused(*words, says=(str(gone), "expected"))
    assert not out.exists()


def test_a_file_where_a_folder_belongs(tmp_path: Path, out: Path, unpaired: Path) -> None:
    (tmp_path / "file.txt").write_text("text")
    refused("train", "smoke", "--data", tmp_path / "file.txt", "--out", out, says=("file.txt", "expected"))
    refused("train", "smoke", "--data", unpaired, "--out", tmp_path / "file.txt", says=("file.txt", "expected"))
    refused("check", tmp_path / "file.txt", says=("file.txt", "expected"))


def test_an_empty_folder(tmp_path: Path, out: Path) -> None:
    (tmp_path / "empty").mkdir()
    for words in (("train", "smoke", "--data", tmp_path / "empty", "--out", out), ("check", tmp_path / "empty")):
        refused(*words, says=(str(tmp_path / "empty"), "expected", "trainA"))
    refused("train", "--data", tmp_path / "empty", "--out", out, says=("trainA",))
    assert not out.exists()


def test_empty_domains(tmp_path: Path, out: Path) -> None:
    for name in ("trainA", "trainB"):
        (tmp_path / "data" / name).mkdir(parents=True)
    refused("train", "smoke", "--data", tmp_path / "data", "--out", out, says=("expected",))


def test_one_domain_only(tmp_path: Path, out: Path) -> None:
    for number in range(3):
        picture(tmp_path / "data" / "trainA" / f"{number}.png", number)
    refused("train", "smoke", "--data", tmp_path / "data", "--out", out, says=("expected", "B"))
    assert not out.exists()


def test_a_configuration_for_two_domains_and_data_of_one(single: Path, paired: Path, out: Path) -> None:
    says = ("one domain only", "expected: images of A and of B", "r3gan")
    refused("train", "cyclegan", "--data", single, "--out", out, says=says)
    says = ("two domains", "expected", "--data")
    refused("train", "unconditional", "--data", paired, "--out", out, says=says)


def test_pairs_that_do_not_match(tmp_path: Path, out: Path) -> None:
    for number in range(3):
        picture(tmp_path / "data" / "train" / "A" / f"left{number}.png", number)
        picture(tmp_path / "data" / "train" / "B" / f"right{number}.png", number + 9)
    words = ("train", "pix2pix", "--data", tmp_path / "data", "--out", out, "--set", "data.pairs=stem")
    refused(*words, says=("expected", "left0"))
    refused(*words[:-2], says=("supervised", "show the same scene", "--set objective.supervised.weight=0"))
    assert not out.exists()


def test_a_pair_list_with_a_name_that_is_not_there(tmp_path: Path, out: Path, paired: Path) -> None:
    root = tmp_path / "data"
    shutil.copytree(paired, root)
    with open(root / "pairs.csv", "a") as file:
        file.write("trainA/nobody.png,trainB/0000001.png\n")
    refused("train", "smoke", "--data", root, "--out", out, says=("pairs.csv", "nobody.png"))


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (["training.bach=4"], ('Did you mean "batch"?', "training.bach", "expected: one of")),
        (["training.batch=four"], ("training.batch", "four")),
        (["networks.generator.name=rsnet"], ('Did you mean "resnet"?',)),
        (["objective.cylce.weight=10"], ('Did you mean "cycle"?',)),
        (["data.transforms=[HorizontalFlop]"], ('Did you mean "HorizontalFlip"?',)),
        (["training"], ("KEY=VALUE",)),
        (["objective.supervised.weight=1"], ('the term "supervised"', "objective.supervised.weight=0")),
        (["produce=[b]"], ('the term "cycle"', "produce: [b, a]")),
        (["data.channels.a=1", "objective.identity.weight=1"], ('the term "identity"', "channels")),
        (["objective.patch_nce.weight=1"], ('the term "patch_nce"', "resnet")),
        (["networks.conditional=true"], ("conditional", "networks.conditional=false")),
        (["data.size=[18, 18]"], ("multiple of 4", "16 or 20")),
        (["data.pairs=5"], ("pairs",)),
        (["data.transforms=[{RandomCrop: {height: 8, width: 8}}]"], ("data.size", "RandomCrop")),
        (["data.paired_share=0.5"], ("paired_share",)),
        (["training.batch=2", "training.accumulate=3"], ("accumulate",)),
        (["networks.generator={name: dcgan}"], ("latent",)),
        (["training.seed=-1"], ("training.seed",)),
    ],
)
def test_a_setting_that_can_not_be(settings: list[str], says: tuple[str, ...], unpaired: Path, out: Path) -> None:
    words = [word for setting in settings for word in ("--set", setting)]
    refused("train", "smoke", "--data", unpaired, "--out", out, *words, says=says)
    assert not out.exists()


def test_a_network_too_deep_for_the_size_and_then_the_mended_command(unpaired: Path, out: Path) -> None:
    words = ("train", "smoke", "--data", unpaired, "--out", out, "--device", "cpu", "--set")
    refused(*words, "networks.discriminator.layers=9", says=("expected",))
    assert run(*words, "networks.discriminator.layers=1").exit_code == 0


def test_an_unknown_preset_or_file(unpaired: Path, out: Path) -> None:
    says = ('unknown preset "cyclgan". Did you mean "cyclegan"?', "one of", "translate presets")
    refused("train", "cyclgan", "--data", unpaired, "--out", out, says=says)
    refused("show", "pix2pux", says=('Did you mean "pix2pix"?',))
    refused("show", "mine.yaml", says=("mine.yaml", "configuration file"))


def test_a_device_that_is_not_here(unpaired: Path, out: Path) -> None:
    words = ("train", "smoke", "--data", unpaired, "--out", out, "--device", "tpu")
    refused(*words, says=("tpu", "expected", "cpu"))
    assert not out.exists()


def test_a_damaged_checkpoint(unpaired: Path, out: Path) -> None:
    words = ("train", "smoke", "--data", unpaired, "--out", out, "--steps", "1", "--device", "cpu")
    assert run(*words).exit_code == 0
    (path,) = (out / "checkpoints").iterdir()
    path.write_bytes(path.read_bytes()[:-100])
    refused(*words, says=(path.name, "can't be read"))


def test_every_picture_is_broken(tmp_path: Path, out: Path) -> None:
    for name in ("trainA", "trainB"):
        for number in range(2):
            picture(tmp_path / "data" / name / f"{number}.png", number)
            (tmp_path / "data" / name / f"{number}.png").write_bytes(b"no image")
    refused("train", "smoke", "--data", tmp_path / "data", "--out", out, says=(".png",))


def test_somebody_elses_configuration_is_not_overwritten(unpaired: Path, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("user: me\n")
    refused("train", "smoke", "--data", unpaired, "--out", tmp_path, "--device", "cpu", says=("config.yaml",))
    assert (tmp_path / "config.yaml").read_text() == "user: me\n"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    "words",
    [["--size", "0"], ["--size", "-8"], ["--train", "-1"], ["--test", "-1"], ["--seed", "-1"], ["--size", "big"]],
)
def test_a_dataset_that_can_not_be_drawn(words: list[str], tmp_path: Path) -> None:
    refused("data", "make", "faces", tmp_path / "faces", *words, says=(words[0],))
    assert not (tmp_path / "faces").exists()


def test_a_dataset_is_not_drawn_over_something(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("precious")
    refused("data", "make", "faces", tmp_path, says=("not an empty folder", "expected"))
    refused("data", "make", "fases", tmp_path / "new", says=('Did you mean "faces"?',))
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_unet_that_is_too_deep_says_what_else_could_be_changed(paired: Path, tmp_path: Path) -> None:
    words = ("train", "pix2pix", "--data", paired, "--out", tmp_path / "run", "--set", "data.size=[64,64]", "--dry-run")
    refused(*words, says=("no multiple of 256", "expected: 256", "networks.generator.levels"))


def test_a_run_whose_configuration_was_edited_is_not_continued(single: Path, tmp_path: Path) -> None:
    out, narrow = tmp_path / "run", "networks.generator.width=4"
    words = ["train", "dcgan", "--data", single, "--out", out, "--steps", "1", "--device", "cpu"]
    settings = [narrow, "networks.discriminator.width=4", "data.size=[16,16]", "training.batch=4"]
    done = run(*words, *(word for setting in settings for word in ("--set", setting)))
    assert done.exit_code == 0, done.output
    written = (out / "config.yaml").read_text().replace("dimension: 100", "dimension: 50")
    (out / "config.yaml").write_text(written)
    refused("train", "--data", single, "--out", out, "--steps", "2", says=("doesn't fit", "config.yaml"))


@pytest.mark.parametrize(
    ("preset", "setting", "says"),
    [
        ("r3gan", "judging={probability: adaptive, transforms: [{RandomAffine: {degrees: 5}}]}", "judging.probability"),
        ("vae", "networks.latent.prior=uniform", "objective.kl"),
        ("wgan-gp", "networks.discriminator.norm=batch", "networks.discriminator.norm"),
        ("dcgan", "objective.adversarial.game=wasserstein", "gradient_penalty"),
        ("dcgan", "networks.discriminator={name: patchgan, layers: 3}", "networks.discriminator"),
        ("r3gan", "objective.second={term: adversarial, top_k: 2}", "objective.second.top_k"),
        ("progan", "networks.discriminator.grown_at=2", "networks.discriminator.grown_at"),
        ("r3gan", "networks.generator={name: biggan, attention: 3}", "networks.generator.attention"),
    ],
)
@pytest.mark.parametrize("dry", [(), ("--dry-run",)])
def test_what_does_not_go_together(
    preset: str, setting: str, says: str, dry: tuple[str, ...], single: Path, tmp_path: Path
) -> None:
    small = ("--set", "data.size=[16,16]", "--set", "training.batch=4", "--device", "cpu", *dry)
    refused("train", preset, "--data", single, "--out", tmp_path / "run", "--set", setting, *small, says=(says,))
