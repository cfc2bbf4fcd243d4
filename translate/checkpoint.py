"""Checkpoints: written whole or not at all, read without running anything they hold."""

from __future__ import annotations

import io
import os
import warnings
import zipfile
from collections.abc import Callable
from errno import EINVAL
from pathlib import Path
from typing import Any

import torch

from translate import __version__
from translate.errors import UserError
from translate.keeping import durable

FOLDER = "checkpoints"
BEST = "best.pt"
DAMAGED = ".damaged"
FORMAT = 2


class Damaged(UserError):  # noqa: N818 - it says what the file is
    """The file is there, and what it holds is not what was written."""


def packed(state: dict[str, Any]) -> memoryview:
    """The bytes of a checkpoint of `state` as it is now, with the versions that it is written by."""
    versions = {"translate": __version__, "torch": str(torch.__version__)}
    buffer = io.BytesIO()
    torch.save({**state, "format": FORMAT, "versions": versions}, buffer)
    return memoryview(buffer.getvalue())  # shares the memory, and outlives the buffer


def name_of(state: dict[str, Any]) -> str:
    """step-N.pt."""
    return f"step-{state['step']:08d}.pt"


def put(run: Path, name: str, data: memoryview) -> Path:
    """Write RUN/checkpoints/NAME, whole or not at all; OSError where it can't be written."""
    path = run / FOLDER / name
    durable.write(path, data)
    return path


def thin(run: Path, keep: int) -> None:
    """Drop all but the newest `keep` of step-*.pt."""
    for old in steps(run)[keep:]:
        old.unlink(missing_ok=True)


def save(run: Path, state: dict[str, Any], keep: int) -> Path:
    """Write RUN/checkpoints/step-N.pt and drop all but the newest `keep`."""
    path = put(run, name_of(state), packed(state))
    thin(run, keep)
    return path


def save_best(run: Path, state: dict[str, Any]) -> Path:
    """Write RUN/checkpoints/best.pt in the place of the last best one."""
    return put(run, BEST, packed(state))


def steps(run: Path) -> list[Path]:
    """All step-*.pt of a run, the newest first."""
    return sorted((run / FOLDER).glob("step-*.pt"), reverse=True)


def newest(run: Path) -> Path:
    """The run's latest checkpoint that is whole, with a warning if it is not the last written; UserError when there
    is none."""
    found = steps(run)
    if not found:
        raise UserError(
            "holds no checkpoint",
            where=str(run),
            expected=f"{FOLDER}/step-*.pt; the first comes after a minute, at the end or at Ctrl-C",
            hint="translate train ... --out " + str(run),
        )
    damaged = []
    for path in found:
        try:
            _require_whole(path)
            _loaded(path, mmap=True)
        except Damaged as error:
            damaged.append(error)
            continue
        for spoilt in damaged:
            warnings.warn(f"{spoilt}; {path.stem} is taken instead", stacklevel=2)
        return path
    raise Damaged(
        "holds no checkpoint that can be read",
        where=str(run),
        expected="one that is whole: " + ", ".join(path.name for path in found) + " are damaged",
        hint="--checkpoint best" if (run / FOLDER / BEST).is_file() else f"a copy of one into {run / FOLDER}",
    )


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
        hint="a best one is kept where held-out images are scored in the training: --set evaluation.share=0.5"
        if name == "best"
        else None,
    )


def read(path: Path, device: str | torch.device = "cpu") -> dict[str, Any]:
    """The state in a checkpoint, tensors on `device`, as the present format has it; UserError when it is damaged,
    holds more than plain values or is of a format to come."""
    _require_whole(path)
    state = _loaded(path, map_location=device)
    if not isinstance(state, dict) or "generator_ema" not in state:
        raise UserError("is no checkpoint of this program", where=str(path))
    written = state.get("format", 1)
    if not isinstance(written, int) or not 1 <= written <= FORMAT:
        raise UserError(
            f"is a checkpoint of format {written}, written by a newer version of this program",
            where=str(path),
            expected=f"format 1 to {FORMAT}, which version {__version__} knows",
            hint="pip install --upgrade translate-gan",
        )
    step = state.get("step")
    if not isinstance(step, int) or isinstance(step, bool) or step < 0:
        raise Damaged("holds no number of steps", where=str(path))
    for older in range(written, FORMAT):
        state = MIGRATIONS[older](state)
    return state


def set_aside(path: Path) -> Path:
    """Rename a damaged checkpoint, so that nobody takes it for a sound one; its new path."""
    target, count = path.with_name(path.name + DAMAGED), 1
    while target.exists():
        count += 1
        target = path.with_name(f"{path.name}{DAMAGED}{count}")
    return path.rename(target)


def _from_1(state: dict[str, Any]) -> dict[str, Any]:
    """Without versions; rates were never lowered, and no losses were waiting for a report."""
    return {"lowered": 0, "losses": {}, **state, "format": 2, "versions": {}}


MIGRATIONS: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {1: _from_1}
"""By format: what makes the next one of it."""


def _require_whole(path: Path) -> None:
    """Each part against its checksum, which torch doesn't look at."""
    try:
        with open(path, "rb") as file, zipfile.ZipFile(file) as archive:
            spoilt = archive.testzip()
    except Exception as error:
        if isinstance(error, OSError) and error.errno != EINVAL:  # the disk's fault, or nothing is there
            reason = error.strerror or str(error)
            raise UserError(f"can't be read as a checkpoint ({reason})", where=os.fspath(path)) from None
        raise _unreadable(path, error) from None
    if spoilt is not None:
        raise Damaged(f"can't be read as a checkpoint ({spoilt} is not what was written)", where=str(path))


def _loaded(path: Path, **how: Any) -> Any:
    try:
        return torch.load(path, weights_only=True, **how)
    except (MemoryError, torch.OutOfMemoryError):  # the file is not to blame
        raise
    except Exception as error:  # a damaged pickle fails in any way that its bytes happen to spell
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error: Exception) -> Damaged:
    reason = (str(error).splitlines() or [type(error).__name__])[0]
    if "weights_only" in str(error):  # PyTorch's sentence goes on with how to run what the file holds
        reason = "it holds more than weights and plain values, and nothing of that was run"
    return Damaged(f"can't be read as a checkpoint ({reason})", where=str(path))
