"""Pictures of two folders, side by side in one file each: A left, B right."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from functools import partial
from pathlib import Path

from translate.data.dataset import Picture
from translate.data.headers import shape, spread
from translate.errors import UserError
from translate.inference.outcome import Outcome
from translate.inference.places import Folder
from translate.preparing.beside import Placing, beside
from translate.preparing.making import Job, made
from translate.preparing.partners import Partners, outputs
from translate.preparing.picture import read, save


def combine(
    a: Path, b: Path, found: Partners, target: Folder, placing: Placing, ending: str | None = None
) -> Generator[Outcome, None, None]:
    """What becomes of each pair, and of each picture without a partner. Raises DiskFull."""
    names = outputs(found.pairs, ending)
    jobs = [
        Job(first, name, partial(_one, a / first, b / second, target, name, placing))
        for (first, second), name in zip(found.pairs, names, strict=True)
    ]
    alone = [Job(name, name, tuple, refused=reason) for name, reason in found.alone.items()]
    return made([*jobs, *alone], target)


def refuse_oblong(pictures: Sequence[Path], placing: Placing) -> None:
    """Raise UserError where pictures are no squares and nothing is said about it: the pairs would not be known as such
    by a training, and it is better said before a thousand of them are written."""
    if placing.square is not None:
        return
    for path in spread(pictures):
        seen = shape(Picture(path))
        if seen is not None and seen[0] != seen[1]:
            raise UserError(
                f"is {seen[0]}x{seen[1]}, no square, so its pair would not be twice as wide as high, by which a "
                "training knows pairs",
                where=str(path),
                expected="--square crop (the middle), stretch (as pix2pix does), or keep (for other programs)",
                hint="--square crop",
            )


def _one(a: Path, b: Path, target: Folder, name: str, placing: Placing) -> list[str]:
    pixels, form, warnings = beside(read(a), read(b), placing, name)
    return warnings + save(target, name, pixels, form)
