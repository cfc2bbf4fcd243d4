"""The games that generator and discriminator play: pure functions of one map of logits each, [N, 1, h, w] -> scalar.

In every game a higher logit means more like a real image. docs/objectives.md draws what each game measures.

pix2pix and CycleGAN halve the discriminator's loss in both of their games ("we divide the objective by 2 while
optimizing D", Isola et al. 2017, section 3.3), and so do we there.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class Game:
    """What each player minimises: discriminator(real logits, fake logits) and generator(fake logits).

    `relativistic`: logits are compared row by row, so the generator's is generator(fake logits, real logits).
    `smoothed`: for games with targets, discriminator(real, fake, s), which wants 1 - s of real images instead of 1
    (one-sided label smoothing, Salimans et al. 2016, section 3.4). `undecided`: the logit of a discriminator that can't
    tell; None where only differences of logits mean anything. `bounded`: False where a discriminator that only grows
    steeper wins ever more.
    """

    discriminator: Callable[[Tensor, Tensor], Tensor]
    generator: Callable[..., Tensor]
    relativistic: bool = False
    smoothed: Callable[[Tensor, Tensor, float], Tensor] | None = None
    undecided: float | None = 0.0
    bounded: bool = True


def least_squares_discriminator(real: Tensor, fake: Tensor, smoothing: float = 0.0) -> Tensor:
    """1/2 E[(D(y) - 1)^2] + 1/2 E[D(G(x))^2] (Mao et al. 2017, eq. 9; Zhu et al. 2017, section 4)."""
    return 0.5 * ((real - (1 - smoothing)).square().mean() + fake.square().mean())


def least_squares_generator(fake: Tensor) -> Tensor:
    """E[(D(G(x)) - 1)^2] (Zhu et al. 2017, section 4; twice eq. 9 of Mao et al.)."""
    return (fake - 1).square().mean()


def cross_entropy_discriminator(real: Tensor, fake: Tensor, smoothing: float = 0.0) -> Tensor:
    """1/2 of -E[log s(D(y))] - E[log(1 - s(D(G(x))))], s the sigmoid (Goodfellow et al. 2014, eq. 1).

    Smoothed, the first is -E[(1 - a) log s + a log(1 - s)] = E[softplus(-D) + a D].
    """
    return 0.5 * ((functional.softplus(-real) + smoothing * real).mean() + functional.softplus(fake).mean())


def minimax_generator(fake: Tensor) -> Tensor:
    """E[log(1 - s(D(G(x))))], the other side of the same value: its gradient vanishes where D is sure (eq. 1 there)."""
    return -functional.softplus(fake).mean()


def non_saturating_generator(fake: Tensor) -> Tensor:
    """-E[log s(D(G(x)))]: its gradient does not vanish where D is sure (Goodfellow et al. 2014, section 3)."""
    return functional.softplus(-fake).mean()


def hinge_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """E[max(0, 1 - D(y))] + E[max(0, 1 + D(G(x)))] (Lim and Ye 2017; Miyato et al. 2018, eq. 16)."""
    return functional.relu(1 - real).mean() + functional.relu(1 + fake).mean()


def wasserstein_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """E[D(G(x))] - E[D(y)] (Arjovsky et al. 2017, eq. 2): bounded only if something keeps D from being steep."""
    return fake.mean() - real.mean()


def raising_generator(fake: Tensor) -> Tensor:
    """-E[D(G(x))] (Miyato et al. 2018, eq. 17; Arjovsky et al. 2017, algorithm 1)."""
    return -fake.mean()


def relativistic_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """E[softplus(D(G(x)) - D(y))], a fake beside a real image (Jolicoeur-Martineau 2019; Huang et al. 2024, eq. 2).

    Real and fake have equally many rows.
    """
    return functional.softplus(fake - real).mean()


def relativistic_generator(fake: Tensor, real: Tensor) -> Tensor:
    """E[softplus(D(y) - D(G(x)))]: the same with real and fake exchanged."""
    return relativistic_discriminator(fake, real)


STEEPEST = 20.0
"""Where `exponential` turns into its tangent: a ratio of densities of e^20 is beyond what any batch can show."""


def exponential(x: Tensor) -> Tensor:
    """e^x up to STEEPEST and its tangent beyond, where float32 would soon overflow: always finite, convex, rising."""
    return torch.where(x < STEEPEST, torch.exp(x.clamp(max=STEEPEST)), math.exp(STEEPEST) * (x - STEEPEST + 1))


def f_gan(
    activation: Callable[[Tensor], Tensor], conjugate: Callable[[Tensor], Tensor], original: bool = False
) -> Game:
    """The game whose value at the best discriminator is an f-divergence D_f(data, fakes) (Nowozin et al. 2016, eq. 4).

    The discriminator maximises E[g_f(D(y))] - E[f*(g_f(D(G(x))))] (eq. 6); `activation` is g_f, and `conjugate` is
    f* after g_f, simplified so that float32 can compute it. The generator would minimise the second half, which for
    most f vanishes on fakes that are recognised; it maximises E[g_f(D(G(x)))] instead (section 3.2), unless `original`.
    """

    def discriminator(real: Tensor, fake: Tensor) -> Tensor:
        return conjugate(fake).mean() - activation(real).mean()

    def generator(fake: Tensor) -> Tensor:
        return -(conjugate if original else activation)(fake).mean()

    return Game(discriminator, generator)


# The f-GANs' f, g_f (all rising, v the logit) and f* are those of Nowozin et al. 2016, tables 1, 2 and 6.
GAMES: dict[str, Game] = {
    "least_squares": Game(
        least_squares_discriminator, least_squares_generator, smoothed=least_squares_discriminator, undecided=0.5
    ),
    "non_saturating": Game(cross_entropy_discriminator, non_saturating_generator, smoothed=cross_entropy_discriminator),
    "minimax": Game(cross_entropy_discriminator, minimax_generator, smoothed=cross_entropy_discriminator),
    "hinge": Game(hinge_discriminator, raising_generator),
    "wasserstein": Game(wasserstein_discriminator, raising_generator, undecided=None, bounded=False),
    "relativistic": Game(relativistic_discriminator, relativistic_generator, relativistic=True, undecided=None),
    # Integral of p log(p / q): f(u) = u log u, g_f(v) = v, f*(t) = e^(t - 1).
    "kl": replace(f_gan(lambda v: v, lambda v: exponential(v - 1)), undecided=1.0),
    # Integral of q log(q / p): f(u) = -log u, g_f(v) = -e^-v, f*(t) = -1 - log(-t), so f*(g_f(v)) = v - 1, whose
    # gradient is the same everywhere; the paper's other generator would explode where this one is content.
    "reverse_kl": f_gan(lambda v: -exponential(-v), lambda v: v - 1, original=True),
    # Integral of (p - q)^2 / q: f(u) = (u - 1)^2, g_f(v) = v, f*(t) = t^2 / 4 + t.
    "pearson": f_gan(lambda v: v, lambda v: v.square() / 4 + v),
    # Integral of (p^1/2 - q^1/2)^2: f(u) = (u^1/2 - 1)^2, g_f(v) = 1 - e^-v, f*(t) = t / (1 - t),
    # so f*(g_f(v)) = e^v - 1.
    "squared_hellinger": f_gan(lambda v: 1 - exponential(-v), lambda v: exponential(v) - 1),
    # Integral of p log(2p / (p + q)) + q log(2q / (p + q)), twice what is usually called Jensen-Shannon:
    # g_f(v) = log 2 - log(1 + e^-v), f*(t) = -log(2 - e^t), so f*(g_f(v)) = log(1 + e^v) - log 2.
    "jensen_shannon": f_gan(
        lambda v: math.log(2) - functional.softplus(-v), lambda v: functional.softplus(v) - math.log(2)
    ),
    # Integral of |p - q| / 2: f(u) = |u - 1| / 2, g_f(v) = tanh(v) / 2, f*(t) = t.
    "total_variation": f_gan(lambda v: torch.tanh(v) / 2, lambda v: torch.tanh(v) / 2),
}
