"""TIFF, of which any rows can be read without decoding the rest."""

from __future__ import annotations

import io
from typing import BinaryIO

from PIL import TiffImagePlugin
from tifffile import TiffFile, TiffPage

from translate.formats import tags
from translate.formats.form import UINT8, Array, Form, Metadata
from translate.formats.kinds import explained
from translate.formats.limits import Limits
from translate.formats.opened import Box, Opened, upright
from translate.formats.pagelist import addresses
from translate.formats.samples import COLOURS, INKS, YCBCR, Layout
from translate.formats.segments import JPEG, Segments
from translate.formats.whole import PillowImage, refuse


def open_tiff(file: BinaryIO, name: str, kind: str, limits: Limits) -> Opened:
    """The first page of a TIFF or BigTIFF. Raises Unreadable."""
    picture = open_page(file, name, limits)
    picture.frames = max(1, len(addresses(file)))
    if picture.frames > 1:
        picture.warnings.append(f"is the first of {picture.frames} pages")
    return picture


def open_page(file: BinaryIO, name: str, limits: Limits, address: int | None = None) -> Opened:
    """The page whose folder of tags lies at `address`, or the first one. Raises Unreadable, or what tifffile does."""
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    tiff = TiffFile(file, name=name)
    if address is None:
        page = tiff.pages.first
    else:
        tiff.filehandle.seek(address)
        page = TiffPage(tiff, index=0)
    width, height = page.imagewidth, page.imagelength
    refuse(name, limits.refuse_size(width, height, size))
    if page.imagedepth != 1:
        refuse(name, f"is a volume of {page.imagedepth} slices, not a picture")
    warnings: list[str] = []
    turned, data = tags.read(tiff, page, file, warnings)
    icc = tags.profile(page)
    if _foreign(page):
        if address is not None:
            refuse(name, "has a page behind the first whose kind of colours can't be read")
        picture = _by_pillow(file, name, icc, data, limits)
        turned = 1  # Pillow has done so
    else:
        layout = Layout(page, name, icc, warnings)
        stored = _Stored(Segments(page, limits), layout, name)
        if turned >= 5 and not page.is_tiled:  # what is a column in every strip
            refuse(
                name, limits.refuse_whole(width, height, 2 * width * height * page.samplesperpixel * layout.itemsize)
            )
            stored.kept_whole = (0, height, 0, width)
        form = Form("TIFF", layout.depth, layout.grey, None if page.photometric == INKS else icc, data)
        picture = Opened(width, height, form, stored, layout.alpha is not None)
    picture.warnings = warnings
    return upright(picture, turned)


class _Stored:
    """A page region by region; `kept_whole` is decoded at once and kept."""

    kept_whole: Box | None = None
    _pixels: Array | None = None

    def __init__(self, segments: Segments, layout: Layout, name: str) -> None:
        self.segments, self.layout, self.name = segments, layout, name

    def region(self, box: Box) -> Array:
        top, bottom, left, right = box
        with explained(self.name, "TIFF"):
            if self.kept_whole is None:
                return self.layout(self.segments.read(box))
            if self._pixels is None:
                self._pixels = self.layout(self.segments.read(self.kept_whole))
            return self._pixels[top:bottom, left:right]


def _foreign(page: TiffPage) -> bool:
    """Whether tifffile does not turn these colours into ones that are known here, and libtiff may."""
    if page.photometric == YCBCR:
        return page.compression not in JPEG or page.planarconfig == 2
    return page.photometric not in COLOURS or page.compression == 6 or isinstance(page.bitspersample, tuple)


def _by_pillow(file: BinaryIO, name: str, icc: bytes | None, data: Metadata, limits: Limits) -> Opened:
    file.seek(0)
    image = TiffImagePlugin.TiffImageFile(file, name)
    width, height = image.size
    refuse(name, limits.refuse_whole(width, height, width * height * 4))
    if image.mode not in ("1", "L", "LA", "P", "RGB", "RGBA", "YCbCr", "LAB"):
        refuse(name, f"is a TIFF whose kind of colours can't be read ({image.mode})")
    image.load()
    mode = {"1": "L", "L": "L", "LA": "LA", "RGBA": "RGBA"}.get(image.mode, "RGB")
    form = Form("TIFF", UINT8, mode in ("L", "LA"), icc, data)
    return Opened(*image.size, form, PillowImage(image, name, "TIFF", mode), mode.endswith("A"))
