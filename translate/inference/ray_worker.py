"""What runs on the machines of a Ray cluster: the listing, which cuts the jobs into shares, and the workers."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any

from translate.errors import UserError
from translate.inference.outcome import Options, Outcome, Tally
from translate.inference.places import Folder, Place
from translate.inference.plan import Job, jobs

SMALLEST, LARGEST = 8, 128
"""Jobs of a share: small ones first, so that all workers soon have some; large ones cost less each."""
DEATHS = 2
"""So many processes may an image end, worked on alone, before it is given up."""


@dataclass(frozen=True)
class Share:
    """Jobs for one worker, with what the listing has passed over so far."""

    number: int
    jobs: tuple[Job, ...]
    tally: Tally


@dataclass(frozen=True)
class Report:
    """What became of a share. `shares`: how many there were, in the listing's last word, which has no outcomes."""

    outcomes: list[Outcome]
    tally: Tally
    shares: int | None = None


@dataclass(frozen=True)
class Setting:
    """What the listing and the workers are told. `token`: a file that the driver has written into the target, so that
    a worker can tell whether it sees the same folder."""

    run: str
    checkpoint: str
    device: str
    source: Place
    target: Place
    options: Options
    folder: str
    threads: int
    token: str | None

    def enter(self) -> None:
        """Makes what lies in the driver's working folder importable here, as it is there."""
        if self.folder not in sys.path:
            sys.path.append(self.folder)


class Journal:
    """An actor that outlives the workers: which shares were begun, and on which of their images a worker died."""

    def __init__(self) -> None:
        self._at: dict[int, int | None] = {}
        self._deaths: dict[int, dict[int, int]] = {}
        self._listed = False

    def first_listing(self) -> bool:
        """Whether this is the first time that the listing begins."""
        first, self._listed = not self._listed, True
        return first

    def begin(self, share: int) -> dict[int, int] | None:
        """None the first time; thereafter how many workers died on which image of the share."""
        if share not in self._at:
            self._at[share] = None
            return None
        deaths = self._deaths.setdefault(share, {})
        last, self._at[share] = self._at[share], None
        if last is not None:
            deaths[last] = deaths.get(last, 0) + 1
        return deaths

    def at(self, share: int, image: int) -> None:
        """A worker begins with one image of a share that has been begun before."""
        self._at[share] = image

    def done(self, share: int) -> None:
        """Nothing more need be known of the share."""
        self._at.pop(share, None)
        self._deaths.pop(share, None)


Ask = Callable[..., Any]
"""(name of a method of the journal, arguments) -> what it answers."""


def listing(setting: Setting, ask: Ask) -> Iterator[Share | Report | UserError]:
    """The shares, as the listing goes on, and its last word. A second time, after its process was ended, nothing: the
    order may have changed, and so the shares."""
    if not ask("first_listing"):
        return
    setting.enter()
    tally, number = Tally(), 0
    try:
        for number, some in enumerate(shares(jobs(setting.source, setting.target, setting.options, tally)), 1):
            yield Share(number, some, replace(tally))
    except UserError as error:
        yield error
    except OSError as error:
        yield UserError(f"can't be listed: {error}", where=setting.source.label())
    else:
        yield Report([], tally, shares=number)


def shares(jobs: Iterator[Job]) -> Iterator[tuple[Job, ...]]:
    """Jobs in tuples that become longer as there are more; those of one source stay together."""
    held: list[Job] = []
    seen = 0
    for _, unit in groupby(jobs, key=lambda job: job.name):
        held += unit
        if len(held) >= min(LARGEST, max(SMALLEST, seen // SMALLEST)):
            yield tuple(held)
            seen += len(held)
            held = []
    if held:
        yield tuple(held)


class Worker:
    """Loads the model once, and works on shares. What it can't do at all it answers, instead of raising it: Ray would
    begin again and again."""

    def __init__(self, setting: Setting, ask: Ask) -> None:
        self._setting, self._ask = setting, ask
        self._refusal: UserError | None = None
        setting.enter()
        try:
            _require_sight(setting)
            self._model = _load(setting)
        except UserError as error:
            self._refusal = error

    def work(self, share: Share | Report | UserError) -> Report | UserError:
        """What became of the share; other messages of the listing are passed on."""
        if not isinstance(share, Share):
            return share
        if self._refusal is not None:
            return self._refusal
        deaths = self._ask("begin", share.number)
        try:
            outcomes = list(self._work(iter(share.jobs)) if deaths is None else self._one_by_one(share, deaths))
        except UserError as error:
            return error
        self._ask("done", share.number)
        return Report(outcomes, share.tally)

    def _work(self, jobs: Iterator[Job]) -> Iterator[Outcome]:
        from translate.inference.folder import work  # with torch, which the listing does without

        setting = self._setting
        return work(self._model, jobs, setting.source, setting.target, setting.options)

    def _one_by_one(self, share: Share, deaths: dict[int, int]) -> Iterator[Outcome]:
        """A share on which a worker died: should an image be the cause, it is found, and the others are done."""
        for image, (name, unit) in enumerate(groupby(share.jobs, key=lambda job: job.name)):
            if deaths.get(image, 0) >= DEATHS:
                reason = (
                    "the process that worked on it was ended, again and again: it may need more memory than there is"
                )
                yield Outcome(name, None, 0.0, error=reason)
            else:
                self._ask("at", share.number, image)
                yield from self._work(unit)


def _require_sight(setting: Setting) -> None:
    """UserError where this machine does not see the folders that the driver sees."""
    seen = [(setting.source, ""), *([(setting.target, setting.token)] if setting.token else [])]
    missing = [place.label() for place, name in seen if isinstance(place, Folder) and not place.exists(name)]
    missing += [] if Path(setting.run).is_dir() else [setting.run]
    if missing:
        raise UserError(
            f"not on machine {socket.gethostname()}, which is to work on it",
            where=missing[0],
            expected="a folder that all machines of the cluster share, under one path",
            hint="a URL such as s3://bucket/folder for INPUT and OUTPUT",
        )


def _load(setting: Setting) -> Any:
    import torch

    from translate import checkpoint
    from translate.inference.model import Model

    if setting.threads:
        torch.set_num_threads(setting.threads)
    run = Path(setting.run)
    weights = checkpoint.find(run, setting.checkpoint)
    return Model.load(run, setting.device, weights, precision=setting.options.precision)
