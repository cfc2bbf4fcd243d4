"""A generator as an ONNX file: written, with all that a user of it must know, and read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from translate.errors import UserError
from translate.exchange import described
from translate.extras import require

if TYPE_CHECKING:
    from torch import nn

    from translate.config import Config
    from translate.exchange.graph import Signature
    from translate.exchange.taken import Taken

OPSET = 18
"""That the exporter writes natively, and every ONNX Runtime since 1.14 reads."""
KEY = "translate"
"""Of the property that holds the description as JSON; the others are for people and other programs."""


def write(taken: Taken, generator: nn.Module, takes: Signature, facts: dict[str, Any], path: Path) -> None:
    """Put the one generator of `taken` at `path`; `facts`: further properties. UserError where it can't be exported."""
    require("onnx", "onnx")
    require("onnxscript", "onnx")
    import torch

    from translate.exchange import graph

    captured = graph.captured(generator, takes)
    try:
        with graph.quiet():
            program = torch.onnx.export(
                captured,
                dynamo=True,
                opset_version=OPSET,
                input_names=list(takes.inputs),
                output_names=["made"],
                verbose=False,
            )
            assert program is not None
            properties = {KEY: described.text(taken.config, taken.about), **facts}
            program.model.metadata_props.clear()
            program.model.metadata_props.update({key: str(value) for key, value in properties.items()})
            program.model.producer_name = "translate"
            program.save(path, external_data=False)
    except (UserError, OSError):  # a full disk says nothing about the graph
        raise
    except Exception as error:  # as many ways as there are operators
        raise graph.not_exportable(generator, error) from error


def session(path: Path, threads: int = 1) -> Any:
    """An ONNX Runtime session on the CPU; UserError where `path` is no ONNX file."""
    runtime = require("onnxruntime", "onnx")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3  # what it says of its optimiser is nobody's news
    options.enable_mem_pattern = False  # a plan for one size is none for the next
    try:
        return runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        if not path.is_file():
            raise UserError("there is no such file", where=str(path)) from None
        reason = " ".join(str(error).split())[:160]
        raise UserError(f"can't be read as an ONNX file ({reason})", where=str(path)) from None


def properties(path: Path) -> tuple[Config, dict[str, Any], dict[str, str]]:
    """The configuration, what is said of the weights, and all properties as they stand."""
    found = dict(session(path).get_modelmeta().custom_metadata_map)
    if KEY not in found:
        raise UserError(
            "does not say what it was trained on, nor what it takes",
            where=str(path),
            expected="an ONNX file of `translate export`",
        )
    return *described.parsed(found[KEY], str(path)), found
