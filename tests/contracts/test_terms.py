"""Every term of the table: finite, speaks to its own player only, and a better answer scores better."""

from importlib import import_module
from itertools import product
from pathlib import Path
from typing import Any, Literal

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from translate.domain import Batch, Domain
from translate.networks.patchgan import PatchDiscriminator
from translate.networks.resnet import ResnetGenerator
from translate.prior import Prior
from translate.signatures import find
from translate.terms import TABLE
from translate.translations import Networks, Translations, frozen

KNOWN_NEEDS = {
    "pairs",
    "both_directions",
    "same_channels",
    "image_inputs",
    "features",
    "latent",
    "discriminator",
    "encoder",
    "styles",
}
OPTIONS: dict[str, dict[str, Any]] = {"patch_nce": {"layers": [0, 4, 8], "patches": 16, "dim": 8}}

# What a generator is given: the other domain's image, that and a latent, or a latent alone (then only B is produced).
Given = Literal["image", "both", "latent"]
REFUSED: dict[Given, set[str]] = {
    "image": {"latent", "encoder", "styles"},
    "both": {"styles", "features"},
    "latent": {"pairs", "both_directions", "image_inputs", "features"},
}
PRODUCED: dict[Given, set[str]] = {"image": {"a", "b"}, "both": {"a", "b"}, "latent": {"b"}}
# Encoders learn from these, and generators from all but "kl".
TEACH_ENCODERS = {"kl", "reconstruction"}

# In the world below the truth is the negative of the input; who asks for something else says so here.
BEST = {"identity": "same"}
ZERO_AT_BEST = (
    "cycle",
    "identity",
    "supervised",
    "perceptual",
    "feature_matching",
    "reconstruction",
    "latent_recovery",
)
# These don't ask how near the truth an image is; what they ask is tested with each of them.
NOT_ABOUT_TRUTH = {"gradient_penalty", "kl", "mode_seeking", "orthogonal", "path_length"}


def needs_of(name: str) -> set[str]:
    return set(find("term", name, TABLE, where="test").attributes["needs"])


def fits(name: str, given: Given) -> bool:
    return not needs_of(name) & REFUSED[given]


def speaks_to(name: str, player: str) -> bool:
    return f"for_{player}" in find("term", name, TABLE, where="test").methods


SETTINGS = [(name, given) for name, given in product(TABLE, REFUSED) if fits(name, given)]
FROM_IMAGES = [(name, given) for name, given in SETTINGS if given != "latent"]
TURNS = {
    player: [
        (name, given, conditional)
        for (name, given), conditional in product(SETTINGS, (False, True))
        if speaks_to(name, player) and (given == "image" or not conditional)
    ]
    for player in ("generator", "discriminator")
}


class Map(nn.Module):
    """A generator without training: the truth, no change at all, or everything out of place."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind

    def forward(self, x: Tensor) -> Tensor:
        return {"truth": -x, "same": x, "scrambled": x.roll((3, 5), dims=(2, 3))}[self.kind]

    def features(self, x: Tensor, layers: list[int]) -> list[Tensor]:
        return [x.square() for _ in layers]


class Mosaic(nn.Module):
    """A latent generator without training: the 12 values of z as 2x2 stones of 16 px, in their place or not."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind

    def forward(self, z: Tensor) -> Tensor:
        stones = functional.interpolate(z.view(-1, 3, 2, 2), scale_factor=16)
        return stones if self.kind == "truth" else stones.roll((3, 5), dims=(2, 3))


class Stones(nn.Module):
    """An encoder without training, which reads what `Mosaic` laid."""

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        mean = functional.avg_pool2d(images, 16).flatten(1)
        return mean, torch.full_like(mean, -60.0)


class Brightness(nn.Module):
    """A discriminator without training: the brighter, the realer (sign 1), or the darker (sign -1)."""

    def __init__(self, sign: float) -> None:
        super().__init__()
        self.sign = sign

    def forward(self, x: Tensor) -> list[Tensor]:
        return [self.sign * functional.avg_pool2d(x.mean(1, keepdim=True), 4)]

    def features(self, x: Tensor) -> list[list[Tensor]]:
        return [[x, *self.forward(x)]]


class Beside(nn.Module):
    """A small generator of an image and a latent beside it."""

    def __init__(self) -> None:
        super().__init__()
        self.mix, self.paint = nn.Conv2d(3 + 12, 4, 3, padding=1), nn.Conv2d(4, 3, 3, padding=1)

    def forward(self, x: Tensor, z: Tensor) -> Tensor:
        maps = z[:, :, None, None].expand(-1, -1, *x.shape[2:])
        return self.paint(self.mix(torch.cat([x, maps], dim=1)).relu()).tanh()


