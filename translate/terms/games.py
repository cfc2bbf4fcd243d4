"""The games that generator and discriminator play: pure functions of one map of logits each, [N, 1, h, w] -> scalar.

pix2pix and CycleGAN halve the discriminator's loss in both of their games ("we divide the objective by 2 while
optimizing D", Isola et al. 2017, section 3.3), and so do we there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class Game:
    """What each player minimises: discriminator(real logits, fake logits) and generator(fake logits)."""

    discriminator: Callable[[Tensor, Tensor], Tensor]
    generator: Callable[[Tensor], Tensor]


def least_squares_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """1/2 E[(D(y) - 1)^2] + 1/2 E[D(G(x))^2] (Mao et al. 2017, eq. 9; Zhu et al. 2017, section 4)."""
    return 0.5 * ((real - 1).square().mean() + fake.square().mean())


def least_squares_generator(fake: Tensor) -> Tensor:
    """E[(D(G(x)) - 1)^2] (Zhu et al. 2017, section 4; twice eq. 9 of Mao et al.)."""
    return (fake - 1).square().mean()


def non_saturating_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """1/2 of -E[log s(D(y))] - E[log(1 - s(D(G(x))))], s the sigmoid (Goodfellow et al. 2014, eq. 1)."""
    return 0.5 * (functional.softplus(-real).mean() + functional.softplus(fake).mean())


def non_saturating_generator(fake: Tensor) -> Tensor:
    """-E[log s(D(G(x)))]: its gradient does not vanish where D is sure (Goodfellow et al. 2014, section 3)."""
    return functional.softplus(-fake).mean()


def hinge_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """E[max(0, 1 - D(y))] + E[max(0, 1 + D(G(x)))] (Lim and Ye 2017; Miyato et al. 2018, eq. 16)."""
    return functional.relu(1 - real).mean() + functional.relu(1 + fake).mean()


def hinge_generator(fake: Tensor) -> Tensor:
    """-E[D(G(x))] (Miyato et al. 2018, eq. 17)."""
    return -fake.mean()


GAMES: dict[str, Game] = {
    "least_squares": Game(least_squares_discriminator, least_squares_generator),
    "non_saturating": Game(non_saturating_discriminator, non_saturating_generator),
    "hinge": Game(hinge_discriminator, hinge_generator),
}
