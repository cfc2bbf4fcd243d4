"""What this machine can do, measured: the plan's figures come from a few real training steps, not from a table."""

from __future__ import annotations

import time
from dataclasses import dataclass

SIZE = 64
"""Height and width of the probe's images; the cost of a step grows with their area."""


@dataclass(frozen=True)
class Machine:
    """Where training happens, and unpaired images of each domain a second at 64 px.

    Of the `cyclegan` networks on a GPU, of the `fast` ones without.
    """

    device: str
    rate: float


def measure(device: str = "auto") -> Machine:
    """Time a few unpaired training steps on `device`; some seconds."""
    from translate.device import device_of

    chosen = device_of(device)
    return Machine(str(chosen), _rate("cyclegan", 8, chosen) if chosen.type == "cuda" else _rate("fast", 8, chosen))


def _rate(preset: str, batch: int, device: object, steps: int = 3) -> float:
    import torch

    from translate import build, config
    from translate.domain import Batch, Domain

    chosen = config.load(preset, [f"data.size=[{SIZE}, {SIZE}]", f"training.batch={batch}"])
    images = {domain: torch.rand(batch, 3, SIZE, SIZE) * 2 - 1 for domain in Domain}
    sample = Batch(images, paired=0).to(torch.device(str(device)))
    trainer = build.trainer(chosen, sample, torch.device(str(device)))
    best = float("inf")
    for _ in range(steps + 1):
        start = time.perf_counter()
        losses = trainer.step(sample)
        sum(float(value) for value in losses.values())  # waits for the device
        best = min(best, time.perf_counter() - start)
    return batch / best