class Styled(nn.Module):
    """A small generator of a latent alone, by way of styles."""

    def __init__(self) -> None:
        super().__init__()
        self.mapping, self.painting = nn.Linear(12, 2 * 8), nn.ConvTranspose2d(16, 3, 32)

    def styles(self, z: Tensor) -> Tensor:
        return self.mapping(z).relu().unflatten(1, (2, 8))

    def paint(self, w: Tensor) -> Tensor:
        return self.painting(w.flatten(1)[:, :, None, None]).tanh()

    def forward(self, z: Tensor) -> Tensor:
        return self.paint(self.styles(z))


class Reader(nn.Module):
    """A small encoder."""

    def __init__(self) -> None:
        super().__init__()
        self.read = nn.Conv2d(3, 2 * 12, 32)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_variance = self.read(images).flatten(1).chunk(2, dim=1)
        return mean, log_variance


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


def world(given: Given = "image", paired: int = 2, rows: int = 3) -> Batch:
    """A is dark and textured, B its negative; only the first `paired` rows show the same scene. Or mosaics as B."""
    if given == "latent":
        return Batch({Domain.B: Mosaic("truth")(torch.randn(rows, 12))}, 0)
    a, other = torch.rand(2, rows, 3, 32, 32) * 0.8 - 0.9
    return Batch({Domain.A: a, Domain.B: -torch.cat([a[:paired], other[paired:]])}, paired)


def learners(given: Given = "image", conditional: bool = False) -> Networks:
    channels = 6 if conditional else 3
    domains = sorted(PRODUCED[given])
    made = {"image": lambda: ResnetGenerator(3, 3, width=4, blocks=1), "both": Beside, "latent": Styled}[given]
    return Networks(
        nn.ModuleDict({d: made() for d in domains}),
        nn.ModuleDict({d: PatchDiscriminator(channels, layers=2, width=4) for d in domains}),
        conditional,
        nn.ModuleDict({d: Reader() for d in domains if given != "image"}),
        None if given == "image" else Prior(12),
    )


def oracles(given: Given, kind: str) -> Networks:
    judges = nn.ModuleDict({Domain.A: Brightness(-1), Domain.B: Brightness(1)})
    if given == "image":
        return Networks(nn.ModuleDict({d: Map(kind) for d in Domain}), judges)
    del judges["a"]
    encoders = nn.ModuleDict({Domain.B: Stones()})
    return Networks(nn.ModuleDict({Domain.B: Mosaic(kind)}), judges, encoder=encoders, prior=Prior(12))


def prepared(name: str, vgg: Path, networks: Networks, given: Given = "image") -> Any:
    term = make(name, vgg)
    if hasattr(term, "prepare"):
        term.prepare(networks, world(given))
    return term


def spoken(term: Any, x: Translations) -> dict[str, Tensor]:
    """What the term tells both players, by name."""
    told: dict[str, Tensor] = {}
    for player in ("generator", "discriminator"):
        if hasattr(term, f"for_{player}"):
            told |= {f"{player}/{d}": value for d, value in getattr(term, f"for_{player}")(x).items()}
        x.detach()
    return told


def strongest(networks: nn.Module) -> float:
    """The largest gradient of any parameter; 0 where there is none."""
    return max([float(p.grad.abs().max()) for p in networks.parameters() if p.grad is not None], default=0.0)


@pytest.mark.parametrize(("name", "given", "conditional"), TURNS["generator"])
def test_the_generators_turn_reaches_generators_encoders_and_heads_only(
    name: str, given: Given, conditional: bool, vgg: Path
) -> None:
    networks = learners(given, conditional)
    term = prepared(name, vgg, networks, given)
    with frozen(networks.discriminator.parameters()):
        losses = term.for_generator(Translations(world(given), networks))
        sum(losses.values()).backward()
    assert set(losses) == PRODUCED[given]
    for value in losses.values():
        assert value.shape == ()
        assert value.dtype == torch.float32
        assert value.isfinite()
    for generator in networks.generator.values():
        assert (strongest(generator) > 0) == (name != "kl")
    for encoder in networks.encoder.values():
        assert (strongest(encoder) > 0) == (name in TEACH_ENCODERS)
    assert all(p.grad is not None for p in term.parameters())
    assert all(p.grad is None for p in networks.discriminator.parameters())


