"""A picture of any size through a network, tile by tile, as if it had been passed in one piece."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from translate.domain import Domain
from translate.inference import memory
from translate.inference.canvas import Canvas
from translate.inference.convergence import Settling
from translate.inference.model import Model
from translate.inference.reach import reach
from translate.inference.statistics import Norms, Statistics
from translate.inference.tiles import Grid, axis

if TYPE_CHECKING:
    from translate.formats.form import Array
    from translate.formats.reading import Opened

SIDE = 512
"""Of a tile, where memory allows it and --tile says nothing else: on a CPU the quickest per finished pixel."""
OVERLAP = 256
"""At most: for a network whose field is the whole picture no overlap is long enough, and blending has to do."""
CROP, MARGIN = 256, 32
"""Side of the crops that are passed together, and how much of it does not count where the picture goes on."""
SAMPLE = 2**20
"""Pixels of these crops, at most; and those of four tiles: with --tile people say how much their memory holds."""
TOGETHER = 8
"""Tiles that are passed at once, at most."""


Watch = Callable[[str], None]


def translate_large(
    model: Model,
    picture: Opened,
    to: Domain,
    tile: int | None = None,
    latents: Tensor | None = None,
    watch: Watch = lambda text: None,
) -> Iterator[Array]:
    """The picture as one of `to`: strips [h, W, C'] from top to bottom in its own depth, which make its height.

    `tile`: pixels of a tile's side, more where the network's reach or stride asks for more. `latents` [1, Z] go with
    stochastic models. Norms use the whole picture's statistics, and tiles overlap so far that their borders don't show:
    the result is that of the picture in one piece, but for rounding and what `convergence.TOLERANCE` says; networks
    whose field is the whole picture differ by what they would have seen beyond the tile. Where statistics don't settle
    and more than a grey level may be otherwise, `picture.warnings` says so. Memory is that of one row of tiles. `watch`
    hears in words how far it is. Raises ValueError for models of stacked frames, whose strips are no pictures.
    """
    if model.frames[to.other] > 1 or model.frames[to] > 1:
        raise ValueError("strips of several frames are not tiled: their seams would be taken for picture")
    if (latents is not None) != model.stochastic:
        raise ValueError("latents go with stochastic runs, and only with these")
    return _strips(model, picture, to, tile, latents, watch)


def tile_side(model: Model, to: Domain) -> int:
    """Pixels of a tile's side, such that a tile fits the memory and no more than a quarter of it overlaps."""
    side = max(SIDE, 4 * overlap(model, to))
    while side > 128 and side * side > memory.whole_limit(model, to):
        side //= 2
    return side


@torch.inference_mode()
def _strips(
    model: Model, picture: Opened, to: Domain, tile: int | None, latents: Tensor | None, watch: Watch
) -> Iterator[Array]:
    from translate.formats.values import from_tensor

    network, seen, counted = _network(model, to, latents), 0, -1

    def tell(tiles: int) -> None:
        nonlocal seen
        seen += tiles
        watch(f"{seen:,} tiles for the statistics" if counted < 0 else f"{seen - counted:,} of {grid.count:,} tiles")

    canvas = Canvas(picture, model.channels[to.other], model.stride, model.smallest, tell)
    grid = tiling(canvas, model.stride, tile or tile_side(model, to), overlap(model, to))
    batch = memory.batch_size(model, to, *grid.shape, TOGETHER if model.device.type == "cuda" else 1)
    statistics, off = _statistics(model, to, network, canvas, grid, batch)
    counted = seen
    if off > 1:
        picture.warnings.append(f"in tiles: {off:.1f} grey levels (a mean) may be otherwise than in one piece")
    passed = 0
    for strip in blended(network, canvas, grid, statistics, batch, model.device):
        first = max(0, canvas.top - passed)
        passed += strip.shape[1]
        last = strip.shape[1] - max(0, passed - canvas.top - picture.height)
        if first < last:
            yield from_tensor(strip[:, first:last, canvas.left : canvas.left + picture.width], picture.form.depth)


def _network(model: Model, to: Domain, latents: Tensor | None) -> Callable[[Tensor], Tensor]:
    network = model.network(to)
    if latents is None:
        return network
    z = latents.to(model.device)
    return lambda images: network(images, z.expand(len(images), -1))


def overlap(model: Model, to: Domain) -> int:
    """Pixels by which tiles overlap, such that their borders don't show."""
    return min(5 * reach(model, to) // 2, OVERLAP)  # of which the tile's outer 3 / 8, nearly the reach, do not count


def tiling(canvas: Canvas, stride: int, side: int, overlap: int) -> Grid:
    """Tiles of about `side`, and never less than twice the overlap: what can't be seen in a smaller one would show."""
    overlap = max(stride, -(-overlap // stride) * stride)
    side = max(2 * overlap, -(-side // stride) * stride)
    return Grid(axis(canvas.height, side, overlap, stride), axis(canvas.width, side, overlap, stride))


def _statistics(
    model: Model, to: Domain, network: Callable[[Tensor], Tensor], canvas: Canvas, grid: Grid, batch: int
) -> tuple[Statistics, float]:
    pixels = min(SAMPLE, 4 * grid.shape[0] * grid.shape[1], memory.whole_limit(model, to))
    whole = grid.count == 1 or canvas.height * canvas.width <= pixels
    crops = tiling(canvas, model.stride, max(canvas.height, canvas.width) if whole else CROP, 2 * MARGIN)
    settling = Settling(network, canvas, grid, crops, pixels, batch, model.device)
    return settling.settled(), settling.off


def blended(
    network: Callable[[Tensor], Tensor],
    canvas: Canvas,
    grid: Grid,
    statistics: Statistics,
    batch: int,
    device: torch.device,
) -> Iterator[Tensor]:
    """Strips [C', h, width] of the canvas, float32, from top to bottom."""
    begun = None  # the rows that the next row of tiles has a share in
    for row in range(len(grid.vertical)):
        tiles = [(row, column) for column in range(len(grid.horizontal))]
        shares = torch.from_numpy(grid.vertical.weights(row))[:, None]
        strip = None
        for part in canvas.batches(grid, tiles, batch):
            with Norms(statistics):
                outputs = network(part.images.to(device)).float().cpu()
            if strip is None:
                strip = torch.zeros(outputs.shape[1], outputs.shape[2], canvas.width)
            for column, output in zip(part.columns, outputs, strict=True):
                start = grid.horizontal.starts[column]
                weights = shares * torch.from_numpy(grid.horizontal.weights(column))
                strip[:, :, start : start + grid.horizontal.size] += output * weights
        assert strip is not None
        first, last = (place - grid.vertical.starts[row] for place in grid.vertical.extent(row))
        if begun is not None:
            strip[:, first : first + begun.shape[1]] += begun
        if row + 1 < len(grid.vertical):
            following = grid.vertical.extent(row + 1)[0] - grid.vertical.starts[row]
            begun, last = strip[:, following:last].clone(), following
        yield strip[:, first:last]
