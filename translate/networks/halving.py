"""Networks of one size, which halve it down to a small base or double it up from there."""

from __future__ import annotations

from torch import Tensor

from translate.errors import UserError


def halve(size: tuple[int, int]) -> tuple[tuple[int, int], int]:
    """(64, 96) -> ((4, 6), 4): the base that is left after as many halvings as keep both sides whole and at least 4."""
    height, width = size
    halvings = 0
    while height % 2 == 0 and width % 2 == 0 and min(height, width) >= 8:
        height, width, halvings = height // 2, width // 2, halvings + 1
    if halvings == 0 or min(height, width) > 15:  # a larger base would hold most of the weights in its first layer
        unit = 2 ** max(1, (max(min(size), 8) // 4).bit_length() - 1)
        near = [max(8, round(side / unit) * unit) for side in size]
        raise UserError(
            f"images of {size[0]}x{size[1]} (height x width) can't be halved down to the small base of this network",
            where="data.size",
            expected="height and width that are a small number (4 to 15) times the same power of two",
            hint=f"data.size={near}",
        )
    return (height, width), halvings


def widths_of(width: int, most: int, halvings: int) -> list[int]:
    """Channels by level, the smallest size first: `width` at full size, twice as many a halving, at most `most`."""
    return [min(most, width * 2 ** (halvings - level)) for level in range(halvings + 1)]


def require_exactly(images: Tensor, size: tuple[int, int]) -> None:
    """UserError unless [N, C, H, W] are of the size (H, W) that the network was built for."""
    height, width = images.shape[-2:]
    if (height, width) != size:
        raise UserError(
            f"images of {height}x{width} (height x width) for a discriminator of one size",
            expected=f"{size[0]}x{size[1]}, the size that it was built for",
        )
