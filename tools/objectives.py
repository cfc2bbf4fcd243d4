"""Draw for each game what it measures and where its gradient dies: the figures of docs/objectives.md.

    python tools/objectives.py docs/objectives                     all of them (2 minutes on one idle core)
    python tools/objectives.py docs/objectives --game wasserstein  one

Real images are numbers from N(0, 1), fakes from N(d, 1), for nine distances d. For each a small network learns from
fresh samples to be the game's discriminator. Dots are what these networks say, lines are what the theory says.
"""

from __future__ import annotations

import argparse
import itertools
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor, nn
from torch.nn import functional

from translate.terms.games import GAMES, Game

DISTANCES = torch.tensor([0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0])
STEPS, BATCH, WIDTH, SLOPE_WEIGHT = 1200, 512, 32, 100.0
GRID = torch.linspace(-9, 15, 4801, dtype=torch.float64)
DEAD = 0.05
"""Pull below which nothing is learnt any more: a twentieth of what most games give an undecided fake."""


def density(mean: float) -> Tensor:
    """Of N(mean, 1) on the grid."""
    return torch.exp(-((GRID - mean) ** 2) / 2) / math.sqrt(2 * math.pi)


def integral(values: Tensor) -> float:
    """Over the grid."""
    return torch.trapezoid(values, GRID).item()


def triangular(d: float) -> float:
    """Integral of (p - q)^2 / (p + q)."""
    p, q = density(0), density(d)
    return integral((p - q) ** 2 / (p + q))


def jensen_shannon(d: float) -> float:
    """With natural logarithms: at most log 2."""
    p, q = density(0), density(d)
    m = (p + q) / 2
    return integral(torch.special.xlogy(p, p / m) + torch.special.xlogy(q, q / m)) / 2


def total_variation(d: float) -> float:
    """Integral of |p - q| / 2."""
    return math.erf(d / math.sqrt(8))


