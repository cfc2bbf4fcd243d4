"""Pictures on their way in: opened and decoded by threads, ahead of the network but not far."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Literal, cast

from translate.data import images
from translate.data.images import Pixels, Unreadable
from translate.formats.form import Array, Form
from translate.formats.reading import Opened, opened
from translate.formats.video import is_video
from translate.inference.budget import Budget, Grant
from translate.inference.outcome import Options, Outcome
from translate.inference.places import Place
from translate.inference.plan import Job

LARGE = 16_000_000
"""Pixels beyond which a picture is not decoded ahead."""
AHEAD = 256 * 2**20
"""Bytes of pixels that are decoded ahead."""


@dataclass(frozen=True)
class Shapes:
    """Channels of a frame, and frames, of what is read and of what is written; `frame`: as trained, (height, width)."""

    channels_in: int
    frames_in: int
    channels_out: int
    frames_out: int
    frame: tuple[int, int]

    @property
    def strips(self) -> bool:
        """Whether a picture is a strip of frames, on one side at least."""
        return self.frames_in > 1 or self.frames_out > 1


@dataclass(frozen=True)
class Decoded:
    """A picture [H, W, C], its transparency [H, W, 1] if it has one, and the outputs that are wanted of it."""

    jobs: tuple[Job, ...]
    pixels: Array
    alpha: Array | None
    form: Form
    warnings: tuple[str, ...]
    seconds: float


@dataclass(frozen=True)
class Alone:
    """A file that is not decoded ahead: "whole" it goes through the network, in "tiles", or it is "moving"."""

    jobs: tuple[Job, ...]
    how: Literal["whole", "tiles", "moving"]


@dataclass(frozen=True)
class Found:
    """What a reader has to say of a source: what is settled already, what is to be done, and the bytes that it was
    granted for it."""

    outcomes: list[Outcome]
    item: Decoded | Alone | None
    held: int = 0


def decode(picture: Opened, jobs: tuple[Job, ...], shapes: Shapes, started: float) -> Decoded:
    """An opened picture, decoded. Unreadable where it should be a strip and is none."""
    pixels = picture.rows(0, picture.height, shapes.channels_in)
    alpha = None
    if shapes.frames_in > 1:
        pixels = _stacked(pixels, jobs[0].name, shapes)
    if picture.has_alpha and not shapes.strips:  # of strips there is no telling which frame's it would be
        alpha = picture.alpha(0, picture.height)
    return Decoded(jobs, pixels, alpha, picture.form, tuple(picture.warnings), time.perf_counter() - started)


def _stacked(pixels: Array, name: str, shapes: Shapes) -> Array:
    height, width = pixels.shape[:2]
    if width % shapes.frames_in:
        raise Unreadable(Path(name), f"is {width} pixels wide, which is no multiple of its {shapes.frames_in} frames")
    expected = shapes.frame[1] / shapes.frame[0]
    if not 2 / 3 < width / shapes.frames_in / height / expected < 3 / 2:
        raise Unreadable(
            Path(name),
            f"is {width}x{height}, no strip of {shapes.frames_in} frames: it would be "
            f"{expected * shapes.frames_in:.3g} times as wide as high",
        )
    return images.stack(cast(Pixels, pixels), shapes.frames_in)


class Reader:
    """Reads the pictures of jobs in their order, by threads; at most `ahead` sources, and AHEAD bytes, in advance.

    `limit`: pixels of the largest picture that goes whole through the network. What fails is an outcome, and so is
    what is there already.
    """

    def __init__(
        self, source: Place, target: Place, options: Options, shapes: Shapes, limit: int, threads: int, ahead: int
    ) -> None:
        self._source, self._target, self._options, self._shapes = source, target, options, shapes
        self._limit, self._ahead = limit, ahead
        self._budget = Budget(AHEAD)
        self._pool = ThreadPoolExecutor(threads, "read")

    def read(self, jobs: Iterator[Job]) -> Iterator[Found]:
        """What was found of each source."""
        units = (tuple(unit) for _, unit in groupby(jobs, key=lambda job: job.name))
        waiting: deque[Future[Found]] = deque()
        submitted = 0
        while True:
            while len(waiting) < self._ahead and (unit := next(units, None)) is not None:
                waiting.append(self._pool.submit(self._look, unit, submitted))
                submitted += 1
            if not waiting:
                return
            found = waiting.popleft().result()
            self._budget.taken(found.held)
            if isinstance(found.item, Alone) and found.item.how == "whole":
                found = self._now(found)
            yield found
            del found  # or its pixels would live on while the next ones are waited for

    def close(self) -> None:
        """Ends the threads."""
        self._budget.close()
        self._pool.shutdown(cancel_futures=True)

    def _look(self, unit: tuple[Job, ...], turn: int) -> Found:
        started = time.perf_counter()
        outcomes, missing, grant = [], [], Grant(self._budget, turn)
        try:
            for job in unit:
                if job.refused is not None:
                    outcomes.append(Outcome(job.name, None, 0.0, error=job.refused))
                elif not self._options.overwrite and self._target.exists(job.target):
                    outcomes.append(Outcome(job.name, job.target, 0.0, skipped=True))
                else:
                    missing.append(job)
            item = self._open(tuple(missing), grant, started) if missing else None
        except Exception as error:  # decoders raise nearly anything; one image must not end the folder
            outcomes.append(failure(unit[0], error, started))
            item = None
        return Found(outcomes, item, grant.bytes)

    def _now(self, found: Found) -> Found:
        """A picture that was too large to be decoded before its turn."""
        assert found.item is not None
        jobs, started = found.item.jobs, time.perf_counter()
        try:
            with self._source.open(jobs[0].name) as file, opened(file, jobs[0].name) as picture:
                return Found(found.outcomes, decode(picture, jobs, self._shapes, started))
        except Exception as error:
            return Found([*found.outcomes, failure(jobs[0], error, started)], None)

    def _open(self, jobs: tuple[Job, ...], grant: Grant, started: float) -> Decoded | Alone:
        name = jobs[0].name
        if is_video(name):
            return Alone(jobs, "moving")
        with self._source.open(name) as file, opened(file, name) as picture:
            if how := self._how_alone(picture):
                return Alone(jobs, how)
            grant.wait(picture.height * picture.width * self._shapes.channels_in * picture.form.depth.itemsize)
            return decode(picture, jobs, self._shapes, started)

    def _how_alone(self, picture: Opened) -> Literal["whole", "tiles", "moving"] | None:
        if self._options.frames and picture.frames > 1:
            return "moving"
        pixels, tile = picture.height * picture.width, self._options.tile
        long = tile is not None and max(picture.height, picture.width) > tile
        if (long or pixels > self._limit) and not self._shapes.strips:
            return "tiles"
        return "whole" if pixels > LARGE else None


def failure(job: Job, error: Exception, started: float) -> Outcome:
    """What an exception while an image is read says to people."""
    return Outcome(job.name, None, time.perf_counter() - started, error=reason(error))


def reason(error: Exception) -> str:
    """Why an image can't be read, as the rest of a sentence about it."""
    if isinstance(error, Unreadable):
        return error.reason
    if isinstance(error, MemoryError):
        return "too large for this machine's memory"
    if isinstance(error, FileNotFoundError):
        return "is not there any more, or a link to nowhere"
    if isinstance(error, PermissionError):
        return "may not be read"
    return f"can't be read: {str(error) or type(error).__name__}"
