"""Train the presets that draw images from noise on one folder, and score every checkpoint of each: quality over time.

    python tools/unconditional.py --data DIR --out runs/noise --minutes 20      five presets, about 1 h 45 min

DIR holds train/ and test/. Each preset gets a width that a CPU can train; the commands are printed. The table and the
chart show the sliced Wasserstein distance to the held-out images after each tenth of the time. "Largest step" is of a
tour through six samples in 24 steps from each to the next: the largest change (L1) between two frames, as a share of
the change from one sample to the next; 4 percent is an even walk, 100 a jump. Run it on an otherwise idle machine. With
--score trained runs are scored again.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from translate import checkpoint
from translate.config import load_run
from translate.data import layouts
from translate.evaluation import evaluate
from translate.inference.model import Model
from translate.inference.sampling import Sampler
from translate.inference.tour import Path as Way

STOPS, FRAMES = 6, 24

NARROW = ("networks.generator.width=32", "networks.discriminator.width=32")
LANES: dict[str, tuple[str, ...]] = {
    "r3gan": (),  # as planned for a lone folder, without a preset
    "dcgan": (*NARROW, "training.batch=64", "training.precision=auto", "training.ema=0.99"),
    "wgan-gp": (
        *NARROW,
        "training.batch=32",
        "training.discriminator_steps=3",
        "training.learning_rate=0.0003",
        "training.ema=0.99",
    ),
    "sngan": (
        "networks.generator={name: sngan, width: 32, most: 256}",
        "networks.discriminator={name: sngan, width: 16, most: 256}",
        "training.batch=32",
        "training.discriminator_steps=2",
        "training.learning_rate=0.0004",
        "training.precision=auto",
        "training.ema=0.99",
    ),
    "stylegan2": (
        "networks.latent.dimension=128",
        "networks.generator={name: stylegan2, width: 8, most: 128, mapping: 4}",
        "networks.discriminator={name: stylegan2, width: 8, most: 128}",
        "training.batch=16",
        "training.precision=auto",
        "training.ema=0.99",
    ),
}


def command(name: str, data: Path, out: Path, minutes: float) -> list[str]:
    """What a user would type for a lane."""
    settings = (*LANES[name], "data.size=[64,64]", "log.keep=100", f"log.save_minutes={minutes / 10:g}")
    preset = [] if name == "r3gan" else [name]
    typed = ["translate", "train", *preset, "--data", str(data), "--out", str(out / name), "--minutes", f"{minutes:g}"]
    return typed + [word for setting in settings for word in ("--set", setting)]


def scores(run: Path, data: Path) -> list[tuple[int, float, dict[str, float]]]:
    """(step, minutes of training, distances) of each checkpoint."""
    dataset = layouts.find(data)
    rows = []
    for path in sorted((run / "checkpoints").glob("step-*.pt")):
        model = Model.load(run, checkpoint=path)
        found: dict[str, Any] = evaluate(model, dataset, names=["swd"]).scores
        rows.append((model.step, checkpoint.read(path)["seconds"] / 60, found["metrics"]["sample"]))
        print(f"{run.name}: step {model.step}: {found['metrics']['sample']}", file=sys.stderr, flush=True)
    print(f"training images instead: {found['baseline']['sample']}", file=sys.stderr)
    return rows


def largest_step(run: Path) -> float:
    """The largest change between two frames of a tour, as a share of the change over its leg; 1 / FRAMES: even."""
    model = Model.load(run)
    assert model.prior is not None
    way: Way = "linear" if model.prior.kind == "uniform" else "spherical"
    frames = np.stack([frame.astype(np.float32) for frame in Sampler(model).tour(STOPS, FRAMES, way)])
    legs = np.concatenate([frames, frames[:1]])
    shares = []
    for first in range(0, len(frames), FRAMES):
        leg = legs[first : first + FRAMES + 1]
        shares.append(np.abs(np.diff(leg, axis=0)).mean((1, 2, 3)).max() / np.abs(leg[-1] - leg[0]).mean())
    return float(max(shares))


def chart(found: dict[str, list[tuple[int, float, dict[str, float]]]], path: Path) -> None:
    """Distances over minutes, a line a preset."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 4), layout="constrained")
    for name, rows in found.items():
        axes.plot([minutes for _, minutes, _ in rows], [s["swd"] for *_, s in rows], marker=".", label=name)
    axes.set(xlabel="minutes of training", ylabel="sliced Wasserstein distance (x 1,000)", ylim=(0, None))
    axes.legend()
    figure.savefig(path, dpi=90)


def main() -> None:
    """Train, score, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="a folder with train/ and test/")
    parser.add_argument("--out", type=Path, required=True, help="where the runs are, or are to be")
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--only", nargs="+", choices=LANES, default=list(LANES))
    parser.add_argument("--score", action="store_true", help="score what is trained, and train nothing")
    parser.add_argument("--chart", type=Path, help="write the chart here")
    asked = parser.parse_args()
    for name in asked.only if not asked.score else []:
        typed = command(name, asked.data, asked.out, asked.minutes)
        print(*typed, flush=True)
        subprocess.run([sys.executable, "-m", *typed], check=True)
    found = {name: scores(asked.out / name, asked.data) for name in asked.only}
    if asked.chart:
        chart(found, asked.chart)
    print(
        "| preset | steps | images seen | SWD at a quarter | half | the end | at 64 px | 32 px | 16 px | largest step |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    for name, rows in found.items():
        training = load_run(asked.out / name).training
        step, total, last = rows[-1]
        seen = step * training.batch * training.discriminator_steps
        early = [min(rows, key=lambda row: abs(row[1] - total * share))[2]["swd"] for share in (0.25, 0.5)]
        values = (*early, *(last[key] for key in ("swd", "swd_64", "swd_32", "swd_16")))
        walk = f"{largest_step(asked.out / name):.0%}"
        print(f"| `{name}` | {step:,} | {seen:,} | " + " | ".join(f"{value:.1f}" for value in values) + f" | {walk} |")


if __name__ == "__main__":
    main()
