"""Animations and files of pages: every frame, its time and its transparency come out again; one batch at a time."""

from __future__ import annotations

import io
import tempfile
import tracemalloc
from itertools import pairwise

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import GifImagePlugin, Image, ImageCms

from translate.data.images import Unreadable
from translate.formats import animation, pages
from translate.formats.form import Array
from translate.formats.moving import Frame, Moving
from translate.inference.motion import translate_motion

SHOWN = [40, 50, 60, 70, 80, 90, 100]
FORMATS = {".gif": "GIF", ".png": "PNG", ".webp": "WEBP"}


def drawn(number: int = 7, alpha: bool = True) -> list[np.ndarray]:
    """Columns of colours, a square that moves over them, and a hole that moves too."""
    frames = []
    for i in range(number):
        frame = np.zeros((24, 40, 4), np.uint8)
        frame[:, :, 0] = np.arange(40) // 8 * 40
        frame[5:9, i : i + 4, :3] = 200, 30, 60
        frame[:, :, 3] = 255
        if alpha:
            frame[14:18, 2 * i : 2 * i + 4] = 0
        frames.append(frame)
    return frames


def animated(ending: str, frames: list[np.ndarray], loop: int | None = 3, **options: object) -> io.BytesIO:
    file = io.BytesIO()
    first, *rest = map(Image.fromarray, frames)
    options = {"duration": SHOWN[: len(frames)]} | options | ({} if loop is None else {"loop": loop})
    if ending == ".gif":
        options["disposal"] = 2
    if ending == ".webp":
        options["lossless"] = options["exact"] = True
    first.save(file, FORMATS[ending], save_all=True, append_images=rest, **options)
    return file


def translated(
    source: io.BytesIO,
    name: str,
    ending: str,
    network: object = lambda x: x,
    channels: tuple[int, int] = (3, 3),
    batch: int = 3,
    metadata: bool = False,
) -> tuple[io.BytesIO, list[str]]:
    target = io.BytesIO()
    warnings = translate_motion(network, source, name, target, ending, channels, batch, metadata)  # type: ignore[arg-type]
    target.seek(0)
    return target, warnings


def read(file: io.BytesIO) -> tuple[list[np.ndarray], list[float], int | None]:
    """Frames as RGBA, milliseconds, and what the file says of loops."""
    with Image.open(file) as image:
        frames, shown, loop = [], [], image.info.get("loop")
        for i in range(getattr(image, "n_frames", 1)):
            image.seek(i)
            frames.append(np.asarray(image.convert("RGBA")))
            shown.append(image.info.get("duration", 0))
        return frames, shown, loop


def same(found: np.ndarray, expected: np.ndarray, by: int = 0) -> None:
    np.testing.assert_array_equal(found[..., 3], expected[..., 3])
    seen = expected[..., 3] > 0
    assert np.abs(found[seen].astype(int) - expected[seen]).mean() <= by
    assert by or (found[seen] == expected[seen]).all()


@pytest.mark.parametrize("ending", FORMATS)
@pytest.mark.parametrize("to", FORMATS)
def test_frames_times_loops_and_transparency_stay(ending: str, to: str) -> None:
    frames = drawn()
    found, shown, loop = read(translated(animated(ending, frames), "a" + ending, to)[0])
    assert len(found) == 7
    for one, expected in zip(found, frames, strict=True):
        same(one, expected, by=6 if to == ".webp" else 0)
    assert shown == SHOWN
    # A GIF counts repetitions, the others how often it is shown.
    assert loop == 3 + (ending == ".gif") - (to == ".gif")


def test_other_decoders_see_the_same() -> None:
    frames = drawn(alpha=False)
    gif, png = (translated(animated(".png", frames), "a.png", to)[0].getvalue() for to in (".gif", ".png"))
    expected = np.stack(frames)[..., :3]
    np.testing.assert_array_equal(imagecodecs.gif_decode(gif)[..., :3], expected)
    np.testing.assert_array_equal(imagecodecs.apng_decode(png)[..., :3], expected)


@pytest.mark.parametrize(("ending", "loop", "to", "expected"), [
    (".gif", None, ".gif", None), (".gif", 0, ".gif", 0), (".gif", None, ".png", 1), (".gif", 0, ".webp", 0),
    (".png", 1, ".gif", None), (".webp", 0, ".gif", 0),
])  # fmt: skip
def test_how_often_it_plays(ending: str, loop: int | None, to: str, expected: int | None) -> None:
    assert read(translated(animated(ending, drawn(3), loop), "a" + ending, to)[0])[2] == expected


