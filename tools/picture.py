"""The README's picture: held-out faces of the embedded dataset as a run translates them, in columns.

    translate demo --out demo && python tools/picture.py demo/run demo/data docs/demo.png

Rows: input, output, truth for A to B, then the same for B to A. The columns are evenly spaced, not picked.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from translate.data import layouts
from translate.evaluation import examples
from translate.inference.model import Model

COLUMNS, ZOOM, GAP = 10, 2, 6


def main() -> None:
    """Write the grid."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("run", "data", "picture"):
        parser.add_argument(name, type=Path)
    chosen = parser.parse_args()
    rows = examples(Model.load(chosen.run), layouts.find(chosen.data), "test", COLUMNS)
    bands = [
        np.concatenate([np.asarray(image) for image in images], axis=1)
        for direction in rows.values()
        for images in zip(*((row.given, *row.outputs, row.truth) for row in direction), strict=True)
    ]
    white = np.full((GAP, bands[0].shape[1], 3), 255, np.uint8)
    grid = np.concatenate([*bands[:3], white, *bands[3:]])
    height, width = grid.shape[:2]
    Image.fromarray(grid).resize((width * ZOOM, height * ZOOM), Image.Resampling.NEAREST).save(chosen.picture)


if __name__ == "__main__":
    main()