def relativistic_logits(d: float) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """(places, logits, shares of real, shares of fake) of the best discriminator, found on a coarse grid."""
    places = torch.linspace(-4, d + 4, 161, dtype=torch.float64)
    p, q = (functional.normalize(torch.exp(-((places - mean) ** 2) / 2), p=1, dim=0) for mean in (0.0, d))
    logits = (-d * places).requires_grad_()
    optimizer = torch.optim.LBFGS([logits], max_iter=500, tolerance_change=1e-13, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        value = (torch.outer(q, p) * functional.softplus(logits[:, None] - logits[None])).sum()
        value.backward()
        return value

    optimizer.step(loss)
    return places, logits.detach(), p, q


def relativistic(d: float) -> float:
    """Log 2 less the smallest loss."""
    _, logits, p, q = relativistic_logits(d)
    return math.log(2) - (torch.outer(q, p) * functional.softplus(logits[:, None] - logits[None])).sum().item()


def relativistic_pull(d: float) -> float:
    """How fast the generator's loss falls while all fakes move towards the real images."""
    places, logits, p, q = relativistic_logits(d)
    (slope,) = torch.gradient(logits, spacing=(places,))
    wish = torch.sigmoid(logits[None] - logits[:, None])  # the loss is softplus(D(y) - D(x)), a row for each fake
    return -(torch.outer(q, p) * wish * slope[:, None]).sum().item()


@dataclass(frozen=True)
class Measure:
    """What a game measures: its name, from the smallest discriminator loss, and exactly, of N(0, 1) and N(d, 1).

    `best`: the best logit as a function of log(p / q), where it is a smooth one; else `pull`, if that is known.
    `logits`: those that are drawn.
    """

    name: str
    of_loss: Callable[[float], float]
    exact: Callable[[float], float]
    best: Callable[[Tensor], Tensor] | None = None
    pull: Callable[[float], float] | None = None
    logits: tuple[float, float] = (-8, 8)


def opposite(loss: float) -> float:
    """The value that a discriminator maximises."""
    return -loss


MEASURES: dict[str, Measure] = {
    "non_saturating": Measure("Jensen-Shannon", lambda loss: math.log(2) - loss, jensen_shannon, lambda r: r),
    "minimax": Measure("Jensen-Shannon", lambda loss: math.log(2) - loss, jensen_shannon, lambda r: r),
    "least_squares": Measure(
        "Pearson, of p + q and 2q", lambda loss: 2 - 8 * loss, triangular, torch.sigmoid, logits=(-0.5, 1.5)
    ),
    "hinge": Measure("total variation", lambda loss: 1 - loss / 2, total_variation),
    "wasserstein": Measure("Wasserstein-1", opposite, lambda d: d, pull=lambda d: 1.0),
    "relativistic": Measure(
        "log 2 less the loss", lambda loss: math.log(2) - loss, relativistic, pull=relativistic_pull
    ),
    "kl": Measure("KL(p, q)", opposite, lambda d: d**2 / 2, lambda r: 1 + r),
    "reverse_kl": Measure("KL(q, p)", opposite, lambda d: d**2 / 2, lambda r: r),
    "pearson": Measure("Pearson(p, q)", opposite, lambda d: math.exp(d**2) - 1, lambda r: 2 * (r.exp() - 1)),
    "squared_hellinger": Measure(
        "squared Hellinger", opposite, lambda d: 2 - 2 * math.exp(-(d**2) / 8), lambda r: r / 2
    ),
    "jensen_shannon": Measure("2 Jensen-Shannon", opposite, lambda d: 2 * jensen_shannon(d), lambda r: r),
    "total_variation": Measure("total variation", opposite, total_variation),
}


class Judges(nn.Module):
    """A network of two hidden layers for each distance, side by side: [K, N] -> [K, N]."""

    def __init__(self) -> None:
        super().__init__()
        widths = (1, WIDTH, WIDTH, 1)
        self.weights = nn.ParameterList(
            torch.randn(len(DISTANCES), i, o) / math.sqrt(i) for i, o in itertools.pairwise(widths)
        )
        self.biases = nn.ParameterList(torch.zeros(len(DISTANCES), 1, o) for o in widths[1:])

    def forward(self, x: Tensor) -> Tensor:
        x = ((x - DISTANCES[:, None] / 2) / (1 + DISTANCES[:, None] / 2))[:, :, None]  # centred, of about equal width
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            x = functional.silu(torch.baddbmm(bias, x, weight))
        return torch.baddbmm(self.biases[-1], x, self.weights[-1])[:, :, 0]


def samples(rows: int) -> tuple[Tensor, Tensor]:
    """(real, fake), [K, rows] each."""
    return torch.randn(len(DISTANCES), rows), DISTANCES[:, None] + torch.randn(len(DISTANCES), rows)


def learn(game: Game, limited: bool) -> Judges:
    """Discriminators at their best; `limited`: to a slope of at most 1, by a penalty (Gulrajani et al. 2017, eq. 3).

    The penalty is one-sided: on a line, the two-sided one would hold a critic that starts with the wrong sign.
    """
    judges = Judges()
    optimizer = torch.optim.Adam(judges.parameters(), lr=5e-3, betas=(0.5, 0.99))
    rate = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    for _ in range(STEPS):
        real, fake = samples(BATCH)
        loss = game.discriminator(judges(real), judges(fake))
        if limited:
            between = torch.lerp(real, fake, torch.rand_like(real)).requires_grad_()
            (slope,) = torch.autograd.grad(judges(between).sum(), between, create_graph=True)
            loss = loss + SLOPE_WEIGHT * functional.relu(slope.abs() - 1).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        rate.step()
    return judges


def generator_loss(game: Game, fake: Tensor, real: Tensor) -> Tensor:
    """Of whichever arguments the game takes."""
    return game.generator(fake, real) if game.relativistic else game.generator(fake)


def judged(game: Game, judges: Judges, rows: int = 2**16) -> tuple[list[float], list[float]]:
    """(smallest losses, pulls on all fakes), one for each distance, on samples that were not learnt from."""
    real, fake = samples(rows)
    step = torch.zeros(len(DISTANCES), 1, requires_grad=True)
    reals, fakes = judges(real).detach(), judges(fake - step)
    losses = [game.discriminator(r, f).item() for r, f in zip(reals, fakes, strict=True)]
    told = torch.stack([generator_loss(game, f, r) for r, f in zip(reals, fakes, strict=True)]).sum()
    (slope,) = torch.autograd.grad(told, step)
    return losses, (-slope[:, 0]).tolist()


def exact_pull(game: Game, measure: Measure, d: float) -> float | None:
    """As `relativistic_pull`, for games whose best logit is a smooth function of the ratio of densities."""
    if measure.best is None:
        return measure.pull(d) if measure.pull else None
    step = torch.zeros((), dtype=torch.float64, requires_grad=True)
    logits = measure.best(d**2 / 2 - d * (GRID - step))
    each = torch.vmap(game.generator)(logits[:, None])
    (slope,) = torch.autograd.grad(torch.trapezoid(density(d) * each, GRID), step)
    return -slope.item()


def draw_measure(axes: Axes, measure: Measure, losses: list[float]) -> None:
    """The divergence over the distance."""
    fine = torch.linspace(0, 6, 61).tolist()
    axes.plot(fine, [measure.exact(d) for d in fine], color="#888", lw=2.5, label="theory")
    axes.plot(DISTANCES, [measure.of_loss(loss) for loss in losses], "o", color="#d1495b", ms=5, label="network")
    axes.set_title(f"It measures: {measure.name}")
    axes.set_xlabel("distance of fakes from real images")
    if measure.exact(6) > 100:
        axes.set_yscale("symlog", linthresh=1)
        axes.set_yticks([0, 1, 1e4, 1e8, 1e12, 1e16])
    axes.legend(frameon=False)


def draw_logit(axes: Axes, game: Game, measure: Measure) -> None:
    """The generator's gradient by a fake's logit."""
    logits = torch.linspace(*measure.logits, 321, requires_grad=True)
    real = torch.zeros(len(logits), 1)
    each = torch.stack([generator_loss(game, f[None], r) for f, r in zip(logits, real, strict=True)])
    (slope,) = torch.autograd.grad(each.sum(), logits)
    pull, places = -slope, logits.detach()
    dead = pull.abs() < DEAD
    if dead[0] or dead[-1]:  # from some logit on, not where a pull passes 0 on its way
        axes.fill_between(places, -1, 3, where=dead, color="#888", alpha=0.2, lw=0, label="dead")
        axes.legend(frameon=False)
    axes.plot(places, pull, color="#2a6f97", lw=2)
    axes.axhline(0, color="#888", lw=0.6)
    axes.set(ylim=(-1, 3), xlim=measure.logits, title="Pull on one fake, by its logit")
    axes.locator_params(nbins=5)
    axes.set_xlabel(f"surely fake   <   logit{' less a real one' * game.relativistic}   >   surely real")


def draw_pull(axes: Axes, game: Game, measure: Measure, pulls: list[float]) -> None:
    """The generator's gradient by the distance."""
    fine = torch.linspace(0.1, 6, 60).tolist()
    exact = [pull for d in fine if (pull := exact_pull(game, measure, d)) is not None]
    if exact:
        axes.plot(fine, exact, color="#888", lw=2.5, label="theory")
    axes.plot(DISTANCES[1:], pulls[1:], "o", color="#d1495b", ms=5, label="network")
    axes.axhspan(1e-4, DEAD, color="#888", alpha=0.2, lw=0, label="dead")
    axes.set(yscale="log", ylim=(1e-3, 1e3), xlim=(0, 6.2), title="Pull on all fakes, by distance")
    axes.set_xlabel("distance of fakes from real images")
    axes.legend(frameon=False)


def draw(name: str, folder: Path, seed: int) -> None:
    """One game's figure, folder/NAME.png."""
    torch.manual_seed(seed)
    game, measure = GAMES[name], MEASURES[name]
    losses, pulls = judged(game, learn(game, limited=name == "wasserstein"))
    with rc_context({"font.size": 9, "axes.titlesize": 9.5, "axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(figsize=(10.5, 2.9), layout="constrained")
        left, middle, right = figure.subplots(1, 3)
        draw_measure(left, measure, losses)
        draw_logit(middle, game, measure)
        draw_pull(right, game, measure, pulls)
        figure.savefig(folder / f"{name}.png", dpi=90)
    print(f"{name}: distance, {measure.name} by the network, by theory, pull by the network", flush=True)
    for d, loss, pull in zip(DISTANCES.tolist(), losses, pulls, strict=True):
        print(f"  {d:.1f}  {measure.of_loss(loss):8.4g}  {measure.exact(d):8.4g}  {pull:8.4g}", flush=True)


def main() -> None:
    """Parse, draw, say how long it took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--game", choices=list(GAMES), help="one alone")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    chosen.folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    began = time.monotonic()
    for name in [chosen.game] if chosen.game else GAMES:
        draw(name, chosen.folder, chosen.seed)
    print(f"{time.monotonic() - began:.0f} seconds")


if __name__ == "__main__":
    main()
