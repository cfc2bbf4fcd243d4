"""Somebody walks up to a crossing and turns left or right, by a fair coin: an input with two right answers.

A is a strip of the last FRAMES frames before the crossing, the oldest left; B is the frame five steps later. All but
the coin can be read off the strip: where the streets lie, who walks, and how fast. So exactly two futures are right,
both are known to the pixel, and `which` says of anybody's output whether it is one of them.
"""

from __future__ import annotations

import csv
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from translate.data import making
from translate.data.drawing import Field, box, cover, ellipse, hsv, mix, rgb, to_levels

Image = NDArray[np.uint8]
Turn = Literal["left", "right"]
Verdict = Literal["left", "right", "neither"]

FRAMES = 4
CELLS = 32
"""All lengths are in cells, of which the picture has so many a side: a cell is a pixel at the default size."""
STREET = 4
"""Half the width of a street."""
TO_CENTRE, BEYOND = 2, 3
"""Steps from the strip's last frame to the middle of the crossing, and from there to the target."""
TOLERANCE = 0.3
"""How far an output may stray from a future, as a share of a whole walker, and still count as that future. A ghost is
0.5 away from both; 0.3 keeps clear of it, and leaves room for noise and soft edges."""


@dataclass(frozen=True)
class Scene:
    """A crossing and who walks there. Lengths in cells from the picture's middle, y downwards; hues in [0, 1)."""

    index: int
    x: int
    y: int
    lane: float
    speed: int
    turn: Turn
    shirt: float
    skin: float
    hair: float
    grass: float
    asphalt: float
    seed: int

    @property
    def walker_x(self) -> float:
        """Where the walker's middle is before the turn."""
        return self.x + self.lane


def scene(seed: int, index: int) -> Scene:
    """Scene `index` of a seed; it does not depend on other scenes, nor its turn on anything that can be seen."""
    random = np.random.default_rng((seed, index))
    coin = np.random.default_rng((seed, index, 1))
    return Scene(
        index=index,
        x=int(random.integers(-4, 5)),
        y=int(random.integers(-6, -2)),
        lane=float(random.integers(-1, 1)) + 0.5,  # so that the walker's middle is the middle of a cell
        speed=int(random.integers(2, 4)),
        turn="left" if coin.random() < 0.5 else "right",
        shirt=float(random.random()),
        skin=float(random.random()),
        hair=float(random.random()),
        grass=float(random.random()),
        asphalt=float(random.random()),
        seed=seed,
    )


def strip(scene: Scene, size: int = CELLS) -> Image:
    """The input: FRAMES frames of uint8 [size, FRAMES * size, 3], the oldest left."""
    street, canvas = _street(scene, size), _Canvas(size)
    steps = range(TO_CENTRE + FRAMES - 1, TO_CENTRE - 1, -1)
    frames = [_walker(canvas, street, scene, scene.walker_x, scene.y + scene.speed * n, 0, n) for n in steps]
    return np.concatenate([to_levels(frame) for frame in frames], axis=1)


def futures(scene: Scene, size: int = CELLS) -> tuple[Image, Image]:
    """The two right answers, uint8 [size, size, 3]: turned left, turned right."""
    return _turned(scene, size, -1), _turned(scene, size, 1)


def target(scene: Scene, size: int = CELLS) -> Image:
    """The future that the scene's coin chose, uint8 [size, size, 3]."""
    return _turned(scene, size, -1 if scene.turn == "left" else 1)


def _turned(scene: Scene, size: int, side: int) -> Image:
    x = scene.walker_x + side * scene.speed * BEYOND
    return to_levels(_walker(_Canvas(size), _street(scene, size), scene, x, scene.y, side, 0))


