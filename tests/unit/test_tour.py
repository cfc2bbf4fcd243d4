"""Tours through latents and the movies of them: closed, even, complete."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from translate.errors import UserError
from translate.inference import movie
from translate.inference.tour import Path as Way
from translate.inference.tour import spherical, tour

STOPS = torch.randn(5, 64, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("way", ["linear", "spherical"])
def test_a_tour_visits_every_stop_and_closes(way: Way) -> None:
    path = tour(STOPS, 7, way)
    assert path.shape == (35, 64)
    torch.testing.assert_close(path[::7], STOPS)
    steps = (path - path.roll(1, 0)).norm(dim=1)  # the first is the one from the last frame back to the first
    legs = steps.roll(-1).reshape(5, 7)
    assert float((legs.max(1).values / legs.min(1).values).max()) < 1.4
    assert torch.equal(tour(STOPS, 7, way), path)


def test_the_arc_against_its_formula() -> None:
    one, two = (STOPS[i].double().numpy() for i in (0, 1))
    angle = np.arccos(one @ two / np.linalg.norm(one) / np.linalg.norm(two))
    for share in (0.0, 0.2, 0.9):
        expected = (np.sin((1 - share) * angle) * one + np.sin(share * angle) * two) / np.sin(angle)
        found = spherical(STOPS[:1].double(), STOPS[1:2].double(), torch.tensor([[share]], dtype=torch.float64))
        np.testing.assert_allclose(found[0].numpy(), expected, rtol=1e-9)


def test_an_arc_keeps_the_length_that_latents_have_and_a_line_does_not() -> None:
    norms = {way: tour(STOPS, 10, way).norm(dim=1) for way in ("linear", "spherical")}
    usual = STOPS.norm(dim=1)
    assert float(norms["spherical"].min()) > float(usual.min()) - 0.3
    assert float(norms["linear"].min()) < 0.8 * float(usual.min())
    units = STOPS[:2] / STOPS[:2].norm(dim=1, keepdim=True)
    arc = tour(units, 12, "spherical")[:12]
    torch.testing.assert_close(arc.norm(dim=1), torch.ones(12))
    turns = (arc[1:] * arc[:-1]).sum(1).acos()
    torch.testing.assert_close(turns, turns[:1].expand(11), rtol=1e-3, atol=0)


def test_stops_on_one_line_have_no_arc_and_do_no_harm() -> None:
    z = STOPS[:1]
    for stops in (torch.cat([z, z]), torch.cat([z, 2 * z]), torch.cat([z, -z]), torch.cat([z, z + 1e-6])):
        path = tour(stops, 4, "spherical")
        assert path.isfinite().all()
        torch.testing.assert_close(path[::4], stops)
        assert float(path.norm(dim=1).max()) <= float(stops.norm(dim=1).max()) * 1.001


def frames(count: int, height: int = 16, width: int = 20, channels: int = 3) -> list[np.ndarray]:
    """A square that moves to the right, on its own shade."""
    found = []
    for i in range(count):
        frame = np.full((height, width, channels), 30, np.uint8)
        frame[4:8, i : i + 4] = 200
        found.append(frame)
    return found


@pytest.mark.parametrize("channels", [1, 3])
def test_a_gif_holds_every_frame_and_plays_for_ever(tmp_path: Path, channels: int) -> None:
    shown = frames(9, channels=channels)
    movie.write(iter(shown), tmp_path / "sub/a.gif")
    with Image.open(tmp_path / "sub/a.gif") as image:
        assert (image.n_frames, image.info["loop"], image.info["duration"]) == (9, 0, 40)  # type: ignore[attr-defined]
        for i, frame in enumerate(shown):
            image.seek(i)
            np.testing.assert_array_equal(np.asarray(image.convert("RGB")), np.broadcast_to(frame, (16, 20, 3)))
    assert [p.name for p in (tmp_path / "sub").iterdir()] == ["a.gif"]


def program(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An `ffmpeg` of our own in front of the PATH."""
    folder.mkdir()
    (folder / "ffmpeg").write_text("#!/bin/sh\n" + script)
    (folder / "ffmpeg").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


def test_an_mp4_is_what_ffmpeg_makes_of_all_frames(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = f'echo "$@" > {tmp_path}/said\nfor last; do :; done\ncat > "$last"\n'
    program(tmp_path / "bin", said, monkeypatch)
    shown = frames(9)
    movie.write(iter(shown), tmp_path / "a.mp4")
    assert (tmp_path / "a.mp4").read_bytes() == b"".join(frame.tobytes() for frame in shown)
    words = (tmp_path / "said").read_text()
    assert "-f rawvideo -pix_fmt rgb24 -s 20x16 -r 25 -i pipe:0" in words
    assert words.split()[-2] == "mp4"


def test_ffmpegs_complaint_is_passed_on_and_nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path / "bin", 'for last; do :; done\ntouch "$last"\necho "no encoder" >&2\nexit 1\n', monkeypatch)
    with pytest.raises(UserError, match="ffmpeg failed: no encoder"):
        movie.write((frame for _ in range(40) for frame in frames(9, 64, 64)), tmp_path / "out/a.mp4")
    assert list((tmp_path / "out").iterdir()) == []


def test_without_ffmpeg_there_is_one_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="ffmpeg is not installed") as error:
        movie.require("mp4")
    assert "--movie gif" in str(error.value)
    movie.require("gif")
