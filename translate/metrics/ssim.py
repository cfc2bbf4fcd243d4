"""Structural similarity."""

import numpy as np
from numpy.typing import NDArray

from translate.errors import UserError

WINDOW = 11


def ssim(output: NDArray[np.uint8], truth: NDArray[np.uint8]) -> float:
    """Mean structural similarity of uint8 [H, W, C], in [-1, 1], 1 for equal images; averaged over the channels.

    Wang et al. 2004, "Image Quality Assessment", eq. 13: 11x11 Gaussian window of sigma 1.5, K1 0.01, K2 0.03,
    over the windows that lie wholly inside the image, as in the authors' code.
    Raises UserError for images smaller than the window.
    """
    from skimage.metrics import structural_similarity

    if min(output.shape[:2]) < WINDOW:
        height, width = output.shape[:2]
        raise UserError(f"SSIM needs images of {WINDOW}x{WINDOW} pixels or more, these have {height}x{width}")
    return float(
        structural_similarity(
            output,
            truth,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
            data_range=255,
            channel_axis=-1,
        )
    )
