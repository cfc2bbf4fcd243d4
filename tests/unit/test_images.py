"""Decoding what people have on disk, and the way between pixels and tensors."""

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from translate.data.images import (
    Unreadable,
    decode,
    encode,
    last_frame,
    resize,
    save,
    stack,
    strip,
    to_tensor,
    to_uint8,
)
from translate.data.layouts import ENDINGS, Picture


def noise(height: int = 6, width: int = 8, channels: int = 3, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), dtype=np.uint8)


def test_lossless_formats_come_back_exactly(tmp_path: Path) -> None:
    for channels in (1, 3):
        for ending in (".png", ".bmp", ".tif", ".tiff", ".ppm", ".pgm"):
            path = tmp_path / f"x{channels}{ending}"
            save(noise(channels=channels), path)
            assert np.array_equal(decode(Picture(path), channels), noise(channels=channels)), path


def test_every_ending_can_be_written_and_read(tmp_path: Path) -> None:
    flat = np.full((8, 8, 3), 100, np.uint8)
    for ending in sorted(ENDINGS):
        save(flat, tmp_path / f"x{ending.upper()}")
        assert np.abs(decode(tmp_path / f"x{ending.upper()}", 3).astype(int) - 100).max() <= 2


def test_jpeg_keeps_fine_colour(tmp_path: Path) -> None:
    stripes = np.zeros((16, 16, 3), np.uint8)
    stripes[:, ::2, 0] = 255
    stripes[:, 1::2, 2] = 255
    save(stripes, tmp_path / "x.jpg")
    assert np.abs(decode(tmp_path / "x.jpg", 3).astype(int) - stripes).mean() < 6


def test_sixteen_bits_are_scaled_not_clipped(tmp_path: Path) -> None:
    values = np.array([[0, 128, 129, 257, 1000, 32768, 65535]], np.uint16)
    for name in ("x.png", "x.tif"):
        Image.fromarray(values).save(tmp_path / name)
        expected = np.rint(values / 257).astype(np.uint8)
        assert np.array_equal(decode(tmp_path / name, 1)[:, :, 0], expected)
        assert np.array_equal(decode(tmp_path / name, 3)[:, :, 2], expected)


def test_floats_from_0_to_1_are_read_and_others_refused(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0.0, 0.5, 1.0]], np.float32)).save(tmp_path / "x.tif")
    assert decode(tmp_path / "x.tif", 1).ravel().tolist() == [0, 128, 255]
    Image.fromarray(np.array([[0.0, 300.0]], np.float32)).save(tmp_path / "y.tif")
    with pytest.raises(Unreadable, match="0 to 300"):
        decode(tmp_path / "y.tif", 1)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_camera_orientation_is_applied(tmp_path: Path, orientation: int) -> None:
    upright = np.zeros((8, 16, 3), np.uint8)
    upright[:4, :8] = (255, 0, 0)
    stored = {
        1: upright, 2: upright[:, ::-1], 3: upright[::-1, ::-1], 4: upright[::-1],
        5: upright.transpose(1, 0, 2), 6: np.rot90(upright), 7: np.rot90(upright.transpose(1, 0, 2), 2),
        8: np.rot90(upright, -1),
    }[orientation]  # fmt: skip
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(np.ascontiguousarray(stored)).save(tmp_path / "x.jpg", quality=100, subsampling=0, exif=exif)
    shown = decode(tmp_path / "x.jpg", 3)
    assert shown.shape == upright.shape
    assert np.abs(shown.astype(int) - upright).max() < 12


def test_transparency_lies_on_white(tmp_path: Path) -> None:
    Image.new("RGBA", (2, 2), (200, 0, 0, 0)).save(tmp_path / "clear.png")
    Image.new("LA", (2, 2), (0, 128)).save(tmp_path / "half.png")
    palette = Image.new("P", (2, 2), 1)
    palette.putpalette([9, 9, 9, 0, 0, 255])
    palette.save(tmp_path / "palette.gif", transparency=1)
    palette.save(tmp_path / "opaque.png")
    assert (decode(tmp_path / "clear.png", 3) == 255).all()
    assert (decode(tmp_path / "half.png", 1) == 127).all()
    assert (decode(tmp_path / "palette.gif", 3) == 255).all()
    assert decode(tmp_path / "opaque.png", 3)[0, 0].tolist() == [0, 0, 255]


def test_cmyk_one_bit_and_luma(tmp_path: Path) -> None:
    Image.new("CMYK", (2, 2), (0, 255, 255, 0)).save(tmp_path / "c.tif")
    assert decode(tmp_path / "c.tif", 3)[0, 0].tolist() == [255, 0, 0]
    Image.new("1", (2, 2), 1).save(tmp_path / "1.png")
    assert (decode(tmp_path / "1.png", 3) == 255).all()
    Image.new("RGB", (1, 1), (255, 0, 0)).save(tmp_path / "r.png")
    assert decode(tmp_path / "r.png", 1).item() == round(0.299 * 255)


