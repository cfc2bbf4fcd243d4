"""Smaller copies: sizes, depths and transparency, and nothing that has to be invented."""

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from translate.cli import main
from translate.preparing.framing import Frame
from translate.preparing.resampling import resized


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(main, ["data", "resize", *map(str, words)])


def noise(*shape: int, depth: type = np.uint8) -> np.ndarray:
    return np.random.default_rng(0).integers(0, np.iinfo(depth).max, shape, depth, endpoint=True)


def test_the_mean_of_a_block_is_its_area() -> None:
    pixels = noise(12, 8, 3, depth=np.uint16)
    expected = pixels.reshape(3, 4, 2, 4, 3).astype(float).mean(axis=(1, 3))
    assert np.abs(resized(pixels, (3, 2), "area") - expected).max() <= 0.5
    assert np.abs(resized((pixels >> 8).astype(np.uint8), (3, 2), "area") - (expected // 256)).max() <= 1.5


@pytest.mark.parametrize("filter", ["lanczos", "area"])
def test_sixteen_bits_are_resized_as_eight_and_finer(filter: str) -> None:
    eight = noise(20, 24, 3)
    deep = resized(eight.astype(np.uint16) * 257, (7, 9), filter)  # type: ignore[arg-type]
    assert deep.dtype == np.uint16
    # Pillow rounds 8 bits after each of its two passes.
    assert np.abs(deep / 257 - resized(eight, (7, 9), filter)).max() <= 1  # type: ignore[arg-type]
    assert (deep % 257).any()


def test_what_can_not_be_seen_lends_no_colour() -> None:
    for depth, white in ((np.uint8, 255), (np.uint16, 65535)):
        pixels = np.zeros((8, 8, 4), depth)
        pixels[:, :4] = (white, 0, 0, white)  # opaque red beside transparent green
        pixels[:, 4:, 1] = white
        small = resized(pixels, (3, 3))
        assert small[..., 1].max() == 0
        assert small[:, 0, 0].min() == white


def test_nearest_invents_no_colour() -> None:
    pixels = noise(17, 13, 3)
    known = {tuple(colour) for colour in pixels.reshape(-1, 3).tolist()}
    assert {tuple(colour) for colour in resized(pixels, (5, 29), "nearest").reshape(-1, 3).tolist()} <= known


@pytest.mark.parametrize(
    ("fit", "given", "expected"),
    [
        ("cover", (100, 200), (50, 100)),
        ("contain", (100, 200), (25, 50)),
        ("stretch", (100, 200), (50, 50)),
        ("cover", (60, 333), (50, 278)),
    ],
)
def test_fits(fit: str, given: tuple[int, int], expected: tuple[int, int]) -> None:
    frame = Frame((50, 50), fit)  # type: ignore[arg-type]
    assert frame.fitted(np.zeros((*given, 1), np.uint8)).shape[:2] == expected
    assert not frame.small(given)


def test_names_formats_depth_alpha_and_profile_stay(tmp_path: Path) -> None:
    source, out, profile = tmp_path / "in", tmp_path / "out", _profile()
    (source / "x").mkdir(parents=True)
    Image.fromarray(noise(40, 40, 3)).save(source / "x/a.jpg", icc_profile=profile)
    Image.fromarray(noise(40, 40, 4)).save(source / "b.webp", lossless=True)
    Image.fromarray(noise(40, 40, depth=np.uint16)).save(source / "c.png")
    (source / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    said = run(source, out, "--size", "16")
    assert said.exit_code == 1
    assert "broken.png" in said.output
    assert {path.relative_to(out).as_posix() for path in out.rglob("[!.]*.*")} == {"x/a.jpg", "b.webp", "c.png"}
    with Image.open(out / "x/a.jpg") as a, Image.open(out / "b.webp") as b, Image.open(out / "c.png") as c:
        assert (a.format, a.size, a.info["icc_profile"]) == ("JPEG", (16, 16), profile)
        assert (b.format, b.mode) == ("WEBP", "RGBA")
        assert c.mode.startswith("I")


def _profile() -> bytes:
    from PIL import ImageCms

    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def test_what_is_smaller_is_copied_as_it_is_unless_asked(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    Image.fromarray(noise(10, 30, 3)).save(tmp_path / "in/a.jpg", quality=50)
    said = run(tmp_path / "in", tmp_path / "out", "--size", "20", "--crop", "center")
    assert "--enlarge" in said.output
    assert (tmp_path / "out/a.jpg").read_bytes() == (tmp_path / "in/a.jpg").read_bytes()
    assert run(tmp_path / "in", tmp_path / "large", "--size", "20", "--crop", "left", "--enlarge").exit_code == 0
    with Image.open(tmp_path / "large/a.jpg") as large:
        assert large.size == (20, 20)


def test_nothing_of_a_gets_into_b(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    pair = np.zeros((32, 64, 3), np.uint8)
    pair[:, 32:] = 255
    Image.fromarray(pair).save(tmp_path / "in/1.png")
    assert run(tmp_path / "in", tmp_path / "out", "--size", "12", "--pairs").exit_code == 0
    found = np.asarray(Image.open(tmp_path / "out/1.png"))
    assert found.shape == (12, 24, 3)
    assert found[:, :12].max() == 0
    assert found[:, 12:].min() == 255


@pytest.mark.parametrize(
    "words", [("--size", "0"), ("--size", "4x4x4"), ("--size", "8", "--fit", "contain", "--crop", "top"), ()]
)
def test_mistakes(words: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    Image.new("L", (9, 9)).save(tmp_path / "in/1.png")
    assert run(tmp_path / "in", tmp_path / "out", *words).exit_code == 2
    assert not (tmp_path / "out").exists()


def test_other_settings_for_what_is_there_are_said(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    Image.new("L", (20, 20)).save(tmp_path / "in/1.png")
    assert "warning" not in run(tmp_path / "in", tmp_path / "out", "--size", "12").output
    assert "warning" not in run(tmp_path / "in", tmp_path / "out", "--size", "12").output
    said = run(tmp_path / "in", tmp_path / "out", "--size", "8")
    assert "--size was 12x12" in said.output
    assert "new OUT" in said.output
    with Image.open(tmp_path / "out/1.png") as image:
        assert image.size == (12, 12)


def test_quiet_leaves_the_next_commands_out(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    Image.new("L", (20, 20)).save(tmp_path / "in/1.png")
    words = ["data", "resize", str(tmp_path / "in"), str(tmp_path / "out"), "--size", "8"]
    assert "next:" not in CliRunner().invoke(main, ["--quiet", *words]).output
    assert "next:" in CliRunner().invoke(main, words).output


def test_no_bar_goes_into_a_log_however_colours_are_forced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    (tmp_path / "in").mkdir()
    Image.new("L", (20, 20)).save(tmp_path / "in/1.png")
    said = run(tmp_path / "in", tmp_path / "out", "--size", "8")
    assert "\x1b" not in said.stderr
    assert "1/1" not in said.stderr
