"""Train several configurations one after another through the command line, score each, and print one table.

    python tools/races.py fast-generator --out races/fast      the fast generator against resnet_6blocks (24 minutes)
    python tools/races.py pairs --out races/pairs              what pairs are worth (10 minutes)

Everything is what a user would type; the commands are printed. Run it on an otherwise idle machine.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Lane:
    """One configuration of a race."""

    name: str
    minutes: float
    arguments: tuple[str, ...]


def translate(*arguments: str) -> None:
    """Run the command line, visibly."""
    print("translate", *arguments, flush=True)
    subprocess.run([sys.executable, "-m", "translate", *arguments], check=True)


def sets(*settings: str) -> tuple[str, ...]:
    """KEY=VALUE settings as arguments."""
    return tuple(part for setting in settings for part in ("--set", setting))


FACES = sets("data.transforms=[]", "data.load_size=null")
"""As in `translate demo`: the faces are drawn upright and lit from the left, so nothing is flipped or cropped."""


def fast_generator(minutes: float) -> list[Lane]:
    """resnet_6blocks for the full time, with the fast preset's recipe and with the published one; fast for a third."""
    unpaired = sets("data.pairs=0")
    resnet = sets("networks.generator={name: resnet, blocks: 6, width: 64}")
    published = sets(  # Zhu et al. 2017, at batch 4
        "training.batch=4",
        "training.learning_rate=0.0002",
        "training.ema=0",
        "training.precision=fp32",
        "objective.adversarial.pool=50",
        "objective.cycle.weight=10",
        "objective.identity.weight=5",
        "networks.discriminator.width=64",
    )
    return [
        Lane("fast, a third of the time", minutes / 3, ("fast", *unpaired)),
        Lane("resnet_6blocks, same recipe", minutes, ("fast", *unpaired, *resnet)),
        Lane("resnet_6blocks, published recipe", minutes, ("fast", *unpaired, *resnet, *published)),
    ]


def pairs(minutes: float, count: int = 2000) -> list[Lane]:
    """0, 1, 5, 25 and 100 percent of the pairs; the rest stays as unpaired images."""
    lanes = [Lane("0% (unsupervised)", minutes, ("fast", *sets("data.pairs=0")))]
    supervised = "objective.supervised={weight: 10, loss: l1}"
    for percent in (1, 5, 25):
        chosen = sets(f"data.pairs={count * percent // 100}", supervised, "data.paired_share=0.5")
        lanes.append(Lane(f"{percent}% (semi-supervised)", minutes, ("fast", *chosen)))
    lanes.append(Lane("100% (supervised)", minutes, ("fast", *sets(supervised))))
    return lanes


def run(lanes: list[Lane], out: Path, seed: int) -> list[tuple[Lane, dict[str, dict[str, dict[str, float]]]]]:
    """Each lane's scores on the same held-out pairs."""
    data = out / "data"
    if not data.is_dir():
        translate("data", "make", "faces", str(data), "--seed", str(seed))
    results = []
    for index, lane in enumerate(lanes):
        folder, scores = out / f"lane{index}", out / f"lane{index}.json"
        config, *rest = lane.arguments
        training = ("--data", str(data), "--out", str(folder), "--minutes", f"{lane.minutes:g}", "--seed", str(seed))
        translate("train", config, *training, *FACES, *rest)
        translate("evaluate", str(folder), "--data", str(data), "--json", str(scores))
        results.append((lane, json.loads(scores.read_text(encoding="utf-8"))))
    return results


def main() -> None:
    """Parse, race, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("race", choices=["fast-generator", "pairs"])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, help="training time of a full lane (10 or 2)")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    lanes = fast_generator(chosen.minutes or 10) if chosen.race == "fast-generator" else pairs(chosen.minutes or 2)
    results = run(lanes, chosen.out, chosen.seed)
    print("\n| configuration | minutes | direction | L1 | PSNR | SSIM |\n|---|---|---|---|---|---|")
    for lane, scores in results:
        for direction, values in scores["metrics"].items():
            numbers = f"{values['l1']:.2f} | {values['psnr']:.2f} | {values['ssim']:.3f}"
            print(f"| {lane.name} | {lane.minutes:.1f} | {direction} | {numbers} |")
    for direction, values in results[0][1]["baseline"].items():
        print(f"| do nothing | 0 | {direction} | {values['l1']:.2f} | {values['psnr']:.2f} | {values['ssim']:.3f} |")


if __name__ == "__main__":
    main()