def test_halves(tmp_path: Path) -> None:
    for width in (8, 9):
        whole = noise(width=width)
        save(whole, tmp_path / "x.png")
        left, right = (decode(Picture(tmp_path / "x.png", half), 3) for half in ("left", "right"))
        assert np.array_equal(left, whole[:, :4])
        assert np.array_equal(right, whole[:, -4:])


@pytest.mark.parametrize("channels", [1, 3])
def test_a_strip_is_its_frames_one_behind_the_other(tmp_path: Path, channels: int) -> None:
    frames = [noise(width=5, channels=channels, seed=i) for i in range(4)]
    save(np.concatenate(frames, axis=1), tmp_path / "x.png")
    stacked = decode(tmp_path / "x.png", channels, frames=4)
    assert np.array_equal(stacked, np.concatenate(frames, axis=2))
    assert np.array_equal(last_frame(stacked, channels), frames[-1])
    assert np.array_equal(strip(stacked, channels), np.concatenate(frames, axis=1))
    assert np.array_equal(stack(strip(stacked, channels), 4), stacked)
    assert np.array_equal(decode(tmp_path / "x.png", channels), np.concatenate(frames, axis=1))
    assert np.array_equal(last_frame(frames[0], channels), frames[0])


def test_the_half_of_a_pair_may_be_a_strip(tmp_path: Path) -> None:
    left, right = noise(seed=1), noise(seed=2)
    save(np.concatenate([left, right], axis=1), tmp_path / "x.png")
    stacked = decode(Picture(tmp_path / "x.png", "right"), 3, frames=2)
    assert np.array_equal(stacked, np.concatenate([right[:, :4], right[:, 4:]], axis=2))


def test_a_strip_that_is_no_multiple_of_its_frames_is_named(tmp_path: Path) -> None:
    save(noise(width=10), tmp_path / "x.png")
    with pytest.raises(Unreadable, match=r"x\.png: is 10 pixels wide, which is no multiple of its 4 frames"):
        decode(tmp_path / "x.png", 3, frames=4)


def test_broken_files_are_named(tmp_path: Path) -> None:
    good = encode(noise(64, 64), ".jpg")
    (tmp_path / "cut.jpg").write_bytes(good[: len(good) // 2])
    (tmp_path / "text.png").write_text("this is no image")
    (tmp_path / "empty.jpg").write_bytes(b"")
    for name in ("cut.jpg", "text.png", "empty.jpg", "missing.png"):
        with pytest.raises(Unreadable, match=name) as caught:
            decode(tmp_path / name, 3)
        assert caught.value.reason
        assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_a_wrong_ending_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "x.jpg").write_bytes(encode(noise(), ".png"))
    assert np.array_equal(decode(tmp_path / "x.jpg", 3), noise())


def test_resize_is_pillows_antialiased_bicubic() -> None:
    image = noise(40, 30)
    expected = np.asarray(Image.fromarray(image).resize((10, 20), Image.Resampling.BICUBIC))
    assert np.array_equal(resize(image, (20, 10)), expected)
    assert resize(image[:, :, :1], (5, 7)).shape == (5, 7, 1)
    assert np.array_equal(resize(image, (40, 30)), image)


@pytest.mark.parametrize(("channels", "frames"), [(3, 4), (3, 2), (1, 4), (1, 2), (1, 9)])
def test_stacked_frames_are_resized_each_as_if_alone(channels: int, frames: int) -> None:
    apart = [noise(20, 30, channels, seed=i) for i in range(frames)]
    together = resize(np.concatenate(apart, axis=2), (7, 9))
    assert np.array_equal(together, np.concatenate([resize(frame, (7, 9)) for frame in apart], axis=2))


def test_every_level_survives_the_way_to_a_tensor_and_back() -> None:
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
    tensor = to_tensor(levels)
    assert tensor.shape == (1, 16, 16)
    assert tensor.dtype == torch.float32
    assert (tensor.min().item(), tensor.max().item()) == (-1.0, 1.0)
    assert np.array_equal(to_uint8(tensor), levels)
    many = np.stack([noise(seed=1), noise(seed=2)])
    assert to_tensor(many).shape == (2, 3, 6, 8)
    assert torch.equal(to_tensor(many)[1], to_tensor(many[1]))
    assert np.array_equal(to_uint8(to_tensor(many)), many)
    assert to_uint8(torch.tensor([[[-1.5, 1.5]]])).ravel().tolist() == [0, 255]


def test_saving_leaves_the_old_file_whole_when_it_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(noise(), tmp_path / "deep" / "x.png")

    def full(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="disk full"):
        save(noise(seed=9), tmp_path / "deep" / "x.png")
    assert np.array_equal(decode(tmp_path / "deep" / "x.png", 3), noise())
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["x.png"]
