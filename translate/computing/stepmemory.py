"""How much memory a training step needs: measured on small images and few rows, and reckoned up to the real ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from translate import build
from translate.computing.alive import Alive
from translate.config import Config
from translate.domain import Batch
from translate.errors import UserError
from translate.trainer import Trainer

SMALL = 64
"""The shorter side, in pixels, of the images that a step is measured on, or the next larger one that networks take."""


@dataclass(frozen=True)
class StepMemory:
    """Bytes of weights, optimiser and average (`fixed`), those that each row of a batch adds before the backward pass
    (`row`), and those of the gradients that take their place (`gradients`)."""

    fixed: int
    row: int
    gradients: int = 0

    def of(self, batch: int, accumulate: int = 1) -> int:
        """Bytes at the peak of a step on `batch` rows, computed in `accumulate` parts."""
        return self.fixed + max(self.gradients, self.row * -(-batch // accumulate))

    def rows(self, free: int) -> int:
        """How many rows at most fit in `free` bytes; 0 where not even the weights do."""
        room = free - self.fixed
        return room // self.row if room >= self.gradients else 0


def measure(config: Config, device: torch.device) -> StepMemory:
    """Steps of a throw-away trainer on few and on twice as many grey rows of small images; what a row costs grows with
    the area of the images."""
    small = _small(config)
    trainer = build.trainer(small, build.blank(small), device)
    _fill_optimizers(trainer)
    groups = [[w for w in group if w.requires_grad] for group in trainer.parameters.values()]
    for weight in (w for group in groups for w in group):  # or they would hide what small images take
        weight.register_post_accumulate_grad_hook(_drop_gradient)
    few, more = 2, 4  # of a single row the weights' gradients would take more than the images
    low, high = (_peak(trainer, _grey(small, rows), device) for rows in (few, more))
    scale = _area(config) / _area(small)
    row = max(1, round((high - low) / (more - few) * scale))
    rest = max(0, round(low - few * row / scale))  # what a step holds beside, however many rows
    gradients = max(sum(w.nbytes for w in group) for group in groups)
    return StepMemory(_held(trainer) + rest, row, gradients)


def _area(config: Config) -> int:
    return config.data.size[0] * config.data.size[1]


def _small(config: Config) -> Config:
    """The same game on the smallest images of the same form that its networks take, one move a player."""
    training = config.training.model_copy(update={"batch": 4, "accumulate": 1, "discriminator_steps": 1})
    training = training.model_copy(update={"compile": False})
    plain = config.model_copy(update={"training": training})
    if config.unconditional:
        return plain  # their networks are made for one size
    height, width = config.data.size
    for part in (8, 6, 4, 3, 2):
        if min(height, width) // part < SMALL or height % part or width % part:
            continue
        size = height // part, width // part
        chosen = plain.model_copy(update={"data": config.data.model_copy(update={"size": size})})
        if _fits(chosen):
            return chosen
    return plain


def _fits(config: Config) -> bool:
    """Whether the networks take images of this size; on no device, so it costs nothing."""
    try:
        with torch.device("meta"):
            build.generators(config)
            build.discriminators(config)
    except UserError:
        return False
    return True


def _grey(config: Config, rows: int) -> Batch:
    """`rows` rows as `build.blank` makes them."""
    blank = build.blank(config)
    images = {domain: image[:1].repeat(rows, 1, 1, 1) for domain, image in blank.images.items()}
    labels = None if blank.labels is None else blank.labels[:1].repeat(rows)
    return Batch(images, paired=rows if blank.paired else 0, labels=labels)


def verify(config: Config, batch: int, device: torch.device) -> bool:
    """Whether a real step on `batch` rows fits a GPU: one is tried, by a throw-away trainer."""
    training = config.training.model_copy(update={"batch": batch, "compile": False})
    chosen = config.model_copy(update={"training": training})
    try:
        rows = _grey(chosen, batch * training.discriminator_steps)
        _peak(build.trainer(chosen, build.blank(chosen), device), rows, device)
    except torch.OutOfMemoryError:
        return False
    finally:
        torch.cuda.empty_cache()
    return True


def _fill_optimizers(trainer: Trainer) -> None:
    """Make what the optimisers keep, as after the first step."""
    for player, optimizer in trainer.optimizers.items():
        for weight in trainer.parameters[player]:
            weight.grad = torch.zeros_like(weight)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)


def _drop_gradient(weight: Tensor) -> None:
    weight.grad = None


def _held(trainer: Trainer) -> int:
    """Bytes that are held between two steps."""
    networks = [*(group for _, group in trainer.networks.modules()), trainer.objective, trainer.ema.module]
    tensors = [tensor for part in networks for tensor in (*part.parameters(), *part.buffers())]
    for optimizer in trainer.optimizers.values():
        tensors += [value for state in optimizer.state.values() for value in state.values()]
    return sum({tensor.untyped_storage()._cdata: tensor.untyped_storage().nbytes() for tensor in tensors}.values())


def _peak(trainer: Trainer, batch: Batch, device: torch.device) -> int:
    """The most bytes that a step on `batch` adds at once to what is held; the networks as grown as they will be."""
    trainer.step_count = 0  # where all lazy terms speak
    batch = batch.to(device)
    if device.type == "cuda":
        torch.cuda.synchronize(device)
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        trainer.step(batch, progress=1.0)
        torch.cuda.synchronize(device)
        return torch.cuda.max_memory_allocated(device) - before
    with _Live() as live:
        trainer.step(batch, progress=1.0)
    return live.alive.most


class _Live(TorchDispatchMode):
    """While active, counts operations' results, those of the backward pass as well."""

    def __init__(self) -> None:
        super().__init__()
        self.alive = Alive()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        given = {leaf.untyped_storage()._cdata for leaf in _tensors((args, kwargs))}
        for leaf in _tensors(result):
            if leaf.untyped_storage()._cdata not in given:  # what works in place makes nothing
                self.alive.count(leaf.untyped_storage())
        return result


def _tensors(tree: Any) -> Iterator[Tensor]:
    return (leaf for leaf in tree_leaves(tree) if isinstance(leaf, Tensor))
