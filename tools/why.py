"""Why generate from a distribution: an input with two right answers, and what two models make of it.

    python tools/why.py --out runs/why --minutes 10      twice ten minutes of training, on an otherwise idle machine

Draws the dataset crossroads, trains a model on L1 alone and one that also draws a latent and plays against a
discriminator (after BicycleGAN, Zhu et al. 2017), lets both answer the held-out inputs, and counts the answers that are
one of the two right ones. Everything is what a user would type; the commands are printed. The pictures go to docs/why,
the table to standard output.
"""

from __future__ import annotations

import argparse
import csv
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from translate.data.crossroads import FRAMES, Scene, futures, scene, strip, which

Picture = NDArray[np.uint8]

L1 = """
data: {size: [32, 32], frames: {a: 4}, paired_share: 1}
networks:
  generator: {name: fast, width: 64, blocks: 4}
  discriminator: null
produce: [b]
objective:
  supervised: {loss: l1}
training: {batch: 8, learning_rate: 0.001, ema: 0.99, precision: auto}
log: {preview_every: 2000}
"""

DISTRIBUTION = """
data: {size: [32, 32], frames: {a: 4}, paired_share: 1}
networks:
  generator: {name: fast, width: 64, blocks: 4, norm: none}  # a norm would subtract what z adds evenly to a map
  discriminator: {name: patchgan, layers: 3, width: 32}
  encoder: {name: resnet, width: 32, norm: none, pooled: false}  # not pooled: answers differ in where somebody is
  conditional: true
  latent: {dimension: 2, enter: bottleneck}
  initialise: own
produce: [b]
objective:
  # The squares' ghosts say where somebody may stand, and then a z that tells which way is worth something; an absolute
  # difference alone would be content with an empty street, and never ask for z. It cleans what squares hardly see.
  squares: {term: reconstruction, loss: l2, weight: 500}
  reconstruction: {loss: l1, weight: [[0, 0], [0.5, 0], [0.6, 30]]}
  kl: {weight: [[0, 0.0005], [0.4, 0.0005], [0.6, 0.1]]}  # codes may be anything until they are of use
  latent_recovery: {weight: [[0, 0], [0.4, 0], [0.5, 0.5]]}
  adversarial: {game: least_squares, weight: [[0, 0], [0.5, 0], [0.6, 1]]}
  adversarial_rebuilt: {term: adversarial, game: least_squares, of: rebuilt, weight: [[0, 0], [0.5, 0], [0.6, 1]]}
training: {batch: 8, learning_rate: 0.001, ema: 0.99, clip: 5, precision: auto}
log: {preview_every: 2000}
"""

ROWS, SHOWN, ZOOM, GAP, HEAD = 5, 4, 4, 4, 22
INK, PAPER = (60, 60, 60), (255, 255, 255)


@dataclass(frozen=True)
class Question:
    """A held-out input and its two right answers."""

    file: str
    scene: Scene
    left: Picture
    right: Picture


@dataclass(frozen=True)
class Verdicts:
    """What the judge says of each question's answers."""

    name: str
    each: list[list[str]]

    def row(self) -> str:
        """A line of the table: shares of all answers, and of the inputs whose answers include both futures."""
        counts, total = Counter(verdict for answers in self.each for verdict in answers), sum(map(len, self.each))
        right = counts["left"] + counts["right"]
        both = sum({"left", "right"} <= set(answers) for answers in self.each)
        split = f"{counts['left'] / right:.0%} / {counts['right'] / right:.0%}" if right else "-"
        of_inputs = f"{both / len(self.each):.0%}" if max(map(len, self.each)) > 1 else "one answer each"
        return f"| {self.name} | {total:,} | {right / total:.1%} | {split} | {of_inputs} |"


def translate(*arguments: str) -> None:
    """Run the command line, visibly."""
    print("translate", *arguments, flush=True)
    subprocess.run([sys.executable, "-m", "translate", *arguments], check=True)


def questions(data: Path) -> list[Question]:
    """The held-out inputs, drawn again from the table of scenes."""
    with open(data / "scenes.csv", newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == "test"]
    scenes = [scene(int(row["seed"]), int(row["index"])) for row in rows]
    return [Question(row["file"], one, *futures(one)) for row, one in zip(rows, scenes, strict=True)]


def read(path: Path) -> Picture:
    """An image as uint8 [H, W, 3]."""
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def judged(name: str, asked: list[Question], answers: Callable[[Question], list[Picture]]) -> Verdicts:
    """The verdicts on a model's answers."""
    return Verdicts(name, [[which(answer, q.left, q.right) for answer in answers(q)] for q in asked])


def average(question: Question) -> Picture:
    """Half of one future and half of the other."""
    return np.round((question.left.astype(np.float32) + question.right) / 2).astype(np.uint8)


