"""PNG, of 8 and 16 bits, decoded whole by libpng."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass, field
from typing import BinaryIO

from PIL import PngImagePlugin

from translate.formats import metadata
from translate.formats.form import UINT8, UINT16, Array, Form
from translate.formats.limits import Limits
from translate.formats.opened import Opened, upright
from translate.formats.whole import Decoded, refuse

_CHANNELS = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}
_TOLD = (b"IHDR", b"PLTE", b"tRNS", b"iCCP", b"pHYs", b"eXIf", b"tEXt", b"zTXt", b"iTXt", b"IEND")
_SHOWN = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")


def open_png(file: BinaryIO, name: str, kind: str, limits: Limits) -> Opened:
    """A PNG, or the still picture of an animated one. Raises Unreadable."""
    chunks = _Chunks(file)
    width, height, bits, colour = struct.unpack(">IIBB", chunks.header)
    refuse(name, limits.refuse_size(width, height, chunks.size))
    if colour not in _CHANNELS or (bits == 16 and colour == 3) or bits not in (1, 2, 4, 8, 16):
        refuse(name, "is a PNG whose header is damaged")
    alpha = colour in (4, 6) or b"tRNS" in chunks.seen
    depth = UINT16 if bits == 16 else UINT8
    channels = _CHANNELS[colour] + (alpha and colour not in (4, 6))
    refuse(name, limits.refuse_whole(width, height, width * height * channels * depth.itemsize + chunks.size))
    # Without its pixels, for what Pillow can tell: it unpacks texts and profiles up to a limit.
    image = PngImagePlugin.PngImageFile(io.BytesIO(chunks.gather(_TOLD)), name)
    warnings: list[str] = []
    turned, data = metadata.read(image, warnings)
    form = Form("PNG", depth, colour in (0, 4), image.info.get("icc_profile") or None, data)

    def decode() -> Array:
        import imagecodecs

        # The pixels alone: libpng prints what it thinks of the rest.
        pixels: Array = imagecodecs.png_decode(chunks.gather(_SHOWN))
        return pixels.reshape(height, width, channels)

    picture = Opened(width, height, form, Decoded(name, kind, decode), alpha, chunks.frames, warnings)
    return upright(picture, turned)


@dataclass
class _Chunks:
    """Where a PNG's chunks are; texts may stand behind the pixels."""

    file: BinaryIO
    size: int = 0
    frames: int = 1
    header: bytes = b""
    seen: set[bytes] = field(default_factory=set)
    places: list[tuple[bytes, int, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.size = self.file.seek(0, io.SEEK_END)
        position = 8
        while b"IEND" not in self.seen and position + 12 <= self.size:
            self.file.seek(position)
            length, kind = struct.unpack(">I4s", self.file.read(8))
            if position + 12 + length > self.size:
                break  # the decoder will say so, if it was needed
            if kind == b"IHDR":
                self.header = self.file.read(13)[:10]
            elif kind == b"acTL" and length == 8:
                self.frames = max(1, struct.unpack(">I", self.file.read(4))[0])
            if kind in _TOLD or kind in _SHOWN:
                self.seen.add(kind)
                self.places.append((kind, position, 12 + length))
            position += 12 + length
        if len(self.header) != 10 or b"IDAT" not in self.seen:
            raise EOFError("its header or its pixels are missing")

    def gather(self, kinds: tuple[bytes, ...]) -> bytes:
        """A PNG of these chunks alone."""
        parts = [b"\x89PNG\r\n\x1a\n"]
        for kind, position, length in self.places:
            if kind in kinds:
                self.file.seek(position)
                parts.append(self.file.read(length))
        return b"".join(parts)
