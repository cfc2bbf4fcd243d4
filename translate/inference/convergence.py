"""The statistics that a network's norms would have of a whole picture, had without ever seeing it whole.

A layer's statistics follow from those of the layers before it. Counting them over all tiles, again and again, is right
in the end, but on the way small errors of the first layers grow large in the last. A sample of crops that is passed as
one batch has statistics that fit one another, but they are the sample's. So both are joined: a pass over the tiles says
how far the sample's statistics are from the picture's, layer by layer, and the sample is passed again with these
corrections. What is still wrong shrinks each time by as much as the sample behaves like the picture.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from translate.inference.canvas import Canvas
from translate.inference.statistics import Correction, Norms, Statistics
from translate.inference.tiles import Grid

TOLERANCE = 0.25
"""Grey levels, a mean over pixels, that the output may still be off when the statistics count as settled."""
SAMPLED = 0.5
"""Grey levels that it may be off because a large picture's tiles were not all counted: half of it takes four times as
many."""
PASSES = 10
FEW = 16
"""Tiles that are counted at first; more where those don't speak for all."""
PROBES = 4

Network = Callable[[Tensor], Tensor]
Tiles = list[tuple[int, int]]


class Settling:
    """`statistics` of a canvas that get better with each correction; at first those of a sample, which is exact if that
    is the canvas.

    `grid`: the tiles that are counted, `batch` of them together. `crops`: what the sample is of, `pixels` in all.
    """

    def __init__(
        self, network: Network, canvas: Canvas, grid: Grid, crops: Grid, pixels: int, batch: int, device: torch.device
    ) -> None:
        self._network, self._canvas, self._grid, self._batch, self._device = network, canvas, grid, batch, device
        places = crops.spread(max(2, pixels // (crops.shape[0] * crops.shape[1])))
        parts = list(canvas.batches(crops, places, len(places)))
        rows, columns = (torch.cat([part.cores[i] for part in parts]).to(device) for i in (0, 1))
        self._crops, self._cores = torch.cat([part.images for part in parts]).to(device), (rows, columns)
        self._of_sample, self.statistics = self._passed(())
        self.off = 0.0
        self._exact = crops.count == 1 or not self.statistics.layers

    def settled(self) -> Statistics:
        """The statistics once another pass would change outputs by less than TOLERANCE, and other tiles by less than
        SAMPLED; after PASSES at the latest. `off` says by how much they still would."""
        if self._exact:
            return self.statistics
        tiles, shown = self._grid.spread(FEW), self._outputs(self.statistics)
        changes: list[float] = []
        for _ in range(PASSES):
            of_halves = self.correct([tiles[::2], tiles[1::2]])
            before, shown = shown, self._outputs(self.statistics)
            changes.append(_levels(shown, before))
            left, error = _left(changes), 0.0
            if len(tiles) < self._grid.count:
                # Both halves together err about half as much as the one differs from the other.
                error = _levels(*(self._outputs(self._passed(half)[1]) for half in of_halves)) / 2
                if error > SAMPLED and left < error:  # before that, few tiles are good enough to get nearer
                    tiles = self._grid.spread(int(len(tiles) * max(2.0, (error / SAMPLED) ** 2)))
            self.off = max(left, error)
            if left < TOLERANCE and error <= SAMPLED:
                break
        return self.statistics

    def correct(self, parts: Sequence[Tiles]) -> list[list[Correction]]:
        """Correct the statistics by what the norms see of all these tiles; the corrections that each part asks for."""
        counted = [self.count(tiles) for tiles in parts]
        corrections = [self._of_sample.corrections(each) for each in counted]
        total = Statistics()
        for each in counted:
            total = total.merged(each)
        self._of_sample, self.statistics = self._passed(self._of_sample.corrections(total))
        return corrections

    @torch.inference_mode()
    def count(self, tiles: Tiles) -> Statistics:
        """What the norms see of these tiles' cores while they normalise with the statistics as they are."""
        total = Statistics()
        for part in self._canvas.batches(self._grid, tiles, self._batch):
            with Norms(self.statistics, (part.cores[0].to(self._device), part.cores[1].to(self._device))) as norms:
                self._network(part.images.to(self._device))
            total = total.merged(norms.seen)
        return total

    @torch.inference_mode()
    def _passed(self, corrections: Sequence[Correction]) -> tuple[Statistics, Statistics]:
        """Of the sample, passed with these corrections: its own statistics, and the corrected ones."""
        with Norms(cores=self._cores, corrections=corrections) as norms:
            self._network(self._crops)
        return norms.seen, norms.used

    @torch.inference_mode()
    def _outputs(self, statistics: Statistics) -> Tensor:
        """A few crops as they become with these statistics."""
        with Norms(statistics):
            return self._network(self._crops[:PROBES])


def _left(changes: list[float]) -> float:
    """What further changes may come to in all, if they go on shrinking as the last one did."""
    if len(changes) < 2 or changes[-1] == 0:
        return changes[-1]
    ratio = changes[-1] / changes[-2]
    return changes[-1] * ratio / (1 - ratio) if ratio < 1 else float("inf")


def _levels(some: Tensor, others: Tensor) -> float:
    """Grey levels by which they differ, the mean over all pixels."""
    return 127.5 * float((some - others).abs().mean())
