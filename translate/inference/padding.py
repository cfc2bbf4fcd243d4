"""Any image size through a network that takes multiples of its stride: pad, translate, crop back."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor
from torch.nn import functional


def padded(network: Callable[[Tensor], Tensor], images: Tensor, stride: int, smallest: tuple[int, int]) -> Tensor:
    """`network` on [N, C, H, W] padded to multiples of `stride`, at least `smallest`, and cropped back."""
    height, width = images.shape[-2:]
    above, below = _margins(height, stride, smallest[0])
    left, right = _margins(width, stride, smallest[1])
    # One axis after the other: only the side that is too short to be mirrored falls back to its last row.
    images = functional.pad(images, (left, right, 0, 0), mode="reflect" if right < width else "replicate")
    images = functional.pad(images, (0, 0, above, below), mode="reflect" if below < height else "replicate")
    return network(images)[..., above : above + height, left : left + width]


def _margins(length: int, stride: int, smallest: int) -> tuple[int, int]:
    missing = -(-max(length, smallest) // stride) * stride - length
    return missing // 2, missing - missing // 2  # the second is never the smaller one
