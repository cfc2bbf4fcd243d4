"""How much memory there is, and how much of it a generator takes."""

from __future__ import annotations

import weakref
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves

from translate.computing.alive import Alive
from translate.domain import Domain

if TYPE_CHECKING:
    from translate.inference.model import Model

SHARE = 0.5
"""Of what is free, for the network: others take memory too, and some of it is reserved in vain."""

CONTROL_GROUP = Path("/sys/fs/cgroup")

_MEASURED: weakref.WeakKeyDictionary[nn.Module, int] = weakref.WeakKeyDictionary()


def free(device: torch.device) -> int:
    """Bytes that may still be used: memory of the GPU, or of this machine, or what is left of a container's limit."""
    if device.type == "cuda":
        reserved = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return torch.cuda.mem_get_info(device)[0] + reserved
    available = int(psutil.virtual_memory().available)
    if device.type == "mps":
        return min(available, torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory())
    return min([available, *_left_to_the_container()])


def _left_to_the_container() -> list[int]:
    """Bytes below the limit of this process's control group, empty without one (Linux; versions 2 and 1)."""
    for limit, used, files in (
        ("memory.max", "memory.current", "inactive_file"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "total_inactive_file"),
    ):
        try:
            most, now = int((CONTROL_GROUP / limit).read_text("ascii")), int((CONTROL_GROUP / used).read_text("ascii"))
            kept = dict(
                line.split() for line in (CONTROL_GROUP / used).with_name("memory.stat").read_text("ascii").splitlines()
            )
        except (OSError, ValueError):  # "max" is no number: no limit
            continue
        return [max(0, most - now + int(kept.get(files, 0)))]  # files that are merely kept make room
    return []


def bytes_per_pixel(model: Model, to: Domain) -> int:
    """What the generator of `to` holds at most at once, for each pixel of an image; measured once, on small images,
    unless it was measured when it was exported."""
    generator = model.generators[to]
    told = getattr(generator, "bytes_per_pixel", None)
    if told is not None:
        return max(1, int(told))
    if generator not in _MEASURED:
        side = -(-64 // model.stride) * model.stride
        small, large = (_peak(model, to, size) for size in (side, 2 * side))
        _MEASURED[generator] = max(1, round((large - small) / (3 * side * side)))
    return _MEASURED[generator]


def whole_limit(model: Model, to: Domain) -> int:
    """Pixels (height x width) of the largest image that is translated in one piece."""
    return int(SHARE * free(model.device)) // bytes_per_pixel(model, to)


def batch_size(model: Model, to: Domain, height: int, width: int, most: int) -> int:
    """How many images of that size are translated together, 1 to `most`."""
    return max(1, min(most, whole_limit(model, to) // (height * width)))


@torch.inference_mode()
def _peak(model: Model, to: Domain, side: int) -> int:
    """The most bytes that are in use at once while an image of [side, side] is translated."""
    images = torch.zeros(1, model.channels[to.other] * model.frames[to.other], side, side, device=model.device)
    beside = (torch.zeros(1, model.latent, device=model.device),) if model.stochastic and model.latent else ()
    cuda = model.device.type == "cuda"
    if cuda:
        torch.cuda.synchronize(model.device)
        torch.cuda.reset_peak_memory_stats(model.device)
        before = torch.cuda.memory_allocated(model.device)
    live = _Live()
    with nullcontext() if cuda else live:
        model.generators[to](images, *beside)
    if cuda:
        torch.cuda.synchronize(model.device)
        return torch.cuda.max_memory_allocated(model.device) - before + images.nbytes
    # A convolution may hold another copy, in another layout, of what it reads and writes: nobody's result.
    return live.alive.most + live.alive.largest + images.nbytes


class _Live(TorchFunctionMode):
    """While active, counts the results of functions."""

    def __init__(self) -> None:
        super().__init__()
        self.alive = Alive()

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(result):
            if isinstance(leaf, Tensor):
                self.alive.count(leaf.untyped_storage())
        return result
