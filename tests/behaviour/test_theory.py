"""The theory as tests: what each game measures at its best discriminator, and where its generator then goes."""

import math
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from translate import config
from translate.config import Training
from translate.domain import Batch, Domain
from translate.objective import Objective
from translate.prior import Prior
from translate.terms.adversarial import Adversarial
from translate.terms.games import GAMES
from translate.terms.gradient_penalty import GradientPenalty
from translate.trainer import Trainer
from translate.translations import Networks

# Two distributions over five points, in twentieths, so that repeating a logit takes expectations exactly.
P = torch.tensor([8, 5, 4, 2, 1])
Q = torch.tensor([2, 3, 4, 5, 6])
# Each has a point that the other never shows: what is unbounded there is left to P and Q.
P_APART = torch.tensor([8, 7, 4, 1, 0])
Q_APART = torch.tensor([0, 3, 4, 5, 8])
PLACES = torch.tensor([0.0, 0.5, 2.0, 3.0, 4.5], dtype=torch.float64)
"""Of the points on a line, for what knows distances."""

Pair = tuple[Tensor, Tensor]


def shares(counts: Tensor) -> Tensor:
    return counts.double() / counts.sum()


def kl(p: Tensor, q: Tensor) -> Tensor:
    return torch.special.xlogy(p, p / q).nansum()


def jensen_shannon(p: Tensor, q: Tensor) -> Tensor:
    return (kl(p, (p + q) / 2) + kl(q, (p + q) / 2)) / 2


def total_variation(p: Tensor, q: Tensor) -> Tensor:
    return (p - q).abs().sum() / 2


def wasserstein(p: Tensor, q: Tensor) -> Tensor:
    """On a line the area between the cumulative distributions (Villani 2003, theorem 2.18)."""
    return ((p - q).cumsum(0).abs()[:-1] * PLACES.diff()).sum()


# What a game's smallest discriminator loss says, and what that should be.
MEASURES: dict[str, tuple[Callable[[float], float], Callable[[Tensor, Tensor], Tensor]]] = {
    "minimax": (lambda loss: (-2 * loss + 2 * math.log(2)) / 2, jensen_shannon),  # Goodfellow 2014: V = 2 JS - 2 log 2
    "non_saturating": (lambda loss: math.log(2) - loss, jensen_shannon),
    # Mao et al. 2017, section 3.2: Pearson's divergence of p + q and 2 q
    "least_squares": (lambda loss: 2 - 8 * loss, lambda p, q: ((p - q) ** 2 / (p + q)).sum()),
    "hinge": (lambda loss: 1 - loss / 2, total_variation),  # Lim and Ye 2017
    "wasserstein": (lambda loss: -loss, wasserstein),
    "kl": (lambda loss: -loss, kl),
    "reverse_kl": (lambda loss: -loss, lambda p, q: kl(q, p)),
    "pearson": (lambda loss: -loss, lambda p, q: ((p - q) ** 2 / q).sum()),
    "squared_hellinger": (lambda loss: -loss, lambda p, q: ((p.sqrt() - q.sqrt()) ** 2).sum()),
    "jensen_shannon": (lambda loss: -loss, lambda p, q: 2 * jensen_shannon(p, q)),
    "total_variation": (lambda loss: -loss, total_variation),
}
BOUNDED = [
    "minimax", "non_saturating", "least_squares", "hinge", "squared_hellinger", "jensen_shannon", "total_variation",
    "wasserstein",
]  # fmt: skip
RATIO: dict[str, Callable[[Tensor], Tensor]] = {
    "minimax": torch.log,
    "non_saturating": torch.log,
    "least_squares": lambda r: r / (1 + r),
    "hinge": lambda r: (r - 1).sign(),
    "kl": lambda r: 1 + r.log(),
    "reverse_kl": torch.log,
    "pearson": lambda r: 2 * (r - 1),
    "squared_hellinger": lambda r: r.log() / 2,
    "jensen_shannon": torch.log,
}
"""The best logit as a function of the ratio p / q of densities (Nowozin et al. 2016, eq. 5: g_f(v) = f'(r))."""


