"""Stacks of three digits drawn by code: how many of 1,000 modes each objective reaches with the same networks."""

from __future__ import annotations

from functools import cache, partial

import torch
from modes_count import Count, count
from modes_train import Lane, game, penalty, train
from torch import Tensor, nn
from torch.nn import functional

from translate.data import digits
from translate.seeds import seed_of

MODES, SIZE, POOL, SAMPLES = 1000, 32, 10_000, 10_000
SURE = 0.9
"""A digit is recognised where the classifier gives it this probability."""

BASE = f"""
data: {{size: [{SIZE}, {SIZE}]}}
networks:
  latent: 64
  generator: {{name: dcgan, width: 16, norm: batch}}
  discriminator: {{name: dcgan, width: 16, norm: none}}
  initialise: kaiming
produce: [b]
objective: {{adversarial: {{game: non_saturating}}}}
training: {{steps: 4000, batch: 64, learning_rate: 0.0005, betas: [0.5, 0.99], schedule: linear, ema: 0}}
"""


@cache
def pool(seed: int, rows: int = POOL, first: int = 0) -> tuple[Tensor, Tensor]:
    """Digits [N, 32, 32], equally many of each class, and their classes, int64 [N]."""
    labels = torch.arange(rows) % digits.CLASSES
    return torch.from_numpy(digits.glyphs(labels.numpy(), seed=seed, first=first, size=SIZE)), labels


def draw(seed: int, step: int, rows: int) -> Tensor:
    """Stacks [rows, 3, 32, 32] of digits of the pool, each chosen by itself: all modes are equally likely."""
    generator = torch.Generator().manual_seed(seed_of("stacks", seed, step))
    return pool(seed)[0][torch.randint(POOL, (rows, 3), generator=generator)]


class Reader(nn.Module):
    """[N, 1, 32, 32] -> ten logits each [N, 10]: which digit a channel shows."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 16, 5, stride=2, padding=2),
            nn.ReLU(),
            nn.Conv2d(16, 32, 5, stride=2, padding=2),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(32 * (SIZE // 4) ** 2, digits.CLASSES),
        )

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.layers(x)
        return logits


def train_reader(seed: int, steps: int = 400, rows: int = POOL) -> Reader:
    """A reader of digits that no generator is trained on; noise on them makes it read what is not quite clean too."""
    images, labels = pool(seed + 1, rows)
    torch.manual_seed(seed_of("reader", seed))
    reader = Reader()
    optimizer = torch.optim.Adam(reader.parameters(), lr=2e-3)
    for _ in range(steps):
        chosen = torch.randint(rows, (128,))
        noisy = images[chosen, None] + 0.2 * torch.randn(128, 1, SIZE, SIZE)
        loss = functional.cross_entropy(reader(noisy), labels[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return reader.eval()


@torch.no_grad()
def accuracy(reader: Reader, seed: int, rows: int = 5000) -> float:
    """The share of held-out digits that are read rightly."""
    images, labels = pool(seed + 1, rows, POOL)
    return float((reader(images[:, None]).argmax(1) == labels).double().mean())


@torch.no_grad()
def read(reader: Reader, stacks: Tensor, chunk: int = 500) -> tuple[Tensor, Tensor]:
    """The modes of stacks [N, 3, 32, 32], int64 [N] in 0 .. 999, and whether all three digits are recognised, [N]."""
    parts = [reader(part.flatten(0, 1)[:, None]).softmax(1) for part in stacks.split(chunk)]
    probability, digit = torch.cat(parts).view(-1, 3, digits.CLASSES).max(dim=2)
    return digit @ torch.tensor([100, 10, 1]), (probability >= SURE).all(dim=1)


def count_stacks(reader: Reader, stacks: Tensor) -> tuple[Count, float]:
    """The modes of stacks as the literature counts them, one sample being enough; and the share that is recognised."""
    modes, sure = read(reader, stacks)
    return count(modes, MODES), float(sure.double().mean())


LANES = [
    Lane("non-saturating", (game("non_saturating"),)),
    Lane("least squares", (game("least_squares"),)),
    Lane("hinge", (game("hinge"),)),
    Lane("Wasserstein + penalty", (game("wasserstein"), penalty("between", 10), "training.discriminator_steps=2")),
    Lane("non-saturating + R1", (game("non_saturating"), penalty("real", 1))),
    Lane("relativistic + R1 + R2", (game("relativistic"), penalty("real", 1), penalty("fake", 1))),
    Lane("non-saturating + mode seeking", (game("non_saturating"), "objective.mode_seeking.weight=0.1")),
]


def run(lane: Lane, seed: int, steps: int, reader: Reader) -> tuple[Tensor, Count, float, float]:
    """Stacks of a generator trained by one objective, their modes, the share recognised, and the seconds it took."""
    trained = train(lane.config(BASE, seed, steps), partial(draw, seed))
    stacks = trained.samples(SAMPLES)
    return stacks, *count_stacks(reader, stacks), trained.seconds


def baselines(seed: int, reader: Reader) -> list[tuple[str, Tensor, Count, float]]:
    """What is counted in as many real stacks, and in noise that no one trained: the best and the worst of the scale."""
    real = draw(seed, -1, SAMPLES)
    noise = torch.randn(real.shape, generator=torch.Generator().manual_seed(seed_of("noise", seed)))
    return [(name, made, *count_stacks(reader, made)) for name, made in (("real stacks", real), ("noise", noise))]
