"""Videos, frame by frame, through the system's ffmpeg: upright, each frame with its time."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import IO

import numpy as np

from translate.data.images import Unreadable
from translate.formats import ffmpeg
from translate.formats.form import Array
from translate.formats.moving import Frame, Moving
from translate.formats.probing import Video
from translate.formats.probing import video as probed
from translate.formats.values import luma

ENDINGS = frozenset({".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi"})
WRITTEN = frozenset({".mp4", ".m4v", ".mov", ".mkv"})
SCALING = "flags=bicubic+accurate_rnd+full_chroma_int+full_chroma_inp"
_FRAME = re.compile(rb"frame:\d+\s+pts:(-?\d+|NOPTS)\s")


def is_video(name: str) -> bool:
    """Whether the name's ending is that of a video."""
    return PurePosixPath(name).suffix.lower() in ENDINGS


def target_ending(name: str) -> str:
    """The ending of the translated video: that of `name` where such can be written, otherwise ".mp4"."""
    ending = PurePosixPath(name).suffix
    return ending if ending.lower() in WRITTEN else ".mp4"


@contextmanager
def opened(path: Path, name: str, channels: int) -> Iterator[tuple[Moving, Video]]:
    """The video's frames, uint8, with `channels` 1 or 3, and what else the file holds. Raises UserError without ffmpeg,
    and Unreadable, also while the frames are read."""
    ffmpeg.require()
    try:
        found = probed(path)
    except ffmpeg.Failed as error:
        raise Unreadable(Path(name), str(error)) from error
    moving = Moving(iter(()), warnings=list(found.warnings))
    frames = _frames(found, name, channels, moving)
    try:
        first = next(frames, None)  # which says when the pictures begin
        if first is None:
            raise Unreadable(Path(name), "holds no frame that can be read")
        moving.frames = chain([first], frames)
        moving.size = first.colours.nbytes * found.frames
        yield moving, found
    finally:
        frames.close()  # ends ffmpeg, wherever it is


def _frames(found: Video, name: str, channels: int, moving: Moving) -> Generator[Frame, None, None]:
    """Each frame, held back until the next one says how long it is shown."""
    held: Array | None = None
    before, seconds, count = 0.0, float(found.usual), 0
    try:
        with ffmpeg.reading(_decoding(found), found.path) as (pipe, heard):
            times = _Times(heard, seconds)
            while (pixels := _picture(pipe)) is not None:
                time = times.next()
                if held is None:
                    moving.start = time
                else:
                    seconds = time - before
                    yield Frame(held, None, seconds)
                held, before, count = luma(pixels) if channels == 1 else pixels, time, count + 1
            times.close()
    except ffmpeg.Failed as error:
        raise Unreadable(Path(name), str(error)) from error
    if times.complaints:
        said = times.complaints[-1]
        if found.lacks(count, before + seconds):
            raise Unreadable(Path(name), f"is damaged after {count} frames: {said}")
        moving.warnings.append(f"it may be damaged: {said}")
    if held is not None:
        yield Frame(held, None, seconds)


def _decoding(found: Video) -> list[str]:
    """One picture in the simplest format after the other, and of each a line that says its time in microseconds."""
    matrix = f":in_color_matrix={found.matrix}" if found.matrix else ""
    line = rf"metadata=mode=add:key={ffmpeg.MARK}:value=0,metadata=mode=print:file=pipe\\:2:direct=1"
    filters = f"settb=1/1000000,{line},scale={SCALING}{matrix}"
    words = [*ffmpeg.source(found.path), "-map", f"0:{found.stream}", "-vf", filters, *ffmpeg.passthrough()]
    return [*words, "-c:v", "ppm", "-pix_fmt", "rgb24", "-f", "image2pipe", "pipe:1"]


def _picture(pipe: IO[bytes]) -> Array | None:
    """The next PPM, uint8 [H, W, 3]; None after the last, and where it is cut off, which ffmpeg's exit code says."""
    header = [pipe.readline() for _ in range(3)]
    if not header[2]:
        return None
    width, height = map(int, header[1].split())
    pixels = np.frombuffer(pipe.read(height * width * 3), np.uint8)
    return pixels.reshape(height, width, 3) if pixels.size == height * width * 3 else None


class _Times:
    """Of each frame the time, in seconds, from what ffmpeg says while it decodes: the line comes before the pixels."""

    def __init__(self, heard: IO[bytes], usual: float) -> None:
        self._heard, self._rest, self._usual = heard, b"", usual
        self._expected = 0.0
        self._found: deque[float | None] = deque()
        self.complaints: list[str] = []

    def next(self) -> float:
        self._listen()
        time = self._found.popleft() if self._found else None
        time = self._expected if time is None else time
        self._expected = time + self._usual
        return time

    def close(self) -> None:
        """Hear the last words."""
        self._listen()

    def _listen(self) -> None:
        *lines, self._rest = (self._rest + self._heard.read()).split(b"\n")
        for line in lines:
            frame = _FRAME.match(line)
            if frame:
                self._found.append(None if frame[1] == b"NOPTS" else int(frame[1]) / 1e6)
            else:
                self.complaints = (self.complaints + ffmpeg.complaints(line))[-3:]
