"""How much memory a training step needs: measured on small images and few rows, and reckoned up to the real ones."""

from __future__ import annotations

import math
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

READY = 2
"""Batches that are there at a time: while one is computed with, the next one is read."""

LOST = 1.15
"""Times what is alive, that a CPU's allocator holds for it: measured on nine configurations (1.1 to 1.5)."""

BLOCK = 16
"""Channels that a CPU's convolutions handle together: their copies of images with fewer are as large as these."""


@dataclass(frozen=True)
class StepMemory:
    """Bytes of weights, optimiser and average (`fixed`), those that each row of a part of a batch adds before the
    backward pass (`row`), those of the gradients that take their place (`gradients`), and those that each row of the
    whole batch adds, and that stay from part to part (`kept`: its images, real and made)."""

    fixed: int
    row: int
    gradients: int = 0
    kept: int = 0

    def of(self, batch: int, accumulate: int = 1) -> int:
        """Bytes at the peak of a step on `batch` rows, computed in `accumulate` parts."""
        return self.fixed + self.kept * batch + max(self.gradients, self.row * -(-batch // accumulate))

    def rows(self, free: int, accumulate: int = 1) -> int:
        """How many rows at most, in so many parts, fit in `free` bytes; 0 where not even the weights do."""
        room = free - self.fixed
        if room < self.gradients:
            return 0
        return accumulate * min(room // (self.kept * accumulate + self.row), self._kept_rows(room) // accumulate)

    def parts(self, batch: int, free: int) -> int | None:
        """In how many parts at least `batch` rows fit in `free` bytes; None where no number does."""
        if batch > self._kept_rows(free - self.fixed):
            return None
        at_once = (free - self.fixed - self.kept * batch) // self.row
        return -(-batch // at_once) if at_once else None

    def _kept_rows(self, room: int) -> int:
        """How many rows can be kept beside the gradients."""
        beside = room - self.gradients
        return max(0, beside) // self.kept if self.kept else (1 << 62 if beside >= 0 else 0)


def measure(config: Config, device: torch.device) -> StepMemory:
    """Steps of a throw-away trainer on few and on twice as many grey rows of small images, and on these in two parts;
    what a row costs grows with the area of the images."""
    small = _small(config)
    trainer = build.trainer(small, build.blank(small), device)
    _fill_optimizers(trainer)
    groups = [[w for w in group if w.requires_grad] for group in trainer.parameters.values()]
    for weight in (w for group in groups for w in group):  # or they would hide what small images take
        weight.register_post_accumulate_grad_hook(_drop_gradient)
    # Of few rows the weights' gradients would take more than the images: of those from noise, whose maps are small.
    few = min(16, max(2, config.training.batch // 2)) if config.unconditional else 2
    more = 2 * few
    low, high = (_peak(trainer, _grey(small, rows), device) for rows in (few, more))
    trainer.training = trainer.training.model_copy(update={"accumulate": 2})
    parts = _peak(trainer, _grey(small, more), device)
    scale = _area(config) / _area(small)
    each = (high - low) / (more - few)
    stays = min(max(0.0, (parts - low) / (more - few)), 0.9 * each)
    rest = max(0, round(low - few * each))  # what a step holds beside, however many rows
    given = READY * sum(image[:1].nbytes for image in build.blank(small).images.values())
    gradients = max(sum(w.nbytes for w in group) for group in groups)
    return StepMemory(
        _held(trainer) + rest, max(1, round((each - stays) * scale)), gradients, round((stays + given) * scale)
    )


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
    for part in (32, 24, 16, 12, 8, 6, 4, 3, 2):
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
    return round(LOST * live.alive.most)


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
        if func is torch.ops.aten.convolution.default:  # what is read or written, in an order of its own
            self.alive.passing(max(_blocked(args[0]), _blocked(result)))
        elif func is torch.ops.aten.convolution_backward.default:
            self.alive.passing(_blocked(args[0]) + _blocked(args[1]))
        return result


def _blocked(images: Tensor) -> int:
    """Bytes of a copy of images [N, C, H, W], as a CPU's convolutions make it."""
    count, channels, *sides = images.shape
    return count * -(-channels // BLOCK) * BLOCK * math.prod(sides) * images.element_size()


def _tensors(tree: Any) -> Iterator[Tensor]:
    return (leaf for leaf in tree_leaves(tree) if isinstance(leaf, Tensor))
