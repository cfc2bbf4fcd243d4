"""Animated PNGs, written frame by frame: each is encoded by Pillow, and its data put into the animation's chunks."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from fractions import Fraction
from typing import BinaryIO

from PIL import Image

from translate.formats.moving import Frame, Moving
from translate.formats.pillow import picture

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PLAIN_CONTROL = bytes([0, 0])  # nothing is taken away before the next frame, which replaces all there is


def write(file: BinaryIO, frames: Iterator[Frame], moving: Moving) -> None:
    """Write uint8 frames of one size, how long each is shown (kept as a fraction) and how often they are played."""
    # Pillow would gather all frames before it writes one, and would drop frames that repeat the last.
    file.write(_SIGNATURE)
    control = count = sequence = 0
    for frame in frames:
        image = picture(frame)
        chunks = list(_chunks(image, moving))
        data = [content for kind, content in chunks if kind == b"IDAT"]
        if not count:
            for kind, content in chunks[: [kind for kind, _ in chunks].index(b"IDAT")]:
                _put(file, kind, content)
            control = file.tell()
            _put(file, b"acTL", bytes(8))
        shown = Fraction(frame.seconds).limit_denominator(65535 if frame.seconds < 1 else 1000)
        delay = struct.pack(">HH", min(shown.numerator, 65535), shown.denominator)
        _put(file, b"fcTL", struct.pack(">5I", sequence, *image.size, 0, 0) + delay + _PLAIN_CONTROL)
        sequence += 1
        for content in data:
            if not count:
                _put(file, b"IDAT", content)
            else:
                _put(file, b"fdAT", struct.pack(">I", sequence) + content)
                sequence += 1
        count += 1
    _put(file, b"IEND", b"")
    end = file.tell()
    file.seek(control)
    _put(file, b"acTL", struct.pack(">II", count, moving.plays))
    file.seek(end)


def _chunks(image: Image.Image, moving: Moving) -> Iterator[tuple[bytes, bytes]]:
    buffer = io.BytesIO()
    # Level 6 takes eight times as long as 3, for a tenth less.
    image.save(buffer, "PNG", compress_level=3, icc_profile=moving.icc, exif=moving.exif)
    content, at = buffer.getvalue(), len(_SIGNATURE)
    while at < len(content):
        (size,) = struct.unpack_from(">I", content, at)
        yield content[at + 4 : at + 8], content[at + 8 : at + 8 + size]
        at += 12 + size


def _put(file: BinaryIO, kind: bytes, content: bytes) -> None:
    file.write(struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content)))
