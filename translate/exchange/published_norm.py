"""Which norm published weights were trained with, and the weights as our networks hold them with it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from translate.errors import UserError
from translate.exchange.published_layout import norm_words

STATISTICS = ("running_mean", "running_var", "num_batches_tracked")


@dataclass(frozen=True)
class Norm:
    """A norm, the weights as they are with it, and what the keys did not tell."""

    kind: str
    state: dict[str, Tensor]
    assumed: tuple[str, ...] = ()


def settle(state: dict[str, Tensor], conv: str, norm: str, asked: str | None, where: str) -> Norm:
    """Read the norm off the keys of one convolution (`conv`) and of the norm behind it (`norm`); `asked` decides where
    they leave it open. UserError where it contradicts them."""
    scaled, counted = f"{norm}.weight" in state, f"{norm}.running_mean" in state
    biased = f"{conv}.bias" in state
    if scaled and not counted:
        raise UserError(
            f"{norm} has a scale and no running statistics: an instance or group norm with parameters",
            where=where,
            expected="batch norm, or instance norm without parameters, as published",
        )
    possible = (
        ["batch"] if scaled else
        ["instance", "batch"] if counted else
        ["instance", "none"] if biased else
        ["none", "instance"]
    )  # fmt: skip
    kind = asked or possible[0]
    if kind not in possible:
        raise UserError(
            f"its keys are not those of a network with {norm_words(kind)}",
            where=f"--norm {kind}",
            expected=" or ".join(possible),
        )
    if kind == "batch":
        return Norm(kind, _with_scale(state) if not scaled else _counted(state))
    assumed = () if asked else _open(kind, counted)
    return Norm(kind, _without_statistics(state), assumed)


def _open(kind: str, counted: bool) -> tuple[str, ...]:
    if counted:
        return (
            "norm: instance, without its running statistics (PyTorch before 0.4 kept some), as the original's loader "
            "does (--norm batch applies them)",
        )
    if kind == "instance":
        return ("norm: instance, as convolutions have a bias and norms no parameters",)
    return ("norm: none, as neither convolutions have a bias nor norms parameters (--norm instance)",)


def _without_statistics(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {key: value for key, value in state.items() if key.rpartition(".")[2] not in STATISTICS}


def _counted(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """With the count of batches that PyTorch before 0.4 did not keep; nothing is computed from it."""
    counts = {
        key.removesuffix("running_mean") + "num_batches_tracked": torch.tensor(0)
        for key in state
        if key.endswith(".running_mean")
    }
    return counts | state


def _with_scale(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """A norm by running statistics without parameters as one with scale 1 and shift 0; the bias in front of it moves
    into the mean."""
    made = _counted(state)
    for key in [key for key in state if key.endswith(".running_mean")]:
        norm = key.removesuffix(".running_mean")
        path, _, number = norm.rpartition(".")
        bias = made.pop(
            f"{path}.{int(number) - 1}.bias", torch.zeros_like(state[key])
        )  # the layer before is its convolution
        made[key] = state[key] - bias
        made[f"{norm}.weight"], made[f"{norm}.bias"] = torch.ones_like(bias), torch.zeros_like(bias)
    return made
