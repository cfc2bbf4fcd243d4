"""Frames as a movie that plays in a loop: a GIF by Pillow, an MP4 by the system's ffmpeg."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

import numpy as np
from PIL import Image

from translate.data.images import Pixels
from translate.errors import UserError
from translate.formats import ffmpeg

FRAMES_PER_SECOND = 25


def require(kind: str) -> None:
    """Raise UserError where a movie of that kind, "gif" or "mp4", can't be written here."""
    if kind == "mp4" and not ffmpeg.installed():
        raise UserError(
            "ffmpeg is not installed, or not on the PATH",
            where="--movie mp4",
            expected="the program ffmpeg, which encodes the movie",
            hint="install it with the system's package manager, or --movie gif",
        )


def write(frames: Iterable[Pixels], path: Path) -> None:
    """Write uint8 frames [H, W, 1 or 3] of one size to `path`, which ends in .gif or .mp4, at 25 frames a second.
    Raises UserError when ffmpeg is not there or fails."""
    require(path.suffix[1:])
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.stem}.partial{path.suffix}")
    try:
        (_gif if path.suffix == ".gif" else _mp4)(map(_rgb, frames), unfinished)
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def _rgb(frame: Pixels) -> Pixels:
    return np.repeat(frame, 3, axis=2) if frame.shape[2] == 1 else np.ascontiguousarray(frame)


def _gif(frames: Iterator[Pixels], path: Path) -> None:
    # Each frame has colours of its own and no dither: that would swarm from frame to frame.
    pictures = (Image.fromarray(frame).quantize(256, dither=Image.Dither.NONE) for frame in frames)
    next(pictures).save(path, "GIF", save_all=True, append_images=pictures, duration=1000 // FRAMES_PER_SECOND, loop=0)


def _mp4(frames: Iterator[Pixels], path: Path) -> None:
    first = next(frames)
    height, width = first.shape[:2]
    words = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", str(FRAMES_PER_SECOND)]
    words += ["-i", "pipe:0"]
    # What every player plays: halved colour planes, which want even sides, and the index in front.
    words += ["-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2", "-pix_fmt", "yuv420p", "-movflags", "+faststart"]
    try:
        ffmpeg.feed([*words, "-f", "mp4", str(path)], (frame.tobytes() for frame in chain([first], frames)))
    except ffmpeg.Failed as error:
        raise UserError(f"ffmpeg failed: {error}", where="--movie mp4", hint="--movie gif") from None
