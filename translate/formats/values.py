"""Between pixels of 8, 16 and 32 bits, and from these to tensors in [-1, 1] and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from translate.formats.form import FLOAT32, UINT8, UINT16, Array, Depth

if TYPE_CHECKING:
    from torch import Tensor

WHITE: dict[Depth, int] = {UINT8: 255, UINT16: 65535, FLOAT32: 1}


def to_tensor(pixels: Array) -> Tensor:
    """From [(N,) H, W, C] to float32 [(N,) C, H, W] in [-1, 1]: of 8 bits x / 127.5 - 1, of 16 bits x / 32767.5 - 1, of
    floats from 0 to 1 2 x - 1. In memory the channels stay last."""
    import torch

    # In NumPy: a loading thread that computed with torch would start a second pool of threads to fight for the cores.
    values = pixels.astype(np.float32, order="C")
    values /= np.float32(WHITE[pixels.dtype] / 2)
    values -= np.float32(1)
    return torch.from_numpy(values).movedim(-1, -3)


def from_tensor(images: Tensor, depth: Depth) -> Array:
    """The inverse: float [(N,) C, H, W] in [-1, 1] to [(N,) H, W, C] of `depth`, clamped and rounded."""
    import torch

    values = images.detach().float().add(1).mul_(WHITE[depth] / 2).clamp_(0, WHITE[depth]).movedim(-3, -1)
    if depth == UINT8:  # on the device, which then hands over a quarter of the bytes
        values = values.round_().to(torch.uint8)
    elif depth == UINT16:
        values = values.round_()
    return values.contiguous().cpu().numpy().astype(depth, copy=False)


def convert(pixels: Array, depth: Depth) -> Array:
    """The same pixels in another depth; black stays black and white stays white."""
    given = pixels.dtype
    if given == depth:
        return pixels
    if given == UINT16 and depth == UINT8:
        return ((pixels.astype(np.uint32) + 128) // 257).astype(np.uint8)
    if given == UINT8 and depth == UINT16:
        return pixels.astype(np.uint16) * np.uint16(257)
    if depth == FLOAT32:
        return pixels.astype(np.float32) / np.float32(WHITE[given])
    return np.rint(np.clip(pixels, 0, 1).astype(np.float64) * WHITE[depth]).astype(depth)


def luma(colours: Array) -> Array:
    """ITU-R 601 luma [H, W, 1] of RGB [H, W, 3] in the same depth; of 8 bits what Pillow computes, bit for bit."""
    if colours.dtype == FLOAT32:
        return (colours @ np.array([[0.299], [0.587], [0.114]], np.float32)).astype(np.float32, copy=False)
    red, green, blue = (colours[..., i : i + 1].astype(np.uint32) for i in range(3))
    return ((red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16).astype(colours.dtype)  # fits 32 bits exactly


def on_white(colours: Array, alpha: Array) -> Array:
    """Colours [H, W, C] with straight `alpha` [H, W, 1], laid on white."""
    if colours.dtype == FLOAT32:
        return colours * alpha + (1 - alpha)
    white = WHITE[colours.dtype]
    wide: NDArray[Any] = alpha.astype(np.uint32)
    # 65535 * 65535 + 32767 still fits 32 bits, and both products together are no larger.
    return ((colours.astype(np.uint32) * wide + white * (white - wide) + white // 2) // white).astype(colours.dtype)


def straight(colours: Array, alpha: Array) -> Array:
    """Colours of premultiplied (associated) `alpha` as they were before; black where nothing can be seen."""
    white = WHITE[colours.dtype]
    share = np.maximum(alpha, 1 if colours.dtype != FLOAT32 else np.float32(1e-12)).astype(np.float64)
    values: NDArray[Any] = np.minimum(colours * (white / share), white)
    values[np.broadcast_to(alpha == 0, values.shape)] = 0
    return (values if colours.dtype == FLOAT32 else np.rint(values)).astype(colours.dtype)


def widen(values: NDArray[Any], bits: int) -> Array:
    """Integers of less than 8 bits as 8, of 9 to 15 bits as 16: the largest becomes white."""
    largest = 2**bits - 1
    depth = UINT8 if bits <= 8 else UINT16
    if bits in (8, 16):
        return values.astype(depth, copy=False)
    return ((values.astype(np.uint32) * WHITE[depth] + largest // 2) // largest).astype(depth)
