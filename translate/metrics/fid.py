"""Fréchet distance between two sets of features."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from translate.metrics.features import Features, comparable


def fid(fake: Features, real: Features, seed: int = 0) -> dict[str, float]:
    """{"fid"}: Heusel et al. 2017, eq. 6: |m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2)) of means and covariances.

    Biased upwards, the more the fewer images (`translate.metrics.bias`). Finite and real for any number of images from
    two on: with S = A'A for each set, the last trace is the sum of the singular values of A1 A2', and these are had
    without a root of a singular matrix, and of few images in a hundredth of the time. Raises UserError as `comparable`.
    """
    ours, theirs = comparable(fake, real, "FID", 2)
    return {"fid": frechet(ours.features, theirs.features)}


def frechet(ours: NDArray[np.float32], theirs: NDArray[np.float32]) -> float:
    """The squared Fréchet distance of two normal distributions with the moments of [N, D] and [M, D]."""
    (one, one_factor), (two, two_factor) = _moments(ours), _moments(theirs)
    spread = np.square(one_factor).sum() + np.square(two_factor).sum()
    shared = np.linalg.norm(one_factor @ two_factor.T, ord="nuc")
    return max(0.0, float(np.square(one - two).sum() + spread - 2 * shared))


def _moments(features: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean [D], and A [min(N, D), D] with covariance A'A."""
    mean = features.mean(axis=0, dtype=np.float64)
    factor = (features - mean) / np.sqrt(len(features) - 1)
    if len(factor) <= factor.shape[1]:
        return mean, factor
    return mean, np.asarray(np.linalg.qr(factor, mode="r"))
