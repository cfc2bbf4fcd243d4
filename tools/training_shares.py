"""Where the time of a training goes: a real run with a stopwatch around its parts, for tools/bench_train.py."""

from __future__ import annotations

import importlib
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import wraps
from pathlib import Path
from typing import Any
from unittest import mock

import torch

from translate import run
from translate.config import Config
from translate.data.layouts import Dataset

EACH_STEP = {
    "forward": "translate.objective:Objective.forward",
    "backward": "torch:Tensor.backward",
    "optimiser": "torch.optim:Adam.step",
    "EMA": "translate.ema:Ema.update",
    "transfer": "translate.domain:Batch.to",
    "step": "translate.trainer:Trainer.step",
}
"""What is timed in every step; the first four are parts of "step". A double backward counts as forward."""
RARE = {
    "logging": "translate.log:Log.scalars",
    "previews": "translate.preview:Preview.draw",
    "evaluation": "translate.monitor:Monitor.look",
    "copying the state": "translate.runfolder:RunFolder.state",
    "checkpoints": "translate.keeping.saver:Saver.save",
}


class Stopwatch:
    """Seconds of every call, by what was called."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.seconds: dict[str, list[float]] = defaultdict(list)
        self.marks: list[float] = []  # the end of each step

    def now(self) -> float:
        """The time when the device has done what it was told."""
        if self.device.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter()

    def around(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        """`call`, timed as `name`."""

        @wraps(call)
        def timed(*given: Any, **named: Any) -> Any:
            begun = self.now()
            try:
                return call(*given, **named)
            finally:
                self.seconds[name].append(self.now() - begun)

        return timed

    @contextmanager
    def running(self) -> Iterator[None]:
        """All parts are timed in here."""
        with ExitStack() as stack:
            for name, target in (EACH_STEP | RARE).items():
                module, _, path = target.partition(":")
                cls, method = path.split(".")
                owner = getattr(importlib.import_module(module), cls)
                stack.enter_context(mock.patch.object(owner, method, self.around(name, getattr(owner, method))))
            stack.enter_context(mock.patch.object(run, "loader", self._waited(run.loader)))
            yield

    def _waited(self, loader: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(loader)
        def waiting(*given: Any, **named: Any) -> Iterator[Any]:
            made = loader(*given, **named)
            try:
                while True:
                    begun = time.perf_counter()
                    batch = next(made, None)
                    if batch is None:
                        return
                    self.seconds["data"].append(time.perf_counter() - begun)
                    yield batch
            finally:
                made.close()

        return waiting


def shares(config: Config, dataset: Dataset, folder: Path, device: torch.device, warmup: int) -> dict[str, Any]:
    """Of a training of `config.training.steps` steps: images/s with quartiles, and each part's share of a step's time.

    The first `warmup` steps don't count. What is done now and then counts as often as the configuration says.
    """
    often = config.log.model_copy(update={"every": 5, "save_minutes": 0.01})  # so that there is something to time
    watch = Stopwatch(device)
    with watch.running():
        run.train(config.model_copy(update={"log": often}), dataset, folder, device)
    steps = len(watch.seconds["step"])
    each = {name: _per_step(watch.seconds[name], steps, warmup) for name in (*EACH_STEP, "data")}
    step = statistics.median(each["step"])
    whole = step + statistics.median(each["data"]) + statistics.median(each["transfer"])
    every = {
        "logging": config.log.every,
        "previews": config.log.preview_every,
        "evaluation": config.evaluation.every,
        "copying the state": config.log.save_minutes * 60 / whole,
        "checkpoints": config.log.save_minutes * 60 / whole,
    }
    rare = {name: statistics.median(watch.seconds[name] or [0.0]) / every[name] for name in RARE}
    whole += sum(rare.values())
    parts = {name: statistics.median(each[name]) for name in ("data", "transfer", *list(EACH_STEP)[:4])}
    parts["rest of the step"] = step - sum(parts[name] for name in list(EACH_STEP)[:4])
    rates = [config.training.batch / seconds for seconds in each["step"]]
    return {
        "steps": steps - warmup,
        "images_per_second": spread(rates),
        "shares": {name: seconds / whole for name, seconds in (parts | rare).items()},
        "seconds_of_a_call": {name: statistics.median(watch.seconds[name] or [0.0]) for name in RARE},
    }


def _per_step(seconds: list[float], steps: int, warmup: int) -> list[float]:
    """Seconds in each step but the first; a call may come several times in one."""
    calls = max(1, len(seconds) // steps)
    summed = [sum(seconds[i : i + calls]) for i in range(0, steps * calls, calls)]
    return summed[warmup:] or [0.0]


def spread(values: list[float]) -> dict[str, float]:
    """Median and quartiles."""
    low, middle, high = statistics.quantiles(values, n=4) if len(values) > 1 else values * 3
    return {"median": middle, "low": low, "high": high}
