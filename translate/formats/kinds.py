"""What a file is by its first bytes, and in plain words why it can't be read."""

from __future__ import annotations

import logging
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from PIL import Image

from translate.data.images import Unreadable

# What these libraries remark upon is either said in our own words or does not matter. Once, here: a filter that is
# changed around a call is changed for every thread.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
for library in ("PIL", "tifffile", "imagecodecs"):
    logging.getLogger(library).addHandler(logging.NullHandler())

_STARTS = (
    (b"\xff\xd8\xff", "JPEG"), (b"\x89PNG\r\n\x1a\n", "PNG"), (b"GIF87a", "GIF"), (b"GIF89a", "GIF"), (b"BM", "BMP"),
    (b"II*\0", "TIFF"), (b"MM\0*", "TIFF"), (b"II+\0", "TIFF"), (b"MM\0+", "TIFF"),
)  # fmt: skip
_FOREIGN = {
    b"%PDF": "a PDF", b"8BPS": "a Photoshop file", b"<svg": "an SVG", b"<?xml": "an XML file (an SVG?)",
    b"<!DOC": "a web page", b"<html": "a web page", b"PK\3\4": "a ZIP archive", b"\0\0\0\x0cjP": "a JPEG 2000",
    b"\xffO\xffQ": "a JPEG 2000", b"\x1f\x8b": "compressed by gzip", b"\0\0\1\0": "an icon", b"%!PS": "PostScript",
    b"version https://git-lfs": "a Git LFS pointer: fetch the file itself (git lfs pull)",
}  # fmt: skip
_OF_BYTES = ("requires a buffer", "not identified by this driver", "not supported between", "invalid literal")
"""What is said of bytes and types, and helps nobody."""
_CUT_OFF = ("truncated", "too small", "unexpected end", "end of file", "eof", "bytes required")


def sniff(file: BinaryIO, name: str) -> str:
    """Pillow's name of what the file is by content; the file stands at its beginning then. Raises Unreadable."""
    with explained(name, "file"):
        file.seek(0)
        start = file.read(512)
        file.seek(0)
    for magic, kind in _STARTS:
        if start.startswith(magic):
            return kind
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return "WEBP"
    if start[:1] == b"P" and start[1:2] in b"123456" and start[2:3].isspace():
        return "PPM"
    raise Unreadable(Path(name), _no_image(start))


def _no_image(start: bytes) -> str:
    if not start:
        return "is empty (0 bytes)"
    if not start.strip(b"\0"):
        return "begins with nothing but zero bytes: it was never written, or is damaged"
    if start[4:8] == b"ftyp":
        brand = start[8:12].decode("latin-1")
        known = {
            "heic": "a HEIC picture",
            "heix": "a HEIC picture",
            "mif1": "a HEIF picture",
            "avif": "an AVIF picture",
        }
        return f"is {known.get(brand, 'a video')} by content: save it as PNG, JPEG or TIFF"
    for magic, what in _FOREIGN.items():
        if start.lstrip().lower().startswith(magic.lower()):
            return f"is no image that can be read, but {what}"
    if all(byte in b"\t\n\r\f" or byte >= 32 for byte in start):
        return "is no image (a text file?)"
    return "is no image that can be read (JPEG, PNG, WebP, TIFF, BMP, GIF and PPM can)"


@contextmanager
def explained(name: str, kind: str) -> Iterator[None]:
    """Whatever a library raises on a broken file becomes Unreadable with a reason; a MemoryError stays one."""
    try:
        yield
    except (Unreadable, MemoryError):
        raise
    except Exception as error:  # libraries raise nearly anything on broken input
        raise Unreadable(Path(name), _reason(error, kind)) from error


def _reason(error: Exception, kind: str) -> str:
    said = " ".join(str(error).split())[:200]
    if isinstance(error, struct.error | LookupError) or any(word in said for word in _OF_BYTES):
        return f"is a {kind} that is cut off or damaged"
    if isinstance(error, OSError) and error.errno is not None:
        return f"can't be read: {error.strerror or said}"
    if isinstance(error, EOFError) or any(word in said.lower() for word in _CUT_OFF):
        return f"is a {kind} that is cut off or damaged" + (f" ({said})" if said else "")
    return f"is a damaged {kind}" + (f" ({said})" if said else f" ({type(error).__name__})")
