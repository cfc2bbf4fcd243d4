"""Which file becomes which; refuses paths that can't work before anything heavy is loaded."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from translate.data.layouts import ENDINGS
from translate.errors import UserError, nearest


@dataclass(frozen=True)
class Job:
    """An output to be made: `name`, the path relative to the input folder, and the number of the sample say which of
    the many of its source."""

    source: Path
    target: Path
    name: str
    sample: int = 1


def plan(input: Path, output: Path, samples: int | None = None) -> tuple[list[Job], int]:
    """The outputs of every image, sorted, and the number of other and hidden files; `samples` outputs of each lie in
    the folders 1, 2 and so on of `output`. Raises UserError."""
    if input.is_file():
        if input.suffix.lower() not in ENDINGS:
            raise UserError(
                "this is no image", where=str(input), expected="a folder, or a file ending in " + _endings()
            )
        names_file = output.suffix.lower() in ENDINGS and not output.is_dir()
        if names_file and samples is not None:
            raise UserError("this names a file", where=str(output), expected="a folder, for the folders of the samples")
        jobs, ignored = [Job(input, output if names_file else output / input.name, input.name)], 0
    else:
        if not input.is_dir():
            beside = os.listdir(input.parent) if input.parent.is_dir() else []
            raise UserError(
                f"there is no such file or folder.{nearest(input.name, beside)}",
                where=str(input),
                expected="an image or a folder of images",
            )
        if output.resolve().is_relative_to(input.resolve()):
            raise UserError(
                "the output lies inside the input folder: the next time it would be translated again",
                where=str(output),
                expected="a folder outside of " + str(input),
            )
        sources, ignored = _walk(input)
        if not sources:
            raise UserError(
                f"no images here ({ignored} other files)", where=str(input), expected="files ending in " + _endings()
            )
        names = [source.relative_to(input) for source in sources]
        jobs = [Job(source, output / name, name.as_posix()) for source, name in zip(sources, names, strict=True)]
    if samples is not None:
        numbers = range(1, samples + 1)
        jobs = [Job(job.source, output / str(n) / job.name, job.name, n) for job in jobs for n in numbers]
    for folder in (output, *output.parents):
        if folder.is_file() and (folder != output or len(jobs) != 1 or jobs[0].target != output):
            raise UserError("this is a file", where=str(folder), expected="a folder for the translated images")
    sources_there = {job.source.resolve() for job in jobs}
    for job in jobs:
        if job.target.resolve() in sources_there:
            raise UserError(f"{job.source} would be overwritten", where=str(job.target), expected="another OUTPUT")
    return jobs, ignored


def _endings() -> str:
    return ", ".join(sorted(ENDINGS))


def _walk(root: Path) -> tuple[list[Path], int]:
    sources: list[Path] = []
    ignored = 0
    seen: set[str] = set()
    for folder, below, names in os.walk(root, followlinks=True):
        real = os.path.realpath(folder)
        if real in seen:  # a link back up would walk in circles
            below.clear()
            continue
        seen.add(real)
        below[:] = sorted(name for name in below if not name.startswith("."))
        for name in names:
            path = Path(folder, name)
            if name.startswith(".") or path.suffix.lower() not in ENDINGS:
                ignored += 1
            else:
                sources.append(path)
    return sorted(sources), ignored
