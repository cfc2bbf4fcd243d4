"""Image files as nobody should make them: cut off, flipped, with absurd headers, made to fill the memory."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image

Random = np.random.Generator
ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp", ".gif", ".ppm", ".pgm")


def damaged(folder: Path, count: int, seed: int) -> list[Path]:
    """Write `count` broken files into `folder`: the n-th depends on (seed, n) alone, and its name says what was done.
    A few of them can still be read: not every flipped bit matters."""
    folder.mkdir(parents=True, exist_ok=True)
    sound = originals()
    paths = []
    for index in range(count):
        random = np.random.default_rng([seed, index])
        ways = list(WAYS)
        way = ways[index % len(ways)]
        ending, data = sound[int(random.integers(len(sound)))]
        ending, data = WAYS[way](ending, data, random)
        path = folder / f"{index:04}-{way}{ending}"
        path.write_bytes(data)
        paths.append(path)
    return paths


def originals() -> list[tuple[str, bytes]]:
    """Small sound files (ending, content) of every format in several modes."""
    random = np.random.default_rng(0)
    colours = random.integers(0, 256, (24, 40, 3), np.uint8)
    image = Image.fromarray(colours)
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "maker"
    files = [
        (".jpg", _saved(image, "JPEG", exif=exif)),
        (".jpg", _saved(image.convert("L"), "JPEG")),
        (".jpg", _saved(image.convert("CMYK"), "JPEG")),
        (".jpg", _saved(image, "JPEG", progressive=True)),
        (".png", _saved(image, "PNG", exif=exif, dpi=(300, 300))),
        (".png", _saved(image.quantize(16), "PNG", transparency=3)),
        (".png", _saved(Image.fromarray(random.integers(0, 65536, (24, 40), np.uint16)), "PNG")),
        (".webp", _saved(image, "WEBP")),
        (".webp", _saved(image.convert("RGBA"), "WEBP", lossless=True)),
        (".bmp", _saved(image, "BMP")),
        (".bmp", _saved(image.quantize(256), "BMP")),
        (".gif", _saved(image, "GIF")),
        (".ppm", _saved(image, "PPM")),
        (".pgm", b"P5\n40 24\n65535\n" + random.integers(0, 65536, (24, 40)).astype(">u2").tobytes()),
        (".tif", _tiff(colours)),
        (".tif", _tiff(colours, compression="zlib", predictor=True, rowsperstrip=5)),
        (".tif", _tiff(colours, compression="jpeg", tile=(16, 16))),
        (".tif", _tiff(colours, compression="lzw", planarconfig="separate")),
        (".tif", _tiff(colours[..., 0].astype(np.float32) / 255, compression="zstd")),
        (".tif", _tiff(colours.astype(np.uint16), bigtiff=True, tile=(16, 16))),
    ]
    return [(ending, data) for ending, data in files]


def _saved(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def _tiff(pixels: np.ndarray, **options: object) -> bytes:
    buffer = io.BytesIO()
    colours = "rgb" if pixels.ndim == 3 else "minisblack"
    stored = np.moveaxis(pixels, -1, 0) if options.get("planarconfig") == "separate" else pixels
    tifffile.imwrite(buffer, stored, photometric=colours, maxworkers=1, **options)  # type: ignore[arg-type]
    return buffer.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    """A PNG's chunk."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(
    width: int, height: int, bits: int, colour: int, rows: bytes, *beside: bytes, interlaced: bool = False
) -> bytes:
    """A PNG by hand: `rows` each with its filter byte in front, and other chunks before the pixels."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, interlaced))
    pixels = chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(beside) + pixels + chunk(b"IEND", b"")


def tiff(tags: list[tuple[int, int, int, int]], after: bytes = b"", following: int = 0) -> bytes:
    """A little-endian TIFF by hand: a folder of tags (code, type, count, value), what `after` it comes, and where the
    following folder is said to be. `after` begins at byte 14 + 12 per tag."""
    body = b"".join(struct.pack("<HHII", *tag) for tag in sorted(tags))
    return struct.pack("<2sHIH", b"II", 42, 8, len(tags)) + body + struct.pack("<I", following) + after


def simple_tiff(width: int, height: int, data: bytes, **changed: int) -> bytes:
    """One grey strip of `data`; `changed`: other values, such as compression=8, rows=2**31 - 1."""
    values = {"bits": 8, "compression": 1, "photometric": 1, "samples": 1, "rows": height, "bytes": len(data)} | changed
    tags = [
        (256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, values["bits"]), (259, 3, 1, values["compression"]),
        (262, 3, 1, values["photometric"]), (273, 4, 1, 14 + 10 * 12), (277, 3, 1, values["samples"]),
        (278, 4, 1, values["rows"]), (279, 4, 1, values["bytes"]), (284, 3, 1, 1),
    ]  # fmt: skip
    return tiff(tags, data, values.get("following", 0))


def _cut(ending: str, data: bytes, random: Random) -> tuple[str, bytes]:
    return ending, data[: int(random.integers(1, len(data)))]


def _flipped(ending: str, data: bytes, random: Random) -> tuple[str, bytes]:
    changed = np.frombuffer(data, np.uint8).copy()
    reach = len(changed) if random.random() < 0.5 else min(len(changed), 200)  # headers matter most
    for place in random.integers(0, reach, int(random.integers(1, 12))):
        changed[place] ^= 1 << int(random.integers(8))
    return ending, changed.tobytes()


def _overwritten(ending: str, data: bytes, random: Random) -> tuple[str, bytes]:
    start, length = (int(random.integers(1, len(data))) for _ in range(2))
    filling = bytes(length) if random.random() < 0.5 else random.bytes(length)
    return ending, (data[:start] + filling + data[start + length :])[: len(data)]


def _spliced(ending: str, data: bytes, random: Random) -> tuple[str, bytes]:
    start, end = sorted(int(place) for place in random.integers(4, len(data), 2))
    return ending, data[:end] + data[start:]


def _renamed(ending: str, data: bytes, random: Random) -> tuple[str, bytes]:
    return ENDINGS[int(random.integers(len(ENDINGS)))], data


def _nothing(ending: str, data: bytes, random: Random) -> tuple[str, bytes]:
    contents = (b"", bytes(1000), b"no image, but a letter\n", random.bytes(500), b"<html><body>404</body></html>")
    return ending, contents[int(random.integers(len(contents)))]


def _only_a_start(ending: str, data: bytes, random: Random) -> tuple[str, bytes]:
    return ending, data[: int(random.integers(2, 40))] + random.bytes(int(random.integers(0, 300)))


def _absurd(ending: str, data: bytes, random: Random) -> tuple[str, bytes]:
    side = int(random.choice([0, 1, 65500, 65535, 10**6, 2**31 - 1, 2**31, 2**32 - 1]))
    other = int(random.choice([0, 3, 65535, 2**31 - 1, 2**32 - 1]))
    short = min(side, 65535), min(other, 65535)
    files = (
        (".png", png(side, other, int(random.choice([1, 8, 16])), int(random.choice([0, 2, 3, 6])), bytes(50))),
        (".bmp", b"BM" + struct.pack("<IHHIIIIHHIIIIII", 200, 0, 0, 54, 40, side, other, 1, 24, 0, 0, 0, 0, 0, 0)),
        (".gif", b"GIF89a" + struct.pack("<HH", *short) + b"\x80\0\0" + bytes(6) + b"," + bytes(4)
                 + struct.pack("<HH", *short) + b"\0\x02\x02\x4c\x01\0;"),
        (".jpg", b"\xff\xd8\xff\xc0\0\x11\x08" + struct.pack(">HH", *short) + b"\x03\1\x22\0\2\x11\1\3\x11\1\xff\xda"),
        (".ppm", f"P{random.choice([1, 2, 3, 4, 5, 6])} {side} {other} {random.choice([0, 1, 255, 65535])}\n".encode()),
        (".pgm", b"P5 " + b"9" * 5000),
        (".tif", simple_tiff(side, other, bytes(50))),
        (".tif", simple_tiff(40, 24, bytes(960), rows=side, samples=min(other, 65535))),
        (".tif", simple_tiff(40, 24, bytes(960), bytes=side, compression=int(random.choice([1, 5, 7, 8, 34925])))),
    )  # fmt: skip
    return files[int(random.integers(len(files)))]


def _bomb(ending: str, data: bytes, random: Random) -> tuple[str, bytes]:
    zeros = _zeros()
    start = png(1, 1, 8, 0, b"\0\0")[:33]
    end = png(1, 1, 8, 0, b"\0\0")[33:]
    files = (
        (".png", start + chunk(b"zTXt", b"Comment\0\0" + zeros) + end),
        (".png", start + chunk(b"iCCP", b"profile\0\0" + zeros) + end),
        (".png", start + chunk(b"iTXt", b"Comment\0\1\0\0\0" + zeros) + end),
        (".png", png(1, 1, 8, 0, b"\0\0")[:33] + chunk(b"IDAT", zeros) + chunk(b"IEND", b"")),
        (".png", png(60000, 60000, 8, 2, bytes(100))),
        (".tif", simple_tiff(100, 100, zeros, compression=8)),
        (".tif", simple_tiff(50000, 50000, zeros, compression=8)),
        (".tif", simple_tiff(40, 24, _LARGE_JPEG, compression=7)),
        (".tif", simple_tiff(40, 24, bytes(960), following=8)),  # its following folder is itself
        (".tif", tiff([(256, 4, 1, 40), (257, 4, 1, 24), (273, 4, 2**30, 100), (279, 4, 2**30, 100)], bytes(2000))),
        (".tif", tiff([(270, 2, 2**32 - 1, 8), (256, 4, 2**31, 8), (34675, 7, 2**31, 20)], bytes(100))),
    )
    return files[int(random.integers(len(files)))]


def _zeros(count: int = 2**26) -> bytes:
    """A zlib stream of zeros, which unpacks to a thousand times its size."""
    if count not in _made:
        _made[count] = zlib.compress(bytes(count), 1)
    return _made[count]


_made: dict[int, bytes] = {}
_LARGE_JPEG = _saved(Image.new("L", (40, 24)), "JPEG").replace(
    struct.pack(">HH", 24, 40), struct.pack(">HH", 65000, 65000)
)

WAYS: dict[str, Callable[[str, bytes, Random], tuple[str, bytes]]] = {
    "cut": _cut,
    "flipped": _flipped,
    "overwritten": _overwritten,
    "spliced": _spliced,
    "renamed": _renamed,
    "nothing": _nothing,
    "start": _only_a_start,
    "absurd": _absurd,
    "bomb": _bomb,
}
