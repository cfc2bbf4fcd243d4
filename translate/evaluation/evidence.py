"""What the diagnosis looks at of one direction: some hundred images, evenly spaced, and the generators as functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from translate.data.images import Pixels
from translate.diagnosis import Finding, Seen, of_images
from translate.domain import Domain
from translate.evaluation.reading import BATCH, spread

if TYPE_CHECKING:
    from translate.inference.model import Model

LOOKED_AT = 1024
"""Images of a kind at most."""
KNOWN, KNOWN_BYTES = 4000, 2**29
"""Training images at most, which copies are looked for in, and the memory that they may take."""

Levels = NDArray[np.float32]


def enough(model: Model, to: Domain) -> int:
    """How many training images of a domain are looked at."""
    height, width = model.size
    return min(KNOWN, KNOWN_BYTES // (height * width * model.channels[to] * model.frames[to]))


class Evidence:
    """Kept of `count` images of one direction; `to` is produced."""

    def __init__(self, model: Model, to: Domain, count: int) -> None:
        self.model, self.to = model, to
        self._kept = set(spread(count, LOOKED_AT))
        self._rows: list[tuple[Pixels | None, Pixels, Pixels | None]] = []
        self._at = 0

    def add(self, given: Pixels | None, output: Pixels, truth: Pixels | None) -> None:
        """One output, with its input and its truth where there are such."""
        if self._at in self._kept:
            self._rows.append((given, output, truth))
        self._at += 1

    def findings(self, reals: Sequence[Pixels], known: Sequence[Pixels], seed: int) -> list[Finding]:
        """What the images give away, beside held-out ones and those of the training."""
        inputs, outputs, truths = zip(*self._rows, strict=True)
        model, to = self.model, self.to
        translating = not (model.unconditional or model.stochastic)
        seen = Seen(
            direction="sample" if model.unconditional else f"{to.other}2{to}",
            outputs=np.stack(outputs),
            reals=np.stack([reals[i] for i in spread(len(reals), LOOKED_AT)]),
            inputs=None if inputs[0] is None else np.stack(inputs),
            truths=None if truths[0] is None else np.stack(truths),
            known=np.stack(known) if known else None,
            forth=_in_levels(model, to) if translating else None,
            back=_in_levels(model, to.other) if translating and to.other in model.directions else None,
        )
        return of_images(seen, seed)


def _in_levels(model: Model, to: Domain) -> Callable[[Levels], Levels]:
    """A generator between grey levels from 0 to 255 [N, H, W, C], not rounded."""

    def translate(levels: Levels) -> Levels:
        import torch

        parts = []
        for first in range(0, len(levels), BATCH):
            given = np.moveaxis(levels[first : first + BATCH] / np.float32(127.5) - np.float32(1), -1, 1)
            made = model(torch.from_numpy(np.ascontiguousarray(given, np.float32)), to)
            parts.append(((made.float() + 1) * 127.5).movedim(1, -1).cpu().numpy())
        return np.concatenate(parts)

    return translate
