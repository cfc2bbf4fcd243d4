"""The visible loop: batch -> step -> log -> preview -> evaluate -> save. The same command again continues it."""

from __future__ import annotations

import math
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import torch
from torch import Tensor

from translate import augment, build, diagnosis
from translate.clock import Clock, Meter
from translate.config import Config
from translate.data.layouts import Dataset
from translate.data.loader import Batches, loader
from translate.domain import Domain
from translate.errors import UserError
from translate.log import Log
from translate.monitor import Monitor, Speaker
from translate.preview import Preview
from translate.runfolder import RunFolder
from translate.seeds import seed_of
from translate.trainer import Trainer

SHOW_SECONDS = 2.0
"""How long the live display may stand still, however slow the steps are."""


@dataclass(frozen=True)
class Progress:
    """Where a training stands: step, share done in [0, 1], seconds of training, images/s, latest losses, and the latest
    held-out score in words, where there is one."""

    step: int
    share: float
    seconds: float
    images_per_second: float
    losses: dict[str, float]
    score: str = ""


@dataclass(frozen=True)
class Outcome:
    """How a training ended; `begun`: the steps that were done before; `stale`: it no longer became better; `scored`:
    the best held-out score in words, and what evaluations cost, where there were any."""

    steps: int
    seconds: float
    interrupted: bool
    begun: int
    stale: bool = False
    scored: str = ""


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
    folder = RunFolder(run, config)  # before anything slow: a wrong --out is said at once
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
    monitor = Monitor(config, dataset, device)
    trainer = build.trainer(config, batches[0], device)
    augmentation = augment.build(config.augment)
    split = dataset.split("train")
    counts = [len(split.pairs), len(split.only_a), len(split.only_b)]
    seconds = folder.restore(trainer, monitor, counts, device)
    preview, first = Preview(config, dataset, device), trainer.step_count
    with Log(run, trainer.step_count) as log, _interruptible() as interrupted:
        clock, meter, saved, shown = Clock(seconds), Meter(), seconds, seconds
        speaker = Speaker(warn)
        share = _share(config, trainer.step_count, seconds)
        losses: dict[str, Tensor] = {}  # the latest since the last report: a lazy term does not speak in every step
        stop = (
            trainer.step_count if share >= 1 or monitor.stale else settings.steps if settings.minutes is None else None
        )
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
                    speaker.say(finding.as_json() for finding in diagnosis.of_log(log.rows))
                if not all(map(math.isfinite, values.values())):
                    folder.require_numbers(trainer)
                watch(Progress(step, share, clock.seconds, rate, values, monitor.score))
                shown = clock.seconds
            if step % log_settings.preview_every == 0 or step == 1:
                log.previews(step, preview.draw(trainer.ema.module))
            done = share >= 1 or interrupted()
            if monitor.due(step, clock.seconds, last=share >= 1):
                look = monitor.look(step, trainer.ema.module, clock.seconds)
                if look is not None:
                    log.scalars(step, look.values)
                    speaker.looked(look.findings, share)
                    if look.best:
                        folder.save(trainer, monitor, clock.seconds, best=True)
                    done = done or monitor.stale
            if clock.seconds - saved > log_settings.save_minutes * 60:
                folder.save(trainer, monitor, clock.seconds)
                saved = clock.seconds
            if done:
                break
            clock.skip()
        log.previews(trainer.step_count, preview.draw(trainer.ema.module))
        folder.save(trainer, monitor, clock.seconds)
        scored = monitor.summary(clock.seconds, trainer.step_count)
        return Outcome(trainer.step_count, clock.seconds, interrupted(), first, monitor.stale, scored)


def _row(seconds: float, rate: float, waiting: float, losses: dict[str, float], trainer: Trainer) -> dict[str, float]:
    """What is logged of a step; losses unweighted."""
    row = {"seconds": seconds, "images_per_second": rate, "data_wait": waiting}
    row |= {
        name if name.startswith(("grad_norm/", "separation/")) else f"loss/{name}": value
        for name, value in losses.items()
    }
    return row | {f"learning_rate/{player}": o.param_groups[0]["lr"] for player, o in trainer.optimizers.items()}


def _share(config: Config, step: int, seconds: float) -> float:
    if config.training.minutes is not None:
        return min(1.0, seconds / (config.training.minutes * 60))
    return min(1.0, step / config.training.steps)


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