@pytest.mark.parametrize("to", FORMATS)
def test_frames_that_become_equal_are_still_as_many(to: str) -> None:
    source = animated(".png", drawn(alpha=False))
    found, shown, _ = read(translated(source, "a.png", to, lambda x: np.full_like(x, 90))[0])
    assert (len(found), shown) == (7, SHOWN)


def test_batches_are_of_the_size_asked_for_and_in_order_and_holes_are_white() -> None:
    seen: list[Array] = []

    def network(frames: Array) -> Array:
        seen.append(frames)
        return 255 - frames

    frames = drawn()
    found = read(translated(animated(".gif", frames), "a.gif", ".png", network)[0])[0]
    assert [len(batch) for batch in seen] == [3, 3, 1]
    white = [np.where(frame[..., 3:] == 0, 255, frame[..., :3]) for frame in frames]
    np.testing.assert_array_equal(np.concatenate(seen), np.stack(white))
    np.testing.assert_array_equal(np.stack(found)[..., :3], 255 - np.stack(white))


@pytest.mark.parametrize("ending", [*FORMATS, ".tif"])
def test_what_is_done_is_written_before_more_is_read(ending: str) -> None:
    """At no time are there more frames between reading and writing than those of one batch, and one ahead."""
    source, target = animated(".png", drawn(alpha=False)), io.BytesIO()
    filled: list[int] = []

    def network(frames: Array) -> Array:
        filled.append(target.tell())
        return frames

    translate_motion(network, source, "a.png", target, ending, (3, 3), 1)
    assert len(filled) == 7
    assert all(later > earlier for earlier, later in pairwise(filled[1:]))


def test_translucency_becomes_one_bit_in_a_gif_and_stays_in_the_others() -> None:
    frames = drawn(3, alpha=False)
    for frame in frames:
        frame[0, :, 3] = np.linspace(0, 255, 40)
    levels = frames[0][0, :, 3]
    for to in FORMATS:
        found = read(translated(animated(".png", frames), "a.png", to)[0])[0]
        expected = np.where(levels < 128, 0, 255) if to == ".gif" else levels
        assert all((frame[0, :, 3] == expected).all() for frame in found), to


def test_many_colours_beside_a_hole_keep_to_the_256_of_a_gif() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (24, 40, 4), np.uint8)
    noise[..., 3] = 255
    noise[:, 3:6, 3] = 0
    found = read(translated(animated(".png", [noise, noise[::-1].copy()]), "a.png", ".gif")[0])[0]
    np.testing.assert_array_equal(found[0][..., 3], noise[..., 3])
    assert np.abs(found[0][:, 6:, :3].astype(int) - noise[:, 6:, :3]).mean() < 16


def test_times_that_a_format_rounds_do_not_add_up() -> None:
    source = animated(".png", drawn(), duration=1000 / 30)
    assert sum(read(translated(source, "a.png", ".gif")[0])[1]) == 230  # of 233.3, in hundredths
    assert sum(read(translated(source, "a.png", ".webp")[0])[1]) == 233
    assert read(translated(source, "a.png", ".png")[0])[1] == pytest.approx([1000 / 30] * 7, abs=1e-9)


def test_grey_in_and_grey_out() -> None:
    frames = drawn(3, alpha=False)
    luma = [np.asarray(Image.fromarray(frame).convert("L")) for frame in frames]
    for to in (".gif", ".png", ".tif"):
        target, _ = translated(animated(".png", frames), "a.png", to, channels=(1, 1))
        for found, expected in zip(read(target)[0], luma, strict=True):
            np.testing.assert_array_equal(found[..., :3], np.repeat(expected[:, :, None], 3, 2))


def test_profiles_are_kept_and_metadata_on_request() -> None:
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = Image.Exif()
    exif[0x010E] = "a garden"
    for ending in (".png", ".webp"):
        source = animated(ending, drawn(3), icc_profile=icc, exif=exif.tobytes())
        for metadata in (False, True):
            target, _ = translated(source, "a" + ending, ending, metadata=metadata)
            with Image.open(target) as image:
                assert image.info["icc_profile"] == icc
                assert dict(image.getexif()) == ({0x010E: "a garden"} if metadata else {})
    assert translated(source, "a.webp", ".gif")[1] == ["GIF holds no colour profile: it is left out"]


