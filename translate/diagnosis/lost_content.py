"""Outputs in which nothing of their inputs can be found again."""

from __future__ import annotations

import numpy as np

from translate.diagnosis import ENOUGH, Finding, Seen
from translate.diagnosis.luma import Floats, patterns, small_luma

SIDE = 32
COMPARED = 256
CHANCE = 0.6
"""An input's edges fit its own output better than this share of other outputs: 0.5 is chance."""
SHOWING = 0.9
"""Share of inputs that must have edges of their own."""
KEPT = 0.75
"""Where the truths are below this, edges say nothing of the content here, and so nothing is said."""


def lost_content(seen: Seen, seed: int) -> list[Finding]:
    """The share of other outputs that an input's edges (gradient magnitudes at 32 x 32) fit worse than its own output,
    over all inputs; that of the truths says, where there are pairs, what may be expected."""
    if seen.inputs is None or len(seen.outputs) < 2 * ENOUGH:
        return []
    rows = min(len(seen.outputs), COMPARED)
    side = min(SIDE, *seen.outputs.shape[1:3])
    given = _edges(seen.inputs[:rows], side)
    if given.any(axis=1).mean() < SHOWING:
        return []
    share = _found_again(given, _edges(seen.outputs[:rows], side))
    expected = None if seen.truths is None else _found_again(given, _edges(seen.truths[:rows], side))
    if share > CHANCE or (expected is not None and expected < KEPT):
        return []
    evidence = {"images": rows, "found_again": share, "found_again_in_truths": expected}
    message = (
        f"The outputs have lost what their inputs show: the edges of an input fit its own output better than "
        f"{100 * share:.0f}% of the other outputs (50% is chance"
        + (f"; the truths reach {100 * expected:.0f}%)." if expected is not None else ").")
    )
    advice = (
        "tie outputs to inputs: a larger objective.cycle.weight, objective.patch_nce (preset cut), or with pairs "
        "objective.supervised.weight and networks.conditional=true. If all outputs are one image, see mode_collapse."
    )
    return [Finding("lost_content", "error", message, advice, evidence)]


def _edges(images: np.ndarray, side: int) -> Floats:
    down, across = np.gradient(small_luma(images, side), axis=(1, 2))
    return patterns(np.hypot(down, across))


def _found_again(ours: Floats, theirs: Floats) -> float:
    """Mean share of mismatched rows that fit worse than the matched one, ties half."""
    fits = ours @ theirs.T
    own = np.diag(fits)[:, None]
    worse = (fits < own).sum(axis=1) + ((fits == own).sum(axis=1) - 1) / 2
    return float(worse.mean() / (len(fits) - 1))
