"""What objectives made, side by side: points in panels, pictures in strips; small PNG files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

PANEL, COLUMNS, TITLE, COUNT = 170, 5, 30, 14


def scatter(panels: Sequence[tuple[str, Tensor]], path: Path) -> None:
    """Each objective's points [N, 2] in [-1, 1] as dots in a square of its own, darker where there are more."""
    high = PANEL + TITLE
    page = Image.new("L", (COLUMNS * (PANEL + 6), -(-len(panels) // COLUMNS) * (high + 6)), 255)
    for index, (title, points) in enumerate(panels):
        place = index % COLUMNS * (PANEL + 6), index // COLUMNS * (high + 6)
        _title(page, place, title)
        page.paste(_dots(points.numpy()), (place[0], place[1] + TITLE))
    _save(page, path)


def _dots(points: NDArray[np.float32]) -> Image.Image:
    cells = np.floor((points + 1.1) / 2.2 * PANEL).astype(int)
    inside = cells[((cells >= 0) & (cells < PANEL)).all(1)]
    number = np.zeros((PANEL, PANEL), int)
    np.add.at(number, (inside[:, 1], inside[:, 0]), 1)
    panel = np.array([240, 120, 60, 0], np.uint8)[np.minimum(number, 3)]
    panel[[0, -1]] = panel[:, [0, -1]] = 180
    return Image.fromarray(panel)


def strips(rows: Sequence[tuple[str, Tensor]], path: Path) -> None:
    """Each objective's first pictures [N, 3, H, W] in [-1, 1] in a row of its own."""
    side, margin = rows[0][1].shape[-1], 230
    page = Image.new("RGB", (margin + COUNT * (side + 2), len(rows) * (side + 2)), "white")
    for index, (title, images) in enumerate(rows):
        _title(page, (4, index * (side + 2) + side // 2 - 8), title)
        shown = ((images[:COUNT].clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy()
        for column, image in enumerate(shown):
            page.paste(Image.fromarray(image), (margin + column * (side + 2), index * (side + 2)))
    _save(page.quantize(64), path)


def _title(page: Image.Image, place: tuple[int, int], text: str) -> None:
    ImageDraw.Draw(page).text((place[0] + 2, place[1] + 1), text, fill=0, font=ImageFont.load_default(11))


def _save(page: Image.Image, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    page.save(path, optimize=True)
