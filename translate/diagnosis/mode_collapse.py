"""Outputs that are all alike, or a few again and again."""

from __future__ import annotations

import numpy as np

from translate.diagnosis import ENOUGH, Finding, Seen
from translate.diagnosis.thumbnails import among

ALIKE = 0.4
"""Two outputs are twins if they differ by less than this share of the distance from a real image to its nearest."""
LIKE_INPUTS = 0.25
"""And their inputs are alike if they differ by less than this share of the mean distance between inputs."""
TWINS = 0.15
"""Share of outputs with a twin from which on a few images come again and again."""
NARROW = 0.25
"""Mean distance between outputs, as a share of that between real images, below which all are one image."""


def mode_collapse(seen: Seen, seed: int) -> list[Finding]:
    """By twins among equally many outputs and held-out images (the birthday test of Arora and Zhang 2017, with
    thumbnails for eyes), and by the mean distance. Twins whose inputs are alike do not count."""
    count = min(len(seen.outputs), len(seen.reals))
    if count < ENOUGH:
        return []
    ours, theirs = among(seen.small["outputs"][:count]), among(seen.small["reals"][:count])
    apart = float(np.median(theirs.min(axis=1)))
    if "inputs" in seen.small:
        between_inputs = among(seen.small["inputs"][:count])
        ours[between_inputs < LIKE_INPUTS * _mean(between_inputs)] = np.inf
    twins, real_twins = (float(np.mean(found.min(axis=1) < ALIKE * apart)) for found in (ours, theirs))
    spread = _mean(ours) / max(_mean(theirs), 1e-6)
    if real_twins > TWINS / 2 or (twins < TWINS and spread > NARROW):
        return []
    evidence = {"images": count, "share_with_twin": twins, "share_of_reals_with_twin": real_twins, "spread": spread}
    if spread <= NARROW:
        message = (
            f"All outputs look nearly alike: on average two of them differ by {100 * spread:.0f}% of what two held-out "
            f"images differ by ({count} of each compared)."
        )
    else:
        message = (
            f"The same few images come again and again: {round(twins * count)} of {count} outputs have a near twin "
            f"among the outputs; of as many held-out images {round(real_twins * count)} have one."
        )
    return [Finding("mode_collapse", "error", message, _advice(seen), evidence)]


def _mean(found: np.ndarray) -> float:
    known = found[np.isfinite(found)]
    return float(known.mean()) if len(known) else 0.0


def _advice(seen: Seen) -> str:
    hold = (
        "hold the discriminator's slopes: --set 'objective.r1={term: gradient_penalty, at: real, weight: 0.1}', and a "
        "lower training.discriminator_learning_rate"
    )
    if seen.inputs is None:
        return (
            f"{hold}; or the preset r3gan, whose game keeps modes (docs/modes.md). An earlier checkpoint may be whole."
        )
    return (
        f"let more than the discriminator hold the generator: a larger weight of objective.cycle (or of "
        f"objective.supervised where there are pairs); {hold}."
    )
