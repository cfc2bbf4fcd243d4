"""Light and dark exchanged: a negative."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from translate.diagnosis import ENOUGH, Finding, Seen
from translate.diagnosis.luma import Floats, patterns, small_luma

SIDE = 32
AROUND = 2
"""Pixels of the thumbnail to each side that a pixel is compared with."""
AGAINST_TRUTH, AGAINST_INPUT = -0.2, -0.5
"""Median correlation below which outputs are negatives: of their truths, or, without pairs, of their inputs."""
CONSISTENT, CONSISTENT_UNPAIRED = 0.75, 0.95
"""Share of images whose correlation must be negative."""


def colour_inversion(seen: Seen, seed: int) -> list[Finding]:
    """Correlation, at 32 x 32, of what is lighter or darker than its surroundings in each output and in its truth, or,
    without pairs, in its input; what all images of a set share is taken off first. Without pairs only where it is
    strong and nearly without exception, as some domains are each other's negatives."""
    other = seen.truths if seen.truths is not None else seen.inputs
    if other is None or len(seen.outputs) < ENOUGH:
        return []
    each = (_relief(seen.outputs) * _relief(other)).sum(axis=1)
    paired = seen.truths is not None
    limit, consistent = (AGAINST_TRUTH, CONSISTENT) if paired else (AGAINST_INPUT, CONSISTENT_UNPAIRED)
    median, negative = float(np.median(each)), float(np.mean(each < 0))
    if median > limit or negative < consistent:
        return []
    what = "truth" if paired else "input"
    evidence = {"images": len(each), "against": what, "correlation": median, "share_negative": negative}
    message = (
        f"Light and dark are exchanged: what is lighter than its surroundings in an output is darker in its {what} "
        f"(median correlation {median:.2f}; negative in {100 * negative:.0f}% of {len(each)} images)."
        + ("" if paired else " If one domain really is the other's negative, this is right.")
    )
    advice = (
        "--set objective.identity.weight=5 (a generator leaves images of its own domain alone, which fixes what is "
        "light and dark where the domains share colours); or some pairs: --set objective.supervised.weight=10; or "
        "another --seed: without either, both maps fit unpaired data equally well."
    )
    return [Finding("colour_inversion", "warning", message, advice, evidence)]


def _relief(images: NDArray[np.uint8]) -> Floats:
    """What is lighter or darker than its surroundings, as unit vectors [N, D]."""
    light = small_luma(images, min(SIDE, *images.shape[1:3]))
    wide = 2 * AROUND + 1
    padded = np.pad(light, [(0, 0), (AROUND, AROUND), (AROUND, AROUND)], mode="edge")
    means = np.lib.stride_tricks.sliding_window_view(padded, (wide, wide), axis=(1, 2)).mean(axis=(3, 4))
    return patterns(light - means)
