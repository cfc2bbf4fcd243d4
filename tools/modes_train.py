"""What both counts share: an objective's settings, and a training run of the package's own trainer on drawn data."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from translate import build
from translate.config import Config, parse
from translate.domain import Batch, Domain
from translate.seeds import seed_of

Draw = Callable[[int, int], Tensor]
"""draw(step, rows): the real images [rows, C, H, W] of a step; equal positions draw equal images."""


@dataclass(frozen=True)
class Lane:
    """One objective, and what it changes in the configuration that all share, as `--set` would."""

    name: str
    settings: tuple[str, ...] = ()

    def config(self, base: str, seed: int, steps: int) -> Config:
        """The whole configuration."""
        return parse(base, [f"training.seed={seed}", f"training.steps={steps}", *self.settings], where=self.name)


def game(name: str) -> str:
    """The adversarial game of that name, as a setting."""
    return f"objective.adversarial.game={name}"


def penalty(at: str, weight: float, target: float | None = None) -> str:
    """A gradient penalty, as a setting."""
    wanted = "" if target is None else f", target: {target}"
    return f"objective.{at}={{term: gradient_penalty, at: {at}, weight: {weight}{wanted}}}"


@dataclass(frozen=True)
class Trained:
    """A generator with its configuration, and the seconds that its training took."""

    config: Config
    generator: nn.Module
    seconds: float

    @torch.no_grad()
    def samples(self, rows: int, chunk: int = 500) -> Tensor:
        """Images [rows, C, H, W] as the generator makes them after training (evaluation mode)."""
        self.generator.eval()
        prior = build.prior_of(self.config)
        assert prior is not None
        z = prior.draw(rows, torch.Generator().manual_seed(seed_of("counted", self.config.training.seed)))
        return torch.cat([self.generator(part) for part in z.split(chunk)])


def train(config: Config, draw: Draw) -> Trained:
    """`training.steps` steps of the trainer that `translate train` uses, on one core.

    `training.batch` rows a move: with `discriminator_steps` k a step gets k times as many.
    """
    rows, steps = config.training.batch * config.training.discriminator_steps, config.training.steps
    trainer = build.trainer(config, Batch({Domain.B: draw(0, rows)}, paired=0), torch.device("cpu"))
    begin = time.perf_counter()
    for step in range(steps):
        trainer.step(Batch({Domain.B: draw(step, rows)}, paired=0), step / steps)
    return Trained(config, trainer.ema.module["b"], time.perf_counter() - begin)
