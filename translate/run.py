"""The visible loop: batch -> step -> decision; one process keeps the books. The same command again continues it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import torch

from translate import augment, build, runfolder
from translate.computing import processes
from translate.computing.allocator import keep_freed_memory
from translate.config import Config
from translate.data.layouts import Dataset
from translate.data.loader import Batches, loader
from translate.domain import Batch, Domain
from translate.exchange import starting
from translate.keeping import failures, lock
from translate.keeping.desk import Audience, Desk, Progress
from translate.keeping.interruption import interruptible
from translate.keeping.pace import share_of
from translate.monitor import Monitor, Speaker
from translate.runfolder import Reached, RunFolder
from translate.seeds import seed_of
from translate.trainer import Trainer

__all__ = ["Lost", "Outcome", "Progress", "train"]

MOST_BACK = 3
"""How often a training goes back to its last checkpoint with half the learning rates, when numbers are lost."""
NAMED = 20
"""Pictures that are left out, of which each is named."""


@dataclass(frozen=True)
class Outcome:
    """How a training ended; `begun`: the steps that were done before; `stale`: it no longer became better; `scored`:
    the best held-out score in words, and what evaluations cost, where there were any; `warned`: of which findings."""

    steps: int
    seconds: float
    interrupted: bool
    begun: int
    stale: bool = False
    scored: str = ""
    warned: tuple[str, ...] = ()


@dataclass(frozen=True)
class Lost:
    """The step at which losses or weights were no numbers any more, and how often the rates are halved from now on."""

    step: int
    lowered: int


def train(
    config: Config,
    dataset: Dataset,
    run: Path,
    device: torch.device,
    watch: Callable[[Progress], None] = lambda progress: None,
    loading: Callable[[int, int], None] = lambda done, total: None,
    warn: Callable[[str], None] = lambda sentence: None,
) -> Outcome:
    """Train until the steps or minutes are done, or until Ctrl-C; everything needed to go on stays in `run`.

    Numbers that are lost send it back to the last checkpoint, with half the learning rates, a few times. Of several
    processes each computes its rows of every batch, and the first does all else.
    """
    if device.type == "cpu":
        keep_freed_memory()
    with processes.joined(device), ExitStack() as stack:
        config = processes.told(config)  # a planned one depends on how fast a process was
        processes.by_first(lambda: processes.require_rows(config.training.batch, config.training.accumulate))
        folder = RunFolder(run, config, warn)
        processes.by_first(folder.claim)  # before anything slow: a wrong --out is said at once
        processes.by_first(lambda: stack.enter_context(lock.held(run, warn)))
        processes.by_first(folder.claim)  # perhaps somebody else trained there until now
        training = _Training(config, dataset, folder, device, watch, loading, warn)
        grace = processes.PARTING if processes.count() > 1 else 0.0
        interrupted = stack.enter_context(interruptible(grace, warn if processes.first() else lambda sentence: None))
        ended = training.stretch(interrupted)
        while isinstance(ended, Lost):
            ended = training.stretch(interrupted, ended)
        return ended


class _Training:
    """What stays the same from one stretch of a training to the next."""

    def __init__(
        self,
        config: Config,
        dataset: Dataset,
        folder: RunFolder,
        device: torch.device,
        watch: Callable[[Progress], None],
        loading: Callable[[int, int], None],
        warn: Callable[[str], None],
    ) -> None:
        self.config, self.dataset, self.folder, self.device = config, dataset, folder, device
        self.watch, self.warn = watch, warn
        split = dataset.split("train")
        self.counts = [len(split.pairs), len(split.only_a), len(split.only_b)]
        processes.require_same("pairs, and images of A and B without one, to train on", self.counts)
        self.batches = Batches(
            split,
            config.data,
            config.training.batch * config.training.discriminator_steps,
            config.training.seed,
            rank=processes.rank(),
            world=processes.count(),
            unconditional=config.unconditional,
            classes=config.networks.classes or None,
            progress=loading,
            inputs=config.produce[0].other if len(config.produce) == 1 else Domain.A,
        )
        self.augmentation = augment.build(config.augment)
        self.speaker = Speaker(warn)
        self.begun: int | None = None
        self._asked = False  # to end, by a signal to any of the processes
        self._named = 0 if processes.first() else len(self.batches.unreadable)  # all have found the same so far
        self._name_unreadable()

    def stretch(self, interrupted: Callable[[], bool], lost: Lost | None = None) -> Outcome | Lost:
        """Train from the last checkpoint to the end, or to where numbers are `Lost`; after such a one, more slowly."""
        training = self.config.training
        trainer = build.trainer(self.config, self.batches[0], self.device, self.warn)
        processes.same(network for _, network in trainer.networks.modules())
        reached, done = self._continue(trainer)
        start = trainer.step_count
        self.begun = start if self.begun is None else self.begun
        with ExitStack() as stack:
            desk = self._desk(stack, trainer, reached, lambda: self._asked or interrupted())
            if lost is not None:
                self._slow_down(trainer, lost, desk)
            share = share_of(training, start, reached.seconds)
            stop = start if done or share >= 1 else None if training.minutes else training.steps
            try:
                for batch in self._read(start, stop, interrupted):
                    if desk is not None:
                        desk.got_batch()
                    batch = processes.together(batch.to(self.device), self.batches.shares(trainer.step_count))
                    batch = self.augmentation(batch, seed_of("augment", training.seed, trainer.step_count))
                    measured = (trainer.step_count + 1) % self.config.log.every == 0
                    losses = trainer.step(batch, share, measure=measured)  # the share done before this step
                    decision = processes.told(None if desk is None else desk.stepped(len(batch), losses))
                    share = decision.share
                    self._name_unreadable()
                    if decision.back:
                        return self._lost(trainer)
                    if decision.stop:
                        break
            except failures.DataLost as error:
                if desk is not None:
                    desk.rescue()
                raise failures.of_data(
                    error.__cause__, f"{self.folder.saved}, and the same command continues"
                ) from None
            except Exception as error:
                if not failures.of_memory(error):
                    raise
                if desk is not None:
                    desk.wait()
                size, step = self.config.data.size, trainer.step_count + 1
                raise failures.out_of_memory(training, size, step, self.folder.saved) from None
            steps, asked = trainer.step_count, self._asked or interrupted()
            if desk is None:
                return Outcome(steps, reached.seconds, asked, self.begun)
            scored = desk.end()
            return Outcome(steps, desk.clock.seconds, asked, self.begun, desk.monitor.stale, scored, self.speaker.names)

    def _continue(self, trainer: Trainer) -> tuple[Reached, bool]:
        """Bring the trainer to where it was saved; how far that was, and whether it no longer became better."""
        where = self.device if processes.count() == 1 else torch.device("cpu")  # from where it travels
        state = processes.by_first(lambda: self.folder.newest(self.counts, where))
        if state is None and self.config.training.start is not None:
            starting.begin(trainer, processes.by_first(lambda: starting.read(self.config)))
        reached = runfolder.resume(state, trainer, self.folder.path)

        def followed() -> bool:
            self.monitor = Monitor(self.config, self.dataset, self.device)
            if state is not None and "monitor" in state:
                self.monitor.load_state_dict(state["monitor"])
            self.folder.write_config()
            return self.monitor.stale

        return reached, processes.by_first(followed)

    def _desk(
        self, stack: ExitStack, trainer: Trainer, reached: Reached, interrupted: Callable[[], bool]
    ) -> Desk | None:
        """Where the first process keeps the books; None elsewhere."""
        if not processes.first():
            return None
        heard_by = Audience(self.watch, self.warn, self.speaker)
        desk = Desk(self.config, self.dataset, self.folder, trainer, self.monitor, reached, heard_by, interrupted)
        return stack.enter_context(desk)

    def _read(self, start: int, stop: int | None, interrupted: Callable[[], bool]) -> Iterator[Batch]:
        """This process's part of each batch, as long as all processes have theirs. Raises DataLost."""
        workers, pin = self.config.data.workers, self.device.type == "cuda"
        with closing(loader(self.batches, start, stop, workers, pin, interrupted)) as parts:
            guarded = failures.guarded(parts)
            while True:
                part, trouble = None, None
                try:
                    part = next(guarded, None)
                except failures.DataLost as error:
                    trouble = error
                lost, ended, self._asked = processes.any_of(trouble is not None, part is None, interrupted())
                if lost:
                    raise trouble or failures.lost_elsewhere()
                if ended or part is None:
                    return
                yield part

    def _lost(self, trainer: Trainer) -> Lost:
        if trainer.lowered >= MOST_BACK:
            raise self.folder.no_numbers(trainer.step_count)
        return Lost(trainer.step_count, trainer.lowered + 1)

    def _slow_down(self, trainer: Trainer, lost: Lost, desk: Desk | None) -> None:
        trainer.lowered = lost.lowered
        if desk is None:
            return
        factor = 0.5**lost.lowered
        rates = ", ".join(f"{rate * factor:g} for the {player}" for player, rate in trainer.rates.items())
        self.warn(
            f"step {lost.step:,}: losses or weights are no numbers any more; back to step {trainer.step_count:,} with "
            f"half the learning rates ({rates})"
        )
        desk.lowered(lost.step)

    def _name_unreadable(self) -> None:
        """Say which pictures were left out since it was last said."""
        found = self.batches.unreadable[self._named :]
        self._named += len(found)
        for count, (path, reason) in enumerate(found, self._named - len(found)):
            if count < NAMED:
                self.warn(f"left out: {path}: {reason}")
            elif count == NAMED:
                self.warn("further pictures can't be read and are left out; `translate check` names all")
