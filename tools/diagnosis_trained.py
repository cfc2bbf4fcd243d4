"""Faults planted by training: what real networks do when they are driven to it, at 32 px or less, in seconds."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import diagnosis_faults as faults
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from translate import log
from translate.data.images import to_tensor, to_uint8
from translate.diagnosis import Seen
from translate.domain import Domain

Levels = NDArray[np.float32]
SIDE = 32


def steganographer(seed: int, steps: int = 1000) -> Seen:
    """Two small networks that must paint every face plain grey, and find it again: nothing is left but to hide it."""
    torch.manual_seed(seed)
    known, held_out = (to_tensor(faults.drawn(Domain.A, seed, first, n, SIDE)) for first, n in ((0, 256), (9000, 32)))
    forth, back = _network(), _network()
    optimiser = torch.optim.Adam([*forth.parameters(), *back.parameters()], lr=3e-3, betas=(0.5, 0.999))
    for _ in range(steps):
        given = known[torch.randint(0, len(known), (8,))]
        made = forth(given)
        loss = 300 * functional.mse_loss(made, torch.zeros_like(made)) + functional.l1_loss(back(made), given)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    exact = _in_levels(forth)(to_uint8(held_out).astype(np.float32))
    grey = np.full((32, SIDE, SIDE, 3), 128, np.uint8)
    outputs = np.clip(np.round(exact), 0, 255).astype(np.uint8)
    return Seen("a2b", outputs, grey, to_uint8(held_out), exact=exact, back=_in_levels(back))


def _network() -> nn.Module:
    layers: list[nn.Module] = []
    for channels in (3, 32):
        layers += [nn.Conv2d(channels, 32, 3, padding=1), nn.ReLU()]
    return nn.Sequential(*layers, nn.Conv2d(32, 3, 3, padding=1), nn.Tanh())


def _in_levels(network: nn.Module) -> Callable[[Levels], Levels]:
    @torch.no_grad()
    def run(levels: Levels) -> Levels:
        made = network(torch.from_numpy(np.moveaxis(levels, -1, 1) / np.float32(127.5) - 1))
        return np.asarray(((made + 1) * 127.5).movedim(1, -1).numpy(), np.float32)

    return run


PLAIN = ("networks.generator.norm=none", "networks.discriminator.norm=none")
TRAININGS: dict[str, tuple[str, int, tuple[str, ...]]] = {
    "wasserstein_unheld": (
        "exploding_gradients",
        100,
        (
            *PLAIN,
            "objective.adversarial.game=wasserstein",
            "objective.held={term: gradient_penalty, weight: 0.000000001}",
            "training.discriminator_learning_rate=0.02",
        ),
    ),
    "absurd_rate": ("not_a_number", 40, (*PLAIN, "training.learning_rate=1.0e+30")),
    "far_too_strong": (
        "discriminator_won",
        600,
        (
            "networks.discriminator.width=32",
            "training.learning_rate=0.00001",
            "training.discriminator_learning_rate=0.002",
        ),
    ),
}
"""Trainings of the preset smoke that go wrong: what is to be found, steps, and settings."""


def trained(name: str, seed: int, folder: Path) -> faults.Rows:
    """The log of one of TRAININGS on the embedded faces, as the command line trains it into `folder`."""
    _, steps, settings = TRAININGS[name]
    data, run = folder / "data", folder / f"{name}-{seed}"
    if not data.exists():
        faults.folder(data, 0, 16, 64, 8)
    words = [word for setting in (*settings, f"log.every={max(2, steps // 60)}") for word in ("--set", setting)]
    command = ["train", "smoke", "--data", str(data), "--out", str(run), "--steps", str(steps), "--seed", str(seed)]
    # A training that breaks down ends with an error, and its log is what counts.
    subprocess.run([sys.executable, "-m", "translate", *command, *words], check=False, capture_output=True)
    return log.read(run)
