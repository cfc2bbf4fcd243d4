"""The embedded dataset: procedural faces drawn in two styles from the same scene, so that the exact map is known.

A is *clay*: soft shading under one lamp, no outlines, a pale room. B is *comic*: ink outlines, two flat tones with a
hard edge between them, a dark room with a halftone of dots. Nothing of a scene is lost in either style.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from translate.data import making
from translate.data.drawing import Field, box, cover, ellipse, hsv, mix, rgb, to_levels
from translate.domain import Domain

Image = NDArray[np.uint8]
CHUNK = 64


@dataclass(frozen=True)
class Scenes:
    """Parameters of N faces, each [N, 1, 1] (or [N, 1, 1, 3] for colours); lengths in units of half the image."""

    x: Field
    y: Field
    wide: Field
    high: Field
    hair: Field
    fringe: Field
    long_hair: Field
    eye_gap: Field
    eye_size: Field
    look: Field
    brow: Field
    mouth_wide: Field
    smile: Field
    nose: Field
    glasses: Field
    skin: Field
    hair_hue: Field
    hair_value: Field
    shirt_hue: Field
    room_hue: Field


def scenes(seed: int, first: int, count: int) -> Scenes:
    """The faces `first` to `first + count` of a seed; a face does not depend on how many are drawn with it."""
    draws = np.stack([np.random.default_rng((seed, index)).random(20) for index in range(first, first + count)])
    u = draws.astype(np.float32)[:, :, None, None].transpose(1, 0, 2, 3)

    def between(index: int, low: float, high: float) -> Field:
        return low + (high - low) * u[index]

    return Scenes(
        x=between(0, -0.18, 0.18),
        y=between(1, -0.12, 0.12),
        wide=between(2, 0.36, 0.5),
        high=between(3, 0.48, 0.62),
        hair=between(4, 0.1, 0.24),
        fringe=between(5, -0.42, -0.1),
        long_hair=(u[6] < 0.5).astype(np.float32) * between(7, 0.3, 0.8),
        eye_gap=between(8, 0.15, 0.23),
        eye_size=between(9, 0.075, 0.12),
        look=between(10, -0.035, 0.035),
        brow=between(11, -0.35, 0.35),
        mouth_wide=between(12, 0.12, 0.24),
        smile=between(13, -1.0, 1.0),
        nose=between(14, 0.04, 0.12),
        glasses=(u[15] < 0.3).astype(np.float32),
        skin=u[16],
        hair_hue=between(17, 0.0, 0.13),
        hair_value=between(18, 0.2, 0.95),
        shirt_hue=u[19],
        room_hue=(u[4] * 7.13 + u[9] * 3.7) % 1.0,
    )


def render(faces: Scenes, style: Domain, size: int) -> Image:
    """Images uint8 [N, size, size, 3] of the scenes in the style of a domain."""
    axis = ((np.arange(size) + 0.5) / size * 2 - 1).astype(np.float32)
    canvas = _Canvas(faces, axis[None, None, :], axis[None, :, None], 2 / size, style)
    return canvas.paint()


class _Canvas:
    """Paints shapes given by signed distances (negative inside), back to front, in one of the two styles."""

    def __init__(self, faces: Scenes, x: Field, y: Field, pixel: float, style: Domain) -> None:
        self.faces, self.x, self.y, self.pixel = faces, x, y, pixel
        self.comic = style is Domain.B
        self.image = self._room()

    def paint(self) -> Image:
        f = self.faces
        x, y = self.x - f.x, self.y - f.y
        skin = mix((1.0, 0.86, 0.74), (0.5, 0.31, 0.2), f.skin)
        hair = hsv(f.hair_hue, 0.75 - 0.25 * f.hair_value, f.hair_value)
        shirt = hsv(f.shirt_hue, 0.55, 0.8)
        head = ellipse(x, y, f.wide, f.high)
        back = np.minimum(
            ellipse(x, y + 0.06, f.wide + f.hair, f.high + f.hair * 0.8),
            np.where(
                f.long_hair > 0, box(x, y - f.long_hair * 0.5, f.wide + f.hair * 0.9, f.long_hair * 0.5 + 0.1), 9.0
            ),
        )
        self._shape(back, hair, 0.35)
        self._shape(ellipse(x * 0.75, y - f.high - 0.52, np.float32(0.55), np.float32(0.42)), shirt, 0.6)
        self._shape(box(x, y - f.high * 0.95, f.wide * 0.42, np.float32(0.16)), skin * 0.9, 0.3)
        for side in (-1, 1):
            self._shape(ellipse(x - side * f.wide * 1.0, y - 0.03, np.float32(0.08), np.float32(0.12)), skin, 0.4)
        self._shape(head, skin, 1.0)
        front = np.maximum(ellipse(x, y + 0.02, f.wide + 0.03, f.high + 0.05), y - f.fringe - 0.25 * x * x)
        self._shape(front, hair, 0.6, ink=0.0)
        if self.comic:
            self._blot(np.maximum(np.abs(front) - 0.012, y - f.fringe - 0.2), rgb(0.08, 0.05, 0.16))
        self._features(x, y, skin)
        return to_levels(self.image)

    def _features(self, x: Field, y: Field, skin: Field) -> None:
        f = self.faces
        white, ink = rgb(0.97, 0.97, 0.95), rgb(0.1, 0.08, 0.12)
        for side in (-1, 1):
            ex, ey = x - side * f.eye_gap, y + 0.02
            self._shape(
                ellipse(ex, ey, f.eye_size * 1.15, f.eye_size * 0.85),
                np.broadcast_to(white, self.image.shape),
                0.15,
                0.6,
            )
            self._blot(ellipse(ex - f.look, ey, f.eye_size * 0.5, f.eye_size * 0.6), ink)
            slant = ey + f.eye_size * 1.5 - side * f.brow * ex
            self._blot(box(ex, slant, f.eye_size * 1.3, np.float32(0.022)), ink * 2)
            rim = np.abs(ellipse(ex, ey, f.eye_size * 1.7, f.eye_size * 1.5)) - 0.012
            self._blot(np.where(f.glasses > 0, rim, 9.0), rgb(0.25, 0.05, 0.05))
        self._shape(ellipse(x + 0.01, y - 0.12, np.float32(0.045), f.nose), skin * 0.94, 0.9, 0.6)
        bend = y - 0.33 + f.smile * 0.9 * (x * x - 0.012)
        self._blot(box(x, bend, f.mouth_wide, np.float32(0.028)), rgb(0.72, 0.16, 0.18))

    def _room(self) -> Field:
        hue, height = self.faces.room_hue, ((self.y + 1) / 2).astype(np.float32)
        if not self.comic:
            return hsv(hue, 0.28, 0.97 - 0.12 * height)
        dots = 0.045 + 0.05 * height - np.hypot((self.x + self.y) % 0.25 - 0.125, (self.x - self.y) % 0.25 - 0.125)
        light = 0.2 * np.clip(dots / self.pixel + 0.5, 0, 1)
        return hsv(hue, 0.62, 0.36 + light)

    def _shape(self, distance: Field, colour: Field, roundness: float, ink: float = 1.3) -> None:
        """One solid: lit from the upper left, darker where it turns away at its rim; or inked, in two flat tones."""
        lamp = (-self.x + self.faces.x - self.y + self.faces.y) * 0.7
        if self.comic:
            tone = np.clip((lamp + 0.12) / (self.pixel * 1.5) + 0.5, 0, 1)
            shadow = colour * rgb(0.5, 0.45, 0.7)
            lit = np.clip(colour * rgb(1.08, 0.98, 0.9), 0, 1)
            flat = shadow + (lit - shadow) * tone[..., None]
            self._cover(distance - self.pixel * ink, np.broadcast_to(rgb(0.05, 0.03, 0.1), flat.shape))
            self._cover(distance, flat)
        else:
            rim = np.exp(np.minimum(distance, 0) * 9)  # 1 at the edge, 0 deep inside: where a round solid turns away
            light = 0.92 + roundness * (0.35 * lamp * (0.4 + 0.6 * rim) - 0.22 * rim)
            self._cover(distance, colour * light[..., None])

    def _blot(self, distance: Field, colour: Field) -> None:
        """A small flat mark; ink in the comic, a softer print in clay."""
        strength = 1.0 if self.comic else 0.8
        shade = colour * (0.6 if self.comic else 1.0)
        self._cover(distance, np.broadcast_to(shade, self.image.shape), strength)

    def _cover(self, distance: Field, colour: Field, strength: float = 1.0) -> None:
        self.image = cover(self.image, distance, colour, self.pixel, strength)


def make(
    root: Path,
    *,
    train: int = 2000,
    test: int = 200,
    size: int = 64,
    seed: int = 0,
    pairs: bool = True,
    workers: int = 2,
) -> None:
    """Write trainA, trainB, testA, testB and pairs.csv; without `pairs` the two training folders show different faces.

    Raises UserError when `root` already holds something else.
    """
    making.refuse_full(root)
    jobs = []
    for split, count in (("train", train), ("test", test)):
        for domain in Domain:
            apart = 2_000_000 if split == "train" and not pairs and domain is Domain.B else 0
            folder = root / f"{split}{domain.upper()}"
            folder.mkdir(parents=True)
            for start in range(0, count, CHUNK):
                jobs.append(
                    (seed, making.FIRST[split] + apart + start, min(CHUNK, count - start), domain, size, folder)
                )
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(lambda job: _write(*job), jobs))
    making.list_pairs(root, [("train", train)] * pairs + [("test", test)])


def _write(seed: int, first: int, count: int, domain: Domain, size: int, folder: Path) -> None:
    for index, image in enumerate(render(scenes(seed, first, count), domain, size), first):
        making.write(image, folder / making.file_of(index))
