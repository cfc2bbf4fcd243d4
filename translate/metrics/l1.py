"""Mean absolute error."""

import numpy as np
from numpy.typing import NDArray


def l1(output: NDArray[np.uint8], truth: NDArray[np.uint8]) -> float:
    """Mean |output - truth| of uint8 [H, W, C], in grey levels from 0 (equal) to 255."""
    return float(np.abs(output.astype(np.int16) - truth).mean())
