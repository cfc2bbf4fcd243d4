"""Outputs that are training images."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from translate.diagnosis import ENOUGH, Finding, Seen
from translate.diagnosis.thumbnails import Vectors, distances, mirrored

NEIGHBOURS = 50
CLOSE = 0.6
"""A copy's ratio (below) is under this share of the median ratio of held-out images."""
SHARE = 0.05
"""Share of copies among the outputs from which on it is said."""
LEAK = 0.1
"""Share of held-out images that pass for copies from which on train and held-out are one, and nothing can be told."""
SURE = 0.01
"""Chance of so many copies in a generator that copies no more than held-out images do."""


def memorisation(seen: Seen, seed: int) -> list[Finding]:
    """An image's ratio is its distance to the nearest training image, perhaps mirrored, over the mean distance to the
    next 50 (Carlini et al. 2023, section 5): blur brings an image nearer to all of them, copying to one. A copy's ratio
    is far below that of held-out images, which the training has not seen either."""
    known = seen.small.get("known")
    if known is None or len(known) < 4 * ENOUGH or min(len(seen.outputs), len(seen.reals)) < ENOUGH:
        return []
    ours, nearest = _ratios(seen.small["outputs"], known)
    theirs, _ = _ratios(seen.small["reals"], known)
    limit = CLOSE * float(np.median(theirs))
    copies, held = float(np.mean(ours < limit)), float(np.mean(theirs < limit))
    if held > LEAK or copies < max(SHARE, 3 * held) or _chance(ours < limit, theirs < limit) > SURE:
        return []
    count = int(np.sum(ours < limit))
    originals = len(set(nearest[ours < limit].tolist()))
    evidence: dict[str, float] = {
        "outputs": len(ours),
        "copies": count,
        "of_training_images": originals,
        "training_images": len(known),
    }
    evidence |= {"share": copies, "share_of_reals": held, "median_ratio": float(np.median(ours)), "limit": limit}
    message = (
        f"{count} of {len(ours)} outputs ({100 * copies:.0f}%) are nearly copies of training images ({originals} "
        f"different ones, of {len(known)} compared); of the held-out images {100 * held:.1f}% are so near to one."
    )
    advice = (
        "more images; augmentation, of the data (data.transforms) or in front of the discriminator alone "
        "(judging.transforms with judging.probability=adaptive; docs/objectives.md); fewer training.steps, or a "
        "smaller networks.generator.width. Do not publish such outputs where the training images are private."
    )
    return [Finding("memorisation", "warning", message, advice, evidence)]


def _ratios(vectors: Vectors, known: Vectors) -> tuple[Vectors, NDArray[np.int64]]:
    """Distance to the nearest of `known` over the mean distance to the next ones, and which is the nearest."""
    found = np.minimum(distances(vectors, known), distances(mirrored(vectors), known))
    next_ones = min(NEIGHBOURS, len(known) // 4)
    nearest = np.partition(found, next_ones, axis=1)[:, : next_ones + 1]
    first = nearest.min(axis=1)
    rest = (nearest.sum(axis=1) - first) / next_ones
    return first / np.maximum(rest, 1e-6), found.argmin(axis=1)


def _chance(ours: NDArray[np.bool_], theirs: NDArray[np.bool_]) -> float:
    """Of so many copies among the outputs if these were as the held-out images (Fisher's exact test, one-sided)."""
    from scipy.stats import hypergeom

    both = int(ours.sum() + theirs.sum())
    return float(hypergeom.sf(ours.sum() - 1, len(ours) + len(theirs), both, len(ours)))
