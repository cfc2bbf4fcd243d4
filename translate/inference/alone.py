"""What goes through the network on its own: pictures tile by tile, animations and videos frame by frame."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from torch import Tensor

from translate.data.images import Unreadable
from translate.errors import UserError
from translate.formats.form import Array
from translate.formats.reading import Opened, opened
from translate.formats.values import from_tensor, to_tensor
from translate.formats.writing import write
from translate.inference import decoding, encoding, memory
from translate.inference.batching import drawn, out_of_memory
from translate.inference.decoding import Alone, Shapes
from translate.inference.large import Watch, translate_large
from translate.inference.model import Model
from translate.inference.motion import translate_motion
from translate.inference.outcome import Options, Outcome
from translate.inference.places import Place, printable
from translate.inference.plan import Job


def translated(
    model: Model, item: Alone, source: Place, target: Place, options: Options, shapes: Shapes, watch: Watch
) -> Iterator[Outcome]:
    """What becomes of each of the item's jobs, done one after the other; `watch` hears how far each is. Raises
    DiskFull."""
    for job in item.jobs:

        def tell(text: str, name: str = job.name) -> None:
            watch(f"{printable(name)}: {text}")

        started = time.perf_counter()
        try:
            if item.how == "moving":
                said = _moving(model, job, source, target, options, shapes, tell)
            else:
                said = _in_tiles(model, job, source, target, options, shapes, tell)
        except Exception as error:  # decoders and encoders raise nearly anything; one file must not end the folder
            encoding.refuse_full(error, target)
            yield Outcome(job.name, None, time.perf_counter() - started, error=_reason(error))
        else:
            yield Outcome(job.name, job.target, time.perf_counter() - started, tuple(said))


def _in_tiles(
    model: Model, job: Job, source: Place, target: Place, options: Options, shapes: Shapes, tell: Watch
) -> list[str]:
    z = drawn(model, options, job)
    with source.open(job.name) as file, opened(file, job.name) as picture:
        strips = translate_large(model, picture, options.to, options.tile, z, tell)
        channels = shapes.channels_out + picture.has_alpha
        with target.writing(job.target) as out:
            said = write(
                out,
                encoding.ending(job),
                picture.form,
                (picture.height, picture.width),
                channels,
                _with_alpha(strips, picture) if picture.has_alpha else strips,
                options.metadata,
            )
        return [*picture.warnings, *said]


def _with_alpha(strips: Iterator[Array], picture: Opened) -> Iterator[Array]:
    top = 0
    for strip in strips:
        bottom = top + len(strip)
        yield np.concatenate([strip, picture.alpha(top, bottom)], axis=2)
        top = bottom


def _moving(
    model: Model, job: Job, source: Place, target: Place, options: Options, shapes: Shapes, tell: Watch
) -> list[str]:
    if shapes.strips:
        raise Unreadable(Path(job.name), "moves, and this model reads or writes strips of frames, which do not")
    z = drawn(model, options, job)  # one for all frames: another for each would flicker
    most = options.batch or 8

    passed = 0

    def network(frames: Array) -> Array:
        nonlocal passed
        passed += len(frames)
        tell(f"{passed:,} frames")
        fit = memory.batch_size(model, options.to, frames.shape[1], frames.shape[2], most)
        parts = [frames[first : first + fit] for first in range(0, len(frames), fit)]
        return np.concatenate([_frames(model, part, options, z) for part in parts])

    channels = shapes.channels_in, shapes.channels_out
    with source.open(job.name) as file, target.writing(job.target) as out:
        return translate_motion(network, file, job.name, out, encoding.ending(job), channels, most, options.metadata)


def _frames(model: Model, frames: Array, options: Options, z: Tensor | None) -> Array:
    latents = None if z is None else z.expand(len(frames), -1)
    return from_tensor(model(to_tensor(frames), options.to, latents), frames.dtype)


def _reason(error: Exception) -> str:
    if isinstance(error, UserError):
        return "; ".join(part for part in (error.what, error.hint) if part)
    if out_of_memory(error):
        return "too large for this machine's memory, even in parts"
    if isinstance(error, OSError) and not isinstance(error, FileNotFoundError | PermissionError):
        return encoding.reason(error)
    return decoding.reason(error)
