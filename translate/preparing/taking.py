"""Pictures out of another library, written as a dataset folder: bytes as they are where there are bytes."""

from __future__ import annotations

import io
import os
import re
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from translate.data.dataset import SPLITS
from translate.data.images import FORMATS
from translate.formats.kinds import sniff
from translate.inference.outcome import Outcome
from translate.inference.places import Folder
from translate.preparing.making import Job, made
from translate.preparing.table import add_pairs

if TYPE_CHECKING:
    from PIL import Image

_ENDINGS = {kind: ending for ending, kind in reversed(FORMATS.items())}
_UNFIT = re.compile(r'[\x00-\x1f<>:"/\\|?*]+')


@dataclass(frozen=True)
class Row:
    """What a library holds at one position of a split: `images` by their letter ("A", "B", or "" alone), each of which
    is a picture of Pillow's, an encoded file's bytes, or the exception that its reading ended with; `label`: its
    class."""

    split: str
    number: int
    images: dict[str, Any]
    label: str | None = None


def taken(rows: Iterable[Row], target: Folder, paired: bool, held: Counter[str]) -> Generator[Outcome, None, None]:
    """What becomes of each picture of the rows: train/cat/0000001.jpg, or trainA/0000001.png and trainB/0000001.png,
    with a table of pairs where they are `paired`. `held` counts pictures by folder. Raises DiskFull."""
    pairs: list[tuple[str, str]] = []

    def jobs() -> Iterator[Job]:
        for row in rows:
            names = {}
            for letter, image in row.images.items():
                folder = row.split + letter + (f"/{folder_name(row.label)}" if row.label is not None else "")
                job = _job(image, folder, row.number, target)
                if job.refused is None:
                    names[letter] = job.target
                yield job
            if paired and len(names) == 2:
                pairs.append((names["A"], names["B"]))

    with closing(made(jobs(), target)) as outcomes:
        for outcome in outcomes:
            if outcome.output is not None:
                held[outcome.output.partition("/")[0]] += 1
            yield outcome
    add_pairs(target, pairs)


def split_name(name: str) -> str | None:
    """train, val or test for a library's name of a split, or None."""
    return {"trainval": "train", "training": "train"}.get(name.lower()) or SPLITS.get(name.lower())


def folder_name(label: str) -> str:
    """A class's name as a folder on any system; nothing in it leads elsewhere."""
    return _UNFIT.sub("_", label).strip(" .") or "_"


def _job(image: Any, folder: str, number: int, target: Folder) -> Job:
    name = f"{folder}/{number:07d}"
    try:
        ending, data = _encoded(image)
    except Exception as error:  # one picture must not end the dataset
        return Job(name, name, tuple, refused=getattr(error, "reason", None) or str(error) or type(error).__name__)
    return Job(name, name + ending, partial(_put, target, name + ending, data))


def _encoded(image: Any) -> tuple[str, Callable[[], bytes]]:
    """The ending of a picture's file, and what makes its bytes."""
    from PIL import Image

    if isinstance(image, Exception):
        raise image
    if isinstance(image, bytes):
        return _ENDINGS[sniff(io.BytesIO(image), "it")], lambda: image
    if not isinstance(image, Image.Image):
        raise TypeError(f"is no picture, but {'nothing' if image is None else type(image).__name__}")
    file = getattr(image, "filename", "")
    if file and image.format in _ENDINGS and os.path.isfile(file):
        image.close()
        return _ENDINGS[image.format], lambda: _bytes_of(file)
    return ".png", partial(_png, image)


def _bytes_of(file: str) -> bytes:
    with open(file, "rb") as opened:
        return opened.read()


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    (image.convert("RGB") if image.mode in ("CMYK", "YCbCr", "HSV", "LAB") else image).save(buffer, "PNG")
    return buffer.getvalue()


def _put(target: Folder, name: str, data: Callable[[], bytes]) -> list[str]:
    with target.writing(name) as file:
        file.write(data())
    return []
