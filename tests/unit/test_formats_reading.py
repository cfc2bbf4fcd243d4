"""Every kind of still picture, written by another library or by hand, is read exactly, in any strips."""

from __future__ import annotations

import gc
import io
import struct
import weakref
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import PIL
import pytest
import tifffile
from damage import chunk, png, simple_tiff
from PIL import Image, ImageOps

from translate.data.images import Unreadable
from translate.formats.form import FLOAT32, UINT8, UINT16
from translate.formats.limits import Limits
from translate.formats.pagelist import addresses
from translate.formats.reading import Opened, opened, opened_page

HEIGHT, WIDTH = 37, 53
RANDOM = np.random.default_rng(0)
GREY, COLOUR, CLEAR = (RANDOM.integers(0, 256, (HEIGHT, WIDTH, n), np.uint8) for n in (1, 3, 4))
GREY16, COLOUR16, CLEAR16 = (RANDOM.integers(0, 65536, (HEIGHT, WIDTH, n), np.uint16) for n in (1, 3, 4))


def saved(image: Image.Image, kind: str, **options: object) -> io.BytesIO:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file


def image(pixels: np.ndarray, mode: str | None = None) -> Image.Image:
    plain = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    return plain.convert(mode) if mode else plain


def everything(picture: Opened, channels: int, step: int = 10_000) -> np.ndarray:
    """All rows, `step` at a time, and the transparency behind them."""
    edges = [*range(0, picture.height, step), picture.height]
    pairs = list(pairwise(edges))
    colours = np.concatenate([picture.rows(top, bottom, channels) for top, bottom in pairs])
    if not picture.has_alpha:
        return colours
    return np.concatenate([colours, np.concatenate([picture.alpha(*pair) for pair in pairs])], axis=2)


def rows_of(pixels: np.ndarray, bits: int) -> bytes:
    """[H, W, C] as a PNG's rows without a filter."""
    values = pixels.reshape(len(pixels), -1)
    if bits == 16:
        return b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    unpacked = np.unpackbits(values.astype(np.uint8)[:, :, None], axis=2)[:, :, 8 - bits :]
    return b"".join(b"\0" + np.packbits(row.ravel()).tobytes() for row in unpacked)


def interlaced(pixels: np.ndarray, bits: int) -> bytes:
    """The same, as the seven passes of Adam7."""
    passes = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))
    return b"".join(rows_of(pixels[top::down, left::across], bits) for top, left, down, across in passes)


PNGS = [(0, 1, 1), (0, 2, 1), (0, 4, 1), (0, 8, 1), (0, 16, 1), (2, 8, 3), (2, 16, 3), (3, 1, 1), (3, 2, 1), (3, 4, 1),
        (3, 8, 1), (4, 8, 2), (4, 16, 2), (6, 8, 4), (6, 16, 4)]  # fmt: skip
"""All that there are: type of colour, bits, samples."""


