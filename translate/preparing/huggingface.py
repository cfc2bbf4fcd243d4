"""Rows of a dataset of the Hugging Face hub, or of one in its formats on this machine, streamed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from itertools import islice
from pathlib import Path
from typing import Any

from translate.data.dataset import ENDINGS
from translate.errors import UserError, nearest, unknown
from translate.extras import require
from translate.preparing.hub_files import Origin
from translate.preparing.taking import Row, split_name

_FILES = {".parquet", ".arrow", ".csv", ".json", ".jsonl", ".zip", ".tar"}
_EXPECTED = "hf:NAME or hf:NAME:CONFIG of the hub, as hf:user/photos; or a folder or Parquet file of images"


@dataclass(frozen=True)
class Columns:
    """The columns that pictures are taken from: `a` and `b`, or one alone as `a`; `label`: that of the classes. None:
    what the dataset itself says."""

    a: str | None = None
    b: str | None = None
    label: str | None = None
    flat: bool = False


def opened(name: str, options: dict[str, Any]) -> dict[str, Any]:
    """By split (train, val, test) the stream of a dataset called NAME, NAME:CONFIG, or a folder or Parquet file here;
    pictures stay encoded. Raises UserError where it can't be had."""
    try:
        metadata.version("datasets")  # a folder called datasets/ in the working directory would be imported otherwise
    except metadata.PackageNotFoundError:
        raise UserError(
            "datasets is not installed, which this needs", hint="pip install 'translate-gan[hub]'"
        ) from None
    datasets = require("datasets", "hub")
    streams = _loaded(datasets, name, options)
    found = {}
    for split, stream in streams.items():
        if (ours := split_name(split)) and ours not in found:
            found[ours] = stream
    return found or dict.fromkeys(("train",), next(iter(streams.values())))


def rows(stream: Any, split: str, columns: Columns, count: int | None, origin: Origin) -> Iterator[Row]:
    """The first `count` rows of a split, or all; files that they name are read from the `origin` alone. Raises
    UserError at once for columns that are not there, or hold no pictures."""
    datasets = require("datasets", "hub")
    features = stream.features or stream._resolve_features().features
    a, b, label = chosen(features, columns)
    for column in filter(None, (a, b)):
        _refuse_other(stream, column, features[column])
        stream = stream.cast_column(column, datasets.Image(decode=False))

    def row(number: int, values: dict[str, Any]) -> Row:
        taken = {"": a} if b is None else {"A": a, "B": b}
        images = {letter: _bytes(values[column], origin) for letter, column in taken.items()}
        return Row(split, number, images, None if label is None else _label(features[label], values[label]))

    return (row(number, values) for number, values in enumerate(islice(stream, count)))


def chosen(features: Any, columns: Columns) -> tuple[str, str | None, str | None]:
    """The columns of A (or of all pictures), of B, and of the classes. Raises UserError."""
    images = [name for name, feature in features.items() if type(feature).__name__ == "Image"]
    labels = [name for name, feature in features.items() if type(feature).__name__ == "ClassLabel"]
    for given in (columns.a, columns.b, columns.label):
        if given is not None and given not in features:
            raise unknown("column", given, features, where="the dataset")
    if columns.b is not None and columns.a is None:
        raise UserError("--b names a column, and --a does not", expected="both, or --a alone for one domain")
    a = columns.a or (images[0] if len(images) == 1 else None)
    if a is None:
        raise UserError(
            f"it has {len(images) or 'no'} columns of pictures" + (f": {', '.join(images)}" if images else ""),
            expected="--a COLUMN and --b COLUMN for two domains, or --a COLUMN for one",
            hint=f"--a {images[0]} --b {images[1]}" if len(images) > 1 else "columns: " + ", ".join(features),
        )
    label = columns.label or (labels[0] if len(labels) == 1 and columns.b is None else None)
    return a, columns.b, None if columns.flat else label


def _loaded(datasets: Any, name: str, options: dict[str, Any]) -> dict[str, Any]:
    _refuse_missing(name)
    path = Path(name)
    place, _, config = (name, "", "") if path.exists() else name.partition(":")
    words: dict[str, Any] = {"path": place, "streaming": True, **options}
    if path.is_file():
        words |= {"path": path.suffix.removeprefix(".").lower(), "data_files": str(path)}
    elif config:
        words["name"] = config
    try:
        streams = datasets.load_dataset(**words)
    except Exception as error:  # the library raises nearly anything, and what it says is what helps
        said = " ".join(str(error).split())[:400]
        raise UserError(
            f"can't be had: {said or type(error).__name__}",
            where=f"hf:{name}",
            expected=_EXPECTED,
        ) from None
    return dict(streams) if hasattr(streams, "items") else {"train": streams}


def _bytes(image: Any, origin: Origin) -> Any:
    """The file of an image that is not decoded, None for none, or the exception that its reading ends with."""
    if not isinstance(image, dict):
        return image
    if image.get("bytes") is not None or image.get("path") is None:
        return image.get("bytes")
    try:
        return origin.read(image["path"])
    except Exception as error:  # file systems of all kinds; one picture must not end the dataset
        return error


def _refuse_other(stream: Any, column: str, feature: Any) -> None:
    """Raise UserError for a column of text or numbers. Text may name files: the first row says."""
    kind = getattr(feature, "dtype", "")
    if type(feature).__name__ == "Value" and "binary" not in kind:
        row: dict[str, Any] = next(iter(stream.take(1)), {}) if "string" in kind else {}
        first = row.get(column)
        if not isinstance(first, str) or os.path.splitext(first)[1].lower() not in ENDINGS:
            raise UserError(
                f"the column {column} holds no pictures, but {kind}",
                where="the dataset",
                expected="a column of pictures, of encoded files, or of their names",
            )


def _refuse_missing(name: str) -> None:
    """Raise UserError for what can only be a path, and is none; the library would ask the hub for it."""
    path = Path(name)
    if path.exists() or not (path.suffix.lower() in _FILES or name.startswith((".", "/", "~")) or name.count("/") > 1):
        return
    there = path.absolute().parent
    beside = [one.name for one in there.iterdir()] if there.is_dir() else []
    raise UserError(f"no such file or folder.{nearest(path.name, beside)}", where=f"hf:{name}", expected=_EXPECTED)


def _label(feature: Any, value: Any) -> str:
    return str(feature.int2str(value)) if hasattr(feature, "int2str") and value is not None else str(value)
