"""One batch on several processes: networks see a share of its rows each, all else sees the whole batch.

Outside of `by_rows` every process holds the same whole tensors and computes the same numbers from them, so losses,
image pools and random draws need no thought of processes. Inside, each holds its own rows; what looks across rows
(batch norm, minibatch deviation) or draws for each row asks here. Alone, all of this costs nothing and changes nothing.

Gradients: what one process computes of its rows is scaled by the number of processes, so that the mean over processes,
which `processes.average` takes, is the gradient of the whole batch, both for parameters that saw a share and for those
that saw everything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.utils import parametrize

T = TypeVar("T")


@dataclass(frozen=True)
class Share:
    """The rows `start` to `stop` of `total`: those of process `rank` of `world`."""

    total: int
    rank: int
    world: int

    @property
    def start(self) -> int:
        return self.total * self.rank // self.world

    @property
    def stop(self) -> int:
        return self.total * (self.rank + 1) // self.world

    def of(self, rank: int) -> Share:
        """What another process has."""
        return Share(self.total, rank, self.world)

    def __len__(self) -> int:
        return self.stop - self.start


_share: Share | None = None


def world() -> int:
    """How many processes train as one."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def shared() -> Share | None:
    """The rows that this process works on, inside of `by_rows`; None where it sees all there are."""
    return _share


def by_rows(function: Callable[..., T], *tensors: Tensor) -> T:
    """function(*tensors) for tensors [N, ...], each process computing its own rows; the same on all of them.

    `function` gives tensors [N, ...], perhaps in lists or tuples; each of its rows is a matter of that row alone but
    for what `whole` and `summed` tell of the others. Fewer rows than processes are computed by each.
    """
    processes = world()
    if processes == 1 or _share is not None or len(tensors[0]) < processes:
        return function(*tensors)
    share = Share(len(tensors[0]), dist.get_rank(), processes)
    mine = [_Split.apply(tensor, share) for tensor in tensors]
    with _sharing(share):
        made = function(*mine)
    return _each(made, lambda tensor: _Gather.apply(tensor, share))


def independent(network: nn.Module) -> bool:
    """Whether rows that go through `network` have nothing to do with each other and nothing is drawn for them, so that
    two calls may be one: a larger batch is quicker. A network says so itself (`independent_rows`); its layers may
    object."""
    if network not in _independent:
        mixing = nn.modules.batchnorm._BatchNorm, nn.modules.dropout._DropoutNd
        _independent[network] = getattr(network, "independent_rows", False) and not any(
            isinstance(layer, mixing) or parametrize.is_parametrized(layer) for layer in network.modules()
        )
    return _independent[network]


_independent: WeakKeyDictionary[nn.Module, bool] = WeakKeyDictionary()


def drawn(draw: Callable[[int], Tensor], rows: int) -> Tensor:
    """draw(rows) [rows, ...]; of shared rows those that one process would have drawn for them."""
    return draw(rows) if _share is None else draw(_share.total)[_share.start : _share.stop]


def whole(mine: Tensor) -> Tensor:
    """The rows [N, ...] of all processes, inside of a network."""
    if _share is None:
        return mine
    before = mine.new_zeros(_share.start, *mine.shape[1:])
    behind = mine.new_zeros(_share.total - _share.stop, *mine.shape[1:])
    return summed(torch.cat([before, mine, behind]))


def own(all_rows: Tensor) -> Tensor:
    """The rows of this process out of those of all, inside of a network."""
    return all_rows if _share is None else all_rows[_share.start : _share.stop]


def summed(mine: Tensor) -> Tensor:
    """The sum over all processes, inside of a network."""
    return mine if _share is None else _Sum.apply(mine)


@contextmanager
def _sharing(share: Share) -> Iterator[None]:
    global _share
    _share = share
    try:
        yield
    finally:
        _share = None


def _each(made: Any, change: Callable[[Tensor], Tensor]) -> Any:
    if isinstance(made, Tensor):
        return change(made)
    return type(made)(_each(part, change) for part in made)


def gather(mine: Tensor, counts: Sequence[int]) -> list[Tensor]:
    """Each process's rows [counts[i], ...], in their order; no gradient passes."""
    padded = mine.new_zeros(max(counts), *mine.shape[1:])
    padded[: len(mine)] = mine
    # As bytes, since not every engine knows every type.
    sent = padded.flatten().view(torch.uint8)
    parts = [torch.empty_like(sent) for _ in counts]
    dist.all_gather(parts, sent)
    shape = padded.shape[1:]
    return [p.view(mine.dtype).view(max(counts), *shape)[:n] for p, n in zip(parts, counts, strict=True)]


class _Split(torch.autograd.Function):
    """All rows -> own rows."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, share: Share) -> Tensor:
        ctx.share = share
        return rows[share.start : share.stop].clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return _Gather.apply(gradient, ctx.share) / ctx.share.world, None


class _Gather(torch.autograd.Function):
    """Own rows -> all rows."""

    @staticmethod
    def forward(ctx: Any, mine: Tensor, share: Share) -> Tensor:
        ctx.share = share
        return torch.cat(gather(mine, [len(share.of(rank)) for rank in range(share.world)]))

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return _Split.apply(gradient, ctx.share) * ctx.share.world, None


class _Sum(torch.autograd.Function):
    """Own -> the sum over processes. Each process's loss depends on every part, so gradients are summed likewise."""

    @staticmethod
    def forward(ctx: Any, mine: Tensor) -> Tensor:
        total = mine.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return _Sum.apply(gradient)
