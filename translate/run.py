"""The visible loop: batch -> step -> log -> preview -> save. The same command again continues it."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from torch import Tensor

from translate import augment, build, checkpoint
from translate.config import Config, load_run, refuse_foreign
from translate.data.layouts import Dataset
from translate.data.loader import Batches, loader
from translate.domain import Domain
from translate.errors import UserError
from translate.log import Log
from translate.preview import Preview
from translate.seeds import seed_of
from translate.trainer import Trainer

MAY_CHANGE = ("training.steps", "training.minutes", "log", "data.root", "data.cache", "data.workers")


SHOW_SECONDS = 2.0
"""How long the live display may stand still, however slow the steps are."""


@dataclass(frozen=True)
class Progress:
    """Where a training stands: step, share done in [0, 1], seconds of training, images/s, latest losses."""

    step: int
    share: float
    seconds: float
    images_per_second: float
    losses: dict[str, float]


@dataclass(frozen=True)
class Outcome:
    """How a training ended; `begun`: the steps that were done before."""

    steps: int
    seconds: float
    interrupted: bool
    begun: int


def train(
    config: Config,
    dataset: Dataset,
    run: Path,
    device: torch.device,
    watch: Callable[[Progress], None] = lambda progress: None,
    loading: Callable[[int, int], None] = lambda done, total: None,
    warn: Callable[[str], None] = lambda sentence: None,
) -> Outcome:
    """Train until the steps or minutes are done, or until Ctrl-C; everything needed to go on stays in `run`."""
    settings, log_settings = config.training, config.log
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise UserError("trains in one process so far", where="torchrun", hint="the same command without torchrun")
    begun = _claim(config, run)  # before anything slow: a wrong --out is said at once
    batches = Batches(
        dataset.split("train"),
        config.data,
        settings.batch * settings.discriminator_steps,
        settings.seed,
        unconditional=config.unconditional,
        classes=config.networks.classes or None,
        progress=loading,
        inputs=config.produce[0].other if len(config.produce) == 1 else Domain.A,
    )
    for path, reason in batches.unreadable:
        warn(f"left out: {path}: {reason}")
    trainer = build.trainer(config, batches[0], device)
    augmentation = augment.build(config.augment)
    split = dataset.split("train")
    counts = [len(split.pairs), len(split.only_a), len(split.only_b)]
    seconds = _begin(config, run, trainer, device, begun, counts)
    preview, first = Preview(config, dataset, device), trainer.step_count
    with Log(run, trainer.step_count) as log, _interruptible() as interrupted:
        clock, meter, saved, shown = _Clock(seconds), _Meter(), seconds, seconds
        share = _share(config, trainer.step_count, seconds)
        losses: dict[str, Tensor] = {}  # the latest since the last report: a lazy term does not speak in every step
        stop = trainer.step_count if share >= 1 else settings.steps if settings.minutes is None else None
        for batch in loader(batches, trainer.step_count, stop, config.data.workers, pin=device.type == "cuda"):
            waited = clock.lap()
            report = (trainer.step_count + 1) % log_settings.every == 0
            batch = augmentation(batch.to(device), seed_of("augment", settings.seed, trainer.step_count))
            losses |= trainer.step(batch, share, measure=report)  # the share done before this step
            meter.add(len(batch), waited + clock.lap(), waited)
            step, share = trainer.step_count, _share(config, trainer.step_count, clock.seconds)
            if report or share >= 1 or clock.seconds - shown > SHOW_SECONDS:
                values = {name: float(value) for name, value in losses.items()}  # waits for the device
                rate, waiting = meter.read()
                if report or share >= 1:
                    log.scalars(step, _row(clock.seconds, rate, waiting, values, trainer))
                    losses = {}
                watch(Progress(step, share, clock.seconds, rate, values))
                shown = clock.seconds
            if step % log_settings.preview_every == 0 or step == 1:
                log.previews(step, preview.draw(trainer.ema.module))
            if clock.seconds - saved > log_settings.save_minutes * 60:
                _save(config, run, trainer, clock.seconds, counts)
                saved = clock.seconds
            if interrupted() or share >= 1:
                break
            clock.skip()
        log.previews(trainer.step_count, preview.draw(trainer.ema.module))
        _save(config, run, trainer, clock.seconds, counts)
        return Outcome(trainer.step_count, clock.seconds, interrupted(), first)


def _row(seconds: float, rate: float, waiting: float, losses: dict[str, float], trainer: Trainer) -> dict[str, float]:
    """What is logged of a step; losses unweighted."""
    row = {"seconds": seconds, "images_per_second": rate, "data_wait": waiting}
    row |= {
        name if name.startswith(("grad_norm/", "separation/")) else f"loss/{name}": value
        for name, value in losses.items()
    }
    return row | {f"learning_rate/{player}": o.param_groups[0]["lr"] for player, o in trainer.optimizers.items()}


class _Meter:
    """Images/s and the share of the time that went into waiting for data, since it was last read."""

    _images, _seconds, _waited = 0, 0.0, 0.0

    def add(self, images: int, seconds: float, waited: float) -> None:
        self._images += images
        self._seconds += seconds
        self._waited += waited

    def read(self) -> tuple[float, float]:
        rate, waiting = self._images / self._seconds, self._waited / self._seconds
        self._images, self._seconds, self._waited = 0, 0.0, 0.0
        return rate, waiting


class _Clock:
    """Seconds of training; what is skipped (previews, checkpoints) is not counted."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self._last = seconds, time.perf_counter()

    def lap(self) -> float:
        now = time.perf_counter()
        spent, self._last = now - self._last, now
        self.seconds += spent
        return spent

    def skip(self) -> None:
        self._last = time.perf_counter()


