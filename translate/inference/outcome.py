"""What is asked of a translated folder, and what became of each image of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from translate.domain import Domain
from translate.errors import UserError

if TYPE_CHECKING:
    from translate.inference.model import Precision

NAMED = 100
"""So many failures are kept to be named at the end; a manifest has them all."""


@dataclass(frozen=True)
class Options:
    """How a folder is translated. `samples`, `seed`: of a stochastic model. `batch`: images of one size at a time, None
    for what fits and pays; `tile`: pictures longer than so many pixels go tile by tile, None for those that do not fit
    whole. `frames`: all frames of animations and videos. `format`: the ending of what is written, None for the input's.
    `precision`: of the convolutions.
    `one`: (name, target) of the only image, None for the whole folder."""

    to: Domain
    samples: int | None = None
    seed: int = 0
    batch: int | None = None
    tile: int | None = None
    frames: bool = False
    format: str | None = None
    metadata: bool = False
    overwrite: bool = False
    workers: int | None = None
    precision: Precision = "fp32"
    one: tuple[str, str] | None = None


@dataclass(frozen=True)
class Outcome:
    """What became of an image: `output` is there unless there is an `error`; `skipped`: it had been there before."""

    input: str
    output: str | None
    seconds: float
    warnings: tuple[str, ...] = ()
    error: str | None = None
    skipped: bool = False


@dataclass
class Tally:
    """Files that were passed over, by kind; `outside`: links that lead out of the input folder."""

    hidden: int = 0
    other: int = 0
    outside: int = 0
    videos: int = 0


class DiskFull(UserError):  # noqa: N818
    """The output's disk is full: nothing more can be done. `done`: images written before."""

    def __init__(self, where: str, done: int | None = None) -> None:
        self.at, self.done = where, done
        so_far = "" if done is None else f"; {done} images were written"
        super().__init__(
            f"the disk is full{so_far}", where=where, hint="make room: the same command again goes on where this ended"
        )

    def __reduce__(self) -> tuple[type[DiskFull], tuple[str, int | None]]:
        return DiskFull, (self.at, self.done)


@dataclass
class Summary:
    """How it went: images written, images with an output already, failures, the first (path, reason) of these, images
    with warnings, how often each of the first warnings came, and what was passed over."""

    done: int = 0
    skipped: int = 0
    failures: int = 0
    failed: list[tuple[str, str]] = field(default_factory=list)
    warned: int = 0
    warnings: Counter[str] = field(default_factory=Counter)
    passed: Tally = field(default_factory=Tally)

    @property
    def finished(self) -> int:
        """Images of which it is known what became of them."""
        return self.done + self.skipped + self.failures

    def gather(self, outcomes: Iterable[Outcome], label: Callable[[str], str] = str) -> Iterator[Outcome]:
        """The outcomes as they come, each counted; `label`: how an input is shown to people. Raises DiskFull."""
        try:
            for outcome in outcomes:
                if outcome.error is not None:
                    self.failures += 1
                    if len(self.failed) < NAMED:
                        self.failed.append((label(outcome.input), outcome.error))
                elif outcome.skipped:
                    self.skipped += 1
                else:
                    self.done += 1
                    self.warned += bool(outcome.warnings)
                    for warning in outcome.warnings:
                        if warning in self.warnings or len(self.warnings) < NAMED:
                            self.warnings[warning] += 1
                yield outcome
        except DiskFull as error:
            raise DiskFull(error.at, self.done) from None

    def sentence(self) -> str:
        """'5 translated, 2 were there already, 1 failed': what is none is not said, but for the first."""
        passed = self.passed
        said = [
            (self.skipped, f"{'was' if self.skipped == 1 else 'were'} there already"),
            (self.warned, "with a warning" if self.warned == 1 else "with warnings"),
            (passed.other, f"other {_files(passed.other)} passed over"),
            (passed.hidden, f"hidden {_files(passed.hidden)} passed over"),
            (passed.outside, "link that leads outside was not followed")
            if passed.outside == 1
            else (passed.outside, "links that lead outside were not followed"),
            (passed.videos, f"{'videos' if passed.videos != 1 else 'video'} passed over (--frames translates them)"),
            (self.failures, "failed"),
        ]
        return ", ".join([f"{self.done} translated", *(f"{count} {what}" for count, what in said if count)])


def _files(count: int) -> str:
    return "file" if count == 1 else "files"
