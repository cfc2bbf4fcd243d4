"""Whether the numbers of a device are right, one check a call.

    python tools/gpu_checks.py losses OUT.json --device cuda

Called by `gpu.py` in processes of their own, since determinism is set for a whole process. An answer says what was
found; a check that fails exits with 1 and says why. On a CPU the checks compare it with itself.
"""

from __future__ import annotations

import argparse
import json
import math
import signal
import sys
import tempfile
import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from translate import build, checkpoint, config, needs, run
from translate.config import Config
from translate.data import faces, layouts
from translate.domain import Batch, Domain

NAMES = {
    "losses": "float32 losses against the CPU's",
    "precisions": "every precision's losses against float32",
    "compiled": "compiled networks' losses against uncompiled",
    "resume": "a stopped and continued training against an undisturbed one, bit for bit",
}
STEPS = 20
ACROSS = {"losses": 0.1, "compiled": 0.1, "precisions": 0.2}
"""Relative difference of a loss's sum over all steps that is no fault: rounding grows from step to step. On a CPU,
with and without oneDNN, that alone makes 0.03 of the rounding of 20 steps, and 1e-7 of that of the first."""
FIRST = {"losses": 1e-4, "compiled": 1e-3, "precisions": 0.05}
"""The same of the very first step, which has the same weights."""
PRESETS = {
    "cyclegan": ("networks.generator={name: resnet, blocks: 2, width: 16}", "objective.adversarial.pool=0"),
    "pix2pix": ("networks.generator={name: unet, levels: 4, width: 16, norm: batch, dropout: false}",),
    "fast": ("networks.generator={name: fast, width: 32, blocks: 2}",),
}
"""One network of each kind, without what is drawn on the device: its random numbers are others than a CPU's."""

Losses = list[dict[str, float]]


class Wrong(Exception):  # noqa: N818  (an answer)
    """The check has failed."""


def chosen_config(preset: str, size: int, *settings: str) -> Config:
    """A small configuration of a preset."""
    data = [f"data.size=[{size}, {size}]", "data.load_size=null", "data.transforms=[]", "training.batch=4"]
    judge = "networks.discriminator.width=16"
    return config.load(preset, [*data, judge, *PRESETS[preset], "training.precision=fp32", *settings])