@pytest.mark.parametrize("how", [rows_of, interlaced])
@pytest.mark.parametrize(("colour", "bits", "channels"), PNGS)
def test_every_png(bits: int, how: Callable[[np.ndarray, int], bytes], colour: int, channels: int) -> None:
    values = RANDOM.integers(0, 2**bits, (HEIGHT, WIDTH, channels), np.uint16)
    palette = RANDOM.integers(0, 256, (2**bits, 3), np.uint8) if colour == 3 else np.zeros((0, 3), np.uint8)
    beside = [chunk(b"PLTE", palette.tobytes())] if colour == 3 else []
    file = io.BytesIO(png(WIDTH, HEIGHT, bits, colour, how(values, bits), *beside, interlaced=how is interlaced))
    depth = UINT16 if bits == 16 else UINT8
    white = 65535 if bits == 16 else 255
    expected = palette[values[..., 0]] if colour == 3 else values * (white // (2**bits - 1))
    with opened(file, "a.png") as picture:
        assert (picture.form.format, picture.form.depth, picture.form.grey) == ("PNG", depth, colour in (0, 4))
        assert (picture.width, picture.height, picture.has_alpha) == (WIDTH, HEIGHT, colour in (4, 6))
        found = everything(picture, 1 if picture.form.grey else 3)
    if colour in (4, 6):
        share = expected[..., -1:] / white
        np.testing.assert_array_equal(found[..., -1:], expected[..., -1:])
        laid = expected[..., :-1] * share + white * (1 - share)
        assert np.abs(found[..., :-1] - laid).max() <= 0.51
    else:
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(("colour", "bits", "channels"), [kind for kind in PNGS if kind[0] < 4])
def test_one_colour_of_a_png_may_be_transparent(bits: int, colour: int, channels: int) -> None:
    values = RANDOM.integers(0, 2**bits, (HEIGHT, WIDTH, channels), np.uint16)
    clear = values[5, 7]
    told = bytes([0] if colour == 3 else clear.astype(">u2").tobytes())
    palette = [chunk(b"PLTE", RANDOM.bytes(3 * 2**bits))] if colour == 3 else []
    file = io.BytesIO(png(WIDTH, HEIGHT, bits, colour, rows_of(values, bits), *palette, chunk(b"tRNS", told)))
    hidden = values == 0 if colour == 3 else (values == clear).all(axis=2, keepdims=True)
    with opened(file, "a.png") as picture:
        assert picture.has_alpha
        np.testing.assert_array_equal(picture.alpha(0, HEIGHT) == 0, hidden)
        assert (picture.rows(0, HEIGHT, 3)[hidden[..., 0]] == (65535 if bits == 16 else 255)).all()


TIFFS = {
    "striped": {"rowsperstrip": 5},
    "one strip": {},
    "one deflated strip": {"compression": "zlib"},
    "deflate, predicted": {"compression": "zlib", "predictor": True, "rowsperstrip": 6},
    "tiles": {"tile": (16, 32)},
    "tiles, lzw": {"tile": (16, 16), "compression": "lzw"},
    "zstd": {"compression": "zstd", "rowsperstrip": 7},
    "lzma": {"compression": "lzma", "rowsperstrip": 3},
    "big-endian": {"byteorder": ">", "rowsperstrip": 4},
    "big-endian, one strip": {"byteorder": ">"},
    "BigTIFF": {"bigtiff": True, "tile": (32, 16)},
}


@pytest.mark.parametrize("layout", TIFFS)
@pytest.mark.parametrize(
    "pixels", [GREY, COLOUR, GREY16, COLOUR16, GREY.astype(np.float32) / 255], ids=lambda p: p.dtype
)
@pytest.mark.parametrize("separate", [False, True])
def test_every_layout_of_a_tiff(layout: str, pixels: np.ndarray, separate: bool) -> None:
    channels = pixels.shape[2]
    separate = separate and channels > 1
    stored = np.moveaxis(pixels, -1, 0) if separate else pixels if channels == 3 else pixels[..., 0]
    file = io.BytesIO()
    colours = {"photometric": "rgb" if channels == 3 else "minisblack", "maxworkers": 1}
    tifffile.imwrite(file, stored, planarconfig="separate" if separate else None, **colours, **TIFFS[layout])
    with opened(file, "a.tif") as picture:
        assert (picture.form.depth, picture.form.grey, picture.frames) == (pixels.dtype, channels == 1, 1)
        for step in (HEIGHT, 4, 17):
            np.testing.assert_array_equal(everything(picture, channels, step), pixels)
        assert not picture.warnings


def test_tiffs_are_decoded_no_further_than_asked() -> None:
    file = io.BytesIO()
    tifffile.imwrite(file, COLOUR, photometric="rgb", compression="zlib", rowsperstrip=10, maxworkers=1)
    file.seek(0)
    last = tifffile.TiffFile(file).pages[0].dataoffsets[-1]
    data = bytearray(file.getvalue())
    data[last : last + 40] = bytes(40)
    with opened(io.BytesIO(data), "a.tif") as picture:
        np.testing.assert_array_equal(picture.rows(3, 30, 3), COLOUR[3:30])
        with pytest.raises(Unreadable, match="damaged TIFF"):
            picture.rows(25, 31, 3)


def tiff(pixels: np.ndarray, **options: object) -> io.BytesIO:
    file = io.BytesIO()
    tifffile.imwrite(file, pixels, maxworkers=1, **options)  # type: ignore[arg-type]
    return file


@pytest.mark.parametrize("extra", ["unassalpha", "assocalpha", "unspecified"])
@pytest.mark.parametrize("pixels", [CLEAR, CLEAR16], ids=lambda p: p.dtype)
def test_extra_samples_are_transparency_only_where_the_tag_says_so(extra: str, pixels: np.ndarray) -> None:
    white = np.iinfo(pixels.dtype).max
    share = pixels[..., 3:] / white
    stored = pixels.copy()
    if extra == "assocalpha":
        stored[..., :3] = np.rint(pixels[..., :3] * share)
    with opened(tiff(stored, photometric="rgb", extrasamples=[extra]), "a.tif") as picture:
        assert picture.has_alpha == (extra != "unspecified")
        found = picture.rows(0, HEIGHT, 3)
        if not picture.has_alpha:
            np.testing.assert_array_equal(found, pixels[..., :3])
            assert "extra samples" in picture.warnings[0]
            with pytest.raises(ValueError, match="no transparency"):
                picture.alpha(0, 1)
        else:
            np.testing.assert_array_equal(picture.alpha(0, HEIGHT), pixels[..., 3:])
            assert np.abs(found - (pixels[..., :3] * share + white * (1 - share))).max() <= 1.1


def test_white_may_be_zero_and_colours_may_be_few() -> None:
    with opened(tiff(GREY[..., 0], photometric="miniswhite"), "a.tif") as picture:
        np.testing.assert_array_equal(picture.rows(0, HEIGHT, 1), 255 - GREY)
    palette = RANDOM.integers(0, 256, (3, 256), np.uint16)
    file = tiff(GREY[..., 0], photometric="palette", colormap=palette * 257)
    with opened(file, "a.tif") as picture:
        np.testing.assert_array_equal(picture.rows(0, HEIGHT, 3), palette.T[GREY[..., 0]])
        assert not picture.form.grey
    for mode in ("1", "P"):
        few = image(COLOUR).convert(mode)
        with opened(saved(few, "TIFF"), "a.tif") as picture:
            np.testing.assert_array_equal(picture.rows(0, HEIGHT, 3), np.asarray(few.convert("RGB")))


@pytest.mark.parametrize("kind", [np.float16, np.float64, np.int16, np.uint32, np.int64])
def test_other_numbers_keep_their_values(kind: type) -> None:
    floats = np.dtype(kind).kind == "f"
    values = (GREY / 255 if floats else GREY16 // 2)[..., 0].astype(kind)
    with opened(tiff(values, photometric="minisblack"), "a.tif") as picture:
        assert picture.form.depth == (FLOAT32 if floats else UINT16)
        np.testing.assert_array_equal(picture.rows(0, HEIGHT, 1)[..., 0], values.astype(picture.form.depth))


@pytest.mark.parametrize(
    ("values", "says"),
    [
        (np.full((4, 4), -1, np.int16), "-1 to -1"),
        (np.full((4, 4), 65536, np.uint32), "65536 to 65536"),
        (np.full((4, 4), 1.5, np.float32), "1.5"),
        (np.full((4, 4), np.nan, np.float32), "nan"),
        (np.full((4, 4), 1j, np.complex64), "no colours"),
    ],
)
def test_numbers_that_no_rule_shows_are_refused(values: np.ndarray, says: str) -> None:
    with pytest.raises(Unreadable, match=says), opened(tiff(values, photometric="minisblack"), "a.tif") as picture:
        picture.rows(0, 4, 1)


def test_twelve_bits_in_sixteen_stay_dark() -> None:
    dark = (GREY16 >> 4)[..., 0]
    with opened(tiff(dark, photometric="minisblack"), "a.tif") as picture:
        np.testing.assert_array_equal(picture.rows(0, HEIGHT, 1)[..., 0], dark)


def test_jpeg_in_a_tiff_is_what_libtiff_says() -> None:
    smooth = np.asarray(image(COLOUR).resize((8, 6)).resize((64, 48)))
    for options in ({"tile": (16, 16)}, {"rowsperstrip": 16}):
        file = tiff(smooth, photometric="ycbcr", compression="jpeg", **options)
        with opened(file, "a.tif") as picture, Image.open(io.BytesIO(file.getvalue())) as reference:
            assert np.abs(picture.rows(0, 48, 3).astype(int) - np.asarray(reference)).max() <= 4


@pytest.mark.skipif(int(PIL.__version__.split(".")[0]) < 13, reason="Pillow can't read what it writes there")
def test_a_tiff_of_luma_and_chroma_is_left_to_pillow() -> None:
    smooth = Image.fromarray(np.asarray(image(COLOUR).resize((8, 6)).resize((64, 48))))
    file = saved(smooth.convert("YCbCr"), "TIFF")  # which tifffile leaves as it is
    with opened(file, "a.tif") as picture, Image.open(io.BytesIO(file.getvalue())) as reference:
        np.testing.assert_array_equal(picture.rows(0, 48, 3), np.asarray(reference.convert("RGB")))


def test_the_first_page_counts_and_smaller_copies_are_no_pages() -> None:
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        writer.write(COLOUR, photometric="rgb", metadata=None)
        writer.write(COLOUR[::2, ::2], photometric="rgb", subfiletype=1, metadata=None)
        writer.write(255 - COLOUR, photometric="rgb", metadata=None)
    with opened(file, "a.tif") as picture:
        assert picture.frames == 2
        assert "first of 2 pages" in picture.warnings[0]
        np.testing.assert_array_equal(picture.rows(0, HEIGHT, 3), COLOUR)
    found = []
    for address in addresses(file):
        with opened_page(file, "a.tif", address) as picture:
            found.append(picture.rows(0, HEIGHT, 3))
    np.testing.assert_array_equal(found, [COLOUR, 255 - COLOUR])


@pytest.mark.parametrize("length", [1, 2, 5])
def test_pages_that_lead_back_to_the_first_end(length: int) -> None:
    data = bytearray(simple_tiff(40, 24, RANDOM.bytes(960)))
    starts = [8, *range(len(data), len(data) + 126 * (length - 1), 126)]
    folders = [bytes(data[8:130])] * length
    data += bytes(126 * (length - 1))
    for index, (start, folder) in enumerate(zip(starts, folders, strict=True)):
        data[start : start + 126] = folder + struct.pack("<I", starts[(index + 1) % length])
    assert addresses(io.BytesIO(data)) == starts
    with opened(io.BytesIO(data), "a.tif") as picture:
        assert picture.frames == length


def test_the_first_picture_of_several_in_a_jpeg() -> None:
    file = saved(image(COLOUR), "MPO", save_all=True, append_images=[image(255 - COLOUR)])
    with opened(file, "a.jpg") as picture, Image.open(io.BytesIO(file.getvalue())) as reference:
        assert (picture.form.format, picture.frames) == ("MPO", 1)
        assert "MPO" in picture.warnings[0]
        np.testing.assert_array_equal(picture.rows(0, HEIGHT, 3), np.asarray(reference))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_are_upright(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = saved(image(COLOUR), "PNG", exif=exif)
    with Image.open(file) as told:
        expected = np.asarray(ImageOps.exif_transpose(told))
    tag = [(274, 3, 1, orientation, True)]
    tiles = tiff(COLOUR, photometric="rgb", tile=(16, 16), extratags=tag)
    strips = tiff(COLOUR, photometric="rgb", rowsperstrip=5, compression="zlib", extratags=tag)
    for stored, name in ((file, "a.png"), (saved(image(COLOUR), "WEBP", exif=exif, lossless=True), "a.webp"),
                       (tiles, "a.tif"), (strips, "a.tif")):  # fmt: skip
        with opened(stored, name) as picture:
            assert (picture.height, picture.width) == expected.shape[:2]
            np.testing.assert_array_equal(everything(picture, 3, 7), expected)


@pytest.mark.parametrize(
    ("kind", "mode", "options"),
    [
        ("JPEG", "L", {}), ("JPEG", "RGB", {}), ("JPEG", "RGB", {"progressive": True}), ("WEBP", "RGB", {}),
        ("WEBP", "RGBA", {"lossless": True, "exact": True}), ("BMP", "1", {}), ("BMP", "L", {}), ("BMP", "P", {}),
        ("BMP", "RGB", {}), ("GIF", "L", {}), ("GIF", "P", {}), ("GIF", "P", {"transparency": 9}), ("PPM", "1", {}),
        ("PPM", "L", {}), ("PPM", "RGB", {}),
    ],
)  # fmt: skip
def test_other_formats_are_as_pillow_reads_them(kind: str, mode: str, options: dict[str, object]) -> None:
    pixels = image(CLEAR if mode == "RGBA" else COLOUR)
    file = saved(pixels.quantize(64) if mode == "P" else pixels.convert(mode), kind, **options)
    with Image.open(io.BytesIO(file.getvalue())) as reference:
        whole = np.asarray(reference.convert("RGBA"))
        white = Image.alpha_composite(Image.new("RGBA", reference.size, "white"), reference.convert("RGBA"))
    with opened(file, "a") as picture:
        assert (picture.form.format, picture.form.grey) == (kind, mode in ("1", "L"))
        assert picture.has_alpha == (mode == "RGBA" or "transparency" in options)
        assert np.abs(picture.rows(0, HEIGHT, 3).astype(int) - np.asarray(white)[..., :3]).max() <= picture.has_alpha
        if picture.has_alpha:
            np.testing.assert_array_equal(picture.alpha(0, HEIGHT), whole[..., 3:])


@pytest.mark.parametrize("kind", ["P5", "P6", "P2", "P3"])
@pytest.mark.parametrize("white", [65535, 1023])
def test_deep_ppms(kind: str, white: int) -> None:
    values = np.minimum(GREY16 if kind in ("P5", "P2") else COLOUR16, white)
    plain = kind in ("P2", "P3")
    data = b"# said\n" + " ".join(map(str, values.ravel())).encode() if plain else values.astype(">u2").tobytes()
    with opened(io.BytesIO(f"{kind}\n{WIDTH} {HEIGHT}\n{white}\n".encode() + data), "a.ppm") as picture:
        assert picture.form.depth == UINT16
        found = everything(picture, values.shape[2])
    assert np.abs(found - values * (65535 / white)).max() <= 0.5


def test_inks_become_colours() -> None:
    inks = image(COLOUR).convert("CMYK")
    for kind, name in (("TIFF", "a.tif"), ("JPEG", "a.jpg")):
        file = saved(inks, kind)
        with Image.open(io.BytesIO(file.getvalue())) as reference:
            expected = np.asarray(reference.convert("RGB"))
        with opened(file, name) as picture:
            np.testing.assert_array_equal(picture.rows(0, HEIGHT, 3), expected)
            assert "CMYK became sRGB" in picture.warnings[0]


def cmyk_profile() -> bytes:
    """A profile by which no ink is white, all four at once are black, and any one alone is a mid grey, L* 50."""
    grid = bytes([255, 128, 128]) + bytes([128, 128, 128]) * 14 + bytes([0, 128, 128])
    identity = struct.pack(">9i", *(65536 * (i in (0, 4, 8)) for i in range(9)))
    ramp = bytes(range(256))
    table = b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + identity + ramp * 4 + grid + ramp * 3
    text = b"text" + bytes(4) + b"made for a test\0"
    white = b"XYZ " + bytes(4) + struct.pack(">3i", 63190, 65536, 54061)
    parts = [(b"A2B0", table), (b"desc", text), (b"wtpt", white)]
    offset, tags, body = 128 + 4 + 12 * len(parts), struct.pack(">I", len(parts)), b""
    for name, data in parts:
        tags += struct.pack(">4sII", name, offset + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    size = 128 + len(tags) + len(body)
    head = struct.pack(">I4sI4s4s4s", size, b"lcms", 0x02400000, b"prtr", b"CMYK", b"Lab ") + bytes(12) + b"acsp"
    return head.ljust(68, b"\0") + struct.pack(">3i", 63190, 65536, 54061).ljust(60, b"\0") + tags + body


def test_inks_are_seen_through_their_profile() -> None:
    inks = np.zeros((2, 2, 4), np.uint8)
    inks[1, :, 3] = 255
    for kind in ("TIFF", "JPEG"):
        with opened(saved(Image.fromarray(inks, "CMYK"), kind, icc_profile=cmyk_profile()), "a") as picture:
            assert picture.form.icc is None
            assert picture.warnings == ["CMYK became sRGB, by its profile"]
            found = picture.rows(0, 2, 3)
        assert (found[0] >= 250).all()
        assert (np.abs(found[1].astype(int) - 119) < 4).all()  # L* 50; black by the plain formula


def test_colours_as_luma_and_grey_as_colours() -> None:
    with opened(saved(image(COLOUR), "PNG"), "a.png") as picture:
        np.testing.assert_array_equal(picture.rows(0, HEIGHT, 1)[..., 0], np.asarray(image(COLOUR, "L")))
    with opened(saved(image(GREY), "PNG"), "a.png") as picture:
        np.testing.assert_array_equal(picture.rows(0, HEIGHT, 3), np.repeat(GREY, 3, axis=2))
        with pytest.raises(ValueError, match="rows"):
            picture.rows(0, HEIGHT + 1, 3)


def test_the_content_counts_not_the_ending() -> None:
    with opened(saved(image(COLOUR), "PNG"), "sub/a.JPG") as picture:
        assert picture.form.format == "PNG"
        assert picture.warnings == ["is a PNG by content, and named .jpg"]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "is empty"),
        (bytes(500), "zero bytes"),
        (b"Dear reader,\nthis is a letter.", "text file"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "HEIC picture by content: save it as"),
        (b"%PDF-1.7", "a PDF"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (b"\x01\x02\x03\xff", "is no image that can be read"),
    ],
)
def test_what_is_no_image_is_said_to_be_none(data: bytes, says: str) -> None:
    with pytest.raises(Unreadable, match=says) as caught, opened(io.BytesIO(data), "sub/a.png"):
        pass
    assert caught.value.path == Path("sub/a.png")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP", "GIF", "PPM", "TIFF"])
def test_a_cut_off_file_is_an_error_and_no_half_grey_picture(kind: str) -> None:
    data = saved(image(COLOUR), kind).getvalue()
    for share in (0.3, 0.6, 0.9):
        cut = io.BytesIO(data[: int(len(data) * share)])
        with pytest.raises(Unreadable), opened(cut, "a") as picture:
            picture.rows(0, picture.height, 3)


def test_damaged_exif_is_left_out_and_the_picture_read() -> None:
    file = saved(image(COLOUR), "PNG", exif=b"Exif\0\0II*\0\xff\xff\xff\x7f")
    with opened(file, "a.png") as picture:
        np.testing.assert_array_equal(picture.rows(0, HEIGHT, 3), COLOUR)


def test_limits() -> None:
    small = Limits(pixels=1000, per_byte=1)
    large = io.BytesIO(png(100, 100, 8, 0, bytes(10100)))
    with pytest.raises(Unreadable, match=r"holds 100x100 pixels, in a file of"), opened(large, "a.png", small):
        pass
    with opened(io.BytesIO(simple_tiff(100, 100, RANDOM.bytes(10000))), "a.tif", small) as picture:
        assert picture.rows(0, 100, 1).shape == (100, 100, 1)
    tight = Limits(memory=5000)
    for file, name in ((saved(image(COLOUR), kind), kind) for kind in ("PNG", "JPEG", "WEBP", "BMP", "GIF", "PPM")):
        if name != "GIF":
            with pytest.raises(Unreadable, match="save it as a TIFF"), opened(file, "a", tight):
                pass
    with opened(tiff(COLOUR, photometric="rgb", rowsperstrip=2, compression="zlib"), "a.tif", tight) as picture:
        np.testing.assert_array_equal(everything(picture, 3, 5), COLOUR)
    large = tiff(COLOUR, photometric="rgb", compression="zlib")
    with pytest.raises(Unreadable, match="strip or tile"), opened(large, "a.tif", tight):
        pass


def test_pillows_own_limit_is_nobodys_business(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 500)  # as another user of Pillow may have set it
    for kind in ("PNG", "JPEG", "BMP", "PPM", "TIFF"):
        with opened(saved(image(COLOUR), kind), "a") as picture:
            assert picture.rows(0, 3, 3).shape == (3, WIDTH, 3)
    assert Image.MAX_IMAGE_PIXELS == 500


def test_decoded_pictures_are_free_after_closing() -> None:
    file = saved(Image.new("RGB", (4000, 4000)), "BMP")
    with opened(file, "a.bmp") as picture:
        picture.rows(0, 10, 3)
        held = weakref.ref(picture.stored)
        assert held() is not None
    gc.collect()
    assert held() is None
    with pytest.raises(ValueError, match="closed"):
        picture.rows(0, 1, 3)
