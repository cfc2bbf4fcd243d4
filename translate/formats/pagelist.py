"""The chain of a TIFF's pages, followed without trust: one that leads back to itself would never end."""

from __future__ import annotations

import io
import struct
from typing import BinaryIO

_SUBFILE_TYPE = 254
_REDUCED, _MASK = 1, 4


def addresses(file: BinaryIO) -> list[int]:
    """Where the folders of tags lie of all pages that are pictures of their own: no smaller copies, no masks. Raises
    struct.error for what is no TIFF; a chain that is cut off or leads back ends there."""
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    head = file.read(16)
    order = "<" if head[:2] == b"II" else ">"
    big = head[2:4] in (b"+\0", b"\0+")
    count_form, offset_form, entry = (f"{order}Q", f"{order}Q", 20) if big else (f"{order}H", f"{order}I", 12)
    offset = struct.unpack_from(offset_form, head, 8 if big else 4)[0]
    seen: set[int] = set()
    pages: list[int] = []
    while 0 < offset < size and offset not in seen:
        seen.add(offset)
        file.seek(offset)
        data = file.read(struct.calcsize(count_form))
        if len(data) < struct.calcsize(count_form):
            break
        length = struct.unpack(count_form, data)[0] * entry
        after = file.tell() + length
        if after > size:
            break
        if not _beside(file.read(min(length, entry)), order, big):
            pages.append(offset)
        file.seek(after)
        data = file.read(struct.calcsize(offset_form))
        offset = struct.unpack(offset_form, data)[0] if len(data) == struct.calcsize(offset_form) else 0
    return pages


def _beside(first: bytes, order: str, big: bool) -> bool:
    """By a folder's first entry: tags are sorted, and none that is in use comes before the one that tells."""
    if len(first) < (20 if big else 12):
        return False
    tag, _ = struct.unpack_from(f"{order}HH", first)
    return bool(
        tag == _SUBFILE_TYPE and struct.unpack_from(f"{order}I", first, 12 if big else 8)[0] & (_REDUCED | _MASK)
    )
