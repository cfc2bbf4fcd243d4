"""Which size a picture gets, and which part of it is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from translate.formats.form import Array
from translate.preparing.resampling import Filter, resized

Fit = Literal["cover", "contain", "stretch"]
Anchor = Literal["center", "top", "bottom", "left", "right"]
FITS: tuple[Fit, ...] = get_args(Fit)
ANCHORS: tuple[Anchor, ...] = get_args(Anchor)
_PLACES = {"center": (0.5, 0.5), "top": (0.0, 0.5), "bottom": (1.0, 0.5), "left": (0.5, 0.0), "right": (0.5, 1.0)}
"""Which share of what is cut off lies above, and left."""

Size = tuple[int, int]


@dataclass(frozen=True)
class Frame:
    """A box of `size` (height, width): "cover" it, and `crop` what sticks out or keep it, be "contain"ed in it, or
    "stretch" to it. Nothing is enlarged without `enlarge`."""

    size: Size
    fit: Fit = "cover"
    crop: Anchor | None = None
    enlarge: bool = False
    filter: Filter = "lanczos"

    def small(self, given: Size) -> bool:
        """Whether a picture would have to be enlarged, and may not."""
        return not self.enlarge and self.scaled(given) != given and self._scale(given) > 1

    def scaled(self, given: Size) -> Size:
        """The size that a picture gets before anything is cut off."""
        if self.fit == "stretch":
            return self.size
        scale, cover = self._scale(given), self.fit == "cover"
        sides = (max(1, round(side * scale)) for side in given)
        height, width = (max(side, box) if cover else side for side, box in zip(sides, self.size, strict=True))
        return height, width

    def fitted(self, pixels: Array) -> Array:
        """Pixels [H, W, C] in this frame; those that are too `small` as they are."""
        given = (pixels.shape[0], pixels.shape[1])
        if self.small(given):
            return pixels
        large = resized(pixels, self.scaled(given), self.filter)
        return large if self.crop is None else cropped(large, self.size, self.crop)

    def _scale(self, given: Size) -> float:
        scales = [box / side for box, side in zip(self.size, given, strict=True)]
        return min(scales) if self.fit == "contain" else max(scales)


def cropped(pixels: Array, size: Size, anchor: Anchor = "center") -> Array:
    """The part of [H, W, C] that is at most `size` (height, width), at the anchor."""
    starts = [
        int((given - min(given, box)) * share)
        for given, box, share in zip(pixels.shape[:2], size, _PLACES[anchor], strict=True)
    ]
    return pixels[starts[0] : starts[0] + size[0], starts[1] : starts[1] + size[1]]


def halves(pixels: Array) -> tuple[Array, Array]:
    """The left and right half of [H, W, C]; an odd width's middle column is left out."""
    middle = pixels.shape[1] // 2
    return pixels[:, :middle], pixels[:, -middle:]
