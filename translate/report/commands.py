"""What to type to have a run, its scores and its report again."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from translate.config import Config

RESAMPLES = 1000
"""For the intervals of a report's scores."""


def of_run(
    run: Path, config: Config, scores: Mapping[str, Any], data: Path | None, checkpoint: str, out: Path
) -> list[tuple[str, str]]:
    """What each command does, and the command; `scores`: of its evaluation, or {}."""
    trained = config.data.root or "DIR"
    again = ("Train it again", _line("train", run / "config.yaml", "--data", trained, "--out", f"{run}-again"))
    found = [again] if config.objective else []  # else it was trained elsewhere
    beside = _beside(data, checkpoint)
    if scores:
        protocol = scores.get("protocol", {})
        how = ["--split", protocol.get("split", "test"), "--seed", protocol.get("seed", 0)]
        how += ["--bootstrap", RESAMPLES] if scores.get("intervals") else []
        found.append(("Score it", _line("evaluate", run, *beside, *how, "--json", "scores.json")))
    there = [] if out == run / "report.html" else ["--out", out]
    found.append(("Write this page", _line("report", run, *beside, *there)))
    return found


def of_comparison(runs: Sequence[Path], data: Path | None, checkpoint: str, out: Path) -> str:
    """The command that writes a comparison."""
    return _line("report", *runs, *_beside(data, checkpoint), "--out", out)


def _beside(data: Path | None, checkpoint: str) -> list[Any]:
    """What was asked for by name."""
    return [*(["--data", data] if data else []), *(["--checkpoint", checkpoint] if checkpoint != "last" else [])]


def _line(*words: Any) -> str:
    return " ".join(["translate", *(shlex.quote(str(word)) for word in words)])
