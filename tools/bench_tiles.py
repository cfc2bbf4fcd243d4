"""Tiled against untiled: what tells them apart, for several ways to have the statistics of norm layers.

    python tools/bench_tiles.py RUN IMAGE                   a table; the image must fit the memory whole
    python tools/bench_tiles.py RUN --huge 20000 20000      most memory held, and seconds, for a TIFF of noise

The table: mean and largest difference to the untiled output in grey levels; the mean step across the tiles' borders,
divided by the untiled output's at the same places ("at borders", 1: none is seen), and the same everywhere else.

The ways: tiles apart, each with its own statistics; these overlapping and blended; statistics of the whole picture made
as small as a tile; of a sample of crops passed together; counted over all tiles, again and again, from the sample's on;
and the sample's corrected by what is counted, as `translate apply` does it. Run it on an otherwise idle machine.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from translate.domain import Domain
from translate.formats.form import UINT8, Array, Form
from translate.formats.reading import opened
from translate.formats.values import to_tensor
from translate.formats.writing import write
from translate.inference import large
from translate.inference.canvas import Canvas
from translate.inference.convergence import Settling
from translate.inference.model import Model
from translate.inference.reach import reach
from translate.inference.statistics import Norms, Statistics
from translate.inference.tiles import Grid, axis


class Comparison:
    """One picture, whole and in tiles."""

    def __init__(self, model: Model, canvas: Canvas, to: Domain, side: int, sample: int) -> None:
        self.network, self.canvas, self.stride, self.device = model.generators[to], canvas, model.stride, model.device
        self.apart = Grid(*(axis(n, side, 0, self.stride) for n in (canvas.height, canvas.width)))
        self.grid = large.tiling(canvas, self.stride, side, large.overlap(model, to))
        self.crops = large.tiling(canvas, self.stride, large.CROP, 2 * large.MARGIN)
        self.sample = sample
        self.whole = self.network(to_tensor(canvas.rows(0, canvas.height))[None].to(self.device)).cpu()[0]

    def settling(self) -> Settling:
        """With the sample's statistics."""
        return Settling(self.network, self.canvas, self.grid, self.crops, self.sample, 1, self.device)

    def small(self) -> Statistics:
        """Of the picture made as small as a tile."""
        image = to_tensor(self.canvas.rows(0, self.canvas.height))[None].to(self.device)
        image = functional.interpolate(image, self.grid.shape, mode="area")
        with Norms(cores=tuple(torch.ones(1, side, device=self.device) for side in self.grid.shape)) as norms:
            self.network(image)
        return norms.seen

    def ways(self, passes: int) -> Iterator[tuple[str, Grid, Statistics | None]]:
        """(name, tiles, statistics or None for each tile's own)."""
        yield "tiles apart", self.apart, None
        yield "blended", self.grid, None
        yield "statistics of the small picture", self.grid, self.small()
        settling = self.settling()
        yield "statistics of a sample", self.grid, settling.statistics
        for number in range(1, passes + 1):
            settling.statistics = settling.count(self.grid.spread(self.grid.count))
            yield f"counted again, {number}", self.grid, settling.statistics
        settling = self.settling()
        for number in range(1, passes + 1):
            settling.correct([self.grid.spread(self.grid.count)])
            yield f"sample corrected, {number}", self.grid, settling.statistics

    def tiled(self, grid: Grid, statistics: Statistics | None) -> Tensor:
        """[C', height, width] of the canvas."""
        if statistics is not None:
            return torch.cat(list(large.blended(self.network, self.canvas, grid, statistics, 1, self.device)), 1)
        output = torch.zeros_like(self.whole)
        for row, top in enumerate(grid.vertical.starts):
            for part in self.canvas.batches(grid, [(row, column) for column in range(len(grid.horizontal))], 1):
                weights = np.outer(grid.vertical.weights(row), grid.horizontal.weights(part.columns[0]))
                left = grid.horizontal.starts[part.columns[0]]
                place = (slice(None), slice(top, top + grid.shape[0]), slice(left, left + grid.shape[1]))
                output[place] += torch.from_numpy(weights) * self.network(part.images.to(self.device))[0].cpu()
        return output

    def row(self, name: str, grid: Grid, statistics: Statistics | None) -> str:
        """A line of the table."""
        output = self.tiled(grid, statistics)
        apart = 127.5 * (output - self.whole).abs()
        borders, elsewhere = self._steps(output, grid), self._steps(self.whole, grid)
        ratios = [a / b for a, b in zip(borders, elsewhere, strict=True)]
        return f"| {name} | {apart.mean():.3f} | {apart.max():.1f} | {ratios[0]:.3f} | {ratios[1]:.3f} |"

    @staticmethod
    def _steps(image: Tensor, grid: Grid) -> tuple[float, float]:
        """The mean step between neighbouring pixels, across the tiles' borders and everywhere else."""
        found: list[list[Tensor]] = [[], []]
        for line, dim in ((grid.vertical, -2), (grid.horizontal, -1)):
            steps = image.diff(dim=dim).abs().mean(dim=(0, -1 if dim == -2 else 1))
            at_borders = torch.zeros(len(steps), dtype=torch.bool)
            at_borders[[seam - 1 for seam in line.seams]] = True
            found[0].append(steps[at_borders])
            found[1].append(steps[~at_borders])
        return float(torch.cat(found[0]).mean()), float(torch.cat(found[1]).mean())


