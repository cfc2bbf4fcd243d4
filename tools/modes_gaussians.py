"""25 Gaussians on a grid, as pictures of one pixel: how many modes each objective reaches with the same networks."""

from __future__ import annotations

from functools import partial

import torch
from modes_count import Count, count, nearest
from modes_train import Lane, game, penalty, train
from torch import Tensor, nn

from translate.networks.minibatch import MinibatchStd
from translate.seeds import seed_of

SCALE = 0.2
"""The literature's points lie in [-4, 4], pictures in [-1, 1]; networks compute in the former, which suits their
initialisation."""

SIDE, SPACING, DEVIATION = 5, 2 * SCALE, 0.05 * SCALE
"""5 x 5 modes of spacing 2 and deviation 0.05 (Lin et al. 2018, section 4.1)."""

SAMPLES, LEAST = 2500, 20
"""A mode is reached by a fifth of its fair share of points: the few of a bridge between two others don't count."""


def centres() -> Tensor:
    """The modes' means [25, 2]."""
    line = (torch.arange(SIDE) - SIDE // 2) * SPACING
    return torch.cartesian_prod(line, line)


def draw(seed: int, step: int, rows: int) -> Tensor:
    """Points of the mixture as pictures [rows, 2, 1, 1]."""
    generator = torch.Generator().manual_seed(seed_of("gaussians", seed, step))
    modes = torch.randint(SIDE * SIDE, (rows,), generator=generator)
    return (centres()[modes] + DEVIATION * torch.randn(rows, 2, generator=generator))[:, :, None, None]


class Waves(nn.Module):
    """[N, values] -> [N, values + 64]: the values, and sines and cosines of them at 32 random frequencies that stay.

    Fourier features (Tancik et al. 2020, eq. 5): without them small networks need far more steps for modes so narrow.
    """

    frequencies: Tensor

    def __init__(self, values: int, deviation: float) -> None:
        super().__init__()
        self.register_buffer("frequencies", deviation * torch.randn(values, 32))

    def forward(self, x: Tensor) -> Tensor:
        angles = x @ self.frequencies
        return torch.cat([x, angles.sin(), angles.cos()], dim=1)


class PointGenerator(nn.Module):
    """[N, latent] -> [N, Cout, 1, 1]: two hidden layers, no normalisation, no bound on the values."""

    latent_input = True

    def __init__(self, latent: int, out_channels: int, size: tuple[int, int], *, width: int = 64) -> None:
        super().__init__()
        layers = [Waves(latent, 2), nn.Linear(latent + 64, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU()]
        self.model = nn.Sequential(*layers, nn.Linear(width, out_channels))

    def forward(self, z: Tensor) -> Tensor:
        points: Tensor = self.model(z)[:, :, None, None]
        return points * SCALE


class PointDiscriminator(nn.Module):
    """[N, Cin, 1, 1] -> one logit each [N, 1, 1, 1]: two hidden layers.

    `minibatch`: the deviation over groups of four rows is one more feature of the last.
    """

    def __init__(self, in_channels: int, *, width: int = 64, minibatch: bool = False) -> None:
        super().__init__()
        layers = [nn.Linear(in_channels + 64, width), nn.LeakyReLU(0.2), nn.Linear(width, width), nn.LeakyReLU(0.2)]
        self.body = nn.Sequential(Waves(in_channels, 1), *layers)
        self.beside = MinibatchStd() if minibatch else nn.Identity()
        self.head = nn.Conv2d(width + minibatch, 1, 1)

    def forward(self, x: Tensor) -> list[Tensor]:
        return [self.features(x)[0][-1]]

    def features(self, x: Tensor) -> list[list[Tensor]]:
        """For the one scale, the hidden features and the logits, [N, C, 1, 1]."""
        hidden = self.body(x.flatten(1) / SCALE)[:, :, None, None]
        return [[hidden, self.head(self.beside(hidden))]]


BASE = """
data: {size: [1, 1], channels: {b: 1}, frames: {b: 2}}  # two numbers a picture
networks:
  latent: 2
  generator: {name: "modes_gaussians:PointGenerator"}
  discriminator: {name: "modes_gaussians:PointDiscriminator"}
  initialise: own
produce: [b]
objective: {adversarial: {game: non_saturating}}
training: {steps: 3000, batch: 256, learning_rate: 0.002, betas: [0.0, 0.9], decay_from: 0.3, ema: 0}
"""


def count_points(points: Tensor) -> Count:
    """The modes of points [N, 2]: a point within three deviations of a mean is of its mode."""
    return count(nearest(points, centres(), 3 * DEVIATION), SIDE * SIDE, LEAST)


CRITIC = ("training.discriminator_steps=5",)
LANES = [
    Lane("minimax", (game("minimax"),)),
    Lane("non-saturating", (game("non_saturating"),)),
    Lane("least squares", (game("least_squares"),)),
    Lane("hinge", (game("hinge"),)),
    Lane("f-GAN, KL", (game("kl"),)),
    Lane("f-GAN, reverse KL", (game("reverse_kl"),)),
    Lane("f-GAN, Pearson", (game("pearson"),)),
    Lane("f-GAN, squared Hellinger", (game("squared_hellinger"),)),
    Lane("f-GAN, Jensen-Shannon", (game("jensen_shannon"),)),
    Lane("f-GAN, total variation", (game("total_variation"),)),
    Lane("relativistic", (game("relativistic"),)),
    Lane(
        "Wasserstein, clipped", (game("wasserstein"), *CRITIC, "training.optimizer=rmsprop", "training.weight_clip=0.1")
    ),
    Lane("Wasserstein + penalty", (game("wasserstein"), *CRITIC, penalty("between", 0.1, 5))),
    Lane("non-saturating + R1", (game("non_saturating"), penalty("real", 0.001))),
    Lane("non-saturating + DRAGAN", (game("non_saturating"), penalty("around", 0.1, 5))),
    Lane("relativistic + R1 + R2", (game("relativistic"), penalty("real", 0.001), penalty("fake", 0.001))),
    Lane("non-saturating + minibatch std", (game("non_saturating"), "networks.discriminator.minibatch=true")),
    Lane("non-saturating + mode seeking", (game("non_saturating"), "objective.mode_seeking.weight=0.03")),
    Lane(
        "planted: minimax, G 10 x as fast",
        (game("minimax"), "training.learning_rate=0.01", "training.discriminator_learning_rate=0.001"),
    ),
]


def run(lane: Lane, seed: int, steps: int) -> tuple[Tensor, Count, float]:
    """Points [2500, 2] of a generator trained by one objective, their modes, and the seconds it took."""
    trained = train(lane.config(BASE, seed, steps), partial(draw, seed))
    points = trained.samples(SAMPLES).flatten(1)
    return points, count_points(points), trained.seconds
