"""Kernel distance between two sets of features."""

from __future__ import annotations

from translate.extras import require
from translate.metrics.features import Features, comparable
from translate.seeds import seed_of

SUBSETS = 100
LARGEST = 1000
"""Images of a subset, as published."""


def kid(fake: Features, real: Features, seed: int = 0) -> dict[str, float]:
    """{"kid", "kid_std"}: Bińkowski et al. 2018, section 4: the unbiased squared MMD with the kernel (x'y / D + 1)^3,
    mean and standard deviation over 100 random subsets. May lie slightly below 0 for sets that hardly differ.

    A subset has 1,000 images, but at most half of those that there are. So the deviation means something for few
    images too: among halves drawn without replacement it estimates the standard error of the distance over all of
    them (the delete-half jackknife), where subsets of all images would be one and the same. Raises UserError as
    `comparable`.
    """
    import torch

    require("torch_fidelity", "metrics")
    from torch_fidelity.metric_kid import KEY_METRIC_KID_MEAN, KEY_METRIC_KID_STD, kid_features_to_metric

    ours, theirs = comparable(fake, real, "KID", 4)
    found = kid_features_to_metric(
        torch.from_numpy(ours.features),
        torch.from_numpy(theirs.features),
        kid_subsets=SUBSETS,
        kid_subset_size=subset_size(len(ours), len(theirs)),
        rng_seed=seed_of("kid", seed) % 2**32,
        verbose=False,
    )
    return {"kid": found[KEY_METRIC_KID_MEAN], "kid_std": found[KEY_METRIC_KID_STD]}


def subset_size(*counts: int) -> int:
    """Images of a subset, of sets with so many images."""
    return min(LARGEST, min(counts) // 2)
