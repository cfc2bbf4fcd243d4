"""One image translated as `translate apply` would: same size, same depth, same file format."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from translate.data.images import FORMATS, Unreadable
from translate.domain import Domain
from translate.inference.folder import work
from translate.inference.model import Model
from translate.inference.outcome import Options
from translate.inference.places import Folder
from translate.inference.plan import Job
from translate.ui import showing

SAMPLES = 16
"""Outputs of one image at most."""


@dataclass(frozen=True)
class Translated:
    """What was made of an image: its width and height, the files at full size, and what a browser can show of it."""

    size: tuple[int, int]
    files: list[Path]
    before: Image.Image
    after: list[Image.Image]
    notes: list[str]


def translated(
    model: Model,
    path: Path,
    folder: Path,
    to: Domain,
    megapixels: float,
    samples: int = 1,
    seed: int = 0,
    png: bool = False,
) -> Translated:
    """`path` as images of `to`, written into `folder`: in the format of its name, or of its content where the name says
    none, or as `png`. Outputs of a stochastic model are those of `translate apply --samples --seed` for that name.
    Raises Unreadable, also for more than so many megapixels."""
    (written, size), name = _named(path, megapixels, png), path.name
    count = samples if model.stochastic else None
    options = Options(to, count, seed, format=".png" if png else None, one=(name, written))
    numbers = range(1, count + 1) if count else [None]
    jobs = [Job(name, written if number is None else f"{number}/{written}", number or 1) for number in numbers]
    notes, files = _work(model, jobs, path.parent, folder, options)
    before = showing.picture(path, megapixels, frames=model.frames[to.other])
    after = [showing.picture(file, megapixels, frames=model.frames[to]) for file in files]
    return Translated(size, files, before, after, notes)


def _named(path: Path, megapixels: float, png: bool) -> tuple[str, tuple[int, int]]:
    """What the output is called, and its width and height."""
    with path.open("rb") as file, showing.allowed(file, path.name, megapixels) as found:
        kind, size = found.form.format, (found.width, found.height)
    if png:
        return f"{path.stem}.png", size
    if path.suffix.lower() in FORMATS:
        return path.name, size
    return path.name + next((ending for ending, format in FORMATS.items() if format == kind), ".png"), size


def _work(model: Model, jobs: list[Job], source: Path, target: Path, options: Options) -> tuple[list[str], list[Path]]:
    notes: dict[str, None] = {}
    with closing(work(model, _each(jobs), Folder(source), Folder(target), options)) as outcomes:
        for outcome in outcomes:
            if outcome.error is not None:
                raise Unreadable(Path(outcome.input), outcome.error)
            notes.update(dict.fromkeys(outcome.warnings))
    return list(notes), [target / job.target for job in jobs]


def _each(jobs: list[Job]) -> Iterator[Job]:
    yield from jobs
