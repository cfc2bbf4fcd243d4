"""The processes of one training: how they find each other, what the first tells the others, one gradient for all.

PyTorch's own: `torchrun` starts them and, where it is told to, starts them again; NCCL carries what lies on GPUs, gloo
the rest.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

from translate.computing import rows
from translate.domain import Batch
from translate.errors import Elsewhere, OfProcess, UserError

T = TypeVar("T")

PATIENCE = timedelta(hours=3)
"""How long the others wait for the first, which alone evaluates and saves."""

PARTING = 20.0
"""Seconds in which further signals to end mean the same one; after 30, torchrun waits no longer."""

GONE = re.compile(r"[Cc]onnection (was )?(closed|reset|refused)|NCCL|remote process exited")
"""How PyTorch's engines say that a process is not there any more."""

BUCKET = 32 << 20
"""Bytes of gradients that travel together."""


def asked_for() -> int:
    """How many processes this one was started among (by torchrun); 1 without."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def count() -> int:
    """How many processes train as one."""
    return rows.world()


def rank() -> int:
    """Which of all processes this is."""
    return dist.get_rank() if dist.is_available() and dist.is_initialized() else 0


def first() -> bool:
    """Whether this is the process that writes, shows and decides."""
    return rank() == 0


@contextmanager
def joined(device: torch.device) -> Iterator[None]:
    """Meet the other processes, if there are to be any; part at the end."""
    if asked_for() == 1 or count() > 1:
        yield
        return
    dist.init_process_group("cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo", timeout=PATIENCE, **_meeting())
    try:
        yield
    except UserError as error:
        raise error if first() or isinstance(error, Elsewhere) else OfProcess(rank(), error) from None
    except RuntimeError as error:
        if GONE.search(str(error)):
            raise Elsewhere("another process of this training has ended") from None
        raise
    finally:
        dist.destroy_process_group()


def _meeting() -> dict[str, Any]:
    """Where the processes of this attempt tell each other their addresses: torchrun keeps one store for all attempts,
    in which those of the dead are still found. Several machines may have counted different attempts."""
    if os.environ.get("TORCHELASTIC_USE_AGENT_STORE") != "True" or os.environ.get("GROUP_WORLD_SIZE") != "1":
        return {}
    from torch.distributed.rendezvous import rendezvous  # not in every build of PyTorch

    store, rank, world = next(rendezvous("env://", timeout=PATIENCE))
    attempt = f"attempt-{os.environ['TORCHELASTIC_RESTART_COUNT']}"
    store = dist.PrefixStore(attempt, store)  # type: ignore[attr-defined]
    return {"store": store, "rank": rank, "world_size": world}


def told(value: T | None) -> T:
    """What the first process has, on all of them: plain values, or a tree of tensors on the CPU."""
    box: list[Any] = [value]
    if _several():
        dist.broadcast_object_list(box, src=0, device=torch.device("cpu"))
    found: T = box[0]
    return found


def by_first(make: Callable[[], T]) -> T:
    """What `make` gives to the first process, on all of them; where it fails there, the others end quietly."""
    if not _several():
        return make()
    made: T | None = None
    failure: Exception | None = None
    if first():
        try:
            made = make()
        except Exception as error:
            failure = error
    failed = told(failure is not None)
    if failure is not None:
        raise failure
    if failed:
        raise SystemExit(2)
    return told(made)


def any_of(*flags: bool) -> tuple[bool, ...]:
    """For each flag, whether it is so for one process at least."""
    if not _several():
        return flags
    counts = torch.tensor([int(flag) for flag in flags])
    dist.all_reduce(counts)
    return tuple(bool(count) for count in counts)


def require_same(what: str, mine: T) -> None:
    """Raise UserError where a process has other than the first one has."""
    theirs = told(mine)
    if mine != theirs:
        raise UserError(f"{what}: {mine} here, {theirs} in the first process", where="torchrun", expected="the same")


def require_rows(batch: int, parts: int) -> None:
    """Raise UserError for a batch, computed in so many parts, that leaves a process without work."""
    if batch < count() * parts:
        each = f" in {parts} parts" if parts > 1 else ""
        raise UserError(
            f"a batch of {batch}{each} can't be divided among {count()} processes",
            where="training.batch",
            expected=f"{count() * parts} or more: it is the whole batch, of which each process gets its share",
            hint=f"--set training.batch={count() * parts}, or fewer processes",
        )


def together(batch: Batch, shares: Sequence[tuple[int, int]]) -> Batch:
    """The whole batch out of what each process has read; `shares`: the paired and unpaired rows of each."""
    if not _several():
        return batch
    counts = [paired + free for paired, free in shares]
    images = {domain: _in_front(rows.gather(mine, counts), shares) for domain, mine in batch.images.items()}
    labels = None if batch.labels is None else _in_front(rows.gather(batch.labels, counts), shares)
    return Batch(images, sum(paired for paired, _ in shares), labels)


def _in_front(parts: Sequence[Tensor], shares: Sequence[tuple[int, int]]) -> Tensor:
    """All processes' rows, the paired ones of all in front."""
    split = [part.split(share) for part, share in zip(parts, shares, strict=True)]
    return torch.cat([paired for paired, _ in split] + [free for _, free in split])


def same(modules: Iterable[nn.Module]) -> None:
    """Give all processes the first one's weights: two kinds of machine may round their initialisation differently."""
    if _several():
        with torch.no_grad():
            for module in modules:
                for tensor in (*module.parameters(), *module.buffers()):
                    dist.broadcast(tensor, src=0)


def average(parameters: Iterable[Tensor]) -> None:
    """Replace each gradient by its mean over the processes."""
    if not _several():
        return
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    flights = []
    for bucket in _buckets(gradients):
        flat = torch.cat([gradient.flatten() for gradient in bucket])
        flights.append((bucket, flat, dist.all_reduce(flat, async_op=True)))
    for bucket, flat, flight in flights:
        flight.wait()
        flat /= dist.get_world_size()
        parts = flat.split([gradient.numel() for gradient in bucket])
        torch._foreach_copy_(bucket, [part.view_as(g) for part, g in zip(parts, bucket, strict=True)])


def _buckets(gradients: list[Tensor]) -> Iterator[list[Tensor]]:
    """Neighbours of one type, up to `BUCKET` bytes of them."""
    bucket: list[Tensor] = []
    size = 0
    for gradient in gradients:
        if bucket and (size + gradient.nbytes > BUCKET or gradient.dtype != bucket[0].dtype):
            yield bucket
            bucket, size = [], 0
        bucket.append(gradient)
        size += gradient.nbytes
    if bucket:
        yield bucket


def _several() -> bool:
    return dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1
