"""In which numbers a step is computed: float32, exact or with rounded products, or halves of it."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor

HALF = {"bf16": torch.bfloat16, "fp16": torch.float16}
"""Types that convolutions and matrix products are computed in, by the name of the precision."""


def computes_in_bf16(device: torch.device) -> bool:
    """Whether bfloat16 is arithmetic of the device's own: where it is emulated it is slower than float32."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return device.type == "cpu" and bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def remark(wanted: str, device: torch.device) -> str | None:
    """A sentence where a precision is not what its name promises on this device."""
    if wanted == "tf32" and device.type != "cuda":
        return f"training.precision=tf32 is arithmetic of NVIDIA's GPUs: on {device.type} it means fp32"
    if wanted == "fp16" and device.type == "cpu":
        return "training.precision=fp16 is slow on a processor; bf16 or auto is for those that compute in it"
    return None


class Precision:
    """What `training.precision` means on a device: autocast's type, and with fp16 a loss scale for each player.

    fp16 holds nothing below 6e-8, so gradients are scaled up by as much as they bear (Micikevicius et al. 2018,
    section 3.2). Where they overflow the optimiser's step is left out, and the scale is halved.
    """

    def __init__(self, wanted: str, device: torch.device, players: Iterable[str]) -> None:
        self.wanted, self.device = wanted, device
        if wanted == "auto":
            wanted = "bf16" if computes_in_bf16(device) else "tf32"
        self.half = HALF.get(wanted)
        self.rounds = wanted != "fp32"
        self.scaled = self.half is torch.float16
        # One that is not enabled hands everything on as it is.
        self.scalers = {str(p): torch.amp.GradScaler(device.type, enabled=self.scaled) for p in players}
        self.skipped = {name: torch.zeros((), device=device) for name in self.scalers} if self.scaled else {}

    def set_products(self) -> None:
        """Tell torch whether an NVIDIA GPU may round the factors of float32 products to 10 bits (TF32)."""
        if self.device.type != "cuda":
            return
        kind = "tf32" if self.rounds else "ieee"
        backends: tuple[Any, ...] = (torch.backends.cuda.matmul, torch.backends.cudnn.conv, torch.backends.cudnn.rnn)  # type: ignore[attr-defined]
        for backend in backends:
            if backend.fp32_precision != kind:
                backend.fp32_precision = kind

    def computing(self) -> AbstractContextManager[Any]:
        """The context that losses are computed in."""
        return torch.autocast(self.device.type, self.half or torch.bfloat16, enabled=self.half is not None)

    def count(self, player: str, norm: Tensor) -> Tensor:
        """Count a step that is left out since its gradient's norm is no number; the norm of what is done, 0 if nothing.

        Without looking at a value: that would wait for the device.
        """
        finite = norm.isfinite()
        self.skipped[str(player)] += ~finite
        return torch.where(finite, norm, 0)

    def state_dict(self) -> dict[str, Any]:
        """Loss scales and what was skipped, by player; empty but with fp16."""
        if not self.scaled:
            return {}
        return {name: {**scaler.state_dict(), "skipped": self.skipped[name]} for name, scaler in self.scalers.items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from `state_dict()`; a run that is continued in another precision begins with a fresh scale."""
        for name, scaler in self.scalers.items():
            if self.scaled and name in state:
                scaler.load_state_dict({key: value for key, value in state[name].items() if key != "skipped"})
                self.skipped[name].copy_(state[name]["skipped"])
