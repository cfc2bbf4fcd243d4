"""A training that begins with another run's weights, imported or trained, and does not need it any more afterwards."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner, Result
from tiny import PATCH, RESNET, SMALL

from translate import build, checkpoint, config
from translate.cli import main
from translate.data import layouts
from translate.domain import Domain
from translate.exchange import finetuning, outgoing, starting
from translate.exchange.taken import Taken, write_run
from translate.inference.model import Model

IMAGES = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
UNTRAINED = {"data": {"size": [16, 16]}, "networks": {"discriminator": None}, "objective": {}}


def imported(run: Path, produce: list[str], **generator: object) -> Path:
    """A run folder as `translate import` leaves it."""
    component = {"name": "resnet", "width": 4, "blocks": 2, **generator}
    tree = {**UNTRAINED, "networks": {"generator": component, "discriminator": None}, "produce": produce}
    made = config.validate(tree, "a test")
    torch.manual_seed(1)
    write_run(Taken(made, build.generators(made).state_dict(), {"source": "a test"}), run)
    return run


def train(*words: str | Path) -> Result:
    return CliRunner().invoke(main, ["train", *map(str, words), "--device", "cpu"])


def tiny(*settings: str) -> list[str]:
    return [word for setting in [*SMALL, *settings] for word in ("--set", setting)]


def outputs(run: Path, to: Domain = Domain.B) -> torch.Tensor:
    made: torch.Tensor = Model.load(run, "cpu")(IMAGES, to)
    return made


@pytest.mark.parametrize(
    ("produce", "data", "generator", "preset"),
    [
        (["b"], "unpaired", {}, "cut"),
        (["b", "a"], "unpaired", {}, "cyclegan"),
        (["b"], "paired", {"name": "unet", "levels": 3, "blocks": None}, "pix2pix"),
        (["b", "a"], "semi", {}, "semi"),
    ],
)
def test_an_imported_run_gets_the_objective_that_suits_it_and_goes_on(
    produce: list[str],
    data: str,
    generator: dict[str, object],
    preset: str,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    options = {key: value for key, value in ({"blocks": 2} | generator).items() if value is not None}
    if generator:
        tree = {**UNTRAINED, "networks": {"generator": {"width": 4, **options}, "discriminator": None}}
        made = config.validate({**tree, "produce": produce}, "a test")
        write_run(Taken(made, build.generators(made).state_dict(), {}), tmp_path / "run")
    else:
        imported(tmp_path / "run", produce)
    nce = ["objective.patch_nce.layers=[0, 4]", "objective.patch_nce.patches=4"] if preset == "cut" else []
    root = request.getfixturevalue(data)
    words = ["--from", tmp_path / "run", "--data", root, "--out", tmp_path / "new", "--steps", "1"]
    done = train(*words, *tiny("networks.discriminator.width=4", "networks.discriminator.layers=1", *nce))
    assert done.exit_code == 0, done.output
    assert f"objective  {preset}'s" in done.stdout
    assert "generators of" in done.stdout
    begun = config.load_run(tmp_path / "new")
    assert set(begun.objective) == set(config.load(preset).objective)
    assert begun.training.start == str(tmp_path / "run")
    assert begun.networks.generator == config.load_run(tmp_path / "run").networks.generator


def test_step_0_is_the_run_that_it_begins_with(tmp_path: Path) -> None:
    run = imported(tmp_path / "run", ["b", "a"])
    settings = [f"training.start={json.dumps(str(run))}", RESNET, PATCH, *SMALL]
    chosen = config.load("cyclegan", settings)
    trainer = build.trainer(chosen, build.blank(chosen), torch.device("cpu"))
    starting.begin(trainer, starting.read(chosen))
    for domain in Domain:
        for group in (trainer.networks.generator, trainer.ema.module):
            torch.testing.assert_close(group.eval()[domain](IMAGES), outputs(run, domain), rtol=0, atol=1e-5)
    assert trainer.step_count == 0


def test_a_trained_run_hands_on_its_configuration_and_its_discriminators(unpaired: Path, tmp_path: Path) -> None:
    run, new = tmp_path / "run", tmp_path / "new"
    first = train("cyclegan", "--data", unpaired, "--out", run, *tiny(RESNET, PATCH, "training.steps=2"))
    assert first.exit_code == 0, first.output
    there = checkpoint.read(checkpoint.newest(run))
    assert outgoing.of_run(run).about["trained_on"] == "8 images of A, 8 images of B"
    still = ["--set", "training.learning_rate=1e-12"]
    done = train("--from", run, "--data", unpaired, "--out", new, "--steps", "1", *still)
    assert done.exit_code == 0, done.output
    assert "generators and discriminators of" in done.stdout
    before, after = config.load_run(run), config.load_run(new)
    assert after.objective == before.objective
    assert after.data.transforms == before.data.transforms
    here = checkpoint.read(checkpoint.newest(new))
    assert here["step"] == 1
    for part in ("generator_ema", "discriminator"):
        torch.testing.assert_close(here[part], there[part], rtol=0, atol=1e-6)
    torch.testing.assert_close(here["generator"], there["generator_ema"], rtol=0, atol=1e-6)
    torch.testing.assert_close(outputs(new), outputs(run), rtol=0, atol=1e-5)

    shutil.rmtree(run)  # from here on it is not needed
    moved = train("--data", unpaired, "--out", new, "--steps", "3")
    assert moved.exit_code == 0, moved.output
    later = tmp_path / "later"
    shutil.copytree(new, later)
    assert config.load_run(later).training.start == str(run)
    assert checkpoint.read(checkpoint.newest(new))["step"] == 3


def test_it_learns_and_resumes_with_the_same_bits(unpaired: Path, tmp_path: Path) -> None:
    run = imported(tmp_path / "run", ["b", "a"])
    words = ["cyclegan", "--from", run, "--data", unpaired, *tiny(RESNET, PATCH, "training.schedule=constant")]
    assert train(*words, "--out", tmp_path / "whole", "--steps", "4").exit_code == 0
    assert train(*words, "--out", tmp_path / "parts", "--steps", "2").exit_code == 0
    shutil.rmtree(run)
    done = train(*words, "--out", tmp_path / "parts", "--steps", "4")
    assert done.exit_code == 0, done.output
    whole, parts = (checkpoint.read(checkpoint.newest(tmp_path / name)) for name in ("whole", "parts"))
    torch.testing.assert_close(parts["generator"], whole["generator"], rtol=0, atol=0)
    torch.testing.assert_close(parts["generator_ema"], whole["generator_ema"], rtol=0, atol=0)
    fresh = imported(tmp_path / "run", ["b", "a"])
    assert (outputs(tmp_path / "whole") - outputs(fresh)).abs().max() > 1e-3


def test_what_does_not_fit_is_named_before_anything_is_written(unpaired: Path, paired: Path, tmp_path: Path) -> None:
    run, new = imported(tmp_path / "run", ["b"]), tmp_path / "new"
    words = ["--from", run, "--data", unpaired, "--out", new, "--steps", "1", *tiny(PATCH)]
    for settings, said in (
        (["networks.generator={name: resnet, width: 4, blocks: 3}", "produce=[b]"], "blocks is 3 here and 2 there"),
        (["networks.generator={name: resnet, width: 4, blocks: 2, norm: batch}", "produce=[b]"], "norm is"),
        (["networks.generator={name: fast, width: 8}", "produce=[b]"], 'name is "fast" here and "resnet" there'),
        ([RESNET], r'produce is ["b", "a"] here and ["b"] there'),
        ([RESNET, "data.channels={a: 1, b: 3}", "produce=[b]", "objective.identity.weight=0"], "data.channels is"),
    ):
        if "produce=[b]" in settings:
            settings = [*settings, "objective.cycle.weight=0"]
        done = train("cyclegan", *words, *(w for s in settings for w in ("--set", s)))
        assert done.exit_code == 2, done.output
        assert said in done.stderr, done.stderr
        assert not new.exists()


def test_mistakes_around_from_are_named(unpaired: Path, single: Path, tmp_path: Path) -> None:
    run = imported(tmp_path / "run", ["b"])
    unet = config.validate(
        {**UNTRAINED, "networks": {"generator": {"name": "unet", "levels": 3, "width": 4}, "discriminator": None}}
        | {"produce": ["b"]},
        "a test",
    )
    write_run(Taken(unet, build.generators(unet).state_dict(), {}), tmp_path / "unet")
    for words, said in (
        (["--from", tmp_path / "none", "--data", unpaired, "--out", tmp_path / "new"], "is not a run folder"),
        (["--from", run, "--data", unpaired, "--out", run], "--from and --out at once"),
        (["--data", unpaired, "--out", run], "no term teaches"),
        (["cyclegan", "--data", unpaired, "--out", run], "no training to go on with"),
        (["--from", tmp_path / "unet", "--data", unpaired, "--out", tmp_path / "new"], "without pairs"),
        (["--from", run, "--data", single, "--out", tmp_path / "new"], "holds one domain only"),
    ):
        done = train(*words, *tiny())
        assert done.exit_code == 2, done.output
        assert said in done.stderr, (words, done.stderr)
    assert not (tmp_path / "new").exists()


def bare(run: Path, preset: str, *settings: str) -> Path:
    """A run folder of which nothing but its generators is known."""
    whole = config.load(preset, [*settings, "data.size=[16, 16]"])
    data = config.Data(size=whole.data.size, channels=whole.data.channels, frames=whole.data.frames)
    networks = whole.networks.model_copy(update={"discriminator": None, "encoder": None})
    made = config.Config(data=data, networks=networks, produce=whole.produce, objective={})
    write_run(Taken(made, build.generators(made).state_dict(), {}), run)
    return run


UNET = "networks.generator={name: unet, levels: 3, width: 4}"


def test_frames_of_a_bare_run_are_those_of_the_new_one(paired: Path, tmp_path: Path) -> None:
    run = bare(tmp_path / "run", "pix2pix", UNET, "data.frames={a: 2, b: 1}")
    start = f"training.start={json.dumps(str(run))}"
    chosen, _ = finetuning.chosen(run, layouts.find(paired), [start], minutes=1)
    begun = starting.read(chosen)  # refuses other generators
    assert begun is not None
    assert chosen.data.frames.a == 2


@pytest.mark.parametrize(
    ("preset", "settings"),
    [
        ("bicyclegan", [UNET]),
        ("dcgan", ["networks.generator.width=4"]),
        ("biggan", ["networks.generator.width=4", "networks.classes=[cat, dog]"]),
    ],
)
def test_bare_run_that_draws_from_noise_asks_for_a_config(
    preset: str, settings: list[str], paired: Path, tmp_path: Path
) -> None:
    run = bare(tmp_path / "run", preset, *settings)
    done = train("--from", run, "--data", paired, "--out", tmp_path / "new")
    assert done.exit_code == 2, done.output
    assert "draws from noise, and nothing says how it was trained" in done.stderr
    assert f"try: translate train {preset} --from {run}" in done.stderr
    assert not (tmp_path / "new").exists()
