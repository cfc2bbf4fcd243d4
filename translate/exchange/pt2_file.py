"""A generator as a FILE.pt2 of torch.export: written with its description, and read without running what it holds."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from translate.errors import UserError
from translate.exchange import described

if TYPE_CHECKING:
    from torch import Tensor, nn

    from translate.config import Config
    from translate.exchange.graph import Signature
    from translate.exchange.taken import Taken

NAME = "translate.json"
"""Of the extra file that holds the description."""
WEIGHTS = "/data/weights/"
INDEX = WEIGHTS + "model_weights_config.json"
DTYPES = {5: "int64", 7: "float32"}
"""The archive's numbers for what our networks are made of."""


def write(taken: Taken, generator: nn.Module, takes: Signature, facts: dict[str, Any], path: Path) -> None:
    """Put the graph of the one generator of `taken` at `path`; UserError where it can't be captured."""
    import torch

    from translate.exchange import graph

    captured = graph.captured(generator, takes)
    extra = {NAME: described.text(taken.config, {**taken.about, **facts})}
    with graph.quiet():
        torch.export.save(captured, path, extra_files=extra)


def described_by(path: Path) -> tuple[Config, dict[str, Any]]:
    """The configuration in the file, and what is said of the weights."""
    with _archive(path) as archive:
        told = archive.read(_entry(archive, f"/extra/{NAME}", path))
    return described.parsed(told, str(path))


def read(path: Path) -> Taken:
    """The generator's weights and configuration. The graph stays unread: torch.export's own reader may run code that a
    file brings, and our networks are the same functions. UserError for other files and other networks."""
    from translate.exchange.taken import Taken, require_fit

    config, about = described_by(path)
    with _archive(path) as archive:
        entry = _entry(archive, INDEX, path)
        prefix = entry.removesuffix(INDEX) + WEIGHTS
        try:
            index = json.loads(archive.read(entry))["config"]
            state = {f"{config.produce[0]}.{key}": _tensor(archive, prefix, told) for key, told in index.items()}
        except (KeyError, ValueError, TypeError, AttributeError, RecursionError):
            raise UserError("holds weights in a form that is not known here", where=str(path)) from None
    taken = Taken(config, state, about)
    try:
        require_fit(taken)
    except UserError as error:
        raise UserError(error.what, where=str(path), expected=error.expected) from None
    return taken


def _tensor(archive: zipfile.ZipFile, prefix: str, told: dict[str, Any]) -> Tensor:
    import numpy as np
    import torch

    meta = told["tensor_meta"]
    sizes = [side["as_int"] for side in meta["sizes"]]
    strides = [prod(sizes[axis + 1 :]) for axis in range(len(sizes))]
    given = [step["as_int"] for step in meta["strides"]]
    if told["use_pickle"] or any(one != other for one, other, n in zip(strides, given, sizes, strict=True) if n > 1):
        raise ValueError("not plain, contiguous numbers")
    values = np.frombuffer(archive.read(prefix + told["path_name"]), DTYPES[meta["dtype"]])
    return torch.from_numpy(values.reshape(sizes).copy())


@contextmanager
def _archive(path: Path) -> Iterator[zipfile.ZipFile]:
    """The file's parts; UserError where it, or one that is read, is damaged."""
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except FileNotFoundError:
        raise UserError("there is no such file", where=str(path)) from None
    except (UserError, MemoryError):
        raise
    except Exception as error:  # as many ways as there are to compress and to encrypt
        raise UserError(f"can't be read as a .pt2 file ({error})", where=str(path)) from None


def _entry(archive: zipfile.ZipFile, ending: str, path: Path) -> str:
    found = next((name for name in archive.namelist() if name.endswith(ending)), None)
    if found is None:
        raise UserError(
            "does not say what it was trained on", where=str(path), expected="a .pt2 file of `translate export`"
        )
    return found
