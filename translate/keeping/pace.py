"""What is done after a step: every decision that depends on the clock, on signals, on scores or on failures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from translate.config import Config, Training
from translate.keeping.saver import Saver
from translate.monitor import Look, Monitor

SHOW_SECONDS = 2.0
"""How long the live display may stand still, however slow the steps are."""
SOON = 60.0
"""Seconds of training until the first checkpoint, and until one that failed is tried again, at most."""


@dataclass(frozen=True)
class Decision:
    """What follows a step. Plain values: of several processes the first decides, and tells the others.

    `share`: how much of the training is done, in [0, 1]; `report`: write the losses down; `show`: tell whoever
    watches; `preview`, `look` (at held-out images), `best` (save as such), `save`; `stop`: it was the last step;
    `back`: go back to the last checkpoint.
    """

    share: float
    report: bool = False
    show: bool = False
    preview: bool = False
    look: bool = False
    best: bool = False
    save: bool = False
    stop: bool = False
    back: bool = False


def share_of(training: Training, step: int, seconds: float) -> float:
    """How much of the training is done after `step` steps and so many seconds, in [0, 1]."""
    if training.minutes is not None:
        return min(1.0, seconds / (training.minutes * 60))
    return min(1.0, step / training.steps)


class Pace:
    """Decides, from `seconds` of training on; `saved`: there is a checkpoint already."""

    def __init__(
        self,
        config: Config,
        monitor: Monitor,
        saver: Saver,
        interrupted: Callable[[], bool],
        seconds: float,
        saved: bool,
    ) -> None:
        self._config, self._monitor, self._saver, self._interrupted = config, monitor, saver, interrupted
        self._shown = self._tried = seconds
        self._saved = saved

    def decide(self, step: int, seconds: float, sound: Callable[[], bool]) -> Decision:
        """After `step`; whether losses and weights are numbers (`sound`, which waits for the device) is asked when
        they are to be written down."""
        share = share_of(self._config.training, step, seconds)
        last = share >= 1
        stop = last or self._interrupted()
        report = last or step % self._config.log.every == 0
        look = self._monitor.due(step, seconds, last=last)
        save = not stop and self._save_due(seconds)
        if (report or look or save or stop) and not sound():
            return Decision(share, back=True)
        show = report or seconds - self._shown > SHOW_SECONDS
        self._shown = seconds if show else self._shown
        self._tried = seconds if save else self._tried
        preview = step % self._config.log.preview_every == 0 or step == 1 or stop
        return Decision(share, report, show, preview, look, save=save, stop=stop)

    def looked(self, decision: Decision, look: Look | None) -> Decision:
        """`decision` when its look at held-out images is had."""
        return replace(decision, best=look is not None and look.best, stop=decision.stop or self._monitor.stale)

    def _save_due(self, seconds: float) -> bool:
        if self._saver.busy:
            return False
        interval = self._config.log.save_minutes * 60
        soon = self._saver.failing or not self._saved
        due = seconds - self._tried > (min(SOON, interval) if soon else interval)
        self._saved = self._saved or due
        return due
