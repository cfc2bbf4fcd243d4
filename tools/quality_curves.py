"""Curves of held-out error over training time, and when who reached what: what `time_to_quality.py` compares."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any


@dataclass(frozen=True)
class Point:
    """Held-out scores after `seconds` of training: of A to B and B to A."""

    seconds: float
    step: int
    l1: tuple[float, float]
    ssim: tuple[float, float]


@dataclass
class Lane:
    """One training; `pairs` are those that it saw, `waited` the seconds that it waited for data, `worked` those that
    processors worked for it: with fewer than its threads' the lane was disturbed."""

    name: str
    who: str
    options: dict[str, Any]
    threads: int
    points: list[Point] = field(default_factory=list)
    pairs: int = 0
    waited: float = 0.0
    worked: float = 0.0
    done: bool = False

    def save(self, out: Path) -> None:
        """Write OUT/NAME.json, whole or not at all."""
        part = out / f"{self.name}.json.part"
        part.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")
        part.replace(out / f"{self.name}.json")


def read(path: Path) -> Lane:
    """A lane as `save` wrote it."""
    found = json.loads(path.read_text(encoding="utf-8"))
    points = [Point(p["seconds"], p["step"], tuple(p["l1"]), tuple(p["ssim"])) for p in found.pop("points")]
    return Lane(**found, points=points)


Measure = Callable[[Point], float]
MEASURES: dict[str, Measure] = {
    "L1, mean of both ways": lambda p: fmean(p.l1),
    "L1, a2b": lambda p: p.l1[0],
    "L1, b2a": lambda p: p.l1[1],
    "1 - SSIM, mean of both ways": lambda p: 1 - fmean(p.ssim),
}
"""What is to be reached; lower is better."""


def reached(points: Sequence[Point], measure: Measure, level: float) -> float | None:
    """The second from which all later points are at `level` or below; None where the last one is above it."""
    since = None
    for point in points:
        if measure(point) > level:
            since = None
        elif since is None:
            since = point.seconds
    return since


def best(lanes: Sequence[Lane], measure: Measure) -> float:
    """The least value that any lane has at any time."""
    return min(measure(point) for lane in lanes for point in lane.points)


def soonest(lanes: Sequence[Lane], measure: Measure, level: float) -> tuple[float, str] | None:
    """The first second, over the lanes, at which one reaches `level` and stays there, and that lane's name."""
    times = [(second, lane.name) for lane in lanes if (second := reached(lane.points, measure, level)) is not None]
    return min(times, default=None)


def first_at(lanes: Sequence[Lane], measure: Measure, level: float) -> tuple[float, str]:
    """The first second at which any lane is at `level` or below, whatever comes later."""
    return min((p.seconds, lane.name) for lane in lanes for p in lane.points if measure(p) <= level)


@dataclass(frozen=True)
class Answer:
    """When `measure` is at `level`: of the original any visit counts, of ours only what stays."""

    measure: str
    level: float
    theirs: float
    their_lane: str
    ours: float | None
    our_lane: str

    @property
    def ratio(self) -> float | None:
        """How many times sooner ours is there."""
        return None if self.ours is None else self.theirs / self.ours


def answers(theirs: Sequence[Lane], ours: Sequence[Lane]) -> Iterator[Answer]:
    """The best that the original reaches in any lane at any time, and some coarser levels on the way."""
    for name, measure in MEASURES.items():
        target = best(theirs, measure)
        for factor in (1.0, 1.1, 1.25, 1.5, 2.0) if name.startswith("L1, mean") else (1.0,):
            level = target * factor
            their_second, their_lane = first_at(theirs, measure, level)
            our_second, our_lane = soonest(ours, measure, level) or (None, "-")
            yield Answer(name, level, their_second, their_lane, our_second, our_lane)


def unlike(lanes: Sequence[Lane]) -> str:
    """Why the lanes can't be compared; empty where they can."""
    known = {f"{lane.threads} threads, {lane.options['images']} pairs scored": lane.name for lane in lanes}
    return "lanes differ: " + ", ".join(f"{name} has {what}" for what, name in known.items()) if len(known) > 1 else ""


def table(lanes: Sequence[Lane]) -> str:
    """Markdown: each lane's end, and who reached what when."""
    lines = [
        "| lane | seconds | its cores | steps | pairs/s | L1 a2b | L1 b2a | SSIM a2b | SSIM b2a | best mean L1, at |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for lane in lanes:
        end, top = lane.points[-1], min(lane.points, key=MEASURES["L1, mean of both ways"])
        lines.append(
            f"| {lane.name}{'' if lane.done else ' (unfinished)'} | {end.seconds:.0f} | "
            f"{lane.worked / max(end.seconds, 1e-9) / lane.threads:.0%} | {end.step} | "
            f"{lane.pairs / end.seconds if end.seconds else 0:.2f} | {end.l1[0]:.1f} | {end.l1[1]:.1f} | "
            f"{end.ssim[0]:.3f} | {end.ssim[1]:.3f} | {fmean(top.l1):.1f}, {top.seconds:.0f} s |"
        )
    theirs = [lane for lane in lanes if lane.who == "original" and lane.points]
    ours = [lane for lane in lanes if lane.who == "ours" and lane.points]
    if theirs and ours:
        lines += [
            "",
            "| what | level | original, first there (lane) | ours, there and stays (lane) | times sooner |",
            "|---|---|---|---|---|",
        ]
        for answer in answers(theirs, ours):
            second = "not reached" if answer.ours is None else f"{answer.ours:.0f} s"
            ratio = "-" if answer.ratio is None else f"{answer.ratio:.1f}"
            lines.append(
                f"| {answer.measure} | {answer.level:.3g} | {answer.theirs:.0f} s ({answer.their_lane}) | "
                f"{second} ({answer.our_lane}) | {ratio} |"
            )
    return "\n".join(lines)
