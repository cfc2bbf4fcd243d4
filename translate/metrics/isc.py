"""Inception Score: are images of one class each, and of all classes together?"""

from __future__ import annotations

from translate.errors import UserError
from translate.extras import require
from translate.metrics.features import Features, comparable
from translate.seeds import seed_of

SPLITS = 10


def inception_score(fake: Features, real: Features, seed: int = 0) -> dict[str, float]:
    """Of the fakes alone: {"inception_score", "inception_score_std", "class_entropy", "image_entropy"}.

    Salimans et al. 2016, section 4: exp of the mean KL divergence of an image's classes p(y|x) from those of all images
    p(y); mean and deviation over ten splits. Its two parts, in nats: `class_entropy` H(y) over all images, high for
    variety, and `image_entropy`, the mean H(y|x), low for images that are clearly something. A split of n images
    can't score more than n. Raises UserError as `comparable`, and for features without logits.
    """
    import torch

    require("torch_fidelity", "metrics")
    from torch_fidelity.metric_isc import KEY_METRIC_ISC_MEAN, KEY_METRIC_ISC_STD, isc_features_to_metric

    if fake.logits is None:
        raise UserError("the Inception Score needs the classes that an extractor sees, and this one sees none")
    ours, _ = comparable(fake, fake, "Inception Score", 2 * SPLITS)
    logits = torch.from_numpy(ours.logits).double()
    # A probability that underflows to 0 for all images would make the library multiply 0 by infinity.
    logits = (logits - logits.amax(dim=1, keepdim=True)).clamp(min=-700)
    found = isc_features_to_metric(logits, SPLITS, shuffle=True, rng_seed=seed_of("isc", seed) % 2**32)
    classes = logits.softmax(dim=1)
    return {
        "inception_score": found[KEY_METRIC_ISC_MEAN],
        "inception_score_std": found[KEY_METRIC_ISC_STD],
        "class_entropy": float(torch.special.entr(classes.mean(dim=0)).sum()),
        "image_entropy": float(torch.special.entr(classes).sum(dim=1).mean()),
    }
