"""How much few images move a score."""

from __future__ import annotations

from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from translate.metrics.features import Features, comparable
from translate.metrics.fid import frechet
from translate.seeds import seed_of

ENOUGH = 2048
"""Images from which no caution is needed: as many as Inception has features. Below, KID is the number to look at."""
FEWEST = 32
"""Images that an estimate of the bias needs."""
_REPEATS = 4


def fid_bias(fake: Features, real: Features, seed: int = 0) -> float:
    """How much FID over these images exceeds that over endless ones, roughly.

    FID between two parts of one set is bias and nothing else. It is measured for parts of an eighth, a quarter and a
    half, and carried on to the whole set along a parabola in the logarithms; of both sets, the geometric mean. A line
    in 1/n (Chong and Forsyth 2020, section 3) holds for thousands of images; of hundreds it finds less than half of the
    bias. Raises UserError as `comparable`, and below FEWEST images.
    """
    ours, theirs = comparable(fake, real, "the bias of FID", FEWEST)
    random = np.random.default_rng(seed_of("bias", seed))
    return float(np.sqrt(_of_one(ours.features, random) * _of_one(theirs.features, random)))


def _of_one(features: NDArray[np.float32], random: np.random.Generator) -> float:
    sizes = [len(features) // part for part in (8, 4, 2)]
    measured = [fmean(_between(features, size, random) for _ in range(_REPEATS)) for size in sizes]
    if min(measured) <= 0:
        return 0.0  # all images alike
    curve = np.polyfit(np.log(sizes), np.log(measured), 2)
    return float(np.exp(np.polyval(curve, np.log(len(features)))))


def _between(features: NDArray[np.float32], size: int, random: np.random.Generator) -> float:
    chosen = random.permutation(len(features))
    return frechet(features[chosen[:size]], features[chosen[size : 2 * size]])


def caution(name: str, count: int, value: float, bias: float | None = None) -> str | None:
    """A sentence about a value of few images for those who read it, or None: `count` of the smaller set, `bias` as
    `fid_bias` says where it is known."""
    if name.split("_")[0] == "fid" and count < ENOUGH:
        size = "" if bias is None else f" by about {bias:.2g} of {value:.3g}"
        kid = name.replace("fid", "kid", 1)
        return (
            f"{name} over {count:,} images is biased upwards{size}: compare it only at equal counts, or look at {kid}, "
            "which has no bias"
        )
    if name == "inception_score" and count < ENOUGH:
        split = count // 10
        return f"{name} over {count:,} images is biased downwards: a tenth of them can't score more than {split:,}"
    return None
