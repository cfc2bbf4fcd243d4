"""What torchrun starts for test_processes.py, and what one process computes to compare it with."""

from __future__ import annotations

import json
import signal
import sys
from hashlib import blake2b
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from translate import build, config, needs, run
from translate.computing import processes, rows
from translate.data import layouts
from translate.networks.across import BatchNorm2d, Dropout
from translate.networks.minibatch import MinibatchStd
from translate.trainer import Trainer

CPU = torch.device("cpu")
Job = tuple[str, str, list[str], str, str]
"""Name, preset, settings, data, run folder."""


class Mixed(nn.Module):
    """All that looks across rows, or draws for each, one behind the other."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 4, 3), BatchNorm2d(4), nn.Tanh(), MinibatchStd(5), nn.Conv2d(5, 4, 3), BatchNorm2d(4)
        )
        self.drop = Dropout(0.3)

    def forward(self, x: Tensor) -> Tensor:
        noise = rows.drawn(lambda n: torch.randn(n, 4, 1, 1), len(x))
        y: Tensor = self.drop(self.layers(x) + noise).tanh()
        return y


def primitives() -> dict[str, Tensor]:
    """Values, gradients and slopes of slopes of 5 rows: no share is like the other."""
    torch.manual_seed(3)
    network, images = Mixed(), torch.randn(5, 3, 8, 8)
    images.requires_grad_()
    made = rows.by_rows(network, images)
    again = rows.by_rows(network, made.repeat(1, 1, 2, 2)[:, :3])  # what was made goes in once more
    (slope,) = torch.autograd.grad((made.square().mean() + again.sum() / 100), images, create_graph=True)
    # Not a sum over rows, and weights that no share has to do with.
    loss = made.mean(0).square().sum() + again.std() + slope.square().sum() + network.layers[0].weight.square().sum()
    loss.backward()
    found = {"made": made, "again": again, "slope": slope, "loss": loss, "images": images.grad}
    few = rows.by_rows(network, images[:1])  # fewer rows than processes: by each
    processes.average(network.parameters())
    found |= {f"gradient/{name}": p.grad for name, p in network.named_parameters()}
    found |= {f"buffer/{name}": buffer for name, buffer in network.named_buffers()}
    return {name: value.detach().double() for name, value in (found | {"few": few}).items() if value is not None}


def train(job: Job, stop_after: int | None = None) -> str:
    """Train a job's preset to its end, or as far as Ctrl-C in `stop_after`; a digest of all weights that this process
    has then."""
    _, preset, settings, data, out = job
    trainers: list[Trainer] = []
    made = build.trainer

    def kept(*given: Any) -> Trainer:
        trainers.append(made(*given))
        return trainers[-1]

    def watch(progress: run.Progress) -> None:
        if progress.step + 1 == stop_after:
            signal.raise_signal(signal.SIGINT)

    build.trainer = kept
    try:
        chosen = config.load(preset, settings)
        dataset = layouts.find(Path(data), chosen.data.pairs)
        run.train(needs.settle(chosen, dataset), dataset, Path(out), CPU, watch)
    finally:
        build.trainer = made
    digest = blake2b()
    for network in (trainers[-1].networks.generator, trainers[-1].networks.discriminator, trainers[-1].ema.module):
        for tensor in network.state_dict().values():
            digest.update(tensor.numpy().tobytes() if isinstance(tensor, Tensor) else repr(tensor).encode())
    return digest.hexdigest()


def main(jobs: Path, found: Path) -> None:
    """Do everything, and write what this process found."""
    with processes.joined(CPU):
        torch.save(primitives(), found / f"primitives-{processes.rank()}.pt")
        digests = {job[0]: train(job) for job in json.loads(jobs.read_text())}
        (found / f"digests-{processes.rank()}.json").write_text(json.dumps(digests))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
