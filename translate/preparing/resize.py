"""Smaller copies of a folder's pictures: names, formats and depths stay."""

from __future__ import annotations

import shutil
from collections.abc import Generator
from functools import partial
from pathlib import Path

import numpy as np

from translate.formats.form import Array
from translate.inference.outcome import Outcome
from translate.inference.places import Folder
from translate.preparing.framing import Frame, halves
from translate.preparing.making import Job, made
from translate.preparing.picture import read, save

SMALLER = "is smaller than --size and stays as it is: --enlarge makes it larger"


def resize(
    source: Path, names: list[str], target: Folder, frame: Frame, pairs: bool = False
) -> Generator[Outcome, None, None]:
    """What becomes of each of the `names` in `source`. `pairs`: each half of a picture is resized by itself, so that
    nothing of A gets into B. What keeps its pixels is copied byte by byte. Raises DiskFull."""
    return made((Job(name, name, partial(_one, source, name, target, frame, pairs)) for name in names), target)


def _one(source: Path, name: str, target: Folder, frame: Frame, pairs: bool) -> list[str]:
    whole = read(source / name)
    parts = halves(whole.pixels) if pairs and whole.size[1] > 1 else (whole.pixels,)
    said = [SMALLER] if frame.small((parts[0].shape[0], parts[0].shape[1])) else []
    fitted = [frame.fitted(part) for part in parts]
    if all(after is before or after.shape == before.shape for after, before in zip(fitted, parts, strict=True)):
        with open(source / name, "rb") as file, target.writing(name) as out:
            shutil.copyfileobj(file, out)
        return said
    return [*said, *whole.warnings, *save(target, name, _together(fitted), whole.form)]


def _together(parts: list[Array]) -> Array:
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)
