"""Structural similarity over several scales."""

import numpy as np
from numpy.typing import NDArray

from translate.errors import UserError
from translate.extras import require

SMALLEST = 176
"""Pixels of the shorter side: the coarsest of five scales, at a sixteenth, still holds the 11x11 window."""


def ms_ssim(output: NDArray[np.uint8], truth: NDArray[np.uint8]) -> float:
    """Multi-scale structural similarity of uint8 [H, W, C], in [0, 1], 1 for equal images.

    Wang et al. 2003, "Multi-scale structural similarity for image quality assessment", eq. 7: five scales by 2x2 means
    with the published exponents; window and constants as in SSIM; all channels enter each scale's mean. As torchmetrics
    has it: a scale that correlates negatively counts as 0, and on the coarsest scale images are mirrored at the border,
    where the authors keep to windows that lie inside. Raises UserError for images below SMALLEST.
    """
    height, width = output.shape[:2]
    if min(height, width) < SMALLEST:
        raise UserError(f"MS-SSIM needs images of {SMALLEST}x{SMALLEST} pixels or more, these have {height}x{width}")
    import torch  # after the check: they take seconds

    require("torchmetrics", "metrics")
    from torchmetrics.functional.image import multiscale_structural_similarity_index_measure

    one, two = (torch.from_numpy(image.astype(np.float64)).movedim(-1, 0)[None] for image in (output, truth))
    return float(multiscale_structural_similarity_index_measure(one, two, data_range=255.0))
