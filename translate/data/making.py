"""Where a dataset that is drawn by code goes: an empty folder, numbered PNG files, and the table of pairs."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from translate.errors import UserError

FIRST = {"train": 0, "test": 1_000_000}
"""The number of each split's first scene: far apart, so that no number of training scenes reaches a test scene."""


def refuse_full(root: Path) -> None:
    """Raise UserError when `root` is a file, or a folder that holds something."""
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise UserError(f'"{root}" is not an empty folder', expected="a new or an empty folder: nothing is overwritten")


def file_of(index: int) -> str:
    """The file name of a scene."""
    return f"{index:07d}.png"


def write(image: NDArray[np.uint8], path: Path) -> None:
    """A PNG of uint8 [H, W, 3]: no loss, and little time spent on compressing."""
    from PIL import Image

    Image.fromarray(image).save(path, compress_level=1)


def list_pairs(root: Path, ranges: Iterable[tuple[str, int]]) -> None:
    """Write pairs.csv: for each split the scenes from its first one on, `count` of them."""
    with open(root / "pairs.csv", "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(("a", "b"))
        for split, count in ranges:
            for index in range(FIRST[split], FIRST[split] + count):
                table.writerow((f"{split}A/{file_of(index)}", f"{split}B/{file_of(index)}"))