@pytest.mark.parametrize(("name", "given", "conditional"), TURNS["discriminator"])
def test_the_discriminators_turn_reaches_discriminators_only(
    name: str, given: Given, conditional: bool, vgg: Path
) -> None:
    networks = learners(given, conditional)
    term = prepared(name, vgg, networks, given)
    with frozen([*networks.generator.parameters(), *networks.encoder.parameters(), *term.parameters()]):
        losses = term.for_discriminator(Translations(world(given), networks))
        sum(losses.values()).backward()
    assert set(losses) == PRODUCED[given]
    assert all(value.isfinite() and value.shape == () for value in losses.values())
    for judge in networks.discriminator.values():
        # a penalty on slopes has nothing to say to a bias that is added to the logits
        untold = [key for key, p in judge.named_parameters() if p.grad is None]
        assert all(key.endswith("bias") for key in untold)
        assert hasattr(term, "for_generator") <= (not untold)
        assert strongest(judge) > 0
    assert all(p.grad is None for p in networks.generator.parameters())


@pytest.mark.parametrize("name", [name for name in TABLE if name not in NOT_ABOUT_TRUTH])
def test_a_better_answer_scores_better(name: str, vgg: Path) -> None:
    given: Given = "image" if fits(name, "image") else "latent"
    scores = []
    for kind in (BEST.get(name, "truth"), "scrambled"):
        torch.manual_seed(1)
        networks = oracles(given, kind)
        term = prepared(name, vgg, networks, given)
        scores.append(term.for_generator(Translations(world(given), networks)))
    assert set(scores[0]) == PRODUCED[given]
    for domain in scores[0]:
        assert scores[0][domain] < scores[1][domain]


@pytest.mark.parametrize("name", ZERO_AT_BEST)
def test_nothing_is_left_to_improve_in_a_perfect_answer(name: str, vgg: Path) -> None:
    given: Given = "image" if fits(name, "image") else "latent"
    networks = oracles(given, BEST.get(name, "truth"))
    losses = prepared(name, vgg, networks, given).for_generator(Translations(world(given), networks))
    assert [float(value) for value in losses.values()] == pytest.approx([0] * len(PRODUCED[given]), abs=1e-5)


@pytest.mark.parametrize("name", TABLE)
def test_what_a_term_needs_is_known_and_literal(name: str, vgg: Path) -> None:
    needs = find("term", name, TABLE, where="test").attributes["needs"]
    assert set(needs) <= KNOWN_NEEDS
    assert needs == make(name, vgg).needs
    assert any(fits(name, given) for given in REFUSED)


@pytest.mark.parametrize(("name", "given"), FROM_IMAGES)
def test_a_term_that_needs_pairs_is_silent_without_paired_rows(name: str, given: Given, vgg: Path) -> None:
    networks = learners(given)
    losses = spoken(prepared(name, vgg, networks), Translations(world(paired=0), networks))
    assert bool(losses) != ("pairs" in needs_of(name) or (name, given) == ("reconstruction", "both"))


@pytest.mark.parametrize(("name", "given"), FROM_IMAGES)
def test_a_conditional_discriminator_is_not_asked_without_paired_rows(name: str, given: Given, vgg: Path) -> None:
    networks = learners(given, conditional=True)
    for value in spoken(prepared(name, vgg, networks), Translations(world(paired=0), networks)).values():
        assert value.isfinite()


@pytest.mark.parametrize(("name", "given"), [s for s in FROM_IMAGES if "both_directions" not in needs_of(s[0])])
def test_a_single_direction_is_enough_unless_both_are_needed(name: str, given: Given, vgg: Path) -> None:
    networks = learners(given)
    for group in (networks.generator, networks.discriminator, networks.encoder):
        if "a" in group:
            del group["a"]
    told = spoken(prepared(name, vgg, networks), Translations(world(), networks))
    assert {label.partition("/")[2] for label in told} == {"b"}


@pytest.mark.parametrize(("name", "given"), SETTINGS)
def test_mixed_precision_leaves_losses_in_float32(name: str, given: Given, vgg: Path) -> None:
    networks = learners(given)
    term = prepared(name, vgg, networks, given)
    with torch.autocast("cpu", torch.bfloat16):
        told = spoken(term, Translations(world(given), networks))
    assert told
    assert all(value.dtype == torch.float32 and value.isfinite() for value in told.values())


@pytest.mark.parametrize(("name", "given"), SETTINGS)
def test_term_state_round_trips(name: str, given: Given, vgg: Path) -> None:
    networks = learners(given)
    first, second = prepared(name, vgg, networks, given), prepared(name, vgg, networks, given)
    spoken(first, Translations(world(given), networks))  # what a term remembers is in its state
    second.load_state_dict(first.state_dict())
    values = []
    for term in (first, second):
        torch.manual_seed(3)
        told = spoken(term, Translations(world(given), networks))
        values.append({label: value.item() for label, value in told.items()})
    assert values[0] == values[1]
