"""What each format can hold."""

from __future__ import annotations

from dataclasses import dataclass

from translate.data.images import FORMATS
from translate.formats.form import FLOAT32, UINT8, UINT16, Depth


@dataclass(frozen=True)
class Holds:
    """What a format keeps. `frames`: animations or pages; `side`: pixels of the longest side; `colours`: whether all
    of them, or only a palette; `exif`: EXIF and XMP; `text`: keywords with texts."""

    name: str
    alpha: bool = False
    depths: frozenset[Depth] = frozenset({UINT8})
    icc: bool = False
    frames: bool = False
    side: int = 2**31 - 1
    colours: bool = True
    exif: bool = False
    text: bool = False

    def nearest(self, depth: Depth) -> Depth:
        """The depth in which pixels of `depth` lose least here."""
        return depth if depth in self.depths else max(self.depths, key=lambda held: held.itemsize)


_ALL = {
    "JPEG": Holds("JPEG", icc=True, side=65500, exif=True),
    "PNG": Holds(
        "PNG", alpha=True, depths=frozenset({UINT8, UINT16}), icc=True, frames=True, exif=True, text=True
    ),
    "WEBP": Holds("WebP", alpha=True, icc=True, frames=True, side=16383, exif=True),
    "TIFF": Holds("TIFF", alpha=True, depths=frozenset({UINT8, UINT16, FLOAT32}), icc=True, frames=True, exif=True),
    "BMP": Holds("BMP"),
    "GIF": Holds("GIF", alpha=True, frames=True, side=65535, colours=False),
    "PPM": Holds("PPM", depths=frozenset({UINT8, UINT16})),
}  # fmt: skip


def holds(ending: str) -> Holds:
    """What files with an ending such as ".png" can hold."""
    return _ALL[FORMATS[ending.lower()]]
