"""What one process does for all: after each step it decides, writes down, shows, evaluates and saves."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType

from torch import Tensor

from translate import diagnosis
from translate.clock import Clock, Meter
from translate.config import Config
from translate.data.layouts import Dataset
from translate.keeping.pace import Decision, Pace
from translate.keeping.saver import Saver
from translate.keeping.trouble import Trouble
from translate.log import Log
from translate.monitor import Monitor, Speaker
from translate.preview import Preview
from translate.runfolder import Reached, RunFolder
from translate.trainer import Trainer

NO_LOSS = ("grad_norm/", "separation/", "skipped/")
"""How names of what a step tells beside its losses begin."""


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
class Audience:
    """Who hears of the progress, of what went wrong, and of findings."""

    watch: Callable[[Progress], None]
    warn: Callable[[str], None]
    speaker: Speaker


class Desk:
    """Keeps the books of a stretch of training: log, previews, held-out scores, checkpoints, and the clock.

    `reached`: where the stretch begins. `interrupted` says whether somebody wants it to end.
    """

    def __init__(
        self,
        config: Config,
        dataset: Dataset,
        folder: RunFolder,
        trainer: Trainer,
        monitor: Monitor,
        reached: Reached,
        audience: Audience,
        interrupted: Callable[[], bool],
    ) -> None:
        self.config, self.folder, self.trainer, self.monitor = config, folder, trainer, monitor
        self._audience = audience
        self._preview = Preview(config, dataset, trainer.device)
        self._began = self._drawn = trainer.step_count
        trouble = Trouble(audience.warn)
        self.log = Log(folder.path, trainer.step_count, trouble)
        self._saver = Saver(folder.path, config.log.keep, trouble)
        self.clock, self._meter = Clock(reached.seconds), Meter()
        self._losses: dict[str, Tensor | float] = dict(reached.losses)  # since the last report: lazy terms speak seldom
        self._pace = Pace(config, monitor, self._saver, interrupted, reached.seconds, folder.begun)
        self._waited = 0.0

    def got_batch(self) -> None:
        """A batch has come: what passed since the last step was waiting."""
        self._waited = self.clock.lap()

    def stepped(self, images: int, losses: Mapping[str, Tensor]) -> Decision:
        """After a step on so many images: decide, and do what was decided."""
        self._losses.update(losses)
        self._meter.add(images, self._waited + self.clock.lap(), self._waited)
        step = self.trainer.step_count
        decision = self._pace.decide(step, self.clock.seconds, self._sound)
        if decision.back:
            return decision
        if decision.show:
            self._show(decision)
        if decision.preview:
            self._draw()
        if decision.look:
            decision = self._look(decision)
        if decision.best:
            self._save(best=True)
        if decision.save and not decision.stop:
            self._save()
        self.clock.skip()
        return decision

    def lowered(self, at: int) -> None:
        """The rates are lower from here on, since numbers were lost at step `at`: that is kept at once."""
        self.log.scalars(self.trainer.step_count, {"lowered": self.trainer.lowered, "lowered/at": at})
        self._save()

    def rescue(self) -> None:
        """Save what was trained, when no more can come; what is not sound is left out."""
        if self._began < self.trainer.step_count and self.trainer.finite():
            self._save_last()
        self._saver.wait()

    def wait(self) -> None:
        """Return when nothing is being written any more."""
        self._saver.wait()

    def end(self) -> str:
        """After the last step: the last preview, and the state. The best held-out score in words, where there is
        one. UserError where the state had to go elsewhere."""
        step = self.trainer.step_count
        if self._began < step:
            if self._drawn != step:
                self._draw()
            self._save_last()
        return self.monitor.summary(self.clock.seconds, step)

    def _save(self, best: bool = False) -> None:
        self._saver.save(self._state(), self.log.synced(), best)

    def _save_last(self) -> None:
        self._saver.last(self._state(), self.log.synced(), self.log.rows, self.config)

    def _state(self) -> dict[str, object]:
        return self.folder.state(self.trainer, self.monitor, self.clock.seconds, self._losses)

    def _show(self, decision: Decision) -> None:
        step = self.trainer.step_count
        values = {name: float(value) for name, value in self._losses.items()}  # waits for the device
        rate, waiting = self._meter.read()
        if decision.report:
            self.log.scalars(step, _row(self.clock.seconds, rate, waiting, values, self.trainer))
            self._losses.clear()
            found = diagnosis.of_log(self.log.rows)
            # That it went back was said when it did.
            told = [finding.as_json() for finding in found if "times" not in finding.evidence]
            self._audience.speaker.say(told)
        self._audience.watch(Progress(step, decision.share, self.clock.seconds, rate, values, self.monitor.score))

    def _draw(self) -> None:
        self._drawn = self.trainer.step_count
        self.log.previews(self._drawn, self._preview.draw(self.trainer.ema.module))

    def _look(self, decision: Decision) -> Decision:
        step = self.trainer.step_count
        look = self.monitor.look(step, self.trainer.ema.module, self.clock.seconds)
        if look is not None:
            self.log.scalars(step, look.values)
            self._audience.speaker.looked(look.findings, decision.share)
        return self._pace.looked(decision, look)

    def _sound(self) -> bool:
        """Whether losses and weights are numbers; gradient norms may be none where steps are left out for it."""
        values = [float(value) for name, value in self._losses.items() if not name.startswith(NO_LOSS)]
        return all(map(math.isfinite, values)) and self.trainer.finite()

    def __enter__(self) -> Desk:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._saver.__exit__(kind, error, trace)
        finally:
            self.log.__exit__(kind, error, trace)


def _row(seconds: float, rate: float, waiting: float, losses: dict[str, float], trainer: Trainer) -> dict[str, float]:
    """What is logged of a step; losses unweighted."""
    row = {"seconds": seconds, "images_per_second": rate, "data_wait": waiting}
    row |= {name if name.startswith(NO_LOSS) else f"loss/{name}": value for name, value in losses.items()}
    return row | {f"learning_rate/{player}": o.param_groups[0]["lr"] for player, o in trainer.optimizers.items()}