def noise(height: int, width: int) -> Iterator[Array]:
    """Strips of a picture with coarse and fine patterns that are nowhere the same."""
    source = np.random.default_rng(0)
    for top in range(0, height, 64):
        coarse = source.integers(0, 200, (1, -(-width // 64), 3), np.uint8).repeat(64, 0).repeat(64, 1)[:, :width]
        yield (coarse + source.integers(0, 56, coarse.shape, np.uint8))[: height - top]


def huge(model: Model, to: Domain, height: int, width: int, tile: int | None) -> None:
    """Translate a TIFF of that size into another, and print what it took."""
    with tempfile.TemporaryDirectory() as folder:
        given, made = Path(folder, "given.tif"), Path(folder, "made.tif")
        with given.open("w+b") as file:
            write(file, ".tif", Form("TIFF", UINT8, grey=False), (height, width), 3, noise(height, width))
        before, begun = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
        with given.open("rb") as source, made.open("w+b") as target, opened(source, given.name) as picture:
            strips = large.translate_large(model, picture, to, tile)
            write(target, ".tif", picture.form, (height, width), model.channels[to], strips)
        seconds, most = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(f"{width}x{height}: {seconds:.0f} s, {most / 2**20:.2f} GiB at most ({before / 2**20:.2f} before)")


@torch.inference_mode()
def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("image", type=Path, nargs="?")
    parser.add_argument("--huge", type=int, nargs=2, metavar=("HEIGHT", "WIDTH"))
    parser.add_argument("--to", type=Domain, choices=list(Domain), default=Domain.B)
    parser.add_argument("--tile", type=int)
    parser.add_argument("--sample", type=int, default=2**18, help="pixels of the sample")
    parser.add_argument("--passes", type=int, default=3)
    parser.add_argument("--device", default="auto")
    chosen = parser.parse_args()
    model = Model.load(chosen.run, chosen.device)
    if chosen.huge:
        huge(model, chosen.to, *chosen.huge, chosen.tile)
        return
    with chosen.image.open("rb") as file, opened(file, chosen.image.name) as picture:
        canvas = Canvas(picture, model.channels[chosen.to.other], model.stride, model.smallest)
        side = chosen.tile or large.tile_side(model, chosen.to)
        comparison = Comparison(model, canvas, chosen.to, side, chosen.sample)
        print(
            f"{picture.width}x{picture.height}, {comparison.grid.count} tiles of {comparison.grid.shape}, reach",
            end=" ",
        )
        print(f"{reach(model, chosen.to)} px\n\n| | mean | largest | at borders | elsewhere |\n|---|---|---|---|---|")
        for way in comparison.ways(chosen.passes):
            print(comparison.row(*way), flush=True)


if __name__ == "__main__":
    main()
