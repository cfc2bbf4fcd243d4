"""A need that can't be met is refused by the term's name; what can be met passes."""

from pathlib import Path

import pytest

from translate import config, needs
from translate.data.layouts import Dataset, Picture, Split
from translate.errors import UserError


def dataset(pairs: int = 0, only_a: int = 0, only_b: int = 0) -> Dataset:
    """A folder that exists on paper."""
    picture = Picture(Path("x.png"))
    split = Split([(picture, picture)] * pairs, [picture] * only_a, [picture] * only_b)
    return Dataset(Path("DIR"), "a layout", {"train": split})


PAIRS, UNPAIRED, ONE = dataset(pairs=5), dataset(only_a=5, only_b=5), dataset(only_b=5)
DRAWING = ["networks.latent=8", "produce=[b]"]
BESIDE = ["networks.latent={dimension: 8, enter: add}", "networks.encoder=resnet", "produce=[b]"]
RESNET = "networks.generator={name: resnet, width: 4, blocks: 1}"


def check(found: Dataset, *settings: str, preset: str = "smoke") -> None:
    needs.check(config.load(preset, settings), found)


@pytest.mark.parametrize(
    ("found", "settings", "term"),
    [
        (UNPAIRED, ["objective.supervised.weight=1"], "supervised"),
        (UNPAIRED, ["objective.mine={term: supervised, weight: 1}"], "mine"),
        (PAIRS, ["produce=[b]"], "cycle"),
        (UNPAIRED, ["data.channels.a=1", "objective.identity.weight=5"], "identity"),
        (UNPAIRED, ["data.channels.b=1", "objective.identity.weight=5"], "identity"),
        (UNPAIRED, ["objective.patch_nce.weight=1"], "patch_nce"),
        (UNPAIRED, ["data.channels.a=1", RESNET, "objective.patch_nce={weight: 1, identity: true}"], "patch_nce"),
        (UNPAIRED, ["objective.identity.weight=[[0, 1], [1, 0]]", "data.channels.a=1"],
         "identity"),
        (ONE, ["networks.latent=8", "produce=[b]", "objective.cycle.weight=0", "objective.supervised.weight=1"],
         "supervised"),
        (UNPAIRED, ["networks.discriminator=null"], "adversarial"),
        (UNPAIRED, ["objective.mode_seeking.weight=1"], "mode_seeking"),
        (UNPAIRED, ["objective.kl.weight=1"], "kl"),
        (ONE, [*DRAWING, "objective.cycle.weight=0", "objective.path_length.weight=1"], "path_length"),
        (UNPAIRED, [*BESIDE, "objective.cycle.weight=0", "objective.reconstruction.weight=1"], "reconstruction"),
    ],
)  # fmt: skip
def test_an_unmet_need_names_the_term(found: Dataset, settings: list[str], term: str) -> None:
    with pytest.raises(UserError) as caught:
        check(found, *settings)
    assert f'the term "{term}"' in str(caught.value)
    assert caught.value.where == f"objective.{term}"
    assert caught.value.expected
    assert caught.value.hint


@pytest.mark.parametrize(
    ("found", "settings"),
    [
        (UNPAIRED, []),
        (PAIRS, ["objective.supervised.weight=1"]),
        (dataset(pairs=1, only_a=9), ["objective.supervised.weight=1"]),
        (UNPAIRED, ["objective.supervised.weight=0"]),
        (UNPAIRED, ["data.channels.a=1", "objective.identity.weight=0"]),
        (UNPAIRED, ["data.channels.a=1", "data.channels.b=1", "objective.identity.weight=5"]),
        (UNPAIRED, [RESNET, "objective.patch_nce={weight: 1, layers: [0, 4]}"]),
        (PAIRS, ["networks.conditional=true"]),
        (ONE, ["networks.latent=8", "produce=[b]", "objective={adversarial: {}}"]),
        (ONE, [*DRAWING, "networks.encoder=resnet", "objective={reconstruction: {}, kl: {}}"]),
        (PAIRS, [*BESIDE, "objective={adversarial: {}, reconstruction: {}, mode_seeking: {}}"]),
    ],
)
def test_what_can_be_met_passes(found: Dataset, settings: list[str]) -> None:
    check(found, *settings)


@pytest.mark.parametrize(
    ("setting", "where"), [("null", "networks.latent"), ("{enter: maps}", "networks.latent.enter")]
)
def test_a_generator_from_noise_without_its_latent_is_not_blamed_on_the_data(setting: str, where: str) -> None:
    with pytest.raises(UserError, match="draws from a latent alone") as caught:
        check(ONE, f"networks.latent={setting}", preset="dcgan")
    assert caught.value.where == where


def test_an_encoder_that_no_term_asks_is_refused() -> None:
    with pytest.raises(UserError, match="teaches the encoder") as caught:
        check(PAIRS, *BESIDE, "objective={adversarial: {}, kl: {weight: 0}}")
    assert caught.value.where == "networks.encoder"


def test_classes_given_by_hand_are_those_of_the_folders() -> None:
    pictures = [Picture(Path(f"{name}/x.png"), label=name) for name in ("cat", "dog")]
    found = Dataset(Path("DIR"), "class folders", {"train": Split([], [], pictures)})
    settings = ["networks.latent=8", "produce=[b]", "objective={adversarial: {}}"]
    for classes in ("folders", "[dog, cat]"):
        needs.settle(config.load("smoke", [*settings, f"networks.classes={classes}"]), found)
    with pytest.raises(UserError, match="the folders are cat, dog"):
        needs.settle(config.load("smoke", [*settings, "networks.classes=[dog, bird]"]), found)


def test_the_regime_must_suit_the_networks() -> None:
    with pytest.raises(UserError, match="one domain only"):
        check(ONE)
    for found in (PAIRS, UNPAIRED):
        with pytest.raises(UserError, match="two domains"):
            check(found, preset="unconditional")
    with pytest.raises(UserError, match="conditional discriminator"):
        check(UNPAIRED, "networks.conditional=true")


@pytest.mark.parametrize(
    ("preset", "found"),
    [
        ("cyclegan", UNPAIRED), ("fast", UNPAIRED), ("cut", UNPAIRED), ("fastcut", UNPAIRED), ("smoke", UNPAIRED),
        ("pix2pix", PAIRS), ("semi", dataset(pairs=2, only_a=3, only_b=3)), ("bicyclegan", PAIRS),
        ("modeseeking", PAIRS), *((name, ONE) for name in ("dcgan", "r3gan", "vae", "stylegan2", "wgan-gp")),
    ],
)  # fmt: skip
def test_each_preset_is_met_by_the_data_it_is_made_for(preset: str, found: Dataset) -> None:
    check(found, preset=preset)


def test_stacked_frames_are_more_channels() -> None:
    identity = "objective.identity.weight=5"
    check(UNPAIRED, identity)
    with pytest.raises(UserError, match="identity"):
        check(UNPAIRED, identity, "data.frames.a=2")