def which(output: Image, left: Image, right: Image) -> Verdict:
    """Which of the two futures an output is, all uint8 [H, W, 3].

    A window as large as the box around a walker is moved over the whole picture. An output is the future from which it
    differs nowhere by TOLERANCE or more: mean absolute difference within the window, as a share of that between a
    walker and the empty street. So a ghost in both places, two walkers, none, half a one, and one too many elsewhere
    are neither, and so is a street that is not the right one.
    """
    made, one, other = (image.astype(np.float32) for image in (output, left, right))
    between = np.abs(one - other).mean(axis=2)
    columns = np.flatnonzero(between.any(axis=0))
    middle = (columns[0] + columns[-1] + 1) // 2  # the walkers stand on either side of it
    boxes = [_box_around(between[:, :middle]), _box_around(between[:, middle:])]
    window = max(box.shape[0] for box in boxes), max(box.shape[1] for box in boxes)
    allowed = TOLERANCE * min(float(box.mean()) for box in boxes)
    futures: tuple[tuple[Turn, Field], ...] = (("left", one), ("right", other))
    for name, future in futures:
        error = np.abs(made - future).mean(axis=2)
        if np.lib.stride_tricks.sliding_window_view(error, window).mean(axis=(2, 3)).max() < allowed:
            return name
    return "neither"


