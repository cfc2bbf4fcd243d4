"""The folder of a run: whose it is, what was reached, and what is saved there."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from translate import checkpoint, log
from translate.config import Config, load_run, refuse_foreign
from translate.errors import UserError
from translate.keeping import durable
from translate.monitor import Monitor
from translate.trainer import Trainer

MAY_CHANGE = (
    "training.steps",
    "training.minutes",
    "training.accumulate",
    "training.activation_checkpointing",
    "training.compile",
    "training.precision",
    "log",
    "evaluation",
    "data.root",
    "data.cache",
    "data.workers",
)
"""What changes how fast, how far or where, and not what is learned; keys that begin so."""
PARTS = ("generator", "discriminator", "objective", "ema_updates", "optimizers", "seconds", "counts", "config")
"""What a training can't go on without."""


@dataclass(frozen=True)
class Reached:
    """Seconds already trained, and the losses that no report has told yet."""

    seconds: float = 0.0
    losses: Mapping[str, float] = field(default_factory=dict)


class RunFolder:
    """A folder that a training of `config` fills or continues; what is found damaged is told to `warn`."""

    def __init__(self, path: Path, config: Config, warn: Callable[[str], None] = lambda sentence: None) -> None:
        self.path, self.config, self._warn = path, config, warn

    @property
    def begun(self) -> bool:
        """Whether it holds a training to continue."""
        return bool(checkpoint.steps(self.path))

    def claim(self) -> None:
        """Raise UserError when what it holds can't be this configuration's."""
        if not (self.path / "config.yaml").exists():
            refuse_foreign(self.path)
            return
        before = load_run(self.path)  # refuses a file of somebody else's
        if not before.objective:
            raise self._untrained()
        if self.begun:  # else nothing is trained yet: all may change
            _require_same(before, self.config, self.path)

    def newest(self, counts: list[int], device: torch.device) -> dict[str, Any] | None:
        """The state to continue from: that of the newest checkpoint that is sound; None where nothing is begun.
        `counts`: pairs and unpaired images of A and B that are trained on. What killed processes left is swept away."""
        self._counts = counts
        for folder in (self.path, self.path / checkpoint.FOLDER, self.path / log.PREVIEWS):
            durable.sweep(folder)
        if not self.begun:
            return None
        state = self._sound(device)
        self._require_same_data(state["counts"])
        return state

    def write_config(self) -> None:
        """Put config.yaml there, unless it is the same."""
        config, path = self.config.to_yaml(), self.path / "config.yaml"
        if not path.exists() or path.read_text(encoding="utf-8") != config:
            durable.write(path, config.encode())

    def state(
        self, trainer: Trainer, monitor: Monitor, seconds: float, losses: Mapping[str, Tensor | float]
    ) -> dict[str, Any]:
        """What a checkpoint holds: all that going on from here needs."""
        return {
            **trainer.state_dict(),
            "seconds": seconds,
            "losses": {name: float(value) for name, value in losses.items()},
            "counts": self._counts,
            "config": json.dumps(self.config.model_dump(mode="json")),
            "monitor": monitor.state_dict(),
        }

    @property
    def saved(self) -> str:
        """What is safe, in words."""
        found = checkpoint.steps(self.path)
        return f"{found[0].stem} is saved and stays as it is" if found else "nothing was saved before"

    def no_numbers(self, step: int) -> UserError:
        """For a training whose losses or weights are no numbers any more, whatever was tried."""
        return UserError(
            f"losses or weights are no numbers any more at step {step:,}, at smaller learning rates too; {self.saved}",
            where=str(self.path),
            expected="losses that stay finite",
            hint="another --out, and --set training.clip=1, a lower training.learning_rate or training.precision=fp32",
        )

    def _sound(self, device: torch.device) -> dict[str, Any]:
        """The newest checkpoint that can be read, the best one last; damaged ones before it are set aside."""
        damaged = []
        best = self.path / checkpoint.FOLDER / checkpoint.BEST
        for path in [*checkpoint.steps(self.path), *([best] if best.exists() else [])]:
            try:
                state = checkpoint.read(path, device)
                if "about" in state:
                    raise self._untrained()
                if missing := [part for part in PARTS if part not in state]:
                    raise checkpoint.Damaged(f"lacks {', '.join(missing)}", where=str(path))
            except checkpoint.Damaged as error:
                damaged.append((path, error))
                continue
            for spoilt, reason in damaged:
                aside = checkpoint.set_aside(spoilt)
                self._warn(f"{reason}; it is kept as {aside.name}, and the training goes on from {path.stem}")
            return state
        raise UserError(
            "none of its checkpoints can be read: "
            + "; ".join(f"{path.name} {reason.what}" for path, reason in damaged),
            where=str(self.path),
            hint=f"a copy of one into {self.path / checkpoint.FOLDER}, or another --out to begin anew",
        )

    def _untrained(self) -> UserError:
        """For a folder whose generators were brought there by themselves."""
        return UserError(
            "holds generators from elsewhere, and no training to go on with",
            where=str(self.path),
            expected="another --out",
            hint=f"translate train --from {self.path} --data DIR --out NEW",
        )

    def _require_same_data(self, counts: list[int]) -> None:
        """A dataset may move, and images may be added; another dataset is another run."""
        before = load_run(self.path).data.root
        if before != self.config.data.root and counts != self._counts:
            pairs, only_a, only_b = counts
            raise UserError(
                f"was trained on {before} ({pairs} pairs, {only_a} + {only_b} unpaired), not on "
                f"{self.config.data.root}",
                where=str(self.path),
                hint="another --out for another dataset",
            )


def resume(state: Mapping[str, Any] | None, trainer: Trainer, run: Path) -> Reached:
    """Bring the trainer to where `state` was saved, if there is one. Raises UserError where it doesn't fit."""
    if state is None:
        return Reached()
    try:
        trainer.load_state_dict(dict(state))
    except (RuntimeError, KeyError, ValueError) as error:
        raise UserError(
            f"the state of step {state['step']:,} doesn't fit this configuration "
            f"({' '.join(str(error).split())[:200]})",
            where=str(run),
            expected=f"{run / 'config.yaml'} as the run was begun with",
            hint="another --out for another configuration",
        ) from None
    return Reached(state["seconds"], state["losses"])


def _require_same(old: Config, new: Config, run: Path) -> None:
    before, after = _flat(old.model_dump(mode="json")), _flat(new.model_dump(mode="json"))
    for key in sorted(before | after):
        if before.get(key) != after.get(key) and not key.startswith(MAY_CHANGE):
            raise UserError(
                f"{key} is {json.dumps(after.get(key))}, but this run was begun with {json.dumps(before.get(key))}",
                where=str(run),
                hint="the first command to continue it, or another --out for a new run",
            )


def _flat(tree: Any, prefix: str = "") -> dict[str, Any]:
    if not isinstance(tree, dict):
        return {prefix: tree}
    return {
        k: v for name, child in tree.items() for k, v in _flat(child, f"{prefix}.{name}" if prefix else name).items()
    }
