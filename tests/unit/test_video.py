"""Videos through ffmpeg: every frame with its time, colours, sound; what fails says why, and nothing is left behind."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from PIL import Image

from translate.data.images import Unreadable
from translate.errors import UserError
from translate.formats import ffmpeg, video
from translate.formats.form import Array
from translate.inference.motion import translate_motion

needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")


def run(*words: object) -> bytes:
    return subprocess.run([*map(str, words)], check=True, capture_output=True, stdin=subprocess.DEVNULL).stdout


def make(path: Path, *words: object, pictures: str = "testsrc2=s=32x24:r=30000/1001", frames: int = 10) -> Path:
    """A clip of `frames` pictures; `words` come before the output."""
    run("ffmpeg", "-v", "error", "-f", "lavfi", "-i", pictures, *words, "-frames:v", frames, "-threads", 1, path)
    return path


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """32x24 pixels, ten frames of 29.97 a second, with a tone."""
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    brighter = "nullsrc=s=32x24:r=30000/1001,geq=lum=30+N*18+X:cb=150-N*5:cr=110+Y"
    sound = ["-f", "lavfi", "-i", "sine=d=0.3", "-c:a", "aac"]
    return make(path, *sound, "-pix_fmt", "yuv420p", "-c:v", "libx264", pictures=brighter)


def streams(path: Path) -> list[dict[str, Any]]:
    return list(json.loads(run("ffprobe", "-v", "error", "-of", "json", "-show_streams", path))["streams"])


def decoded(path: Path) -> np.ndarray:
    """All frames [N, H, W, 3], upright, as any player would show them."""
    shown = run("ffmpeg", "-v", "error", "-i", path, "-map", "0:V:0", *ffmpeg.passthrough(), "-c:v", "ppm",
                "-f", "image2pipe", "-")  # fmt: skip
    file, frames = io.BytesIO(shown), []
    while file.tell() < len(shown):
        file.readline()
        width, height = map(int, file.readline().split())
        file.readline()
        frames.append(np.frombuffer(file.read(width * height * 3), np.uint8).reshape(height, width, 3))
    return np.stack(frames)


def times(path: Path) -> list[float]:
    said = run(
        "ffprobe", "-v", "error", "-select_streams", "V:0", "-show_entries", "frame=pts_time", "-of", "json", path
    )
    return [float(frame["pts_time"]) for frame in json.loads(said)["frames"]]


def translated(
    source: Path,
    target: Path,
    network: Any = lambda frames: frames,
    channels: tuple[int, int] = (3, 3),
    metadata: bool = False,
) -> list[str]:
    with open(source, "rb") as file, open(target, "w+b") as made:
        return translate_motion(network, file, source.name, made, target.suffix, channels, 4, metadata)


def test_names() -> None:
    assert all(video.is_video(f"a/b.{ending}") for ending in ("mp4", "MOV", "mkv", "webm", "avi", "m4v"))
    assert not any(video.is_video(name) for name in ("a.gif", "mp4", "a.mp4.png", "a.mp3"))
    written = {"a.mp4": ".mp4", "a.MOV": ".MOV", "a.mkv": ".mkv", "a.webm": ".mp4", "a.avi": ".mp4", "a.m4v": ".m4v"}
    assert {name: video.target_ending(name) for name in written} == written


@needs_ffmpeg
def test_frames_times_rate_and_sound_stay(clip: Path, tmp_path: Path) -> None:
    seen: list[Array] = []

    def network(frames: Array) -> Array:
        seen.append(frames)
        return 255 - frames

    assert translated(clip, tmp_path / "a.mp4", network) == []
    assert [len(frames) for frames in seen] == [4, 4, 2]
    shown, made = decoded(clip).astype(int), np.concatenate(seen).astype(int)
    distances = [[np.abs(one - other).mean() for other in shown] for one in made]
    assert np.argmin(distances, axis=1).tolist() == list(range(10))
    assert np.diag(distances).max() < 3
    before, after = streams(clip), streams(tmp_path / "a.mp4")
    for key in ("codec_type", "width", "height", "r_frame_rate", "avg_frame_rate", "nb_frames", "duration"):
        assert [one.get(key) for one in after] == [one.get(key) for one in before], key
    assert times(tmp_path / "a.mp4") == times(clip)
    assert np.abs(decoded(tmp_path / "a.mp4") - (255 - made)).mean() < 3
    hashes = [run("ffmpeg", "-v", "error", "-i", path, "-map", "0:a", "-c", "copy", "-f", "md5", "-")
              for path in (clip, tmp_path / "a.mp4")]  # fmt: skip
    assert hashes[0] == hashes[1]


@needs_ffmpeg
@pytest.mark.parametrize(("form", "words"), [
    ("untagged, small", ["-pix_fmt", "yuv420p"]),
    pytest.param(
        "BT.601", ["-pix_fmt", "yuv420p", "-colorspace", "smpte170m", "-color_primaries", "smpte170m"],
        marks=pytest.mark.slow,
    ),
    pytest.param(
        "BT.709", ["-vf", "scale=out_color_matrix=bt709", "-pix_fmt", "yuv420p", "-colorspace", "bt709"],
        marks=pytest.mark.slow,
    ),
    pytest.param("full range", ["-vf", "scale=out_range=pc", "-pix_fmt", "yuvj420p"], marks=pytest.mark.slow),
])  # fmt: skip
def test_colours_stay(form: str, words: list[str], tmp_path: Path) -> None:
    source = make(tmp_path / "a.mp4", *words, "-crf", 8, pictures="testsrc2=s=96x64:r=5,gblur=3", frames=3)
    translated(source, tmp_path / "b.mp4")
    before, after = decoded(source).astype(int), decoded(tmp_path / "b.mp4").astype(int)
    assert np.abs(after - before).mean() < 3, form
    assert np.abs((after - before).mean((0, 1, 2))).max() < 1.5, form
    shown = streams(tmp_path / "b.mp4")[0]
    assert (shown["color_space"], shown["color_range"], shown["color_transfer"]) == ("bt709", "tv", "bt709")


@needs_ffmpeg
@pytest.mark.slow
def test_high_definition_that_does_not_say_its_colours_is_taken_as_players_take_it(tmp_path: Path) -> None:
    tagged = make(tmp_path / "a.mp4", "-vf", "scale=out_color_matrix=bt709", "-pix_fmt", "yuv420p", "-preset",
                  "ultrafast", "-colorspace", "bt709", pictures="color=c=0x20c040:s=16x720", frames=1)  # fmt: skip
    run("ffmpeg", "-v", "error", "-i", tagged, "-c", "copy", "-bsf:v", "h264_metadata=matrix_coefficients=2",
        "-f", "matroska", tmp_path / "b.mkv")  # fmt: skip
    assert "color_space" not in streams(tmp_path / "b.mkv")[0]
    seen: list[Array] = []
    translated(tmp_path / "b.mkv", tmp_path / "c.mkv", lambda frames: seen.append(frames) or frames)
    assert np.abs(seen[0].mean((0, 1, 2)) - (0x20, 0xC0, 0x40)).max() < 6


@needs_ffmpeg
def test_variable_frame_rates_keep_the_time_of_each_frame(tmp_path: Path) -> None:
    source = make(tmp_path / "a.mp4", "-vf", "select='not(mod(n,3))+not(mod(n,7))'", "-pix_fmt", "yuv420p",
                  *ffmpeg.passthrough())  # fmt: skip
    assert len(set(np.diff(times(source)).round(3))) > 1
    translated(source, tmp_path / "b.mp4")
    assert times(tmp_path / "b.mp4") == times(source)
    translated(source, tmp_path / "b.mkv")
    assert times(tmp_path / "b.mkv") == pytest.approx(times(source), abs=6e-4)  # which counts in milliseconds


@needs_ffmpeg
def test_sound_that_begins_before_the_pictures_still_does(clip: Path, tmp_path: Path) -> None:
    late = tmp_path / "a.mkv"
    run(
        "ffmpeg",
        "-v",
        "error",
        "-i",
        clip,
        "-itsoffset",
        0.5,
        "-i",
        clip,
        "-map",
        "1:v",
        "-map",
        "0:a",
        "-c",
        "copy",
        late,
    )
    translated(late, tmp_path / "b.mp4")
    assert times(tmp_path / "b.mp4") == pytest.approx(times(late), abs=1e-3)


@needs_ffmpeg
def test_a_phones_rotation_is_applied_and_odd_sides_and_oblong_pixels_stay(tmp_path: Path) -> None:
    upright = make(tmp_path / "a.mp4", "-vf", "setsar=4/3", "-pix_fmt", "yuv420p", pictures="testsrc=s=48x32", frames=2)
    run("ffmpeg", "-v", "error", "-i", upright, "-c", "copy", "-metadata:s:v", "rotate=90", tmp_path / "b.mov")
    translated(tmp_path / "b.mov", tmp_path / "c.mov")
    shown = decoded(tmp_path / "c.mov")
    assert shown.shape == (2, 48, 32, 3)
    assert np.abs(shown.astype(int) - decoded(tmp_path / "b.mov")).mean() < 16
    assert streams(tmp_path / "c.mov")[0]["sample_aspect_ratio"] == "3:4"
    odd = make(tmp_path / "d.webm", "-pix_fmt", "yuv444p", "-c:v", "libvpx-vp9", pictures="testsrc=s=33x25", frames=2)
    (said,) = translated(odd, tmp_path / "d.mp4")
    assert decoded(tmp_path / "d.mp4").shape == (2, 25, 33, 3)
    assert "33x25 has an odd side" in said


@needs_ffmpeg
@pytest.mark.slow
def test_sound_and_subtitles_become_what_the_container_takes(tmp_path: Path) -> None:
    (tmp_path / "a.srt").write_text("1\n00:00:00,000 --> 00:00:00,300\nIt moves\n")
    source = make(tmp_path / "a.mkv", "-f", "lavfi", "-i", "sine=d=0.3", "-i", tmp_path / "a.srt", "-map", 0, "-map", 1,
                  "-map", 2, "-pix_fmt", "yuv420p", "-c:a", "pcm_s16le", "-c:s", "srt", "-metadata:s:a", "language=por",
                  "-metadata", "title=A garden", pictures="testsrc=s=32x24:d=0.4", frames=99)  # fmt: skip
    assert translated(source, tmp_path / "b.mkv", metadata=True) == []
    kept = streams(tmp_path / "b.mkv")
    assert [one["codec_name"] for one in kept] == ["h264", "pcm_s16le", "subrip"]
    assert kept[1]["tags"]["language"] == "por"
    assert b"A garden" in run("ffprobe", "-v", "error", "-show_format", tmp_path / "b.mkv")
    assert translated(source, tmp_path / "b.mp4") == ["its pcm_s16le sound became AAC"]
    assert [one["codec_name"] for one in streams(tmp_path / "b.mp4")] == ["h264", "aac", "mov_text"]
    assert b"A garden" not in run("ffprobe", "-v", "error", "-show_format", tmp_path / "b.mp4")
    assert b"It moves" in run("ffmpeg", "-v", "error", "-i", tmp_path / "b.mp4", "-f", "srt", "-")


@needs_ffmpeg
def test_a_stream_without_a_file_grey_models_and_animations_of_videos(clip: Path, tmp_path: Path) -> None:
    seen: list[Array] = []
    target = io.BytesIO()
    source = io.BytesIO(clip.read_bytes())
    translate_motion(lambda frames: seen.append(frames) or frames, source, "s3/a.mp4", target, ".gif", (1, 1), 4)
    luma = np.stack([np.asarray(Image.fromarray(frame).convert("L")) for frame in decoded(clip)]).astype(int)
    assert np.abs(np.concatenate(seen)[..., 0] - luma).mean() < 4
    with Image.open(target) as image:
        assert image.n_frames == 10  # type: ignore[attr-defined]
        np.testing.assert_array_equal(np.asarray(image.convert("L")), seen[0][0, :, :, 0])
    (tmp_path / "a.gif").write_bytes(target.getvalue())
    translated(tmp_path / "a.gif", tmp_path / "a.mp4")
    assert times(tmp_path / "a.mp4") == pytest.approx(times(clip), abs=0.006)


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files go, and nothing else."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    return tmp_path / "temporary"


def nothing_is_left(temporary: Path) -> bool:
    return not list(temporary.iterdir()) and not psutil.Process().children()


@needs_ffmpeg
def test_what_is_broken_is_unreadable_and_says_why(clip: Path, tmp_path: Path, temporary: Path) -> None:
    fast = tmp_path / "fast.mp4"
    run("ffmpeg", "-v", "error", "-i", clip, "-an", "-c", "copy", "-movflags", "+faststart", fast)
    run("ffmpeg", "-v", "error", "-i", clip, "-an", "-c", "copy", tmp_path / "fast.mkv")
    run("ffmpeg", "-v", "error", "-i", clip, "-vn", "-c", "copy", tmp_path / "sound.mp4")
    whole, other = fast.read_bytes(), (tmp_path / "fast.mkv").read_bytes()
    for name, content, reason in (
        ("cut.mp4", whole[:-150], r"damaged after \d frames: .*partial file"),
        ("text.mp4", b"no video at all " * 50, "Invalid data"),
        ("empty.mkv", b"", "Invalid data|End of file"),
        ("sound.mp4", (tmp_path / "sound.mp4").read_bytes(), "no moving pictures, only audio"),
        (
            "list.mp4",
            b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n",
            "whitelist|Invalid",
        ),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(Unreadable, match=reason):
            translated(tmp_path / name, tmp_path / "out.mp4")
        assert nothing_is_left(temporary), name
    # Of so short a Matroska nothing says that frames are missing, but ffmpeg complains.
    (said,) = translate_motion(lambda x: x, io.BytesIO(other[:-300]), "a.mkv", io.BytesIO(), ".mkv", (3, 3), 4)
    assert said.startswith("it may be damaged")
    assert nothing_is_left(temporary)


@needs_ffmpeg
def test_what_the_network_raises_ends_ffmpeg_and_comes_through(clip: Path, tmp_path: Path, temporary: Path) -> None:
    calls: list[int] = []

    def network(frames: Array) -> Array:
        calls.append(len(frames))
        if len(calls) == 2:
            raise ZeroDivisionError
        return frames

    with pytest.raises(ZeroDivisionError):
        translated(clip, tmp_path / "a.mp4", network)
    assert (tmp_path / "a.mp4").stat().st_size == 0
    assert nothing_is_left(temporary)


@needs_ffmpeg
def test_a_video_that_is_closed_early_ends_ffmpeg(tmp_path: Path, temporary: Path) -> None:
    source = make(tmp_path / "a.mkv", "-c:v", "ffv1", pictures="testsrc=s=320x240", frames=40)
    with video.opened(source, "a.mkv", 3) as (moving, _):
        next(moving.frames)
        assert psutil.Process().children()
    assert nothing_is_left(temporary)


def in_front(folder: Path, program: str, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.mkdir(exist_ok=True)
    (folder / program).write_text("#!/bin/sh\n" + script)
    (folder / program).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


@needs_ffmpeg
@pytest.mark.parametrize(("dying", "reason"), [
    ("encoder", "ffmpeg can't write it: the disk is on fire"), ("decoder", "the tape is torn"),
])  # fmt: skip
def test_ffmpeg_that_dies_on_the_way(
    dying: str, reason: str, tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = make(tmp_path / "a.mkv", "-c:v", "ffv1", pictures="testsrc=s=320x240", frames=8)
    real = shutil.which("ffmpeg")
    torn = {
        "encoder": '*pipe:0*) head -c 300000 > /dev/null; echo "the disk is on fire" >&2; exit 1;;',
        "decoder": f'*pipe:1*) {real} "$@" | head -c 300000; echo "the tape is torn" >&2; exit 1;;',
    }[dying]
    in_front(tmp_path / "bin", "ffmpeg", f'case "$*" in {torn}\n*) exec {real} "$@";; esac\n', monkeypatch)
    with pytest.raises(Unreadable, match=reason):
        translated(source, tmp_path / "b.mkv")
    assert nothing_is_left(temporary)


def test_without_ffmpeg_it_is_said_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "a.mp4").write_bytes(b"no matter")
    with pytest.raises(UserError, match="ffmpeg is not installed") as error:
        translated(tmp_path / "a.mp4", tmp_path / "b.mp4")
    assert "apt install ffmpeg" in str(error.value)


@needs_ffmpeg
@pytest.mark.slow
def test_another_encoder_is_named(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ffmpeg, "encoders", lambda: frozenset({"mpeg4", "aac"}))
    run("ffmpeg", "-v", "error", "-i", clip, "-c", "copy", "-video_track_timescale", 90000, tmp_path / "fine.mp4")
    assert translated(tmp_path / "fine.mp4", tmp_path / "a.mp4") == ["encoded by mpeg4: this ffmpeg has no libx264"]
    assert streams(tmp_path / "a.mp4")[0]["codec_name"] == "mpeg4"
    assert times(tmp_path / "a.mp4") == pytest.approx(times(clip), abs=1e-4)
    monkeypatch.setattr(ffmpeg, "encoders", lambda: frozenset({"gif"}))
    with pytest.raises(UserError, match="no encoder"):
        translated(clip, tmp_path / "b.mp4")
