"""Is what was written the same function? Asked before the file is anybody's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import Tensor, nn

from translate.errors import UserError
from translate.exchange.graph import Signature

TOLERANCE = 1e-4
"""Largest difference of any value, images in [-1, 1]: a hundredth of a grey level."""
LONGEST = 256
"""Pixels of a side at which sizes of training are compared: a check need not take minutes."""


def largest_difference(
    generator: nn.Module, written: Callable[..., Tensor], takes: Signature, least: int, path: Path
) -> float:
    """Of the two on three batches and sizes, one of them not square and none below `least` strides on a side; UserError
    above the tolerance."""
    largest = 0.0
    for seed, (rows, height, width) in enumerate(shapes(takes, least)):
        inputs = takes.example(rows, height, width, seed)
        with torch.no_grad():
            ours, theirs = generator(*inputs), written(*inputs)
        if ours.shape != theirs.shape:
            raise _different(path, f"makes {list(theirs.shape)} where the run makes {list(ours.shape)}")
        largest = max(largest, float((ours - theirs).abs().max().nan_to_num(nan=float("inf"))))
    if not largest <= TOLERANCE:
        raise _different(path, f"differs from the run by {largest:.2g} in [-1, 1]")
    return largest


def shapes(takes: Signature, least: int) -> Iterator[tuple[int, int, int]]:
    """Batch, height and width, of three checks: the training size first."""
    unit = -(-32 // takes.stride) * takes.stride
    height, width = (max(least, min(side, LONGEST) // takes.stride) * takes.stride for side in takes.size)
    yield 1, height, width
    yield 2, 2 * unit, 3 * unit
    yield 3, 2 * unit, 2 * unit


def _different(path: Path, what: str) -> UserError:
    return UserError(
        f"the file that would have been written {what}, so there is none",
        where=str(path),
        expected=f"a difference of at most {TOLERANCE:g}",
        hint="FILE.safetensors, which holds the weights themselves",
    )
