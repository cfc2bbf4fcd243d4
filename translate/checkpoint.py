"""Checkpoints: written whole or not at all, read without running anything they hold."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch

from translate.errors import UserError

FOLDER = "checkpoints"
BEST = "best.pt"


def save(run: Path, state: dict[str, Any], keep: int) -> Path:
    """Write RUN/checkpoints/step-N.pt atomically and drop all but the newest `keep`."""
    folder = run / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    path = _write(folder / f"step-{state['step']:08d}.pt", state)
    for old in sorted(folder.glob("step-*.pt"))[:-keep]:
        old.unlink()
    return path


def save_best(run: Path, state: dict[str, Any]) -> Path:
    """Write RUN/checkpoints/best.pt atomically in the place of the last best one."""
    folder = run / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    return _write(folder / BEST, state)


def _write(path: Path, state: dict[str, Any]) -> Path:
    unfinished = path.with_suffix(".partial")
    with open(unfinished, "wb") as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(unfinished, path)
    return path


def newest(run: Path) -> Path:
    """The run's latest checkpoint; UserError when it has none."""
    found = sorted((run / FOLDER).glob("step-*.pt"))
    if not found:
        raise UserError(
            "holds no checkpoint",
            where=str(run),
            expected=f"{FOLDER}/step-*.pt; the first comes after log.save_minutes, at the end or at Ctrl-C",
            hint="translate train ... --out " + str(run),
        )
    return found[-1]


def find(run: Path, name: str) -> Path:
    """The checkpoint that somebody means: "last", "best" (by held-out score), a step's number, a file's name or path;
    a UserError says which there are."""
    if name == "last":
        return newest(run)
    folder = run / FOLDER
    named = [folder / name, folder / f"{name}.pt", Path(name)]
    named += [folder / f"step-{int(name):08d}.pt"] if name.isdigit() else []
    for path in named:
        if path.is_file():
            return path
    there = ", ".join(path.stem for path in sorted(folder.glob("*.pt")))
    raise UserError(
        f'there is no checkpoint "{name}"',
        where=str(folder),
        expected=f"last, or one of {there}" if there else None,
        hint="a best one is kept where held-out images are scored during the training (evaluation.every)"
        if name == "best"
        else None,
    )


def read(path: Path, device: str | torch.device = "cpu") -> dict[str, Any]:
    """The state in a checkpoint, tensors on `device`; UserError when it is damaged or holds more than plain values."""
    try:
        state = torch.load(path, map_location=device, weights_only=True)
    except Exception as error:  # a damaged pickle fails in any way that its bytes happen to spell
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(f"can't be read as a checkpoint ({reason})", where=str(path)) from None
    if not isinstance(state, dict) or "generator_ema" not in state:
        raise UserError("is no checkpoint of this program", where=str(path))
    return state
