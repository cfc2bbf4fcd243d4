"""How fresh networks are initialised: N(0, 0.02) in pix2pix and CycleGAN, Xavier in CUT."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import init
from torch.nn.utils import parametrize

from translate.errors import unknown

_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.ConvTranspose2d, nn.Linear)
_NORM = 0.02  # the gain of convolutions may be 1; a norm of N(1, 1) would turn some maps round
_POWER_ITERATIONS = 15  # as many as PyTorch's spectral norm makes when it is attached


def initialise(module: nn.Module, kind: str = "normal", gain: float = 0.02) -> None:
    """Draws all convolutions' and linear layers' weights in place, biases 0, batch norm's weight N(1, 0.02)."""
    fills: dict[str, Callable[[Tensor], Tensor]] = {
        "normal": partial(init.normal_, std=gain),
        "xavier": partial(init.xavier_normal_, gain=gain),
        "kaiming": init.kaiming_normal_,
        "orthogonal": partial(init.orthogonal_, gain=gain),
    }
    if kind not in fills:
        raise unknown("initialisation", kind, fills)
    with torch.no_grad():
        for layer in module.modules():
            if isinstance(layer, _CONVOLUTIONS):
                _fill_weight(layer, fills[kind])
                if layer.bias is not None:
                    init.zeros_(layer.bias)
            elif isinstance(layer, nn.BatchNorm2d) and layer.affine:
                init.normal_(layer.weight, 1.0, _NORM)
                init.zeros_(layer.bias)


def _fill_weight(layer: nn.Module, fill: Callable[[Tensor], Tensor]) -> None:
    if not parametrize.is_parametrized(layer, "weight"):
        assert isinstance(layer.weight, Tensor)
        fill(layer.weight)
        return
    original = layer.get_parameter("parametrizations.weight.original")  # spectral norm: the weight itself is computed
    fill(original)
    for _ in range(_POWER_ITERATIONS):  # each look at it in training mode sharpens the estimate of the singular value
        _ = layer.weight
