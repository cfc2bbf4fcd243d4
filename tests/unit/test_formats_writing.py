"""What was read is written so that other libraries find all of it again; what a format can't hold is said."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms

from translate.formats import writing
from translate.formats.form import DEPTHS, FLOAT32, UINT8, UINT16, Form, Metadata
from translate.formats.reading import opened
from translate.formats.values import convert
from translate.formats.writing import holds, write

HEIGHT, WIDTH = 41, 30
RGB_PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
GREY_PROFILE = RGB_PROFILE[:16] + b"GRAY" + RGB_PROFILE[20:]  # nobody looks any further
ENDINGS = (".png", ".tif", ".jpg", ".webp", ".bmp", ".gif", ".ppm", ".pgm")
LOSSLESS = (".png", ".tif", ".bmp", ".ppm", ".pgm")


def smooth(channels: int, depth: np.dtype) -> np.ndarray:
    """Few and smooth colours, which no format changes much."""
    down, across = np.mgrid[0:1:41j, 0:1:30j]
    planes = [down, across, (down + across) / 2, np.where(down > 0.5, 1.0, 0.0)]
    chosen = planes[:1] + planes[3:] if channels == 2 else planes[:channels]
    return convert(np.stack(chosen, axis=2).astype(np.float32), depth)


def written(pixels: np.ndarray, ending: str, tell: bool = False, **form: object) -> tuple[io.BytesIO, list[str]]:
    told = Form("PNG", pixels.dtype, pixels.shape[2] < 3, **form)  # type: ignore[arg-type]
    file = io.BytesIO()
    strips = np.array_split(pixels, [7, 8, 30])
    warnings = write(file, ending, told, pixels.shape[:2], pixels.shape[2], strips, tell)
    file.seek(0)
    return file, warnings


def independently(file: io.BytesIO, ending: str) -> np.ndarray:
    """[H, W, C] as Pillow, or where it knows 8 bits alone, tifffile or OpenCV, reads it."""
    import cv2

    if ending == ".tif":
        pixels = tifffile.imread(io.BytesIO(file.getvalue()))
    else:
        pixels = cv2.imdecode(np.frombuffer(file.getvalue(), np.uint8), cv2.IMREAD_UNCHANGED)
        if pixels.ndim == 3:
            pixels = pixels[..., [2, 1, 0, 3][: pixels.shape[2]]]
    return pixels if pixels.ndim == 3 else pixels[..., None]


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("depth", DEPTHS, ids=str)
def test_every_format_holds_what_it_says(ending: str, channels: int, depth: np.dtype) -> None:
    rule, pixels = holds(ending), smooth(channels, depth)
    profile = GREY_PROFILE if channels < 3 else RGB_PROFILE
    file, warnings = written(pixels, ending, icc=profile, metadata=Metadata((300.0, 150.0)))
    kept = depth if depth in rule.depths else UINT16 if UINT16 in rule.depths else UINT8
    with opened(file, f"a{ending}") as picture:
        assert (picture.width, picture.height, picture.form.depth) == (WIDTH, HEIGHT, kept)
        assert picture.has_alpha == (rule.alpha and channels in (2, 4))
        assert picture.form.icc == (profile if rule.icc else None)
        assert picture.form.grey == (channels < 3) or ending == ".webp" or (ending == ".gif" and channels == 2)
        if ending not in (".webp", ".gif", ".ppm", ".pgm"):
            np.testing.assert_allclose(picture.form.metadata.resolution, (300, 150), rtol=1e-3)
        colours = picture.rows(0, HEIGHT, 1 if channels < 3 else 3)
        if picture.has_alpha:
            np.testing.assert_array_equal(picture.alpha(0, HEIGHT), convert(pixels[..., -1:], kept))
    told = " ".join(warnings)
    assert ("transparency" in told) == (channels in (2, 4) and not rule.alpha)
    assert ("became these" in told) == (kept != depth)
    assert ("profile" in told) == (not rule.icc)
    expected = convert(pixels[..., : channels - (channels in (2, 4))], kept).astype(float)
    if picture.has_alpha:
        expected = np.where(pixels[..., -1:] > 0, expected, convert(np.ones((1, 1, 1), np.float32), kept))
    assert np.abs(colours - expected).max() <= (0 if ending in LOSSLESS else 30)
    if ending in LOSSLESS and not (ending == ".png" and channels == 2):  # which OpenCV reads as four
        with_alpha = pixels if rule.alpha else pixels[..., : expected.shape[2]]
        np.testing.assert_array_equal(independently(file, ending), convert(with_alpha, kept))


@pytest.mark.parametrize("ending", [".png", ".tif", ".jpg", ".webp", ".bmp", ".gif", ".ppm"])
def test_pixels_that_wait_on_the_disk_are_the_same(ending: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for channels in (1, 3, 4):
        pixels = smooth(channels, UINT16)
        in_memory, _ = written(pixels, ending)
        monkeypatch.setattr(writing, "SPOOLED", 100)
        on_disk, _ = written(pixels, ending)
        assert in_memory.getvalue() == on_disk.getvalue()
        monkeypatch.undo()


def test_large_tiff_strips_are_cut_anew() -> None:
    pixels = np.random.default_rng(0).integers(0, 65536, (700, 500, 3), np.uint16)
    file = io.BytesIO()
    write(file, ".tif", Form("TIFF", UINT16, False), (700, 500), 3, (pixels[y : y + 3] for y in range(0, 700, 3)))
    file.seek(0)
    with tifffile.TiffFile(file) as tiff:
        assert len(tiff.pages[0].dataoffsets) > 1
        np.testing.assert_array_equal(tiff.asarray(), pixels)
    with Image.open(io.BytesIO(written(smooth(4, UINT8), ".tif")[0].getvalue())) as image:
        np.testing.assert_array_equal(np.asarray(image), smooth(4, UINT8))


def test_a_profile_of_other_colours_is_left_out() -> None:
    for channels, profile in ((1, RGB_PROFILE), (2, RGB_PROFILE), (3, GREY_PROFILE), (4, GREY_PROFILE)):
        file, warnings = written(smooth(channels, UINT8), ".png", icc=profile)
        assert "profile is left out" in warnings[0]
        with Image.open(file) as image:
            assert "icc_profile" not in image.info


@pytest.mark.parametrize(
    ("ending", "size"), [(".jpg", (1, 65501)), (".webp", (16384, 1)), (".gif", (1, 65536)), (".JPEG", (70000, 1))]
)
def test_what_is_too_large_for_a_format_is_refused_before_anything_is_read(ending: str, size: tuple[int, int]) -> None:
    file = io.BytesIO()
    with pytest.raises(ValueError, match="at most"):
        write(file, ending, Form("PNG", UINT8, False), size, 3, iter([np.zeros((*size, 4), np.uint8)]))
    assert not file.getvalue()


def test_the_largest_that_fit_are_written() -> None:
    for ending, size in ((".jpg", (1, 65500)), (".webp", (16383, 1)), (".gif", (1, 65535))):
        file = io.BytesIO()
        write(file, ending, Form("PNG", UINT8, True), size, 1, [np.zeros((*size, 1), np.uint8)])
        with opened(file, "a") as picture:
            assert (picture.height, picture.width) == size


@pytest.mark.parametrize("rows", [40, 42])
@pytest.mark.parametrize("ending", [".png", ".tif", ".ppm"])
def test_strips_must_be_the_picture(rows: int, ending: str) -> None:
    pixels = np.zeros((rows, WIDTH, 3), np.uint8)
    with pytest.raises(ValueError, match="row"):
        write(io.BytesIO(), ending, Form("PNG", UINT8, False), (HEIGHT, WIDTH), 3, [pixels])


def camera() -> tuple[bytes, bytes]:
    """EXIF with an orientation, camera settings, a place and a thumbnail, and XMP that asks for turning too."""
    exif = Image.Exif()
    exif[0x0112], exif[0x010F], exif[0x010E] = 6, "Maker", "a description"
    exif.get_ifd(0x8769)[0x829A] = 0.004
    exif.get_ifd(0x8825)[1] = "N"
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><a tiff:Orientation="6" dc:title="t"/></x:xmpmeta>'
    return exif.tobytes(), xmp


@pytest.mark.parametrize("ending", [".jpg", ".png", ".webp", ".tif"])
@pytest.mark.parametrize("wanted", [True, False])
def test_metadata_on_request_and_upright(ending: str, wanted: bool) -> None:
    exif, xmp = camera()
    source = io.BytesIO()
    texts = {"exif": exif, "xmp": xmp, "dpi": (300, 300)}
    Image.fromarray(smooth(3, UINT8)).save(source, "JPEG", **texts)  # type: ignore[arg-type]
    with opened(source, "a.jpg") as picture:
        pixels, form = picture.rows(0, picture.height, 3), picture.form
    file = io.BytesIO()
    warnings = write(file, ending, form, pixels.shape[:2], 3, [pixels], wanted)
    assert not warnings
    with Image.open(file) as image:
        found = image.getexif()
        assert image.size == (HEIGHT, WIDTH)
        assert found.get(0x0112, 1) == 1
        assert found.get(0x010F) == ("Maker" if wanted else None)
        assert found.get_ifd(0x8769).get(0x829A) == (pytest.approx(0.004) if wanted else None)
        assert found.get_ifd(0x8825).get(1) == ("N" if wanted else None)
        packet = image.info.get("xmp", b"") or b""
        assert (b'dc:title="t"' in packet) == wanted
        assert b'Orientation="6"' not in packet
        if ending != ".webp":
            assert image.info["dpi"] == pytest.approx((300, 300), rel=1e-4)
    with opened(file, f"a{ending}") as again:
        assert (again.width, again.height) == (HEIGHT, WIDTH)


def test_thumbnails_are_left_out() -> None:
    thumbnail = io.BytesIO()
    Image.new("RGB", (8, 8)).save(thumbnail, "JPEG")
    entries = b"\x01\0\x0f\x01\x02\0\x04\0\0\0abc\0" + (26).to_bytes(4, "little")
    second = b"\x02\0\x01\x02\x04\0\x01\0\0\0" + (56).to_bytes(4, "little")
    second += b"\x02\x02\x04\0\x01\0\0\0" + len(thumbnail.getvalue()).to_bytes(4, "little") + bytes(4)
    exif = b"Exif\0\0II*\0\x08\0\0\0" + entries + second + thumbnail.getvalue()
    source = io.BytesIO()
    Image.fromarray(smooth(3, UINT8)).save(source, "JPEG", exif=exif)
    with opened(source, "a.jpg") as picture:
        kept = picture.form.metadata.exif
    assert kept is not None
    assert b"abc" in kept
    assert b"\xff\xd8" not in kept


def test_texts_of_a_png() -> None:
    told = Metadata(text=(("Title", "a title"), ("Größe", "グラフ")))
    for depth in (UINT8, UINT16):
        file, _ = written(smooth(3, depth), ".png", True, metadata=told)
        with Image.open(file) as image:
            assert image.text == dict(told.text)
        with opened(file, "a.png") as picture:
            assert picture.form.metadata.text == told.text
    _, warnings = written(smooth(3, UINT8), ".jpg", True, metadata=told)
    assert "texts" in warnings[0]
    long = Metadata(exif=b"Exif\0\0II*\0" + bytes(70000))
    _, warnings = written(smooth(3, UINT8), ".jpg", True, metadata=long)
    assert "too long for a JPEG" in warnings[0]


def test_half_transparency_of_a_gif_is_rounded() -> None:
    pixels = smooth(4, UINT8)
    pixels[..., 3] = np.linspace(0, 255, WIDTH, dtype=np.uint8)
    file, warnings = written(pixels, ".gif")
    assert "half transparency" in warnings[-1]
    with Image.open(file) as image:
        np.testing.assert_array_equal(np.asarray(image.convert("RGBA"))[..., 3] > 0, pixels[..., 3] >= 128)


def test_many_threads_at_once() -> None:
    """Reading and writing of all formats, eight at a time, give what they give alone."""

    def there_and_back(task: int) -> bytes:
        pixels, ending = smooth(1 + task % 4, DEPTHS[task % 3]), ENDINGS[task % 8]
        file, _ = written(pixels, ending)
        with opened(file, f"a{ending}") as picture:
            return picture.rows(0, HEIGHT, 3).tobytes()

    alone = [there_and_back(task) for task in range(48)]
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(there_and_back, range(48))) == alone


def test_float_tiffs_stay_floats() -> None:
    pixels = np.random.default_rng(0).random((HEIGHT, WIDTH, 3), np.float32)
    file, warnings = written(pixels, ".tif")
    assert not warnings
    np.testing.assert_array_equal(tifffile.imread(file), pixels)
    assert FLOAT32 not in holds(".png").depths
