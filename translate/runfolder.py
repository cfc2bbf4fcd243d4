"""The folder of a run: whose it is, what was reached, and what is saved there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from translate import checkpoint
from translate.config import Config, load_run, refuse_foreign
from translate.errors import UserError
from translate.monitor import Monitor
from translate.trainer import Trainer

MAY_CHANGE = ("training.steps", "training.minutes", "log", "evaluation", "data.root", "data.cache", "data.workers")


class RunFolder:
    """A folder that a training of `config` fills or continues; `begun`: it holds one to continue.

    Raises UserError when what it holds can't be `config`'s. Writes nothing yet.
    """

    def __init__(self, path: Path, config: Config) -> None:
        self.path, self.config = path, config
        self.begun = self._claimed()

    def restore(self, trainer: Trainer, monitor: Monitor, counts: list[int], device: torch.device) -> float:
        """Continue from the newest checkpoint, or start the folder; the seconds already trained. `counts`: pairs and
        unpaired images of A and B that are trained on."""
        self._counts = counts
        seconds = 0.0
        if self.begun:
            state = checkpoint.read(checkpoint.newest(self.path), device)
            self._require_same_data(state["counts"])
            try:
                trainer.load_state_dict(state)
            except (RuntimeError, KeyError, ValueError) as error:
                raise UserError(
                    f"its state doesn't fit this configuration ({' '.join(str(error).split())[:200]})",
                    where=str(checkpoint.newest(self.path)),
                    expected=f"{self.path / 'config.yaml'} as the run was begun with",
                    hint="another --out for another configuration",
                ) from None
            seconds = state["seconds"]
            if "monitor" in state:
                monitor.load_state_dict(state["monitor"])
        self.path.mkdir(parents=True, exist_ok=True)
        (self.path / "config.yaml").write_text(self.config.to_yaml(), encoding="utf-8")
        return seconds

    def save(self, trainer: Trainer, monitor: Monitor, seconds: float, best: bool = False) -> None:
        """Write a checkpoint; the `best` one beside the newest ones."""
        self.require_numbers(trainer)  # or broken weights would take the place of sound ones
        config = json.dumps(self.config.model_dump(mode="json"))
        about = {"seconds": seconds, "counts": self._counts, "config": config, "monitor": monitor.state_dict()}
        state = {**trainer.state_dict(), **about}
        if best:
            checkpoint.save_best(self.path, state)
        else:
            checkpoint.save(self.path, state, self.config.log.keep)

    def require_numbers(self, trainer: Trainer) -> None:
        """Raise UserError when weights are no numbers any more: every further step would be lost."""
        if trainer.finite():
            return
        sound = sorted((self.path / checkpoint.FOLDER).glob("step-*.pt"))
        kept = (
            f"the last sound state is {sound[-1].stem}, which stays as it is" if sound else "nothing was saved before"
        )
        raise UserError(
            f"the weights are no numbers any more at step {trainer.step_count:,}; {kept}",
            where=str(self.path),
            expected="losses that stay finite",
            hint="another --out, and --set training.clip=1, a lower training.learning_rate or training.precision=fp32",
        )

    def _claimed(self) -> bool:
        if (self.path / "config.yaml").exists():
            before = load_run(self.path)  # refuses a file of somebody else's
            if not any((self.path / checkpoint.FOLDER).glob("step-*.pt")):  # nothing is trained yet: all may change
                return False
            _require_same(before, self.config, self.path)
            return True
        refuse_foreign(self.path)
        return False

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
