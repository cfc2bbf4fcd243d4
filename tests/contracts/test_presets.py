"""Every preset: says what it is, loads, reloads equal, and builds networks that fit its sizes."""

import copy
import re
import shlex
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from translate import augment, build, config
from translate.cli.train import command
from translate.data import transforms
from translate.domain import Domain

PRESETS = sorted(config.presets())


def parameters(module: torch.nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def test_the_promised_presets_are_there() -> None:
    translating = {"cyclegan", "pix2pix", "semi", "cut", "fastcut", "fast", "bicyclegan", "modeseeking", "smoke"}
    drawing = {"dcgan", "sngan", "wgan", "wgan-gp", "fgan", "progan", "stylegan2", "biggan", "r3gan", "vae"}
    assert translating | drawing == set(PRESETS)


def test_a_preset_is_found_under_its_former_name() -> None:
    assert config.load("unconditional") == config.load("dcgan")


@pytest.mark.parametrize("name", PRESETS)
def test_opens_with_paper_expected_result_hours_and_command(name: str) -> None:
    about = config.about(config.presets()[name])
    assert re.search(r"(CVPR|ICCV|ECCV|ACCV|ICLR|ICML|NeurIPS) \d{4}|Paper:|CycleGAN's objective", about)
    for label in ("Expect: ", "Hours: ", "Command: "):
        assert label in about, label
    typed = about.split("Command: ")[1].split("&&")[0].split("   (")[0].splitlines()[0]
    words = shlex.split(typed)
    assert words[:3] == ["translate", "train", name]
    parsed = copy.copy(command).make_context("train", words[2:])  # a command remembers the options of its first call
    assert parsed.params["config"] == name


@pytest.mark.parametrize("name", PRESETS)
def test_reloads_equal_from_what_it_shows(name: str) -> None:
    made = config.load(name)
    assert config.parse(made.to_yaml(), where="shown") == made
    written, again = yaml.safe_load(made.to_yaml()), made.model_dump(mode="json")
    assert written == again


def changes(tree: Any, made: Any, path: str = "") -> list[str]:
    """Keys of a preset that are not in its resolved configuration as they were written."""
    if isinstance(tree, dict) and isinstance(made, dict):
        return [c for key in tree for c in changes(tree[key], made.get(key, "nothing"), f"{path}.{key}")]
    return [] if tree == made else [f"{path}: {tree!r} became {made!r}"]


@pytest.mark.parametrize("name", PRESETS)
def test_every_written_key_arrives(name: str) -> None:
    tree = yaml.safe_load(config.presets()[name].read_text(encoding="utf-8"))
    assert changes(tree, config.load(name).model_dump(mode="json")) == []


@pytest.mark.parametrize("name", PRESETS)
def test_networks_fit_the_size(name: str) -> None:
    settings = ["networks.classes=[cat, dog]"] if config.load(name).networks.classes else []
    made = config.load(name, settings)
    size = made.data.size
    with torch.device("cpu" if name == "progan" else "meta"):  # how far a network has grown is a value
        generators, discriminators = build.generators(made), build.discriminators(made)
        for domain in made.produce:
            labels = [torch.zeros(2, dtype=torch.int64)] if made.networks.classes else []
            z = [torch.empty(2, made.networks.latent.dimension)] if made.networks.latent else []
            inputs = [*([] if made.unconditional else [torch.empty(2, 3, *size)]), *z, *labels]
            assert generators[domain](*inputs).shape == (2, 3, *size)
            channels = 6 if made.networks.conditional else 3
            if made.networks.discriminator:
                logits = discriminators[domain](torch.empty(2, channels, *size), *labels)
                assert all(scale.shape[:2] == (2, 1) for scale in logits)


@pytest.mark.parametrize("name", PRESETS)
def test_transforms_end_at_the_size(name: str) -> None:
    data = config.load(name).data
    pipeline = transforms.build(data.transforms)
    image = np.zeros((*(data.load_size or data.size), 3), np.uint8)
    assert transforms.apply(pipeline, image, 0).shape == (*data.size, 3)
    augment.build(config.load(name).augment)


# Parameters as the published code prints them, in millions: generator, discriminator.
PUBLISHED = {
    "cyclegan": (11.378, 2.765),
    "pix2pix": (54.414, 2.769),
    "cut": (11.378, 2.765),
    "fastcut": (11.378, 2.765),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_networks_are_as_large_as_the_published_ones(name: str) -> None:
    made = config.load(name)
    with torch.device("meta"):
        generator, discriminator = build.generators(made)["b"], build.discriminators(made)["b"]
    assert (round(parameters(generator) / 1e6, 3), round(parameters(discriminator) / 1e6, 3)) == PUBLISHED[name]


@pytest.mark.parametrize(
    ("name", "weights"),
    [
        ("cyclegan", {"adversarial": 1, "cycle": 10, "identity": 5}),
        ("pix2pix", {"adversarial": 1, "supervised": 100}),
        ("cut", {"adversarial": 1, "patch_nce": 1}),
        ("fastcut", {"adversarial": 1, "patch_nce": 10}),
    ],
)
def test_weights_are_the_papers(name: str, weights: dict[str, float]) -> None:
    made = config.load(name)
    assert {key: term.weight for key, term in made.objective.items()} == weights
    assert (made.training.learning_rate, made.training.betas) == (2e-4, (0.5, 0.999))
    assert made.training.batch == 1


def test_details_of_the_papers() -> None:
    cyclegan, pix2pix, cut, fastcut = (config.load(name) for name in ("cyclegan", "pix2pix", "cut", "fastcut"))
    assert cyclegan.objective["adversarial"].options.items() >= {"game": "least_squares", "pool": 50}.items()
    assert pix2pix.networks.conditional
    assert pix2pix.objective["adversarial"].options["game"] == "non_saturating"
    assert pix2pix.networks.generator.options["dropout"] is True
    assert cut.objective["patch_nce"].options["identity"] is True
    assert fastcut.objective["patch_nce"].options["identity"] is False
    assert cut.produce == fastcut.produce == [Domain.B]
    assert "cycle" not in {**cut.objective, **fastcut.objective}
