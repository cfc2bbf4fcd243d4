"""Every term of the table: finite, speaks to its own player only, and a better answer scores better."""

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from translate.domain import Batch, Domain
from translate.networks.patchgan import PatchDiscriminator
from translate.networks.resnet import ResnetGenerator
from translate.terms import TABLE
from translate.trainer import frozen
from translate.translations import Networks, Translations

KNOWN_NEEDS = {"pairs", "both_directions", "same_channels", "image_inputs", "features"}
OPTIONS: dict[str, dict[str, Any]] = {"patch_nce": {"layers": [0, 4, 8], "patches": 16, "dim": 8}}
# In the world below the truth is the negative of the input; who asks for something else says so here.
BEST = {"identity": "same"}
ZERO_AT_BEST = ("cycle", "identity", "supervised", "perceptual", "feature_matching")


class Map(nn.Module):
    """A generator without training: the truth, no change at all, or everything out of place."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind

    def forward(self, x: Tensor) -> Tensor:
        return {"truth": -x, "same": x, "scrambled": x.roll((3, 5), dims=(2, 3))}[self.kind]

    def features(self, x: Tensor, layers: list[int]) -> list[Tensor]:
        return [x.square() for _ in layers]


class Brightness(nn.Module):
    """A discriminator without training: the brighter, the realer (sign 1), or the darker (sign -1)."""

    def __init__(self, sign: float) -> None:
        super().__init__()
        self.sign = sign

    def forward(self, x: Tensor) -> list[Tensor]:
        return [self.sign * functional.avg_pool2d(x.mean(1, keepdim=True), 4)]

    def features(self, x: Tensor) -> list[list[Tensor]]:
        return [[x, *self.forward(x)]]


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def vgg(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that looks like torchvision's vgg19 weights, but is narrow and random."""
    torch.manual_seed(0)
    state, index, channels = {}, 0, 3
    for width, count in zip((4, 4, 8, 8, 8), (2, 2, 4, 4, 4), strict=True):
        for _ in range(count):
            state[f"features.{index}.weight"] = torch.randn(width, channels, 3, 3) / (2 * channels) ** 0.5
            state[f"features.{index}.bias"] = torch.randn(width) * 0.1
            index, channels = index + 2, width
        index += 1
    path = tmp_path_factory.mktemp("vgg") / "vgg19-narrow.pth"
    torch.save(state, path)
    return path


def make(name: str, vgg: Path) -> Any:
    module, _, cls = TABLE[name].partition(":")
    options = {"weights": str(vgg)} if name == "perceptual" else OPTIONS.get(name, {})
    return getattr(import_module(module), cls)(**options)


def world(paired: int = 2, rows: int = 3) -> Batch:
    """A is dark and textured, B its negative; only the first `paired` rows show the same scene."""
    a, other = torch.rand(2, rows, 3, 32, 32) * 0.8 - 0.9
    return Batch({Domain.A: a, Domain.B: -torch.cat([a[:paired], other[paired:]])}, paired)


def learners(conditional: bool = False) -> Networks:
    channels = 6 if conditional else 3
    return Networks(
        nn.ModuleDict({d: ResnetGenerator(3, 3, width=4, blocks=1) for d in Domain}),
        nn.ModuleDict({d: PatchDiscriminator(channels, layers=2, width=4) for d in Domain}),
        conditional,
    )


def oracles(kind: str) -> Networks:
    judges = {Domain.A: Brightness(-1), Domain.B: Brightness(1)}
    return Networks(nn.ModuleDict({d: Map(kind) for d in Domain}), nn.ModuleDict(judges))


def prepared(name: str, vgg: Path, networks: Networks) -> Any:
    term = make(name, vgg)
    if hasattr(term, "prepare"):
        term.prepare(networks, world())
    return term


