"""Metrics by short name: of an output and its truth, of two sets of images, and of two sets of features."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from translate.metrics.features import EXTRACTORS


@dataclass(frozen=True)
class Entry:
    """A metric: its function as "module:function", its name with the unit for readers, and which way is better.

    `features`: whose features it reads, of EXTRACTORS or "module:Class"; None: it reads images. `weights`: the
    published weights (`translate.metrics.weights.PUBLISHED`) that a metric of pairs needs; None: none.
    """

    function: str
    label: str
    better: Literal["lower", "higher"]
    features: str | None = None
    weights: str | None = None


TABLE: dict[str, Entry] = {
    "l1": Entry("translate.metrics.l1:l1", "L1, grey levels", "lower"),
    "l2": Entry("translate.metrics.l2:l2", "L2 (RMS), grey levels", "lower"),
    "psnr": Entry("translate.metrics.psnr:psnr", "PSNR, dB", "higher"),
    "ssim": Entry("translate.metrics.ssim:ssim", "SSIM", "higher"),
    "ms_ssim": Entry("translate.metrics.ms_ssim:ms_ssim", "MS-SSIM", "higher"),
    "lpips": Entry("translate.metrics.lpips:lpips", "LPIPS (AlexNet)", "lower", weights="alexnet"),
}
"""Functions of two uint8 images [H, W, C] of one scene, an output and its truth: one number. Images that they can't
compare raise a UserError."""

DISTRIBUTIONS: dict[str, Entry] = {
    "swd": Entry("translate.metrics.swd:swd", "SWD × 10³", "lower"),
    "fid": Entry("translate.metrics.fid:fid", "FID", "lower", "inception"),
    "kid": Entry("translate.metrics.kid:kid", "KID", "lower", "inception"),
    "inception_score": Entry("translate.metrics.isc:inception_score", "Inception Score", "higher", "inception"),
    "precision": Entry("translate.metrics.prdc:prdc", "precision", "higher", "inception"),
    "recall": Entry("translate.metrics.prdc:prdc", "recall", "higher", "inception"),
    "density": Entry("translate.metrics.prdc:prdc", "density", "higher", "inception"),
    "coverage": Entry("translate.metrics.prdc:prdc", "coverage", "higher", "inception"),
}
"""Functions of two sets and a seed: values by name. The sets are uint8 images [N, H, W, C], or `Features` where an
extractor is named. A function may answer several names, and may add values beside them (`BESIDE`; NAME_PIXELS where it
looks at several resolutions). NAME_EXTRACTOR ("fid_dino") is the same on other features; so are its values' names."""

BESIDE: dict[str, Entry] = {
    "kid_std": replace(DISTRIBUTIONS["kid"], label="standard error of KID"),
    "inception_score_std": replace(
        DISTRIBUTIONS["inception_score"], label="deviation of the Inception Score over its splits", better="lower"
    ),
    "class_entropy": replace(DISTRIBUTIONS["inception_score"], label="entropy of the classes of all images, nats"),
    "image_entropy": replace(
        DISTRIBUTIONS["inception_score"], label="mean entropy of the classes of one image, nats", better="lower"
    ),
}
"""Values that come with a metric of features."""

DIVERSITY: dict[str, str] = {
    "same_input": "L1 between two samples of one input",
    "same_latent": "L1 between the outputs of two inputs with one latent",
    "best_of": "L1 of the sample nearest to the truth",
}
"""What is said of a stochastic run beside its metrics, in grey levels."""

_ONLY_INCEPTION = {name for name, entry in {**DISTRIBUTIONS, **BESIDE}.items() if entry.function.endswith("_score")}


def find(name: str) -> Entry | None:
    """The entry of a value's name in any table: "l1", "kid_std"; "swd_32" for the part of SWD at 32 pixels; "fid_dino"
    and "fid_module:Class" for FID on other features. A name without an extractor's always means Inception."""
    known = {**TABLE, **DISTRIBUTIONS, **BESIDE}
    if name in known:
        return known[name]
    for base in sorted({**DISTRIBUTIONS, **BESIDE}, key=len, reverse=True):
        if name.startswith(f"{base}_"):
            return _variant(base, known[base], name.removeprefix(f"{base}_"))
    return None


def _variant(base: str, entry: Entry, suffix: str) -> Entry | None:
    if entry.features is None:
        return replace(entry, label=f"{entry.label} at {suffix} px") if suffix.isdigit() else None
    other = suffix in EXTRACTORS or ":" in suffix
    if base in _ONLY_INCEPTION or suffix == entry.features or not other:
        return None
    return replace(entry, label=f"{entry.label}, {suffix} features", features=suffix)