def logits_of(free: Tensor, game: str, places: Tensor = PLACES) -> Tensor:
    """A logit for each point: any at all, or, of a Wasserstein critic, one of slope at most 1."""
    if game != "wasserstein":
        return free
    return torch.cat([free[:1], free[0] + (free[1:].tanh() * places.diff()).cumsum(0)])


def expected_loss(game: str, logits: Tensor, counts: Pair) -> Tensor:
    """The discriminator's loss on as many copies of each point as its share asks for."""
    real, fake = (torch.arange(len(logits)).repeat_interleave(count) for count in counts)
    if GAMES[game].relativistic:  # every fake meets every real image
        real, fake = real.repeat_interleave(len(fake)), fake.repeat(len(real))
    return GAMES[game].discriminator(logits[real], logits[fake])


def best(game: str, counts: Pair, places: Tensor = PLACES) -> tuple[float, Tensor]:
    """(the smallest loss, the logits [points] that reach it)."""
    free = torch.full((len(counts[0]),), 0.1, dtype=torch.float64).requires_grad_()

    def loss() -> Tensor:
        free.grad = None
        value = expected_loss(game, logits_of(free, game, places), counts)
        value.backward()
        return value

    if game == "hinge":  # its kinks are too much for a method that models curvature
        for step in range(400):
            loss()
            free.data -= 0.3 * (1 - step / 400) * free.grad
    else:
        torch.optim.LBFGS([free], max_iter=300, tolerance_change=1e-14, line_search_fn="strong_wolfe").step(loss)
    return loss().item(), logits_of(free, game, places).detach()


@pytest.mark.parametrize("game", MEASURES)
def test_the_best_discriminator_measures_the_divergence(game: str) -> None:
    value, divergence = MEASURES[game]
    loss, _ = best(game, (P, Q))
    assert value(loss) == pytest.approx(divergence(shares(P), shares(Q)).item(), rel=0.01)


@pytest.mark.parametrize("game", BOUNDED)
def test_bounded_divergences_are_measured_where_supports_differ(game: str) -> None:
    value, divergence = MEASURES[game]
    loss, _ = best(game, (P_APART, Q_APART))
    assert value(loss) == pytest.approx(divergence(shares(P_APART), shares(Q_APART)).item(), rel=0.01)


@pytest.mark.parametrize("game", MEASURES)
def test_between_equals_nothing_is_measured(game: str) -> None:
    loss, _ = best(game, (P, P))
    assert MEASURES[game][0](loss) == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize("game", RATIO)
def test_the_best_logits_know_the_ratio_of_densities(game: str) -> None:
    apart = (P != Q) if game == "hinge" else torch.ones(5, dtype=torch.bool)  # any logit within [-1, 1] where p = q
    _, logits = best(game, (P, Q))
    assert torch.allclose(logits[apart], RATIO[game](shares(P) / shares(Q))[apart], atol=0.01)


def test_least_squares_with_the_targets_of_its_theorem() -> None:
    # Mao et al. 2017, section 3.2: with a = -1, b = 1, c = 0 the two players' losses on both kinds of images sum up
    # to the Pearson divergence of p + q and 2 q. Our targets 0, 1 are theirs of the discriminator 2 D - 1.
    _, logits = best("least_squares", (P, Q))
    p, q = shares(P), shares(Q)
    assert ((p + q) * (2 * logits - 1) ** 2).sum().item() == pytest.approx(
        ((2 * q - (p + q)) ** 2 / (p + q)).sum().item(), rel=0.01
    )