def sheet(columns: list[tuple[str, list[Picture]]], path: Path) -> None:
    """Columns of pictures under their headings; a heading that is empty goes on with the one before."""
    side = columns[0][1][0].shape[0] * ZOOM
    width = len(columns) * (side + GAP) + GAP
    canvas = Image.new("RGB", (width, HEAD + len(columns[0][1]) * (side + GAP)), PAPER)
    draw, font = ImageDraw.Draw(canvas), ImageFont.load_default(14)
    for place, (heading, pictures) in enumerate(columns):
        x = GAP + place * (side + GAP)
        draw.text((x, 2), heading, INK, font)
        for row, picture in enumerate(pictures):
            enlarged = Image.fromarray(picture).resize((side, side), Image.Resampling.NEAREST)
            canvas.paste(enlarged, (x, HEAD + row * (side + GAP)))
    path.parent.mkdir(parents=True, exist_ok=True)
    canvas.save(path, optimize=True)


def spread(asked: list[Question]) -> list[Question]:
    """A few of the questions, evenly spread: none is picked by hand."""
    return [asked[i * len(asked) // ROWS] for i in range(min(ROWS, len(asked)))]


def show_question(asked: list[Question], path: Path) -> None:
    """The frames of a few inputs, their two futures, and the average of those."""
    rows = spread(asked)
    frames = list(zip(*(np.split(strip(q.scene), FRAMES, axis=1) for q in rows), strict=True))
    headings = ["input: 4 frames", *[""] * (FRAMES - 1)]
    columns = [(heading, list(pictures)) for heading, pictures in zip(headings, frames, strict=True)]
    columns += [("turned left", [q.left for q in rows]), ("turned right", [q.right for q in rows])]
    sheet([*columns, ("average", [average(q) for q in rows])], path)


def show_answers(
    asked: list[Question], single: Callable[[Question], list[Picture]], several: Callable[[Question], list[Picture]],
    path: Path,
) -> None:  # fmt: skip
    """For a few inputs: the last frame, the two futures, the answer of L1, and several of the other model."""
    rows = spread(asked)
    columns = [
        ("last frame", [np.split(strip(q.scene), FRAMES, axis=1)[-1] for q in rows]),
        ("future 1: left", [q.left for q in rows]),
        ("future 2: right", [q.right for q in rows]),
        ("L1", [single(q)[0] for q in rows]),
    ]
    samples = list(zip(*(several(q)[:SHOWN] for q in rows), strict=True))
    columns += [(f"sample {i}", list(pictures)) for i, pictures in enumerate(samples, 1)]
    sheet(columns, path)


def main() -> None:
    """Draw, train, apply, judge, show."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--pictures", type=Path, default=Path("docs/why"))
    parser.add_argument("--minutes", type=float, default=10, help="of training, for each of the two models")
    parser.add_argument("--train", type=int, default=4000, help="training scenes")
    parser.add_argument("--test", type=int, default=200, help="held-out scenes")
    parser.add_argument("--samples", type=int, default=16, help="answers to each held-out input")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    out, seed, data = chosen.out, str(chosen.seed), chosen.out / "data"
    if not data.is_dir():
        scenes = ("--train", str(chosen.train), "--test", str(chosen.test), "--seed", seed)
        translate("data", "make", "crossroads", str(data), *scenes)
    asked = questions(data)
    show_question(asked, chosen.pictures / "question.png")
    samples = {"l1": (), "distribution": ("--samples", str(chosen.samples), "--seed", seed)}
    for name, text in (("l1", L1), ("distribution", DISTRIBUTION)):
        config, run = out / f"{name}.yaml", out / name
        config.write_text(text, encoding="utf-8")
        ways = ("--data", str(data), "--out", str(run), "--minutes", f"{chosen.minutes:g}", "--seed", seed)
        translate("train", str(config), *ways)
        translate("apply", str(run), str(data / "testA"), str(out / f"{name}-answers"), *samples[name], "--overwrite")

    def single(question: Question) -> list[Picture]:
        return [read(out / "l1-answers" / question.file)]

    def several(question: Question) -> list[Picture]:
        folders = (out / "distribution-answers" / str(i) for i in range(1, chosen.samples + 1))
        return [read(folder / question.file) for folder in folders]

    show_answers(asked, single, several, chosen.pictures / "answers.png")
    print("\n| model | answers | one of the two futures | left / right of those | inputs that got both |")
    print("|---|---|---|---|---|")
    for verdicts in (
        judged("average of the two futures", asked, lambda q: [average(q)]),
        judged("L1", asked, single),
        judged("latent and discriminator", asked, several),
    ):
        print(verdicts.row())


if __name__ == "__main__":
    main()
