"""Metrics by short name, of two kinds: of an output and its truth, and of a set of images and a set of real ones."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal


@dataclass(frozen=True)
class Entry:
    """A metric: its function as "module:function", its name with the unit for readers, and which way is better."""

    function: str
    label: str
    better: Literal["lower", "higher"]


TABLE: dict[str, Entry] = {
    "l1": Entry("translate.metrics.l1:l1", "L1, grey levels", "lower"),
    "psnr": Entry("translate.metrics.psnr:psnr", "PSNR, dB", "higher"),
    "ssim": Entry("translate.metrics.ssim:ssim", "SSIM", "higher"),
}
"""Functions of two uint8 images [H, W, C] of one scene, an output and its truth: one number."""

DISTRIBUTIONS: dict[str, Entry] = {
    "swd": Entry("translate.metrics.swd:swd", "SWD × 10³", "lower"),
}
"""Functions of two sets of uint8 images [N, H, W, C] and a seed: a value under the metric's name, and, where it looks
at several resolutions, one under NAME_PIXELS for each."""

DIVERSITY: dict[str, str] = {
    "same_input": "L1 between two samples of one input",
    "same_latent": "L1 between the outputs of two inputs with one latent",
    "best_of": "L1 of the sample nearest to the truth",
}
"""What is said of a stochastic run beside its metrics, in grey levels."""


def find(name: str) -> Entry | None:
    """The entry of a value's name, in either table: "l1", "swd", and "swd_32" for the part of it at 32 pixels."""
    if name in TABLE or name in DISTRIBUTIONS:
        return {**TABLE, **DISTRIBUTIONS}[name]
    base, _, pixels = name.rpartition("_")
    if base not in DISTRIBUTIONS or not pixels.isdigit():
        return None
    return replace(DISTRIBUTIONS[base], label=f"{DISTRIBUTIONS[base].label} at {pixels} px")
