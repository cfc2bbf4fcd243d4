"""Images of one size and depth go through the network together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import torch
from torch import Tensor

from translate.domain import Domain
from translate.inference import memory
from translate.inference.decoding import Decoded
from translate.inference.model import Model
from translate.inference.outcome import Options
from translate.inference.plan import Job
from translate.inference.sampling import latents

MOST = 32
"""Images that are translated together, where memory allows: beyond, it pays no more."""
PIXELS = 2**16
"""Of a CPU's group, all in all: what is larger does not stay in the caches, and takes longer for each pixel."""
HELD = 256 * 2**20
"""Bytes of pixels that wait for others of their size."""

Row = tuple[Decoded, Job]


class Groups:
    """Collects images until enough of one size and depth are there: `most`, or fewer where memory is short, or, without
    a number, what pays. Of many sizes at most twice as many images, or HELD bytes, are held back."""

    def __init__(self, model: Model, to: Domain, most: int | None = None) -> None:
        self._model, self._to = model, to
        self._most = most or MOST
        self._pixels = PIXELS if most is None and model.device.type == "cpu" else None
        self._held: dict[tuple[object, ...], list[Row]] = defaultdict(list)
        self._enough: dict[tuple[object, ...], int] = {}

    def add(self, item: Decoded) -> Iterator[list[Row]]:
        """The groups that are full with the outputs of this image."""
        key = (*item.pixels.shape, item.pixels.dtype.str)
        for job in item.jobs:
            if key not in self._enough:
                height, width = item.pixels.shape[:2]
                paying = self._most if self._pixels is None else self._pixels // (height * width)
                most = max(1, min(self._most, paying))
                self._enough[key] = memory.batch_size(self._model, self._to, height, width, most)
            self._held[key].append((item, job))
            if len(self._held[key]) >= self._enough[key]:
                yield self._pop(key)
        while self._held and self._too_much():
            yield self._pop(max(self._held, key=lambda key: len(self._held[key])))

    def rest(self) -> Iterator[list[Row]]:
        """What is left at the end."""
        while self._held:
            yield self._pop(next(iter(self._held)))

    def _pop(self, key: tuple[object, ...]) -> list[Row]:
        del self._enough[key]  # what is free will be another number then
        return self._held.pop(key)

    def _too_much(self) -> bool:
        rows = [row for group in self._held.values() for row in group]
        return len(rows) >= 2 * self._most or sum(item.pixels.nbytes for item, _ in rows) > HELD


def drawn(model: Model, options: Options, *jobs: Job) -> Tensor | None:
    """The latents [N, Z] of outputs, each of which follows from its own name and number; None where none are taken."""
    if not model.stochastic or model.prior is None:
        return None
    return latents(model.prior, *(("apply", options.seed, job.name, job.sample) for job in jobs))


def out_of_memory(error: Exception) -> bool:
    """Whether memory did not suffice: of a processor, torch says so in words alone."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(
        words in str(error) for words in ("out of memory", "not enough memory", "can't allocate memory")
    )
