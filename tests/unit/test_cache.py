"""Decoding once: equal pixels from every mode, reuse of the file on disk, and broken files left out by name."""

import os
from pathlib import Path

import numpy as np
import pytest

from translate.data import cache
from translate.data.cache import load
from translate.data.images import Unreadable, decode, resize, save
from translate.data.layouts import Picture
from translate.errors import UserError


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TRANSLATE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def pictures(tmp_path: Path) -> list[Picture]:
    random = np.random.default_rng(0)
    for i in range(5):
        save(random.integers(0, 256, (10 + i, 16, 3), dtype=np.uint8), tmp_path / f"{i}.png")
    (tmp_path / "2.png").write_text("broken")
    return [Picture(tmp_path / f"{i}.png") for i in range(5)]


def test_all_modes_give_the_same_pixels_and_leave_out_the_same_file(pictures: list[Picture]) -> None:
    for channels in (1, 3):
        for mode in ("memory", "disk", "disk", "off", "auto"):
            cached = load(pictures, channels, (8, 6), mode)
            assert cached.kept == [0, 1, 3, 4]
            assert len(cached) == 4
            assert [path.name for path, _ in cached.unreadable] == ["2.png"]
            for i, place in enumerate(cached.kept):
                expected = resize(decode(pictures[place], channels), (8, 6))
                assert cached[i].dtype == np.uint8
                assert np.array_equal(cached[i], expected)


def test_natural_sizes(pictures: list[Picture]) -> None:
    for mode in ("memory", "auto", "off"):
        assert [load(pictures, 3, None, mode)[i].shape for i in range(4)] == [
            (10, 16, 3),
            (11, 16, 3),
            (13, 16, 3),
            (14, 16, 3),
        ]


def test_the_file_on_disk_is_used_again_and_renewed_when_a_picture_changes(
    pictures: list[Picture], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[Picture] = []

    def counting(picture: Picture, channels: int, frames: int) -> np.ndarray:
        decoded.append(picture)
        return decode(picture, channels, frames)

    monkeypatch.setattr(cache, "decode", counting)
    load(pictures, 3, (8, 8), "disk")
    assert len(decoded) == 5
    again = load(pictures, 3, (8, 8), "disk")
    assert len(decoded) == 5
    assert [path.name for path, _ in again.unreadable] == ["2.png"]
    load(pictures, 1, (8, 8), "disk")
    load(pictures[::-1], 3, (8, 8), "disk")
    assert len(decoded) == 15
    assert load(pictures, 3, (8, 8), "disk", frames=2)[0].shape == (8, 8, 6)
    assert len(decoded) == 20
    white = np.full((10, 16, 3), 255, np.uint8)
    save(white, pictures[0].path)
    os.utime(pictures[0].path, ns=(1, 1))
    assert (load(pictures, 3, (8, 8), "disk")[0] == 255).all()
    assert {p.suffix for p in folder.iterdir()} == {".npy", ".json"}  # and no unfinished ones


def test_halves_of_one_file_are_two_pictures(tmp_path: Path) -> None:
    whole = np.zeros((4, 8, 3), np.uint8)
    whole[:, 4:] = 255
    save(whole, tmp_path / "x.png")
    for mode in ("memory", "disk"):
        left, right = (load([Picture(tmp_path / "x.png", half)], 3, (4, 4), mode)[0] for half in ("left", "right"))
        assert (left == 0).all()
        assert (right == 255).all()


def test_frames_are_stacked_and_odd_strips_left_out_in_all_modes(tmp_path: Path) -> None:
    frames = [np.full((6, 6, 3), level, np.uint8) for level in (10, 20, 30)]
    save(np.concatenate(frames, axis=1), tmp_path / "strip.png")
    save(np.zeros((6, 19, 3), np.uint8), tmp_path / "odd.png")
    pictures = [Picture(tmp_path / "odd.png"), Picture(tmp_path / "strip.png")]
    for mode in ("memory", "disk", "disk"):
        cached = load(pictures, 3, (4, 4), mode, frames=3)
        assert cached.kept == [1]
        assert cached.unreadable == [(tmp_path / "odd.png", "is 19 pixels wide, which is no multiple of its 3 frames")]
        assert cached[0][0, 0].tolist() == [10, 10, 10, 20, 20, 20, 30, 30, 30]
    undecoded = load(pictures, 3, (4, 4), "off", frames=3)
    assert undecoded[1].shape == (4, 4, 9)
    with pytest.raises(Unreadable, match=r"odd\.png: is 19 pixels wide"):
        undecoded[0]


def test_auto_goes_to_disk_when_memory_is_short(
    pictures: list[Picture], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(pictures, 3, (8, 8), "auto")
    assert not folder.exists()
    monkeypatch.setattr(cache, "available_memory", lambda: 4 * 5 * 8 * 8 * 3)
    load(pictures, 3, (8, 8), "auto")
    assert folder.exists()


def test_memory_is_shared_among_the_ranks_of_a_node(monkeypatch: pytest.MonkeyPatch) -> None:
    alone = cache.available_memory()
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "4")
    assert 0 < cache.available_memory() < alone / 2


def test_progress_counts_every_picture(pictures: list[Picture]) -> None:
    calls: list[tuple[int, int]] = []
    load(pictures, 3, (8, 8), "memory", lambda done, total: calls.append((done, total)))
    assert calls == [(i, 5) for i in range(1, 6)]


def test_nothing_readable(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_text("broken")
    for mode in ("memory", "disk", "off"):
        with pytest.raises(UserError, match=r"none of the 1 pictures can be read; x\.png"):
            load([Picture(tmp_path / "x.png")], 3, (4, 4), mode)


def test_without_a_cache_a_file_that_breaks_is_named(tmp_path: Path) -> None:
    save(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8), tmp_path / "x.png")
    content = (tmp_path / "x.png").read_bytes()
    (tmp_path / "x.png").write_bytes(content[: len(content) // 2])
    cached = load([Picture(tmp_path / "x.png")], 3, (4, 4), "off")
    with pytest.raises(Unreadable, match=r"x\.png"):
        cached[0]


def test_a_cache_that_cannot_be_written(pictures: list[Picture], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRANSLATE_CACHE", str(pictures[0].path / "below-a-file"))
    with pytest.raises(UserError, match="TRANSLATE_CACHE"):
        load(pictures, 3, (4, 4), "disk")


def test_a_picture_painted_over_at_equal_length_is_decoded_again(tmp_path: Path) -> None:
    path = tmp_path / "x.bmp"
    for level in (10, 200):
        save(np.full((4, 4, 3), level, np.uint8), path)
        os.utime(path, ns=(level, level))
        assert (load([Picture(path)], 3, (4, 4), "disk")[0] == level).all()
