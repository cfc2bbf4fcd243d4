"""Metrics by short name: functions of two uint8 images [H, W, C] of one scene, an output and its truth."""

from dataclasses import dataclass
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
