"""Which device the networks run on."""

from __future__ import annotations

import os

import torch

from translate.errors import UserError


def device_of(name: str) -> torch.device:
    """The device of a name; "auto" takes cuda, then mps, then the CPU. "cuda" is, of the processes that torchrun starts
    on a machine, each one's own GPU. Raises UserError when it isn't there."""
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        name = next(kind for kind, available in there.items() if available)
    if not there.get(name.partition(":")[0], False):
        found = ", ".join(kind for kind, available in there.items() if available)
        raise UserError(f'no "{name}" device here', where="--device", expected=f"auto or one of {found}")
    if name == "cuda" and "LOCAL_RANK" in os.environ:
        name = f"cuda:{os.environ['LOCAL_RANK']}"
        if int(os.environ["LOCAL_RANK"]) >= torch.cuda.device_count():
            raise UserError(
                f"process {os.environ['LOCAL_RANK']} of this machine finds no GPU of its own",
                where="torchrun",
                expected=f"one process for each of its {torch.cuda.device_count()} GPUs",
                hint=f"--nproc-per-node {torch.cuda.device_count()}",
            )
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    if name.startswith("cuda:") and not (name[5:].isdigit() and int(name[5:]) < torch.cuda.device_count()):
        raise UserError(
            f'no "{name}" device here', where="--device", expected=f"cuda:0 to {torch.cuda.device_count() - 1}"
        )
    return torch.device(name)