def batch(size: int, paired: int) -> Batch:
    """Smooth pictures, since noise hides what a network learns."""
    torch.manual_seed(1)
    drawn = {domain: torch.rand(4, 3, size // 8, size // 8) * 2 - 1 for domain in Domain}
    return Batch({d: torch.nn.functional.interpolate(t, scale_factor=8) for d, t in drawn.items()}, paired)


def losses(asked: Config, device: torch.device, steps: int) -> Losses:
    """All losses of some steps on one batch; weights are drawn on the CPU, so they are the same everywhere."""
    rows = batch(asked.data.size[0], 4 if asked.produce == [Domain.B] else 0)
    trainer = build.trainer(asked, rows, device, warn=refuse)
    shown = rows.to(device)
    return [{name: float(value) for name, value in trainer.step(shown).items()} for _ in range(steps)]


def refuse(sentence: str) -> None:
    """What was to be compiled and can't be is no comparison."""
    raise Wrong(sentence)


def apart(one: Losses, two: Losses) -> tuple[float, float]:
    """The largest relative difference of a loss in the first step, and of its sum over all steps."""
    if not all(math.isfinite(value) for row in (*one, *two) for value in row.values()):
        raise Wrong("a loss is no number")

    def relative(a: float, b: float) -> float:
        return abs(a - b) / max(abs(a), abs(b), 1e-3)

    first = max(relative(one[0][name], two[0][name]) for name in one[0])
    sums = max(relative(sum(r[name] for r in one), sum(r[name] for r in two)) for name in one[0])
    return first, sums


def compared(kind: str, one: Losses, two: Losses, what: str) -> str:
    """In words; raises Wrong where the two are too far apart."""
    first, sums = apart(one, two)
    said = f"{what} {first:.1e}, {sums:.1e}"
    if first > FIRST[kind] or sums > ACROSS[kind]:
        raise Wrong(f"{said}: more than {FIRST[kind]:g} in the first step or {ACROSS[kind]:g} over {len(one)} steps")
    return said


def settled(found: Losses) -> str:
    """How many steps fp16 left out, in words; raises Wrong where it never found its scale."""
    apart([found[-1]], [found[-1]])  # numbers to the end
    skipped = max((int(value) for name, value in found[-1].items() if name.startswith("skipped/")), default=0)
    if skipped and skipped >= len(found) - 1:
        raise Wrong(f"fp16 has left out {skipped} of {len(found)} steps")
    return f" ({skipped} of {len(found)} steps left out)" if skipped else ""


def check_losses(device: torch.device, size: int, steps: int) -> Iterator[str]:
    """float32 here against float32 on the CPU."""
    for preset in PRESETS:
        asked = chosen_config(preset, size)
        there = losses(asked, torch.device("cpu"), steps)
        yield compared("losses", there, losses(asked, device, steps), preset)


def check_precisions(device: torch.device, size: int, steps: int) -> Iterator[str]:
    """Each precision against float32 on the same device."""
    for preset in PRESETS:
        exact = losses(chosen_config(preset, size), device, steps)
        for precision in ("tf32", "bf16", "fp16"):
            found = losses(chosen_config(preset, size, f"training.precision={precision}"), device, steps)
            # Until fp16 has found its scale it leaves out steps, so only the first is comparable.
            common = 1 if precision == "fp16" else steps
            yield compared("precisions", exact[:common], found[:common], f"{preset} {precision}") + settled(found)


def check_compiled(device: torch.device, size: int, steps: int) -> Iterator[str]:
    """Compiled networks against the same uncompiled; in a rehearsal of one kind, since a CPU compiles for a minute."""
    for preset in list(PRESETS)[: 1 if size < 64 else None]:
        plain = losses(chosen_config(preset, size), device, steps)
        found = losses(chosen_config(preset, size, "training.compile=true"), device, steps)
        yield compared("compiled", plain, found, preset)


def check_resume(device: torch.device, size: int, steps: int) -> Iterator[str]:
    """Stopped in the middle and continued against never stopped, with deterministic algorithms."""
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.backends.cudnn.benchmark = False
    with tempfile.TemporaryDirectory() as place:
        faces.make(Path(place) / "data", train=8, test=2, size=size)
        dataset = layouts.find(Path(place) / "data")
        for preset in PRESETS:
            settings = [f"training.steps={steps}", "evaluation.metrics=[]"]
            asked = needs.settle(chosen_config(preset, size, *settings), dataset)
            states = []
            with warnings.catch_warnings(record=True) as said:
                warnings.simplefilter("always")
                for halves in ((steps,), (steps // 2, steps)):
                    out = Path(place) / f"{preset}{len(halves)}"
                    for stop_at in halves:
                        run.train(asked, dataset, out, device, lambda p, at=stop_at: interrupt(p.step, at, steps))
                    states.append(checkpoint.read(checkpoint.newest(out)))
            worst = largest(*({key: s[key] for key in ("generator", "discriminator", "optimizers")} for s in states))
            without = undetermined(str(warning.message) for warning in said)
            if worst and not without:
                raise Wrong(f"{preset}: bits differ, at most {worst:.1e}")
            found = f"differs by at most {worst:.1e}" if worst else "the same bits"
            yield f"{preset} {found}" + f" (not deterministic in torch: {', '.join(without)})" * bool(without)


def undetermined(messages: Iterable[str]) -> list[str]:
    """The operations that torch has said it can't compute the same way twice."""
    mark = " does not have a deterministic implementation"
    return sorted({message.partition(mark)[0].split()[-1] for message in messages if mark in message})


def interrupt(step: int, at: int, last: int) -> None:
    """Ctrl-C at a step."""
    if step == at < last:
        signal.raise_signal(signal.SIGINT)


def largest(one: Any, other: Any) -> float:
    """The largest absolute difference in two trees of tensors; infinite where they are not of one shape."""
    if isinstance(one, dict) and isinstance(other, dict):
        return math.inf if one.keys() != other.keys() else max((largest(one[k], other[k]) for k in one), default=0.0)
    if isinstance(one, list | tuple):
        return max((largest(a, b) for a, b in zip(one, other, strict=True)), default=0.0)
    if isinstance(one, torch.Tensor):
        return float((one.double() - other.double()).abs().max()) if one.numel() else 0.0
    return 0.0 if one == other else math.inf


CHECKS = {"losses": check_losses, "precisions": check_precisions, "compiled": check_compiled, "resume": check_resume}


def main(words: Sequence[str] | None = None) -> int:
    """Run one check, and write what it found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=list(NAMES))
    parser.add_argument("answer", type=Path)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--tiny", action="store_true")
    chosen = parser.parse_args(words)
    found = []
    try:
        for said in CHECKS[chosen.name](
            torch.device(chosen.device), 32 if chosen.tiny else 64, 10 if chosen.tiny else STEPS
        ):
            print(said, flush=True)
            found.append(said)
    except Wrong as error:
        print(error)
        return 1
    chosen.answer.write_text(json.dumps({"found": "; ".join(found)}) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
