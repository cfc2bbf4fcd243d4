"""Kinds of real images that are hardly ever made: held-out images far from every output."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from translate.diagnosis import Finding, Seen
from translate.diagnosis.thumbnails import Vectors, distances

NEIGHBOURS, RARE = 15, 2
"""A held-out image is left alone if at most RARE of its nearest NEIGHBOURS are outputs, where half are to be expected:
by chance 0.4 percent are."""
SHARE = 0.08
"""Share of held-out images that are left alone from which on it is said."""
ENOUGH = 48
MOST = 500
"""Outputs, and training images beside them, that are compared."""
DRAWS = 3
AMONG = 0.7
"""Scale below which outputs lie among no held-out images: trained generators have 0.93 and more, noise 0.5."""
GAINS, OFFSETS = (1.0, 1.15, 1.3), (-10.0, 0.0, 10.0)


def mode_dropping(seen: Seen, seed: int) -> list[Finding]:
    """Outputs and as many training images are put together, and each held-out image asks which are its nearest: a
    nearest-neighbour test of two samples (Schilling 1986; Henze 1988), for each held-out image by itself.

    Outputs of lesser quality are farther from all held-out images. So their distances are scaled until those that
    have many outputs near them are as many as they should be: what is left alone is so beside other held-out images.
    The median of three draws of training images counts.
    """
    outputs, reals, known = seen.small["outputs"][:MOST], seen.small["reals"], seen.small.get("known")
    if known is None:  # half of the held-out images stand in for them
        reals, known = reals[::2], reals[1::2]
    count = min(len(outputs), len(known))
    if count < ENOUGH or len(reals) < ENOUGH // 2:
        return []
    outputs = outputs[:: len(outputs) // count][:count]
    draws = (np.random.default_rng((seed, i)).permutation(len(known))[:count] for i in range(DRAWS))
    alone = sorted(_left_alone(reals, outputs, known[chosen]) for chosen in draws)[DRAWS // 2]
    # Of few images a large share may be few: that much is certain (two standard errors), or nothing is said.
    if alone < SHARE or alone - 2 * (alone * (1 - alone) / len(reals)) ** 0.5 < SHARE / 2:
        return []
    evidence = {"share_of_reals": alone, "outputs": count, "reals": len(reals), "neighbours": NEIGHBOURS, "rare": RARE}
    message = (
        f"Some kinds of real images are hardly ever made: {100 * alone:.0f}% of {len(reals)} held-out images have next "
        f"to no output near them (of their {NEIGHBOURS} nearest, among {count} outputs and {count} other real images, "
        f"at most {RARE} are outputs; 7 or 8 are usual)."
    )
    hold = "--set 'objective.r1={term: gradient_penalty, at: real, weight: 0.1}'"
    advice = (
        f"a game that keeps modes: the preset r3gan, or {hold} (docs/modes.md counts what each game keeps); a larger "
        "training.batch; more training."
        if seen.inputs is None
        else f"look whether the inputs show such scenes at all; then {hold}, a larger training.batch, or more training."
    )
    return [Finding("mode_dropping", "warning", message, advice, evidence)]


def _left_alone(reals: Vectors, outputs: Vectors, known: Vectors) -> float:
    """The share of held-out images with hardly an output near. Outputs that are merely paler, lighter or darker miss
    the ends of the data; so some gain and offset are tried too, and what leaves the fewest alone counts. 0 for outputs
    that are far from all held-out images: nothing is dropped there, all of it is wrong."""
    beside = _nearest(reals, known)
    mean = outputs.mean(axis=0)
    shares, scales = [], []
    for gain in GAINS:
        for offset in OFFSETS:
            changed = np.clip(mean + gain * (outputs - mean) + offset, 0, 255)
            near, scale = _near(_nearest(reals, changed), beside)
            shares.append(float((near <= RARE).mean()))
            scales.append(scale)
    return min(shares) if max(scales) >= AMONG else 0.0


def _near(ours: Vectors, theirs: Vectors) -> tuple[NDArray[np.int64], float]:
    """How many of each row's nearest are ours, after scaling, and the scale; distances [N, NEIGHBOURS], ascending."""
    # The j-th of ours is among the nearest K if it is nearer than the (K - j)-th of theirs.
    limits = theirs[:, ::-1] / np.maximum(ours, 1e-6)
    # Of a fair mixture 30 percent have more than 8 of 15: scaled so, half of the data may be missing and be seen.
    scale = np.quantile(limits[:, NEIGHBOURS // 2 + 1], 0.7)
    return np.asarray((limits > scale).sum(axis=1)), float(scale)


def _nearest(ones: Vectors, others: Vectors) -> Vectors:
    found = distances(ones, others)
    return np.sort(np.partition(found, NEIGHBOURS, axis=1)[:, :NEIGHBOURS], axis=1)