def _share(config: Config, step: int, seconds: float) -> float:
    if config.training.minutes is not None:
        return min(1.0, seconds / (config.training.minutes * 60))
    return min(1.0, step / config.training.steps)


def _claim(config: Config, run: Path) -> bool:
    """Whether `run` holds a training to continue; raises UserError when it can't be `config`'s. Writes nothing."""
    if (run / "config.yaml").exists():
        before = load_run(run)  # refuses a file of somebody else's
        if not any((run / checkpoint.FOLDER).glob("step-*.pt")):  # nothing is trained yet, and all may still change
            return False
        _same(before, config, run)
        return True
    refuse_foreign(run)
    return False


def _begin(config: Config, run: Path, trainer: Trainer, device: torch.device, begun: bool, counts: list[int]) -> float:
    """Continue from the newest checkpoint of `run` or start it; the seconds already trained."""
    seconds = 0.0
    if begun:
        state = checkpoint.read(checkpoint.newest(run), device)
        before = load_run(run).data.root
        # A dataset may move, and images may be added; another dataset is another run.
        if before != config.data.root and state["counts"] != counts:
            pairs, only_a, only_b = state["counts"]
            raise UserError(
                f"was trained on {before} ({pairs} pairs, {only_a} + {only_b} unpaired), not on {config.data.root}",
                where=str(run),
                hint="another --out for another dataset",
            )
        try:
            trainer.load_state_dict(state)
        except (RuntimeError, KeyError, ValueError) as error:
            raise UserError(
                f"its state doesn't fit this configuration ({' '.join(str(error).split())[:200]})",
                where=str(checkpoint.newest(run)),
                expected=f"{run / 'config.yaml'} as the run was begun with",
                hint="another --out for another configuration",
            ) from None
        seconds = state["seconds"]
    run.mkdir(parents=True, exist_ok=True)
    (run / "config.yaml").write_text(config.to_yaml(), encoding="utf-8")
    return seconds


def _same(old: Config, new: Config, run: Path) -> None:
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


def _save(config: Config, run: Path, trainer: Trainer, seconds: float, counts: list[int]) -> None:
    about = {"seconds": seconds, "counts": counts, "config": json.dumps(config.model_dump(mode="json"))}
    state = {**trainer.state_dict(), **about}
    checkpoint.save(run, state, config.log.keep)


@contextmanager
def _interruptible() -> Iterator[Callable[[], bool]]:
    """SIGINT and SIGTERM ask the loop to finish its step; a second one leaves at once."""
    asked = False

    def ask(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        asked = True
        for kind in before:
            signal.signal(kind, signal.SIG_DFL)

    try:
        before = {kind: signal.signal(kind, ask) for kind in (signal.SIGINT, signal.SIGTERM)}
    except ValueError:  # not the main thread: somebody else handles signals
        before = {}
    try:
        yield lambda: asked
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)