@pytest.mark.parametrize("conditional", [False, True])
@pytest.mark.parametrize("name", TABLE)
def test_the_generators_turn_reaches_generators_and_heads_only(name: str, conditional: bool, vgg: Path) -> None:
    networks = learners(conditional)
    term = prepared(name, vgg, networks)
    with frozen(networks.discriminator.parameters()):
        losses = term.for_generator(Translations(world(), networks))
        sum(losses.values()).backward()
    assert set(losses) == {"a", "b"}
    for value in losses.values():
        assert value.shape == ()
        assert value.dtype == torch.float32
        assert value.isfinite()
    for generator in networks.generator.values():
        assert max(p.grad.abs().max() for p in generator.parameters() if p.grad is not None) > 0
    assert all(p.grad is not None for p in term.parameters())
    assert all(p.grad is None for p in networks.discriminator.parameters())


@pytest.mark.parametrize("conditional", [False, True])
@pytest.mark.parametrize("name", TABLE)
def test_the_discriminators_turn_reaches_discriminators_only(name: str, conditional: bool, vgg: Path) -> None:
    networks = learners(conditional)
    term = prepared(name, vgg, networks)
    if not hasattr(term, "for_discriminator"):
        return
    with frozen([*networks.generator.parameters(), *term.parameters()]):
        losses = term.for_discriminator(Translations(world(), networks))
        sum(losses.values()).backward()
    assert set(losses) == {"a", "b"}
    assert all(value.isfinite() and value.shape == () for value in losses.values())
    assert all(p.grad is not None for p in networks.discriminator.parameters())
    assert all(p.grad is None for p in networks.generator.parameters())


@pytest.mark.parametrize("name", TABLE)
def test_a_better_translation_scores_better(name: str, vgg: Path) -> None:
    scores = []
    for kind in (BEST.get(name, "truth"), "scrambled"):
        torch.manual_seed(1)
        networks = oracles(kind)
        term = prepared(name, vgg, networks)
        scores.append(term.for_generator(Translations(world(paired=2), networks)))
    for domain in Domain:
        assert scores[0][domain] < scores[1][domain]


@pytest.mark.parametrize("name", ZERO_AT_BEST)
def test_nothing_is_left_to_improve_in_a_perfect_translation(name: str, vgg: Path) -> None:
    networks = oracles(BEST.get(name, "truth"))
    losses = prepared(name, vgg, networks).for_generator(Translations(world(paired=2), networks))
    assert [float(value) for value in losses.values()] == pytest.approx([0, 0], abs=1e-6)


@pytest.mark.parametrize("name", TABLE)
def test_what_a_term_needs_is_known_and_literal(name: str, vgg: Path) -> None:
    from translate.signatures import find

    needs = find("term", name, TABLE, where="test").attributes["needs"]
    assert set(needs) <= KNOWN_NEEDS
    assert needs == make(name, vgg).needs


@pytest.mark.parametrize("name", TABLE)
def test_a_term_that_needs_pairs_is_silent_without_paired_rows(name: str, vgg: Path) -> None:
    networks = learners()
    term = prepared(name, vgg, networks)
    losses = term.for_generator(Translations(world(paired=0), networks))
    assert bool(losses) != ("pairs" in term.needs)


@pytest.mark.parametrize("name", TABLE)
def test_a_single_direction_is_enough_unless_both_are_needed(name: str, vgg: Path) -> None:
    networks = learners()
    del networks.generator["a"], networks.discriminator["a"]
    term = prepared(name, vgg, networks)
    if "both_directions" in term.needs:
        return
    assert set(term.for_generator(Translations(world(), networks))) == {"b"}


@pytest.mark.parametrize("name", TABLE)
def test_mixed_precision_leaves_losses_in_float32(name: str, vgg: Path) -> None:
    networks = learners()
    term = prepared(name, vgg, networks)
    with torch.autocast("cpu", torch.bfloat16):
        losses = term.for_generator(Translations(world(), networks))
    assert all(value.dtype == torch.float32 and value.isfinite() for value in losses.values())


@pytest.mark.parametrize("name", TABLE)
def test_term_state_round_trips(name: str, vgg: Path) -> None:
    networks = learners()
    first, second = prepared(name, vgg, networks), prepared(name, vgg, networks)
    second.load_state_dict(first.state_dict())
    values = []
    for term in (first, second):
        torch.manual_seed(3)
        values.append({d: v.item() for d, v in term.for_generator(Translations(world(), networks)).items()})
    assert values[0] == values[1]
