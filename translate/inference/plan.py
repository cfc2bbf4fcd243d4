"""Which file becomes which; refuses paths that can't work before anything heavy is loaded."""

from __future__ import annotations

import os
from pathlib import Path

from translate.data.layouts import ENDINGS
from translate.errors import UserError, nearest


def plan(input: Path, output: Path) -> tuple[list[tuple[Path, Path]], int]:
    """(source, target) of every image, sorted, and the number of other and hidden files. Raises UserError."""
    if input.is_file():
        if input.suffix.lower() not in ENDINGS:
            raise UserError(
                "this is no image", where=str(input), expected="a folder, or a file ending in " + _endings()
            )
        names_file = output.suffix.lower() in ENDINGS and not output.is_dir()
        jobs, ignored = [(input, output if names_file else output / input.name)], 0
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
        jobs = [(source, output / source.relative_to(input)) for source in sources]
    for folder in (output, *output.parents):
        if folder.is_file() and (folder != output or len(jobs) != 1 or jobs[0][1] != output):
            raise UserError("this is a file", where=str(folder), expected="a folder for the translated images")
    sources_there = {source.resolve() for source, _ in jobs}
    for source, target in jobs:
        if target.resolve() in sources_there:
            raise UserError(f"{source} would be overwritten", where=str(target), expected="another OUTPUT")
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
