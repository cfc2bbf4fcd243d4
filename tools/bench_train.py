"""How fast a training is, where its time goes, and how it compares with the original code of CycleGAN.

    python tools/bench_train.py fast                                      images/s, shares of the time, peak memory
    python tools/bench_train.py pix2pix --size 64 --device cuda --json x.json
    python tools/bench_train.py cyclegan --size 64 --batch 4 --narrow 6 32 --original CHECKOUT
    python tools/bench_train.py cyclegan --size 64 --batch 4 --narrow 6 32 --original CHECKOUT --check-numbers

Pictures are drawn with photographs' spectra, as JPEGs. With --original the same networks, losses, pool, optimiser,
batch and precision train in turn, a block of ours and a block of theirs: once on the same tensors that lie ready, once
each with its own loader (ours with its cache and thread, theirs with four processes that decode each time; those are
further cores' work, where there are some). Peak memory is that of a process of its own. The original needs `pip install
dominate`. --check-numbers trains both from the same weights on the same batches, without a pool, and compares losses.
Run it on an otherwise idle machine.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from bench_apply import photograph
from numpy.random import default_rng
from original_training import Original, batches, largest_differences
from training_shares import shares, spread

from translate import build, needs
from translate import config as configuration
from translate.config import Config
from translate.data import layouts
from translate.data.loader import Batches, loader
from translate.domain import Batch
from translate.seeds import seed_of

READY = 8
"""Batches that lie ready where both train on the same tensors."""


def draw(root: Path, size: int, config: Config, count: int = 128) -> Path:
    """A dataset of `count` JPEGs of each domain, as the configuration wants it."""
    rng = default_rng(0)
    names = ["train"] if config.unconditional else ["train/A", "train/B", "test/A", "test/B"]
    for name in names:
        (root / name).mkdir(parents=True, exist_ok=True)
        for index in range(count if name.startswith("train") else 16):
            photograph(rng, size).save(root / name / f"{index:05d}.jpg", quality=90)
    for name in ("A", "B"):
        if not config.unconditional:
            (root / f"train{name}").symlink_to(root / "train" / name)  # where the original looks
    return root


def chosen_configuration(chosen: argparse.Namespace) -> Config:
    """The preset at the size, batch and length asked for."""
    size, steps = chosen.size, chosen.steps
    settings = [f"training.batch={chosen.batch}"] if chosen.batch else []
    settings += [f"training.steps={steps}", "training.minutes=null", "training.schedule=constant"]
    if chosen.original:
        settings += [f"training.precision={'bf16' if chosen.bf16 else 'fp32'}"]
    if chosen.check_numbers:
        settings += ["objective.adversarial.pool=0"]
    if size:
        load = size * 286 // 256
        crop = json.dumps([{"RandomCrop": {"height": size, "width": size}}, "HorizontalFlip"])
        settings += [f"data.size=[{size},{size}]", f"data.load_size=[{load},{load}]", f"data.transforms={crop}"]
    if chosen.narrow:
        blocks, width = chosen.narrow
        settings += [f"networks.generator.blocks={blocks}", f"networks.generator.width={width}"]
        settings += [f"networks.discriminator.width={width}"]
    return configuration.load(chosen.preset, (*settings, *chosen.set))


class Ours:
    """Our trainer, as one side of the comparison."""

    def __init__(self, config: Config, device: torch.device) -> None:
        self.trainer = build.trainer(config, build.blank(config), device)
        self.device = device

    def step(self, batch: Batch) -> None:
        """One step, as the loop of a training makes it."""
        self.trainer.step(batch.to(self.device))


def interleaved(
    legs: dict[str, Callable[[], None]], blocks: int, steps: int, device: torch.device, batch: int
) -> dict[str, dict[str, float]]:
    """Images/s of each leg, median and quartiles over steps, a block of each in turn; the first is warm-up."""
    rates: dict[str, list[float]] = {name: [] for name in legs}
    for block in range(blocks + 1):
        for name, leg in legs.items():
            for _ in range(steps if block else 2):
                begun = time.perf_counter()
                leg()
                if device.type == "cuda":
                    torch.cuda.synchronize()
                if block:
                    rates[name].append(batch / (time.perf_counter() - begun))
    return {name: spread(values) for name, values in rates.items()}


def against(chosen: argparse.Namespace, config: Config, device: torch.device, data: Path) -> dict[str, Any]:
    """Ours and theirs in turn, on the same tensors and each with its own loader."""
    ours, theirs = Ours(config, device), Original(chosen.original, config, device, chosen.bf16)
    made = Batches(layouts.find(data, "stem").split("train"), config.data, config.training.batch, config.training.seed)
    ready = [made[step] for step in range(READY)]
    turn = iter(range(sys.maxsize))
    found: dict[str, Any] = {}
    legs: dict[str, Callable[[], None]] = {
        "ours": lambda: ours.step(ready[next(turn) % READY]),
        "theirs": lambda: theirs.step(ready[next(turn) % READY]),
    }
    found["same tensors"] = interleaved(legs, chosen.blocks, chosen.steps, device, config.training.batch)
    mine: Iterator[Batch] = loader(made, 0, None, config.data.workers, pin=device.type == "cuda")
    their = batches(chosen.original, config, device, data)
    legs = {"ours": lambda: ours.step(next(mine)), "theirs": lambda: theirs.take(next(their))}
    found["own loaders"] = interleaved(legs, chosen.blocks, chosen.steps, device, config.training.batch)
    for rates in found.values():
        rates["ratio"] = rates["ours"]["median"] / rates["theirs"]["median"]
    return found


def peak(chosen: argparse.Namespace, whose: str) -> float:
    """Peak MiB of a fresh process that makes a few steps: of the GPU's memory there, else of the process's."""
    command = [sys.executable, __file__, *sys.argv[1:], "--peak-of", whose]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    if done.returncode:
        sys.exit(done.stderr[-3000:])
    return float(done.stdout.split()[-1])


def measure_peak(chosen: argparse.Namespace, config: Config, device: torch.device) -> None:
    """What `peak` reads."""
    side = Ours(config, device) if chosen.peak_of == "ours" else Original(chosen.original, config, device, chosen.bf16)
    torch.manual_seed(seed_of("bench"))
    blank = build.blank(config)
    images = {d: torch.rand(config.training.batch, *x.shape[1:]) * 2 - 1 for d, x in blank.images.items()}
    labels = None if blank.labels is None else torch.zeros(config.training.batch, dtype=torch.int64)
    batch = Batch(images, config.training.batch if blank.paired else 0, labels)
    for _ in range(4):
        side.step(batch)
    if device.type == "cuda":
        print(torch.cuda.max_memory_allocated() / 2**20)
    else:
        # Not getrusage's: that begins at what the process that started this one had.
        fields = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines())
        print(int(fields["VmHWM"].split()[0]) / 1024)


def main() -> None:
    """Measure, print tables, and write JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("preset")
    parser.add_argument("--size", type=int, help="of the images, in pixels")
    parser.add_argument("--batch", type=int)
    parser.add_argument("--narrow", type=int, nargs=2, metavar=("BLOCKS", "WIDTH"), help="of a resnet and its judge")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--steps", type=int, default=20, help="in all, or with --original in a block")
    parser.add_argument("--blocks", type=int, default=4, help="of each side, with --original")
    parser.add_argument("--bf16", action="store_true", help="both sides in bfloat16, with --original")
    parser.add_argument("--original", type=Path, metavar="CHECKOUT")
    parser.add_argument("--check-numbers", action="store_true")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--peak-of", choices=["ours", "theirs"], help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    device, config = torch.device(chosen.device), chosen_configuration(chosen)
    if chosen.peak_of:
        measure_peak(chosen, config, device)
        return
    report: dict[str, Any] = {
        "preset": chosen.preset,
        "command": " ".join(sys.argv),
        "threads": torch.get_num_threads(),
    }
    with tempfile.TemporaryDirectory() as scratch:
        data = draw(Path(scratch) / "data", (config.data.load_size or config.data.size)[0], config)
        if chosen.check_numbers:
            dataset = layouts.find(data, "stem").split("train")
            given = [Batches(dataset, config.data, config.training.batch, 0)[step].to(device) for step in range(READY)]
            original = Original(chosen.original, config, device, chosen.bf16)
            ours = Ours(config, device).trainer
            report["largest relative difference"] = largest_differences(ours, original, given, chosen.steps)
        elif chosen.original:
            report |= against(chosen, config, device, data)
            report["peak MiB"] = {whose: peak(chosen, whose) for whose in ("ours", "theirs")}
        else:
            dataset = layouts.find(data, "stem" if "supervised" in config.objective else 0)
            config = needs.settle(config, dataset)
            report |= shares(config, dataset, Path(scratch) / "run", device, warmup=min(3, chosen.steps // 2))
            report["peak MiB"] = {"ours": peak(chosen, "ours")}
    print(json.dumps(report, indent=2))
    if chosen.json:
        chosen.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
