"""Exported files in the place of a run folder: what they say of themselves, and the model in them."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from translate import config
from translate.errors import UserError
from translate.exchange.exporting import ENDINGS

if TYPE_CHECKING:
    from translate.config import Config
    from translate.inference.model import Model, Precision


def exported(run: Path) -> bool:
    """Whether this is the name of an exported file, and not of a run folder."""
    return run.suffix.lower() in ENDINGS and not run.is_dir()


def is_graph(run: Path) -> bool:
    """Whether it is one that runs without our networks, whose inside can't be seen."""
    return exported(run) and run.suffix.lower() == ".onnx"


def config_of(run: Path) -> Config:
    """The configuration of a run folder, or of an exported file; without torch. UserError where there is none."""
    if not exported(run):
        return config.load_run(run)
    _require_file(run)
    from translate.exchange import onnx_file, pt2_file, safe

    if is_graph(run):
        return onnx_file.properties(run)[0]
    return (pt2_file if run.suffix.lower() == ".pt2" else safe).described_by(run)[0]


def refuse_file(run: Path) -> None:
    """UserError where `run` is a file, and only a run folder will do; weights have a command that makes one of them."""
    if not run.is_file():
        return
    graph = run.suffix.lower() in (".onnx", ".pt2")
    raise UserError(
        "is a file, and not a run folder",
        where=str(run),
        expected="the run that it was exported from" if graph else "a run folder",
        hint=None if graph else f"translate import {shlex.quote(str(run))} RUN, and then RUN in its place",
    )


def weights_of(run: Path, checkpoint: str) -> Path | None:
    """The checkpoint of a run folder that is called so; None for an exported file. UserError where there is none."""
    if not exported(run):
        from translate import checkpoint as checkpoints

        return checkpoints.find(run, checkpoint)
    if checkpoint != "last":
        raise UserError(
            "holds one set of weights, that of its export",
            where=f"{run}: --checkpoint",
            hint=f"translate export RUN {run.name} --checkpoint {checkpoint}",
        )
    return None


def model(path: Path, device: str = "auto", precision: Precision = "fp32") -> Model:
    """The model in an exported file, on `device`: an ONNX file runs on the CPU, in float32."""
    from translate.inference.model import Model

    _require_file(path)
    if not is_graph(path):
        from translate.exchange import pt2_file, safe

        taken = pt2_file.read(path) if path.suffix.lower() == ".pt2" else safe.read(path)
        return Model.of(taken, checkpoint=path.name, device=device, precision=precision)
    if device not in ("auto", "cpu"):
        raise UserError(
            "an ONNX file runs on the CPU here", where=f"--device {device}", hint="apply the run, or FILE.safetensors"
        )
    if precision != "fp32":
        raise UserError(
            "an ONNX file computes in float32",
            where=f"--precision {precision}",
            hint="apply the run, or FILE.safetensors",
        )
    from torch import nn

    from translate.exchange import onnx_file
    from translate.exchange.onnx_generator import OnnxGenerator

    told, about, properties = onnx_file.properties(path)
    try:
        generators = nn.ModuleDict({str(told.produce[0]): OnnxGenerator(path, properties)})
    except (KeyError, ValueError):
        raise UserError("lacks properties that `translate export` writes", where=str(path)) from None
    return Model(told, generators, checkpoint=path.name, step=int(about.get("step", 0)))


def _require_file(path: Path) -> None:
    if not path.is_file():
        raise UserError("there is no such file", where=str(path), expected="what `translate export` wrote")
