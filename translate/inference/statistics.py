"""What instance and group norm know of a picture: its statistics, counted over tiles and given in place of a tile's."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

_FLOOR = 1e-5
"""A variance below this is none: norms add as much to it."""


@dataclass(frozen=True)
class Moments:
    """Of the maps of one norm layer: how many places were counted, their mean and variance [C]; float64, on the CPU."""

    count: float
    mean: Tensor
    variance: Tensor

    @classmethod
    def of(cls, maps: Tensor, rows: Tensor, columns: Tensor) -> Moments:
        """Of [N, C, h, w]; the pixel (y, x) of tile n counts rows[n, y] * columns[n, x], of [N, H] and [N, W]."""
        # Of a map smaller than the tile, each place counts by the share of its pixels that do.
        rows = functional.adaptive_avg_pool1d(rows.to(maps), maps.shape[2])
        columns = functional.adaptive_avg_pool1d(columns.to(maps), maps.shape[3])
        count = float((rows.sum(1) * columns.sum(1)).sum())
        mean = _summed(maps, rows, columns) / count
        centred = maps - mean.to(maps)[:, None, None]
        return cls(count, mean, _summed(centred.square_(), rows, columns) / count)

    def merged(self, other: Moments) -> Moments:
        """Of both together (Chan, Golub and LeVeque 1979)."""
        total = self.count + other.count
        share = other.count / total
        apart = other.mean - self.mean
        variance = self.variance + (other.variance - self.variance) * share + apart.square() * share * (1 - share)
        return Moments(total, self.mean + apart * share, variance)

    def grouped(self, groups: int) -> tuple[Tensor, Tensor]:
        """Mean and variance [C], to each channel those of its whole group."""
        means = self.mean.view(groups, -1)
        mean = means.mean(1, keepdim=True)
        variance = (self.variance.view(groups, -1) + (means - mean).square()).mean(1, keepdim=True)
        return mean.expand_as(means).flatten(), variance.expand_as(means).flatten()


@dataclass(frozen=True)
class Correction:
    """What makes the moments of a sample those of the whole: `shift` [C] of the mean, `factor` [C] of the variance."""

    shift: Tensor
    factor: Tensor

    @classmethod
    def between(cls, sample: Moments, whole: Moments) -> Correction:
        """That which turns `sample` into `whole`."""
        return cls(whole.mean - sample.mean, (whole.variance + _FLOOR) / (sample.variance + _FLOOR))

    def applied(self, moments: Moments) -> Moments:
        """These moments corrected."""
        variance = ((moments.variance + _FLOOR) * self.factor - _FLOOR).clamp(min=0)
        return Moments(moments.count, moments.mean + self.shift, variance)


@dataclass(frozen=True)
class Statistics:
    """The moments of a network's norm layers, in the order of their calls; empty before anything was counted."""

    layers: list[Moments] = field(default_factory=list)

    def merged(self, other: Statistics) -> Statistics:
        """Of what either counted."""
        if not (self.layers and other.layers):
            return self if self.layers else other
        return Statistics([one.merged(more) for one, more in zip(self.layers, other.layers, strict=True)])

    def corrections(self, whole: Statistics) -> list[Correction]:
        """By layer, what makes these statistics those of `whole`."""
        return [Correction.between(*pair) for pair in zip(self.layers, whole.layers, strict=True)]


class Norms(TorchFunctionMode):
    """For one call of a network: instance and group norms take other statistics than those of each image by itself.

    They normalise with `given`; without it, with the moments of all tiles of the batch together, to which each layer's
    of `corrections` is applied. `cores`, [N, H] and [N, W], say how much each row and column of each tile counts.
    Afterwards `seen` has what was counted, and `used` what was normalised with. Norms that bring fixed statistics
    (batch norm, and instance norm with running ones, in evaluation mode) stay as they are.
    """

    def __init__(
        self,
        given: Statistics | None = None,
        cores: tuple[Tensor, Tensor] | None = None,
        corrections: Sequence[Correction] = (),
    ) -> None:
        super().__init__()
        if given is None and cores is None:
            raise ValueError("statistics must be given, or cores to count them over")
        self.seen, self.used = Statistics(), Statistics()
        self._given, self._cores, self._corrections = given, cores, corrections

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: Sequence[Any] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if func is functional.instance_norm:
            told = _bound(_INSTANCE, args, kwargs)
            if told["use_input_stats"] or told["running_mean"] is None:
                return self._normalised(told, told["input"].shape[1])
        elif func is functional.group_norm:
            told = _bound(_GROUP, args, kwargs)
            return self._normalised(told, told["num_groups"])
        return func(*args, **kwargs)

    def _normalised(self, told: dict[str, Any], groups: int) -> Tensor:
        maps = told["input"].float()
        mean, variance = self._moments(maps).grouped(groups)
        scale = (variance + told["eps"]).rsqrt().to(maps)
        if told["weight"] is not None:
            scale = scale * told["weight"]
        # The mean goes first: of a map that is nearly constant, the rest would drown in the rounding of a product.
        result = (maps - mean.to(maps)[:, None, None]).mul_(scale[:, None, None])
        if told["bias"] is not None:
            result = result.add_(told["bias"][:, None, None])
        return result.to(told["input"].dtype)

    def _moments(self, maps: Tensor) -> Moments:
        layer = len(self.used.layers)
        if self._cores is not None:
            self.seen.layers.append(Moments.of(maps, *self._cores))
        if self._given is not None:
            moments = self._given.layers[layer]
        else:
            moments = self.seen.layers[layer]
            if self._corrections:
                moments = self._corrections[layer].applied(moments)
        self.used.layers.append(moments)
        return moments


def _summed(maps: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    # Off the device: float64, which not every device has, is for the few sums only.
    return torch.einsum("nchw,nw,nh->nc", maps, columns, rows).cpu().double().sum(0)


def _bound(signature: inspect.Signature, args: Sequence[Any], kwargs: dict[str, Any]) -> dict[str, Any]:
    bound = signature.bind(*args, **kwargs)
    bound.apply_defaults()
    return bound.arguments


_INSTANCE = inspect.signature(functional.instance_norm)
_GROUP = inspect.signature(functional.group_norm)
