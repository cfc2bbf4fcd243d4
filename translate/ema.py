"""Exponential moving average of the generators' weights: what is shown, scored and applied."""

import copy

import torch
from torch import nn
from torch.nn.utils import parametrize

TURNS = 5
"""Power iterations after an update; the weights move little from one to the next."""


class Ema:
    """A smoothed copy of `module`; the decay rises as (1 + n) / (10 + n), so that early noise is soon forgotten.

    Running statistics are averaged like the weights that they belong to; counts are taken over.
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.decay, self.updates = decay, 0
        # Without averaging the module itself is used: no second copy, no second truth.
        self.module = copy.deepcopy(module).requires_grad_(False) if decay else module
        self._spectral = [layer for layer in self.module.modules() if parametrize.is_parametrized(layer, "weight")]

    @torch.no_grad()
    def update(self, module: nn.Module) -> None:
        """Move the copy towards `module`."""
        if not self.decay:
            return
        self.updates += 1
        share = 1 - min(self.decay, (1 + self.updates) / (10 + self.updates))
        torch._foreach_lerp_(list(self.module.parameters()), list(module.parameters()), share)
        for mine, theirs in zip(self.module.buffers(), module.buffers(), strict=True):
            if mine.is_floating_point():
                mine.lerp_(theirs, share)
            else:
                mine.copy_(theirs)
        for layer in self._spectral:
            _settle(layer)


def _settle(layer: nn.Module) -> None:
    """Turn a spectral norm's singular vectors towards those of the averaged weight: their own mean is too short."""
    was, layer.training = layer.training, True
    for part in layer.parametrizations.modules():  # type: ignore[union-attr]
        part.training = True
    for _ in range(TURNS):
        _ = layer.weight  # each look in training mode is one power iteration
    for part in (layer, *layer.parametrizations.modules()):  # type: ignore[union-attr]
        part.training = was
