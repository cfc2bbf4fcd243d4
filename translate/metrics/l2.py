"""Root mean squared error."""

import numpy as np
from numpy.typing import NDArray


def l2(output: NDArray[np.uint8], truth: NDArray[np.uint8]) -> float:
    """Root of the mean (output - truth)^2 of uint8 [H, W, C], in grey levels from 0 (equal) to 255."""
    return float(np.sqrt(np.square(output.astype(np.float64) - truth).mean()))
