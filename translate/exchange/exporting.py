"""A run's generator as one file: written beside its place, compared with the run, and only then put there."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from translate.domain import Domain
from translate.errors import UserError, nearest

if TYPE_CHECKING:
    from torch import Tensor

    from translate.exchange.taken import Taken

ENDINGS = {
    ".onnx": "an ONNX file",
    ".pt2": "a graph of torch.export",
    ".safetensors": "weights, and the configuration in FILE.json",
}


@dataclass(frozen=True)
class Exported:
    """What was written: `files`; `to`: the domains it makes; `difference`: the largest from the run's own outputs in
    [-1, 1]; `opset` of an ONNX file."""

    files: tuple[Path, ...]
    to: tuple[Domain, ...]
    difference: float
    opset: int | None = None

    @property
    def megabytes(self) -> float:
        """Of all files together, 10^6 bytes each."""
        return sum(path.stat().st_size for path in self.files) / 1e6


def require_writable(path: Path) -> None:
    """UserError unless `path` ends in one of ENDINGS and nothing is there yet; without importing torch."""
    known = ", ".join(f"FILE{ending} ({what})" for ending, what in ENDINGS.items())
    if path.suffix.lower() not in ENDINGS:
        close = nearest(path.suffix, ENDINGS) if path.suffix else ""
        raise UserError(
            f'no file can be exported as "{path.suffix}".{close}' if path.suffix else "has no ending to say what it is",
            where=str(path),
            expected=known,
        )
    for there in _files(path):
        if there.exists():
            raise UserError("is there already, and nothing is overwritten", where=str(there), expected="a new name")


def export(run: Path, path: Path, to: Domain | None = None, checkpoint: str = "last") -> Exported:
    """Write the generator of `to` in `run` to `path`, as what its ending says; UserError where that can't be, or where
    the file does not agree with the run. FILE.safetensors takes all generators, unless `to` is given."""
    from translate.exchange import outgoing

    require_writable(path)
    taken = outgoing.of_run(run, checkpoint)
    if to is not None or path.suffix.lower() != ".safetensors":
        taken = outgoing.one_way(taken, to, str(run))
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=f".{path.stem}-", dir=path.parent))
    try:
        draft = unfinished / path.name
        difference, opset = _WRITE[path.suffix.lower()](taken, draft, path)
        require_writable(path)  # perhaps somebody was quicker
        for made, file in zip(_files(draft), _files(path), strict=True):
            os.replace(made, file)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return Exported(_files(path), tuple(taken.config.produce), difference, opset)


def _files(path: Path) -> tuple[Path, ...]:
    return (path.with_suffix(".json"), path) if path.suffix.lower() == ".safetensors" else (path,)


def _onnx(taken: Taken, draft: Path, path: Path) -> tuple[float, int | None]:
    from translate.exchange import onnx_file
    from translate.exchange.onnx_generator import OnnxGenerator

    def written(properties: dict[str, Any]) -> Callable[..., Tensor]:
        return OnnxGenerator(draft, properties)

    return _graph(taken, draft, path, onnx_file.write, written, least=1), onnx_file.OPSET


def _pt2(taken: Taken, draft: Path, path: Path) -> tuple[float, int | None]:
    from translate.exchange import graph, pt2_file

    def written(properties: dict[str, Any]) -> Callable[..., Tensor]:
        import torch

        with graph.quiet():
            return torch.export.load(draft).module()  # ours, a moment old: nobody else's code is in it

    return _graph(taken, draft, path, pt2_file.write, written, least=2), None


def _graph(
    taken: Taken,
    draft: Path,
    path: Path,
    write: Callable[..., None],
    read: Callable[[dict[str, Any]], Callable[..., Tensor]],
    least: int,
) -> float:
    from translate.exchange import agreement, graph, outgoing, properties

    generator = outgoing.generator(taken)
    takes = graph.signature(taken.config, generator, taken.config.produce[0])
    told = properties.of(taken, takes, least)
    write(taken, generator, takes, told, draft)
    return agreement.largest_difference(generator, read(told), takes, least, path)


def _safetensors(taken: Taken, draft: Path, path: Path) -> tuple[float, int | None]:
    import torch

    from translate.exchange import safe

    safe.write(taken, draft)
    again = safe.read(draft)
    if any(not torch.equal(value.cpu(), again.state[key]) for key, value in taken.state.items()):
        raise UserError("was not written as it was given", where=str(path))
    return 0.0, None


_WRITE: dict[str, Callable[[Taken, Path, Path], tuple[float, int | None]]] = {
    ".onnx": _onnx,
    ".pt2": _pt2,
    ".safetensors": _safetensors,
}
