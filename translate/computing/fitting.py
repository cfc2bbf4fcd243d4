"""Does a training fit into memory? Said before it begins; a batch that is left open becomes as large as fits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from translate.config import AUTO, Config, load_run
from translate.errors import UserError

if TYPE_CHECKING:
    import torch

    from translate.computing.stepmemory import StepMemory

PLAINLY_SMALL = 16_384
"""Pixels of a batch that no one need measure: 16 images of 32 x 32."""

LARGEST = 64
"""Rows that an open batch becomes at most: beyond, a step learns hardly more."""

SHARE = 0.8
"""Of free memory, what is filled: the measurement may be off by a quarter, and others take memory too."""


def settle_batch(config: Config, images: int, run: Path, device: torch.device, say: Callable[[str], None]) -> Config:
    """`config` with a batch that is a number: a begun run's own, or the largest that fits, of at most `images` rows."""
    if config.training.batch != AUTO:
        return config
    if (run / "config.yaml").is_file():
        batch = load_run(run).training.batch
        say(f"batch      {batch}, as this run was begun with")
    else:
        batch = _largest(config, images, device)
        why = "fit into memory" if batch < LARGEST else "fit, and more teach hardly more in a step"
        say(f"batch      {batch} {why}; the learning rate stays {config.training.learning_rate:g}")
    return config.model_copy(update={"training": config.training.model_copy(update={"batch": batch})})


def _largest(config: Config, images: int, device: torch.device) -> int:
    from translate.computing import stepmemory
    from translate.inference.memory import free

    parts, most = config.training.accumulate, max(1, min(LARGEST, images))
    if most < parts:
        raise UserError(f"{images} images make no batch of {parts} parts", where="training.accumulate")
    memory, room = stepmemory.measure(config, device), int(SHARE * free(device))
    batch = min(most, memory.rows(room, parts))
    while device.type == "cuda" and batch > parts and not stepmemory.verify(config, batch, device):
        batch = max(parts, batch * 3 // 4)
    if batch < parts:
        raise _too_large(config, memory, room)
    return batch


def check(config: Config, device: torch.device, say: Callable[[str], None]) -> None:
    """Say what a step needs and what is free, unless it is plainly small; UserError where it can't fit."""
    training, (height, width) = config.training, config.data.size
    if training.batch * height * width <= PLAINLY_SMALL:
        return
    from translate.computing import stepmemory
    from translate.inference.memory import free

    memory, room = stepmemory.measure(config, device), free(device)
    needed = memory.of(training.batch, training.accumulate)
    say(f"memory     a step needs about {_gib(needed)}, {_gib(room)} are free")
    if needed > room / SHARE:  # more than the measurement may be off by
        raise _too_large(config, memory, room)
    if needed > SHARE * room:
        say(f"hint       that is close; less: {_less(config, memory, room)}")


def _too_large(config: Config, memory: StepMemory, room: int) -> UserError:
    training = config.training
    return UserError(
        f"a step needs about {_gib(memory.of(max(1, training.batch), training.accumulate))} of memory, and "
        f"{_gib(room)} are free",
        where="training.batch",
        expected="a step that fits",
        hint=_less(config, memory, room),
    )


def _less(config: Config, memory: StepMemory, room: int) -> str:
    """What to type for a smaller step, the least loss first; only what is reckoned to fit."""
    training, room = config.training, int(SHARE * room)
    ways = []
    parts = memory.parts(training.batch, room)
    if parts is not None and training.accumulate < parts <= training.batch:
        ways.append(f"--set training.accumulate={parts}")
    if 0 < (rows := memory.rows(room)) < training.batch:
        ways.append(f"--batch {rows}")
    elif not rows:
        ways.append(_smaller(config, memory, room))
    if not training.activation_checkpointing:
        ways.append(f"{'' if rows else 'and '}--set training.activation_checkpointing=true, which takes less still")
    return ", or ".join(ways).replace(", or and", ", and")


def _smaller(config: Config, memory: StepMemory, room: int) -> str:
    """One row of smaller images: half as high and wide, until it fits."""
    (height, width), times = config.data.size, 1
    while min(height, width) // times > 32 and memory.fixed + (memory.row + memory.kept) // times**2 > room:
        times *= 2
    return f"--batch 1 --set data.size=[{height // times},{width // times}]"


def _gib(size: int) -> str:
    return f"{size / 2**30:.1f} GiB" if size >= 2**30 else f"{max(1, size // 2**20)} MiB"
