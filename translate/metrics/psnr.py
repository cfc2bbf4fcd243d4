"""Peak signal-to-noise ratio."""

import math

import numpy as np
from numpy.typing import NDArray

CAP = 100.0
"""Equal images have an infinite ratio, which JSON can't hold and no mean survives: they count as 100 dB."""


def psnr(output: NDArray[np.uint8], truth: NDArray[np.uint8]) -> float:
    """10 log10(255^2 / mean squared error) of uint8 [H, W, C], in dB, at most CAP."""
    error = float(np.square(output.astype(np.float64) - truth).mean())
    return CAP if error == 0 else min(CAP, 10 * math.log10(255**2 / error))
