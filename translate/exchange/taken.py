"""Generators from elsewhere with the configuration that they mean, and the run folder made of them."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from translate import build, checkpoint
from translate.config import Config
from translate.errors import UserError
from translate.keeping import durable


@dataclass(frozen=True)
class Taken:
    """Generators' weights and their configuration.

    `state`: as `build.generators(config).state_dict()` has it (keys such as b.model.1.weight); `about`: where they come
    from and what was assumed, in plain values.
    """

    config: Config
    state: dict[str, Tensor]
    about: dict[str, Any] = field(default_factory=dict)


def require_new(run: Path) -> None:
    """Raise UserError unless `run` is a folder that is still to be made, or an empty one."""
    if not run.exists() and not run.is_symlink():
        return
    if not run.is_dir() or any(run.iterdir()):
        what = "holds a run already" if (run / "config.yaml").exists() else "is there already"
        raise UserError(f'"{run}" {what}, and nothing is overwritten', expected="a new folder")


def require_fit(taken: Taken) -> None:
    """Raise UserError where the weights are not those of the configuration's generators, or hold no numbers."""
    with torch.device("meta"):
        generators = build.generators(taken.config)
    try:
        generators.load_state_dict(taken.state, assign=True)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:300]
        raise UserError(f"the weights don't fit the networks of their configuration ({reason})") from None
    for key, value in taken.state.items():
        if value.is_floating_point() and not torch.isfinite(value).all():
            raise UserError(f"{key} holds values that are no numbers", expected="weights that are finite")


def write_run(taken: Taken, run: Path) -> None:
    """Make the run folder `run` (config.yaml and the checkpoint of step 0) whole or not at all.

    UserError where it exists, or where the weights don't fit the configuration.
    """
    require_new(run)
    require_fit(taken)
    run = run.resolve()  # a link to an empty folder stays one
    run.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=f".{run.name}-", dir=run.parent))
    try:
        unfinished.chmod(0o777 & ~_umask())  # mkdtemp's own folders are for their owner alone
        durable.write(unfinished / "config.yaml", taken.config.to_yaml().encode())
        state = {key: value.detach().cpu().contiguous() for key, value in taken.state.items()}
        checkpoint.save(unfinished, {"step": 0, "generator_ema": state, "about": taken.about}, keep=1)
        require_new(run)  # perhaps somebody was quicker
        if run.is_dir():
            run.rmdir()  # Windows puts no folder in the place of another, not even of an empty one
        os.replace(unfinished, run)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
