"""How well a discriminator tells real from fake, whatever its game makes of logits."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


@torch.no_grad()
def separation(reals: Sequence[Tensor], fakes: Sequence[Tensor]) -> Tensor:
    """The share in [0, 1] of all (real, fake) pairs of logits in which the real one is higher, ties half, averaged over
    the scales; 0.5: undecided, 1: always right. The area under the ROC curve (Mann and Whitney 1947), which games whose
    logits have no zero have too. Each scale's maps may have any shape."""
    return torch.stack([_area(real, fake) for real, fake in zip(reals, fakes, strict=True)]).mean()


def _area(real: Tensor, fake: Tensor) -> Tensor:
    ours = real.detach().float().flatten()
    theirs = fake.detach().float().flatten().sort().values
    below = torch.searchsorted(theirs, ours)
    equal_or_below = torch.searchsorted(theirs, ours, right=True)
    return (below + equal_or_below).float().mean() / (2 * len(theirs))