def test_the_relativistic_game_against_a_search_over_all_logits() -> None:
    counts = torch.tensor([3, 2, 1]), torch.tensor([1, 1, 4])
    p, q = (shares(c).tolist() for c in counts)
    loss, logits = best("relativistic", counts)
    axis = torch.linspace(-4, 4, 801, dtype=torch.float64)
    first, second = torch.meshgrid(axis, axis, indexing="ij")
    grid = [torch.zeros_like(first), first, second]  # only differences count
    value = sum(p[i] * q[j] * torch.log1p(torch.exp(grid[j] - grid[i])) for i in range(3) for j in range(3))
    assert isinstance(value, Tensor)
    assert loss == pytest.approx(value.min().item(), rel=1e-4)
    place = value.argmin()
    assert (logits[1] - logits[0]).item() == pytest.approx(first.flatten()[place].item(), abs=0.02)
    assert (logits[2] - logits[0]).item() == pytest.approx(second.flatten()[place].item(), abs=0.02)
    assert best("relativistic", (counts[0], counts[0]))[0] == pytest.approx(math.log(2))


# What the generator descends while the discriminator is at its best, as a function of q: its loss has that gradient.
DESCENDS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "minimax": lambda p, q: 2 * jensen_shannon(p, q),
    "non_saturating": lambda p, q: kl(q, p) - 2 * jensen_shannon(p, q),  # Arjovsky and Bottou 2017, theorem 2.5
    "hinge": lambda p, q: 2 * total_variation(p, q),
    "wasserstein": wasserstein,
    "kl": lambda p, q: kl(q, p),
    "reverse_kl": lambda p, q: kl(q, p),
    "pearson": lambda p, q: 2 * kl(p, q),
    "squared_hellinger": lambda p, q: 2 / 3 * (q**1.5 * p**-0.5).sum(),
    "jensen_shannon": lambda p, q: kl(q, p) - 2 * jensen_shannon(p, q),
    "total_variation": total_variation,
}


@pytest.mark.parametrize("game", DESCENDS)
def test_where_the_generator_goes_under_the_best_discriminator(game: str) -> None:
    p, counts = shares(P), Q
    if game in ("hinge", "total_variation"):
        counts = torch.tensor([2, 3, 5, 4, 6])  # nowhere equal to P: there is a kink
    _, logits = best(game, (P, counts))
    choice = shares(counts).log().requires_grad_()  # q = softmax(choice) stays a distribution
    judged = sum(q * GAMES[game].generator(logit[None]) for q, logit in zip(choice.softmax(0), logits, strict=True))
    assert isinstance(judged, Tensor)
    (pull,) = torch.autograd.grad(judged, choice)
    (expected,) = torch.autograd.grad(DESCENDS[game](p, choice.softmax(0)), choice)
    assert torch.allclose(pull, expected, rtol=0.02, atol=1e-3)


def test_of_points_that_move_apart_only_wasserstein_knows_how_far() -> None:
    here, there = torch.tensor([1, 0]), torch.tensor([0, 1])
    measured: dict[str, list[float]] = {
        game: [
            MEASURES[game][0](best(game, (here, there), torch.tensor([0.0, distance], dtype=torch.float64))[0])
            for distance in (0.5, 1.0, 2.0, 8.0)
        ]
        for game in ("minimax", "wasserstein")
    }
    assert measured["minimax"] == pytest.approx([math.log(2)] * 4, rel=0.01)
    assert measured["wasserstein"] == pytest.approx([0.5, 1.0, 2.0, 8.0], rel=0.01)


class Curve(nn.Sequential):
    """[N, 1, 1, 1] -> [[N, 1, 1, 1]]: a discriminator of pictures of one pixel."""

    def __init__(self) -> None:
        super().__init__(nn.Linear(1, 32), nn.SiLU(), nn.Linear(32, 32), nn.SiLU(), nn.Linear(32, 1))

    def forward(self, x: Tensor) -> list[Tensor]:  # type: ignore[override]
        return [super().forward(x.flatten(1))[:, :, None, None]]


class Line(nn.Sequential):
    """[N, 2] -> [N, 1, 1, 1]: a generator of pictures of one pixel."""

    def __init__(self) -> None:
        super().__init__(nn.Linear(2, 32), nn.SiLU(), nn.Linear(32, 32), nn.SiLU(), nn.Linear(32, 1))

    def forward(self, z: Tensor) -> Tensor:
        return super().forward(z)[:, :, None, None]


