"""What moves, frame by frame: an animation, a file of pages or a video in, the same translated out."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO

import numpy as np

from translate.data.images import Unreadable
from translate.formats import animation, pages, video, video_writing
from translate.formats.form import Array
from translate.formats.kinds import sniff
from translate.formats.moving import Frame, Moving


def translate_motion(
    network: Callable[[Array], Array],
    source: BinaryIO,
    name: str,
    target: BinaryIO,
    ending: str,
    channels: tuple[int, int],
    batch: int,
    metadata: bool = False,
) -> list[str]:
    """Every frame of `source`, called `name`, through `network` into `target`, written as `ending` says: as many
    frames, of the same size and at the same times, with the sound of a video. What could not be kept is returned.

    `network`: [N, H, W, C] to [N, H, W, C'] of the same depth, N at most `batch`; `channels`: (C, C'). Frames are read,
    translated and written one batch after the other. Raises Unreadable, and UserError for a video without ffmpeg.
    """
    ending = ending.lower()
    if video.is_video(name):
        with _path(source, name) as path, video.opened(path, name, channels[0]) as (moving, beside):
            moving.frames = _translated(network, moving.frames, batch)
            if ending in video.WRITTEN:
                said = video_writing.write(target, ending, moving, name, beside, metadata)
            else:
                said = _write(target, ending, moving, name, metadata)
            return moving.warnings + said
    reader = pages.opened if sniff(source, name) == "TIFF" else animation.opened
    with reader(source, name, channels[0]) as moving:
        if not metadata:
            moving.exif = moving.xmp = None
        moving.frames = _translated(network, moving.frames, batch)
        said = _write(target, ending, moving, name, metadata)
        return moving.warnings + said


def _write(target: BinaryIO, ending: str, moving: Moving, name: str, metadata: bool) -> list[str]:
    if ending in video.WRITTEN:
        return video_writing.write(target, ending, moving, name)
    if ending in animation.ENDINGS:
        return animation.write(target, ending, moving, name)
    if ending in pages.ENDINGS:
        return pages.write(target, moving, name, metadata)
    raise Unreadable(Path(name), f"holds several pictures, and a {ending} holds one")


def _translated(network: Callable[[Array], Array], frames: Iterator[Frame], batch: int) -> Iterator[Frame]:
    for group in _groups(frames, batch):
        made = network(np.stack([frame.colours for frame in group]))
        for frame, colours in zip(group, made, strict=True):
            yield frame._replace(colours=colours)


def _groups(frames: Iterator[Frame], batch: int) -> Iterator[list[Frame]]:
    """Neighbours of equal size and depth, at most `batch` of them."""
    group: list[Frame] = []
    for frame in frames:
        if group and (len(group) == batch or _kind(frame) != _kind(group[0])):
            yield group
            group = []
        group.append(frame)
    if group:
        yield group


def _kind(frame: Frame) -> tuple[tuple[int, ...], np.dtype]:
    return frame.colours.shape, frame.colours.dtype


@contextmanager
def _path(source: BinaryIO, name: str) -> Iterator[Path]:
    """Where a program finds `source`: its own file, or a copy for as long as that is needed."""
    own = getattr(source, "name", None)
    if isinstance(own, str) and Path(own).is_file():
        yield Path(own)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "video" + PurePosixPath(name).suffix.lower())
        with open(path, "wb") as copy:
            shutil.copyfileobj(source, copy, 1 << 20)
        yield path
