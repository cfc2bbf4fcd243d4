"""Activation checkpointing: what a network computes on its way is forgotten, and computed again when it is needed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint


def recompute(module: nn.Module) -> None:
    """Let each call of `module` keep its arguments alone for the backward pass (Chen et al. 2016, section 4).

    In place, with equal results bit for bit, and with the same keys: the second computation draws the same random
    numbers, and sees and leaves buffers (running statistics, spectral norm's vectors) as if it had not happened.
    """
    cls = type(module)
    module.__class__ = type(cls.__name__, (_Recomputed, cls), {"__module__": cls.__module__, "__doc__": cls.__doc__})


class _Recomputed(nn.Module):
    """In front of a module's own class, so that copies and isinstance() go on as before."""

    independent_rows = False  # two calls in one would need the memory of both at once

    def forward(self, *args: Any) -> Any:
        if not torch.is_grad_enabled():
            return super().forward(*args)
        return checkpoint(super().forward, *args, use_reentrant=False, context_fn=lambda: _contexts(self))


def _contexts(module: nn.Module) -> tuple[AbstractContextManager[Any], AbstractContextManager[Any]]:
    """What the first computation is done in, and every later one; called in front of the first."""
    return nullcontext(), _AsBefore(module)


class _AsBefore:
    """Buffers as they were when this was made, as often as wanted; those that are there now are put back untouched."""

    def __init__(self, module: nn.Module) -> None:
        self._before = [(holder, name, buffer.clone()) for holder, name, buffer in _buffers(module)]

    def __enter__(self) -> None:
        self._now = [(holder, name, getattr(holder, name)) for holder, name, _ in self._before]
        for holder, name, buffer in self._before:
            setattr(holder, name, buffer.clone())

    def __exit__(self, *_: object) -> None:
        for holder, name, buffer in self._now:
            setattr(holder, name, buffer)


def _buffers(module: nn.Module) -> Iterator[tuple[nn.Module, str, Tensor]]:
    for holder in module.modules():
        for name, buffer in holder.named_buffers(recurse=False):
            yield holder, name, buffer