def _box_around(values: Field) -> Field:
    """The smallest part of [H, W] that holds all that is not zero."""
    rows, columns = np.flatnonzero(values.any(axis=1)), np.flatnonzero(values.any(axis=0))
    return values[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


class _Canvas:
    """Where each pixel's middle lies, in cells."""

    def __init__(self, size: int) -> None:
        axis = ((np.arange(size) + 0.5) / size * CELLS - CELLS / 2).astype(np.float32)
        self.x, self.y = axis[None, :], axis[:, None]
        self.pixel = CELLS / size

    def paint(self, image: Field, distance: Field, colour: Field, strength: float = 1.0) -> Field:
        return cover(image, distance, colour, self.pixel, strength)


@lru_cache(maxsize=8)
def _street(scene: Scene, size: int) -> Field:
    """The picture without anybody: a street that ends at another, kerbs, dashes, houses and trees."""
    canvas = _Canvas(size)
    random = np.random.default_rng((scene.seed, scene.index, 2))
    grass = hsv(0.22 + 0.12 * scene.grass, 0.45, 0.62)
    image = np.broadcast_to(grass, (size, size, 3)).astype(np.float32)
    x, y = canvas.x - scene.x, canvas.y - scene.y
    across, along = np.abs(y), np.where(y > 0, np.abs(x), CELLS)  # distances to the two streets' middle lines
    image = _blocks(canvas, image, scene, random)
    image = canvas.paint(image, np.minimum(across, along) - STREET - 1, rgb(0.84, 0.82, 0.78))  # kerbs
    image = canvas.paint(image, np.minimum(across, along) - STREET, rgb(1, 1, 1.04) * (0.34 + 0.12 * scene.asphalt))
    white = rgb(0.93, 0.9, 0.8)
    first = (np.abs(v) - STREET - 3 for v in (x, y))  # the middle of the dash next to the crossing, one of every six
    across, along = ((v + 3) % 6 - 3 for v in first)
    dashes = box(across, y - 0.5, 2, 0.5), box(x - 0.5, along, 0.5, 2)
    image = canvas.paint(image, np.where(np.abs(x) > STREET, dashes[0], CELLS), white, 0.8)
    return canvas.paint(image, np.where(y > STREET, dashes[1], CELLS), white, 0.8)


def _blocks(canvas: _Canvas, image: Field, scene: Scene, random: np.random.Generator) -> Field:
    """A house or trees in each of the blocks that the streets leave: below on the left and right, and above."""
    edge, half = STREET + 1, CELLS / 2
    blocks = [
        (-half, scene.x - edge, scene.y + edge, half),
        (scene.x + edge, half, scene.y + edge, half),
        (-half, scene.x, -half, scene.y - edge),
        (scene.x, half, -half, scene.y - edge),
    ]
    house = random.integers(len(blocks))
    for i, (west, east, north, south) in enumerate(blocks):
        wide, high = (east - west) / 2, (south - north) / 2
        x, y = canvas.x - (west + east) / 2, canvas.y - (north + south) / 2
        if i == house or random.random() < 0.3:
            roof = hsv(random.random() * 0.1 + (0.55 if random.random() < 0.3 else 0), 0.55, 0.72)
            wall = box(x, y, min(wide - 1.5, 6), min(high - 1, 4))
            image = canvas.paint(image, box(x - 0.7, y - 0.7, min(wide - 1.5, 6), min(high - 1, 4)), rgb(0, 0, 0), 0.3)
            image = canvas.paint(image, wall, roof)
            image = canvas.paint(image, np.maximum(wall, -y), roof * 0.82)  # the roof's far side, in the shade
            continue
        for _ in range(int(random.integers(2, 5))):
            at = random.uniform(-1, 1, 2) * (max(wide - 2.5, 0), max(high - 2, 0))
            green = hsv(0.27 + 0.1 * random.random(), 0.65, 0.42)
            image = canvas.paint(image, np.hypot(x - at[0] - 0.6, y - at[1] - 0.6) - 2, rgb(0, 0, 0), 0.25)
            image = canvas.paint(image, np.hypot(x - at[0], y - at[1]) - 2, green)
            image = canvas.paint(image, np.hypot(x - at[0] + 0.6, y - at[1] + 0.6) - 0.9, green * 1.35)
    return image


def _walker(canvas: _Canvas, image: Field, scene: Scene, x: float, y: float, facing: int, step: int) -> Field:
    """`image` with the walker in it, 5 cells wide and 7 high: from behind, or from the side it is `facing` (-1, 1)."""
    dx, dy = canvas.x - np.float32(x), canvas.y - np.float32(y)
    skin = mix((1.0, 0.84, 0.7), (0.5, 0.32, 0.2), scene.skin)
    hair = mix((0.16, 0.1, 0.07), (0.85, 0.6, 0.25), scene.hair)
    shirt = hsv(scene.shirt, 0.8, 0.95)
    trousers = rgb(0.13, 0.15, 0.32)
    image = canvas.paint(image, ellipse(dx, dy - 3.4, 2.6, 0.9), rgb(0, 0, 0), 0.35)
    swing = 1 if step % 2 else -1  # which leg is in front
    for side in (-1, 1):
        lift = 0.5 if side == swing and not facing else 0.0
        spread = 1.0 if not facing else 1.2
        image = canvas.paint(image, box(dx - side * spread, dy - 2.5 + lift, 0.5, 1.0), trousers)
    if not facing:
        for side in (-1, 1):
            image = canvas.paint(image, box(dx - side * 2, dy - 0.5 + side * swing * 0.5, 0.5, 1), skin)
    image = canvas.paint(image, box(dx, dy - 0.25, 1.5, 1.75), shirt)
    head = np.hypot(dx, dy + 2.25) - 1.8
    if not facing:
        return canvas.paint(image, head, hair)
    image = canvas.paint(image, head, skin)
    back = np.maximum(head, np.minimum(dy + 3, dx * facing + 0.5))  # above the forehead, and behind the ear
    image = canvas.paint(image, back, hair)
    return canvas.paint(image, box(dx - facing, dy + 2.5, 0.5, 0.5), rgb(0.05, 0.05, 0.1))  # the eye


def make(root: Path, *, train: int = 4000, test: int = 200, size: int = CELLS, seed: int = 0, workers: int = 2) -> None:
    """Write trainA and testA (strips), trainB and testB, pairs.csv, and scenes.csv, which says how to draw each scene
    again: `scene(seed, index)`. Raises UserError when `root` already holds something else."""
    making.refuse_full(root)
    for folder in ("trainA", "trainB", "testA", "testB"):
        (root / folder).mkdir(parents=True)
    scenes = {
        split: [scene(seed, making.FIRST[split] + i) for i in range(count)]
        for split, count in (("train", train), ("test", test))
    }

    def draw(split: str, one: Scene) -> None:
        making.write(strip(one, size), root / f"{split}A" / making.file_of(one.index))
        making.write(target(one, size), root / f"{split}B" / making.file_of(one.index))

    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(lambda job: draw(*job), ((split, one) for split, found in scenes.items() for one in found)))
    making.list_pairs(root, [("train", train), ("test", test)])
    with open(root / "scenes.csv", "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(("split", "file", "seed", "index", "turn"))
        for split, found in scenes.items():
            for one in found:
                table.writerow((split, making.file_of(one.index), one.seed, one.index, one.turn))
