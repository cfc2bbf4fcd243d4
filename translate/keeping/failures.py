"""What ends a training from outside, in sentences that say what to type."""

from __future__ import annotations

import re
from collections.abc import Iterator

import torch

from translate.config import Training
from translate.domain import Batch
from translate.errors import Elsewhere, UserError

MEMORY = re.compile(r"out of memory|can(?:'|no)t allocate memory|not enough memory|ALLOC_FAILED", re.IGNORECASE)


class DataLost(Exception):  # noqa: N818 - it says what happened
    """No further batch could be had; the cause says why."""


def lost_elsewhere() -> DataLost:
    """For a process that has its own part of a batch, while another one's is lost."""
    lost = DataLost()
    lost.__cause__ = Elsewhere("another process could not read its part of a batch")
    return lost


def guarded(batches: Iterator[Batch]) -> Iterator[Batch]:
    """The same batches; whatever ends them too early comes as DataLost, apart from what goes wrong in a step."""
    try:
        yield from batches
    except Exception as error:
        raise DataLost from error


def of_data(error: BaseException | None, saved: str) -> BaseException:
    """What to raise when data got lost in the middle, and the state is safe as `saved` says."""
    hint = f"mend that; {saved}"
    if isinstance(error, Elsewhere):
        return error
    if isinstance(error, UserError):
        return UserError(
            error.what, where=error.where, expected=error.expected, hint=f"{error.hint or 'mend that'}; {saved}"
        )
    if error is not None and of_memory(error):
        return UserError("not enough memory to read the data", hint=f"--set data.workers=0, or {hint}")
    if isinstance(error, OSError):
        return UserError(error.strerror or str(error), where=error.filename and str(error.filename), hint=hint)
    if isinstance(error, RuntimeError) and "DataLoader worker" in str(error):
        return UserError("a process that reads the data was killed", hint=f"--set data.workers=0, or {hint}")
    return error or RuntimeError("the data ended")


def of_memory(error: BaseException) -> bool:
    """Whether memory, of the machine or of its GPU, was too small."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and bool(MEMORY.search(str(error)))


def out_of_memory(training: Training, size: tuple[int, int], step: int, saved: str) -> UserError:
    """What to type when `step` did not fit; `size` is [height, width]."""
    parts = training.accumulate
    ways = [f"--set training.accumulate={2 * parts}"] if 2 * parts <= training.batch else []
    ways += [] if training.activation_checkpointing else ["--set training.activation_checkpointing=true"]
    smaller = f"--set data.size=[{size[0] // 2},{size[1] // 2}]"
    ways.append(f"for a new run (another --out) --batch auto or {smaller}")
    return UserError(
        f"not enough memory for step {step:,}: batch {training.batch} of {size[1]}x{size[0]} px"
        + (f" in {parts} parts" if parts > 1 else ""),
        expected=f"less at once; {saved}",
        hint=", or ".join(ways),
    )
