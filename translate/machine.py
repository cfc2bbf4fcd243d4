"""What this machine can do, measured: the plan's figures come from a few real training steps, not from a table."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

SIZE = 64
"""Height and width of the probe's images; the cost of a step grows with their area."""


@dataclass(frozen=True)
class Machine:
    """Where training happens: images of each domain a second at 64 px, for the `fast` and the `cyclegan` networks."""

    device: str
    cores: int
    memory_gb: float
    fast_rate: float
    full_rate: float


def measure(device: str = "auto") -> Machine:
    """Time a few unpaired training steps of both families on `device`; some seconds."""
    import torch

    from translate.device import device_of

    chosen = device_of(device)
    if chosen.type == "cuda":
        memory = torch.cuda.get_device_properties(chosen).total_memory / 2**30
    else:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30 if hasattr(os, "sysconf") else 8.0
    return Machine(str(chosen), os.cpu_count() or 1, memory, _rate("fast", 8, chosen), _rate("cyclegan", 2, chosen))


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
