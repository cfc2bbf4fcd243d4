"""The samples of a TIFF page, of which only those strips or tiles are decoded that a region touches."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tifffile import TiffPage
from tifffile.tifffile import jpeg_shape

from translate.formats.limits import Limits
from translate.formats.opened import Box

JPEG = (7, 34892, 33007)
"""Compressions of TIFF that are JPEG; its forerunner, 6, apart."""
KEPT = 64 * 2**20
"""Bytes of decoded segments that are kept, since regions that follow one another overlap."""

Samples = NDArray[Any]


class Segments:
    """Reads [h, w, samples] of a page in the file's own data type. Raises whatever tifffile does, and EOFError."""

    def __init__(self, page: TiffPage, limits: Limits) -> None:
        self.page = page
        self.planes, self.depth = (page.samplesperpixel, 1) if page.planarconfig == 2 else (1, page.samplesperpixel)
        width, height = page.imagewidth, page.imagelength
        size = (page.tilelength, page.tilewidth) if page.is_tiled else (min(page.rowsperstrip, height), width)
        self.high, self.wide = size
        if self.high < 1 or self.wide < 1:
            raise ValueError("its strips or tiles have no size")
        self.down, self.across = -(-height // self.high), -(-width // self.wide)
        if not len(page.dataoffsets) == len(page.databytecounts) == self.planes * self.down * self.across:
            raise ValueError(
                f"{len(page.dataoffsets)} strips or tiles, and {self.planes * self.down * self.across} needed"
            )
        if page.dtype is None:
            raise ValueError("its kind of numbers is unknown")
        self.dtype = np.dtype(page.dtype)
        # Rows of an uncompressed strip lie bare in the file: a strip may be the whole picture, and need not be read so.
        self.bare = (
            page.compression == 1 and page.predictor == 1 and page.fillorder == 1 and not page.is_tiled
            and page.bitspersample in (8, 16, 32, 64)
        )  # fmt: skip
        needed = self.high * self.wide * self.depth * self.dtype.itemsize
        if not self.bare:
            largest = max(page.databytecounts)
            for reason in (
                limits.refuse_size(self.wide, self.high, largest),
                limits.refuse_whole(self.wide, self.high, 2 * needed if needed > KEPT else needed),
            ):
                if reason:
                    raise ValueError(f"a strip or tile {reason}")
        self._room = max(KEPT, needed * self.across * self.planes)
        self._kept: OrderedDict[int, Samples] = OrderedDict()
        self._held = 0

    def read(self, box: Box) -> Samples:
        """[bottom - top, right - left, samples]."""
        top, bottom, left, right = box
        found = np.zeros((bottom - top, right - left, self.planes * self.depth), self.dtype)
        for plane in range(self.planes):
            samples = found[:, :, plane * self.depth : (plane + 1) * self.depth]
            for row in range(top // self.high, -(-bottom // self.high)):
                y = row * self.high
                for column in range(left // self.wide, -(-right // self.wide)):
                    x = column * self.wide
                    first, last = max(top, y), min(bottom, y + self.high)
                    begin, end = max(left, x), min(right, x + self.wide)
                    index = (plane * self.down + row) * self.across + column
                    if self.bare:
                        part = self._rows(index, first - y, last - y)
                    else:
                        part = self._segment(index)[first - y : last - y]
                    samples[first - top : last - top, begin - left : end - left] = part[:, begin - x : end - x]
        return found

    def _rows(self, index: int, first: int, last: int) -> Samples:
        line = self.wide * self.depth * self.dtype.itemsize
        if self.page.databytecounts[index] < last * line:
            raise EOFError("a strip is shorter than its rows")
        data = self._bytes(self.page.dataoffsets[index] + first * line, (last - first) * line)
        stored = self.dtype.newbyteorder(self.page.parent.byteorder)
        return np.frombuffer(data, stored).reshape(last - first, self.wide, self.depth)

    def _segment(self, index: int) -> Samples:
        if index in self._kept:
            self._kept.move_to_end(index)
            return self._kept[index]
        segment = self._decode(index)
        while self._kept and self._held + segment.nbytes > self._room:
            self._held -= self._kept.popitem(last=False)[1].nbytes
        self._kept[index] = segment
        self._held += segment.nbytes
        return segment

    def _decode(self, index: int) -> Samples:
        count = self.page.databytecounts[index]
        if count == 0:  # a sparse file: nothing was drawn here
            return np.zeros((self.high, self.wide, self.depth), self.dtype)
        data = self._bytes(self.page.dataoffsets[index], count)
        tables: dict[str, Any] = {}
        if self.page.jpegtables is not None:
            tables["jpegtables"] = self.page.jpegtables
        if self.page.jpegheader is not None:
            tables["jpegheader"] = self.page.jpegheader
        if self.page.compression in JPEG:
            _, height, width, _ = jpeg_shape(data)
            if height * width > 4 * self.high * self.wide:  # a bomb: the decoder believes the JPEG, not the TIFF
                raise ValueError(f"a strip or tile of {width}x{height} pixels, and {self.wide}x{self.high} expected")
        decoded = self.page.decode(data, index, **tables)[0]
        if decoded is None:
            raise EOFError("a strip or tile is empty")
        return np.asarray(decoded)[0]

    def _bytes(self, offset: int, count: int) -> bytes:
        handle = self.page.parent.filehandle
        if offset + count > handle.size:
            raise EOFError(f"{offset + count:,} bytes needed, {handle.size:,} are there: truncated")
        handle.seek(offset)
        data: bytes = handle.read(count)
        if len(data) < count:
            raise EOFError("truncated")
        return data