def test_the_picture_for_viewers_without_animation_is_no_frame() -> None:
    frames = drawn(4, alpha=False)
    target, warnings = translated(animated(".png", frames, default_image=True, duration=40), "a.png", ".png")
    assert len(read(target)[0]) == 3
    assert "left out" in warnings[0]


def paged(pixels: list[np.ndarray], **options: object) -> io.BytesIO:
    file = io.BytesIO()
    with tifffile.TiffWriter(file, bigtiff=bool(options.pop("bigtiff", False))) as tiff:
        for page in pixels:
            tiff.write(page, photometric="rgb" if page.ndim == 3 else "minisblack", metadata=None, contiguous=False,
                       extrasamples=["unassalpha"] if page.ndim == 3 and page.shape[2] == 4 else None,
                       **options)  # fmt: skip
    return file


RANDOM = np.random.default_rng(3)
PAGES = [
    RANDOM.integers(0, 65536, (9, 14, 3), np.uint16),
    RANDOM.integers(0, 65536, (9, 14, 3), np.uint16),
    RANDOM.integers(0, 256, (20, 5, 3), np.uint8),
    RANDOM.integers(0, 65536, (8, 8, 4), np.uint16),
    RANDOM.random((6, 7, 3), np.float32),
]


@pytest.mark.parametrize("bigtiff", [False, True])
def test_pages_keep_their_sizes_and_depths(bigtiff: bool) -> None:
    PAGES[3][..., 3] = np.where(PAGES[3][..., 3] > 30000, 65535, 0)
    source = paged(PAGES, bigtiff=bigtiff, resolution=(300, 300), resolutionunit="inch")
    seen: list[tuple[int, ...]] = []

    def network(frames: Array) -> Array:
        seen.append(frames.shape)
        return frames

    target, warnings = translated(source, "a.tif", ".tif", network, batch=4)
    assert seen == [(2, 9, 14, 3), (1, 20, 5, 3), (1, 8, 8, 3), (1, 6, 7, 3)]
    assert warnings == []
    with tifffile.TiffFile(target) as tiff:
        found = [page.asarray() for page in tiff.pages]
        assert all(page.tags["XResolution"].value == (300, 1) for page in tiff.pages)  # type: ignore[union-attr]
    assert [page.dtype for page in found] == [page.dtype for page in PAGES]
    for one, expected in zip(found, PAGES, strict=True):
        if expected.shape[2] == 4:
            seen_there = expected[..., 3] > 0
            np.testing.assert_array_equal(one[..., 3], expected[..., 3])
            np.testing.assert_array_equal(one[seen_there], expected[seen_there])
        else:
            np.testing.assert_array_equal(one, expected)


def test_smaller_copies_of_a_page_are_no_pages() -> None:
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as tiff:
        for page in PAGES[:2]:
            tiff.write(page, photometric="rgb", metadata=None)
            tiff.write(page[::2, ::2], photometric="rgb", metadata=None, subfiletype=1)
    target, warnings = translated(file, "a.tif", ".tif")
    with tifffile.TiffFile(target) as tiff:
        np.testing.assert_array_equal(np.stack([page.asarray() for page in tiff.pages]), np.stack(PAGES[:2]))
    assert warnings == []


