"""What travels with every number: on what, how, with which versions it was had."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from translate import __version__
from translate.evaluation.intervals import HALVES, LEVEL
from translate.metrics.psnr import CAP

if TYPE_CHECKING:
    from translate.data.layouts import Dataset
    from translate.evaluation.scores import Metrics
    from translate.inference.model import Model

RESIZE = "pillow-bicubic"
"""Antialiased, as Parmar et al. 2022 ask for: what skips pixels on the way down adds patterns that scores see."""
LIBRARIES = ("torch", "torchvision", "numpy", "pillow", "scikit-image", "torch-fidelity", "torchmetrics")


def of_run(model: Model, dataset: Dataset, split: str, seed: int) -> dict[str, Any]:
    """The part of a protocol that says which weights saw which images."""
    return {
        "data": str(dataset.root),
        "split": split,
        "size": list(model.size),
        "resize": RESIZE,
        "seed": seed,
        "checkpoint": model.checkpoint,
        "step": model.step,
    }


def of_scores(
    metrics: Metrics, counts: dict[str, int], unreadable: list[str], resamples: int, paired: bool
) -> dict[str, Any]:
    """The part of a protocol that says how the images were scored, and what was not."""
    found: dict[str, Any] = {
        "n": counts,
        "range": "uint8, 0 to 255",
        "version": __version__,
        "libraries": _versions(),
        "left_out": metrics.left_out,
        "unreadable": unreadable,
    }
    if paired:
        found["psnr_cap"] = CAP
    if metrics.extractors:
        found["features"] = {name: extractor.protocol() for name, extractor in metrics.extractors.items()}
    if resamples:
        found["intervals"] = {
            "level": LEVEL,
            "images": f"percentile bootstrap, {resamples:,} resamples",
            "sets": f"standard deviation over {min(resamples, HALVES)} random halves of both sets",
        }
    return found


def _versions() -> dict[str, str]:
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
