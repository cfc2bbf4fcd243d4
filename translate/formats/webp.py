"""Animated WebPs, written frame by frame: each is encoded by Pillow, and its data put into the animation's chunks."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from typing import Any, BinaryIO

from translate.formats.moving import Frame, Moving
from translate.formats.pillow import milliseconds, picture

_ICC, _ALPHA, _EXIF, _XMP, _ANIMATION = 0x20, 0x10, 0x08, 0x04, 0x02
_REPLACES = 0x02  # a frame is not blended with the last one
_MOST = 2**32 - 10


def write(file: BinaryIO, frames: Iterator[Frame], moving: Moving) -> None:
    """Write uint8 frames of one size at quality 95, with milliseconds and the number of plays; ValueError beyond the
    16383 pixels of a side and the 4 GB that a WebP can have."""
    # Pillow would gather all frames before it writes one, and would drop frames that repeat the last.
    beside = {b"ICCP": moving.icc, b"EXIF": moving.exif, b"XMP ": moving.xmp}
    flags = _ANIMATION | sum(flag for flag, held in zip((_ICC, _EXIF, _XMP), beside.values(), strict=True) if held)
    size = bytes(6)
    file.write(b"RIFF" + bytes(4) + b"WEBP")
    header = file.tell()
    _put(file, b"VP8X", bytes(10))
    if moving.icc:
        _put(file, b"ICCP", moving.icc)
    _put(file, b"ANIM", struct.pack("<IH", 0, min(moving.plays, 65535)))
    for frame, shown in milliseconds(frames, 1):
        image = picture(frame)
        size = b"".join(_u24(side - 1) for side in image.size)
        buffer = io.BytesIO()
        image.save(buffer, "WEBP", quality=95, exact=True)
        parts = [part for kind, part in _chunks(buffer.getvalue()) if kind in (b"ALPH", b"VP8 ", b"VP8L")]
        flags |= _ALPHA if frame.alpha is not None else 0
        _put(file, b"ANMF", _u24(0) + _u24(0) + size + _u24(shown) + bytes([_REPLACES]) + b"".join(parts))
    for kind in (b"EXIF", b"XMP "):
        if beside[kind]:
            _put(file, kind, beside[kind])
    end = file.tell()
    if end > _MOST:
        raise ValueError("a WebP holds no more than 4 GB")
    file.seek(4)
    file.write(struct.pack("<I", end - 8))
    file.seek(header)
    _put(file, b"VP8X", bytes([flags, 0, 0, 0]) + size)
    file.seek(end)


def _chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Kind of each chunk of a still WebP, and the whole chunk, header and padding included."""
    at = 12
    while at < len(content):
        (size,) = struct.unpack_from("<I", content, at + 4)
        end = at + 8 + size + size % 2
        yield content[at : at + 4], content[at:end]
        at = end


def _put(file: BinaryIO, kind: bytes, content: Any) -> None:
    file.write(kind + struct.pack("<I", len(content)) + content + bytes(len(content) % 2))


def _u24(value: int) -> bytes:
    return struct.pack("<I", min(value, 0xFFFFFF))[:3]