def test_pages_that_no_other_format_could_hold_are_refused_and_others_become_an_animation() -> None:
    with pytest.raises(Unreadable, match="differ in size"):
        translated(paged(PAGES), "a.tif", ".gif")
    with pytest.raises(Unreadable, match=r"a \.jpg holds one"):
        translated(paged(PAGES), "a.tif", ".jpg")
    target, warnings = translated(paged(PAGES[:2]), "a.tif", ".png")
    np.testing.assert_array_equal(read(target)[0][1][..., :3], (PAGES[1].astype(int) + 128) // 257)
    assert warnings == ["16 bits became 8"]


@pytest.mark.parametrize("ending", [*FORMATS, ".tif"])
def test_a_file_that_is_cut_off_is_unreadable_and_says_so(ending: str) -> None:
    source = paged(PAGES[:3]) if ending == ".tif" else animated(ending, drawn())
    whole = source.getvalue()
    with pytest.raises(Unreadable, match=r"cut off|damaged"):
        translated(io.BytesIO(whole[: len(whole) * 6 // 10]), "a" + ending, ending)
    with pytest.raises(Unreadable):
        translated(io.BytesIO(b"no picture at all"), "a" + ending, ending)


def test_what_the_network_raises_is_not_taken_for_a_broken_file() -> None:
    def network(frames: Array) -> Array:
        raise ZeroDivisionError

    for source, name, to in ((animated(".gif", drawn()), "a.gif", ".gif"), (paged(PAGES), "a.tif", ".tif")):
        with pytest.raises(ZeroDivisionError):
            translated(source, name, to, network)


def test_a_still_picture_of_16_bits_says_what_an_animation_can_not_keep() -> None:
    file = io.BytesIO()
    Image.fromarray(np.full((5, 6), 40000, np.uint16)).save(file, "PNG")
    assert translated(file, "a.png", ".png")[1] == ["16 bits became 8"]


def test_a_time_longer_than_a_format_can_say_is_the_longest() -> None:
    frames = (Frame(frame[..., :3], None, seconds) for frame, seconds in zip(drawn(2), (0.0, 1e5), strict=True))
    target = io.BytesIO()
    animation.write(target, ".png", Moving(frames), "a.png")
    assert read(target)[1] == [0, 65535e3]


def test_what_a_gif_takes_away_before_its_next_frame() -> None:
    """Left standing, taken back, cleared: the three ways of the format (GIF89a, section 23)."""
    red, blue, green, white = (200, 0, 0), (0, 0, 200), (0, 200, 0), (255, 255, 255)
    palette = bytes(value for colour in (red, blue, green, white) for value in colour).ljust(768, b"\0")

    def patch(index: int, width: int, height: int) -> Image.Image:
        image = Image.frombytes("P", (width, height), bytes([index]) * (width * height))
        image.putpalette(palette)
        return image

    file = io.BytesIO()
    file.write(b"".join(GifImagePlugin.getheader(patch(0, 12, 10))[0]))
    for image, offset, disposal in (
        (patch(0, 12, 10), (0, 0), 1),
        (patch(1, 4, 4), (2, 2), 3),
        (patch(2, 3, 3), (7, 6), 2),
        (patch(3, 1, 1), (0, 0), 1),
    ):
        clear = {"transparency": 200} if offset != (0, 0) else {}
        parts = GifImagePlugin.getdata(image, offset, duration=50, disposal=disposal, **clear)
        file.write(b"".join(parts))
    file.write(b";")
    expected = np.full((4, 10, 12, 4), (*red, 255), np.uint8)
    expected[1, 2:6, 2:6] = *blue, 255
    expected[2, 6:9, 7:10] = *green, 255
    expected[3, 6:9, 7:10] = 0
    expected[3, 0, 0] = *white, 255
    for to in (".png", ".gif"):
        for found, one in zip(read(translated(file, "a.gif", to)[0])[0], expected, strict=True):
            same(found, one)


@pytest.mark.slow
@pytest.mark.parametrize("ending", [".gif", ".png", ".tif"])
def test_memory_does_not_grow_with_the_frames(ending: str) -> None:
    shades = np.random.default_rng(0).integers(0, 256, (200, 300, 3), np.uint8) // 16 * 16
    peaks = []
    for number in (12, 60):
        moved = (Frame(np.roll(shades, i, 1), None, 0.04) for i in range(number))
        with tempfile.TemporaryFile() as source, tempfile.TemporaryFile() as target:
            if ending == ".tif":
                pages.write(source, Moving(moved), "a.tif", False)
            else:
                animation.write(source, ending, Moving(moved), "a" + ending)
            tracemalloc.start()
            translate_motion(lambda frames: frames, source, "a" + ending, target, ending, (3, 3), 4)
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
    assert peaks[1] < peaks[0] + 12 * shades.nbytes  # of 48 more


def test_a_chain_of_pages_that_leads_back_to_itself_ends() -> None:
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as tiff:
        for page in PAGES[:2]:
            tiff.write(page, photometric="rgb", metadata=None, contiguous=False)
    data = bytearray(file.getvalue())
    with tifffile.TiffFile(io.BytesIO(data)) as tiff:
        first, second = (page.offset for page in tiff.pages)
    tags = int.from_bytes(data[second : second + 2], "little")
    data[second + 2 + 12 * tags : second + 6 + 12 * tags] = first.to_bytes(4, "little")
    target, _ = translated(io.BytesIO(bytes(data)), "a.tif", ".tif")
    with tifffile.TiffFile(target) as tiff:
        assert len(tiff.pages) == 2