def two_peaks(rows: int, generator: torch.Generator) -> Tensor:
    """Around -1.2 and around 1.2, equally often."""
    which = torch.randint(2, (rows, 1, 1, 1), generator=generator)
    return 2.4 * which - 1.2 + 0.3 * torch.randn(rows, 1, 1, 1, generator=generator)


def away(images: Tensor, target: Tensor) -> float:
    """The Wasserstein distance of two equally large samples of numbers."""
    return (images.flatten().sort().values - target.flatten().sort().values).abs().mean().item()


def play(game: Any, steps: int, penalty: dict[str, Any], training: Training) -> tuple[float, float, float]:
    """(distance before, distance after, share on the far peak) of a generator that starts between the peaks."""
    torch.manual_seed(0)
    source = torch.Generator().manual_seed(1)
    networks = Networks(nn.ModuleDict({"b": Line()}), nn.ModuleDict({"b": Curve()}), prior=Prior(2))
    terms = {"adversarial": Adversarial(game=game), "slope": GradientPenalty(**penalty)}
    weights = {"adversarial": 1.0, "slope": 1.0 if penalty["at"] == "between" else 0.1}
    trainer = Trainer(networks, Objective(terms, weights), training, torch.device("cpu"))
    target, latents = two_peaks(2000, source), Prior(2).draw(2000, source)
    with torch.no_grad():
        before = away(trainer.ema.module["b"](latents), target)
        for step in range(steps):
            batch = Batch({Domain.B: two_peaks(256, source)}, paired=0)
            with torch.enable_grad():
                trainer.step(batch, step / steps)
        made = trainer.ema.module["b"](latents)
    return before, away(made, target), (made > 0).double().mean().item()


def reaches_both_peaks(game: str, steps: int, penalty: dict[str, Any], training: Training) -> None:
    before, after, far = play(game, steps, penalty, training)
    assert before > 0.9
    assert after < 0.3  # the peaks of one continuous generator stay joined by a bridge
    assert 0.35 < far < 0.65


R1, WGAN_GP = {"at": "real"}, {"at": "between"}
QUICK = Training(learning_rate=1e-2, betas=(0.5, 0.9), ema=0.99)
PATIENT = Training(learning_rate=5e-3, betas=(0.5, 0.9), ema=0.99, discriminator_steps=2)


@pytest.mark.parametrize("game", ["non_saturating", "relativistic"])
def test_a_generator_moves_onto_two_peaks(game: str) -> None:
    reaches_both_peaks(game, 120, R1, QUICK)


@pytest.mark.slow
@pytest.mark.parametrize("game", GAMES)
def test_under_every_game_a_generator_moves_onto_two_peaks(game: str) -> None:
    reaches_both_peaks(game, 600, WGAN_GP if game == "wasserstein" else R1, PATIENT)


PAGE = (Path(__file__).parents[2] / "docs/objectives.md").read_text(encoding="utf-8")
OTHERS = {"group": "stylegan2", "rebuilt": "bicyclegan"}
"""Presets of lines that name what DCGAN has not."""


def test_every_line_of_the_page_can_be_typed() -> None:
    lines = [a or b for a, b in re.findall(r"^(--set .*)$|`(?:translate train \w+ )?(--set [^`]+)`", PAGE, flags=re.M)]
    assert len(lines) > 25
    for line in lines:
        preset = next((preset for word, preset in OTHERS.items() if word in line), "dcgan")
        config.load(preset, [word for word in shlex.split(line) if word != "--set"])


def test_every_game_has_its_place_on_the_page_and_its_figure() -> None:
    for game in GAMES:
        assert re.search(rf"^\| `{game}` \|.*\|.*\|.*\|", PAGE, flags=re.M), game
        assert f"(objectives/{game}.png)" in PAGE
        assert (Path(__file__).parents[2] / f"docs/objectives/{game}.png").stat().st_size < 80_000
