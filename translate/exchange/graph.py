"""A generator as a graph of free batch, height and width, which needs none of its code any more."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from translate import build
from translate.config import Config
from translate.domain import Domain
from translate.errors import UserError
from translate.prior import Prior

LARGEST = 2**16
"""Pixels of a side, and images of a batch."""


@dataclass(frozen=True)
class Signature:
    """What a generator takes. `inputs`: names; `channels` of an image, 0 without one; `stride` and `size` (height,
    width) in pixels; `prior` of the latents; `classes`: of the labels, 0 without."""

    inputs: tuple[str, ...]
    channels: int
    stride: int
    size: tuple[int, int]
    prior: Prior | None
    classes: int

    def example(self, rows: int, height: int, width: int, seed: int = 0) -> tuple[Tensor, ...]:
        """Inputs for `rows` images: noise in [-1, 1], latents of the prior, labels."""
        source = torch.Generator().manual_seed(seed)
        made = []
        for name in self.inputs:
            if name == "image":
                made.append(torch.rand(rows, self.channels, height, width, generator=source) * 2 - 1)
            elif name == "z":
                assert self.prior is not None
                made.append(self.prior.draw(rows, source))
            else:
                made.append(torch.randint(self.classes, (rows,), generator=source))
        return tuple(made)

    def free(self) -> tuple[dict[int, object], ...]:
        """By input, its axes whose length is free: the batch, and height and width in multiples of the stride."""
        rows = torch.export.Dim("n", min=1, max=LARGEST)
        axes: dict[int, object] = {0: rows}
        if "image" in self.inputs:
            sides = (torch.export.Dim(side, min=1, max=LARGEST // self.stride) for side in ("h", "w"))
            height, width = (side if self.stride == 1 else self.stride * side for side in sides)
            axes |= {2: height, 3: width}
        return tuple(axes if name == "image" else {0: rows} for name in self.inputs)


def signature(config: Config, generator: nn.Module, to: Domain) -> Signature:
    """Of the generator that makes images of `to`."""
    image = [] if config.unconditional else ["image"]
    latent = ["z"] if config.networks.latent is not None else []
    classes = len(config.networks.classes or ())
    return Signature(
        tuple(image + latent + (["label"] if classes else [])),
        build.channels_of(config, to.other) if image else 0,
        int(getattr(generator, "stride", 1)),
        config.data.size,
        build.prior_of(config),
        classes,
    )


def captured(generator: nn.Module, takes: Signature) -> torch.export.ExportedProgram:
    """The generator's graph; UserError where it can't be followed."""
    example = takes.example(2, 2 * takes.stride, 3 * takes.stride)
    try:
        with quiet(), torch.no_grad():
            return torch.export.export(generator, example, dynamic_shapes=takes.free())
    except Exception as error:  # the tracer fails in many ways, most of them in words for its authors
        raise not_exportable(generator, error) from error


def not_exportable(generator: nn.Module, error: Exception) -> UserError:
    """The sentence for a generator that an exporter could not follow."""
    reason = " ".join(str(error).split()).partition(". ")[0][:120]
    return UserError(
        f"{type(generator).__name__} can't be written as a graph: what it does depends on the values or the number of "
        f"what it is given, or is an operation that the exporter does not know ({type(error).__name__}: {reason})",
        hint="FILE.safetensors holds any network of this program",
    )


@contextmanager
def quiet() -> Iterator[None]:
    """What exporters say of their own inside is no news to anybody here."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
