"""Frames into a video, with the sound and the subtitles of the one that they come from."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import numpy as np

from translate.data.images import Unreadable
from translate.errors import UserError
from translate.formats import ffmpeg, matroska
from translate.formats.form import UINT8
from translate.formats.moving import Frame, Moving, alike
from translate.formats.probing import Video
from translate.formats.values import convert
from translate.formats.video import SCALING

FORMATS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska"}
_ENCODERS = {"libx264": ["-crf", "18"], "libopenh264": ["-b:v", "20M"], "mpeg4": ["-q:v", "2"]}
"""The best first, with what makes its loss hard to see."""
_SOUND = {
    "mp4": frozenset({"aac", "mp3", "ac3", "eac3", "alac", "opus", "flac"}),
    "mov": frozenset({"aac", "mp3", "ac3", "eac3", "alac", "pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s24be"}),
}
"""What a container takes as it is; other sound becomes AAC. Matroska takes everything."""
_TEXTS = frozenset({"mov_text", "subrip", "ass", "ssa", "webvtt", "text"})
_MPEG4_LARGEST = 65535
_UNSAID = 0.1  # seconds of a page, and of what an animation shows "at once", as browsers do


def write(
    file: BinaryIO, ending: str, moving: Moving, name: str, beside: Video | None = None, metadata: bool = False
) -> list[str]:
    """Write frames of one size as the video that `ending` names, with sound, subtitles and chapters of `beside`; what
    could not be kept. Raises UserError without ffmpeg, and Unreadable when it fails."""
    ffmpeg.require()
    first, frames = alike(moving.frames, name)
    height, width = first.colours.shape[:2]
    kind = FORMATS[ending]
    coding, warnings = _coding(width, height)
    words = ["-f", "matroska", "-probesize", "32", "-itsoffset", f"{moving.start:.6f}", "-i", "pipe:0"]
    words += [*(ffmpeg.source(beside.path) if beside else []), "-map", "0:v"]
    if beside:
        words += _sound(beside, kind, warnings) + _subtitles(beside, kind, warnings)
        words += ["-map_metadata:g", "1:g" if metadata else "-1"]
    words += [*_colours(beside), *coding, *ffmpeg.passthrough()]
    unit = beside.unit if beside else Fraction(1, 1000)
    if "mpeg4" in coding and unit.denominator > _MPEG4_LARGEST:
        unit = Fraction(1, 60_000)
    unsaid = float(unit) if beside else _UNSAID
    words += ["-enc_time_base", f"{unit.numerator}:{unit.denominator}"]
    words += ["-movflags", "+faststart"] if kind in ("mp4", "mov") else []
    usual = float(beside.usual) if beside else first.seconds or _UNSAID
    # The index in front of an MP4 is written last: that takes a file that ffmpeg can seek in.
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "video" + ending)
        try:
            ffmpeg.feed(
                [*words, "-f", kind, str(path)],
                matroska.stream(_plain(frames, float(unit), unsaid), width, height, usual),
            )
        except ffmpeg.Failed as error:
            raise Unreadable(Path(name), f"ffmpeg can't write it: {error}") from error
        with open(path, "rb") as made:
            shutil.copyfileobj(made, file, 1 << 20)
    return warnings


def _coding(width: int, height: int) -> tuple[list[str], list[str]]:
    """The words that choose how pictures of that size are encoded, and what is to be said about it."""
    available = [encoder for encoder in _ENCODERS if encoder in ffmpeg.encoders()]
    odd = width % 2 or height % 2
    if odd and "libx264" not in available:
        available = [encoder for encoder in available if encoder == "mpeg4"]  # takes odd sides as they are
    if not available:
        raise UserError(
            "this ffmpeg has no encoder for videos",
            expected="one with " + ", ".join(_ENCODERS),
            hint="install one with libx264: apt install ffmpeg, brew install ffmpeg",
        )
    encoder = available[0]
    warnings = [] if encoder == "libx264" else [f"encoded by {encoder}: this ffmpeg has no libx264"]
    pixels = "yuv420p"
    if odd and encoder == "libx264":
        pixels = "yuv444p"
        warnings.append(f"{width}x{height} has an odd side: encoded as 4:4:4, which some players don't show")
    return ["-c:v", encoder, *_ENCODERS[encoder], "-pix_fmt", pixels], warnings


def _colours(beside: Video | None) -> list[str]:
    aspect = beside.aspect if beside else Fraction(1)
    turned = f"scale={SCALING}:out_color_matrix=bt709:out_range=tv"
    words = ["-vf", f"{turned},setsar={aspect.numerator}/{aspect.denominator}", "-colorspace", "bt709"]
    words += ["-color_range", "tv", "-color_primaries", beside.primaries if beside else "bt709"]
    return [*words, "-color_trc", beside.transfer if beside else "bt709"]


def _sound(beside: Video, kind: str, warnings: list[str]) -> list[str]:
    words: list[str] = []
    for number, (stream, codec) in enumerate(beside.sound):
        keeps = kind == "matroska" or codec in _SOUND[kind]
        words += ["-map", f"1:{stream}", f"-c:a:{number}", "copy" if keeps else "aac"]
        words += [] if keeps else [f"-b:a:{number}", "256k"]
        warnings += [] if keeps else [f"its {codec} sound became AAC"]
    return words


def _subtitles(beside: Video, kind: str, warnings: list[str]) -> list[str]:
    words: list[str] = []
    kept = 0
    for stream, codec in beside.subtitles:
        if kind == "matroska":
            to = "srt" if codec == "mov_text" else "copy"
        elif codec in _TEXTS:
            to = "copy" if codec == "mov_text" else "mov_text"
        else:
            warnings.append(f"its {codec} subtitles are left out: only a .mkv holds them")
            continue
        words += ["-map", f"1:{stream}", f"-c:s:{kept}", to]
        kept += 1
    return words


def _plain(frames: Iterable[Frame], least: float, unsaid: float) -> Iterator[Frame]:
    """As RGB of 8 bits, each frame at least so many seconds long, as no two may be shown at once; `unsaid`: of 0
    seconds."""
    for frame in frames:
        colours = convert(frame.colours, UINT8)
        if colours.shape[2] == 1:
            colours = np.repeat(colours, 3, axis=2)
        yield Frame(np.ascontiguousarray(colours), None, max(frame.seconds or unsaid, least))
