"""Which device the networks run on."""

from __future__ import annotations

import torch

from translate.errors import UserError


def device_of(name: str) -> torch.device:
    """The device of a name; "auto" takes cuda, then mps, then the CPU. Raises UserError when it isn't there."""
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        name = next(kind for kind, available in there.items() if available)
    if not there.get(name.partition(":")[0], False):
        found = ", ".join(kind for kind, available in there.items() if available)
        raise UserError(f'no "{name}" device here', where="--device", expected=f"auto or one of {found}")
    if name.startswith("cuda:") and not (name[5:].isdigit() and int(name[5:]) < torch.cuda.device_count()):
        raise UserError(
            f'no "{name}" device here', where="--device", expected=f"cuda:0 to {torch.cuda.device_count() - 1}"
        )
    return torch.device(name)
