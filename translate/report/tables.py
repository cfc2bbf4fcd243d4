"""Scores as tables: ours, how sure that is, what doing nothing has, and what real images have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from translate.metrics import DIVERSITY, find
from translate.report.contest import Outcome, interval_of, of_direction, over_nothing
from translate.report.words import arrow, label, number

if TYPE_CHECKING:
    from translate.evaluation.result import Scored


@dataclass(frozen=True)
class Line:
    """A metric: its value with the interval, what stands beside it, and whether it beats doing nothing ("same" where
    nobody can tell). `arrow`: which way is better; `part`: of the metric above."""

    label: str
    part: bool
    arrow: str
    ours: str
    interval: str
    beside: list[str]
    verdict: Outcome


@dataclass(frozen=True)
class Table:
    """The scores of one direction; `heads` name what stands beside ours."""

    name: str
    heads: list[str]
    lines: list[Line]


def beside(found: Mapping[str, Any], direction: str) -> dict[str, Mapping[str, float]]:
    """What stands beside a direction's scores, by its heading."""
    nothing, real = (found.get(key, {}).get(direction, {}) for key in ("baseline", "reference"))
    return {"training images": nothing} if direction == "sample" else {"do nothing": nothing, "training images": real}


def scores(found: Mapping[str, Any], images: Sequence[Scored] = ()) -> list[Table]:
    """A table for each direction of `evaluate`'s scores and scored images."""
    tables = []
    for direction, values in found.get("metrics", {}).items():
        columns = {
            h: column for h, column in beside(found, direction).items() if any(name in column for name in values)
        }
        contest, own = columns.get("do nothing", {}), of_direction(images, direction)
        lines = [
            Line(
                short(name, values),
                is_part(name, values),
                way(name),
                number(value),
                interval(interval_of(found, direction, name), value),
                [number(column.get(name)) for column in columns.values()],
                over_nothing(name, value, contest[name], own, interval_of(found, direction, name))
                if name in contest and find(name)
                else "same",
            )
            for name, value in values.items()
        ]
        tables.append(Table(arrow(direction), list(columns), lines))
    return tables


def interval(reach: Any, value: float | None) -> str:
    """A value's pair of bounds as text, "" without one."""
    return "" if reach is None else f"{number(reach[0], value)} to {number(reach[1], value)}"


def diversity(found: Mapping[str, Any]) -> list[tuple[str, list[str]]]:
    """Of a stochastic run, what is said of its samples, and the values per direction."""
    told = found.get("diversity", {})
    names = [name for name in DIVERSITY if any(name in values for values in told.values())]
    return [(DIVERSITY[name], [number(values.get(name)) for values in told.values()]) for name in names]


def protocol(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The protocol as lines of text; what is empty is left out, and so is what the page says elsewhere."""
    return [(k.replace("_", " "), _text(k, v)) for k, v in found.items() if v not in (None, [], {}, "")]


def _text(key: str, value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {_text('', inner)}" for name, inner in value.items())
    if isinstance(value, list | tuple):
        return " × ".join(map(str, value)) + " (height × width)" if key == "size" else ", ".join(map(str, value))
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) and key != "seed" else str(value)


def left_out(found: Mapping[str, str]) -> list[tuple[str, str]]:
    """Metrics that could not be computed, together by the reason why."""
    reasons: dict[str, list[str]] = {}
    for name, reason in found.items():
        reasons.setdefault(reason, []).append(name)
    return [(", ".join(names), reason) for reason, names in reasons.items()]


def is_part(name: str, values: Iterable[str]) -> bool:
    """Whether a value belongs to one above it: "swd_64" to "swd", "kid_std" to "kid"."""
    return _whole(name, values) is not None


def short(name: str, values: Iterable[str]) -> str:
    """The metric's label; of a part without what the line above says already."""
    whole = _whole(name, values)
    return label(name) if whole is None else label(name).removeprefix(label(whole)).lstrip(" ,:")


def _whole(name: str, values: Iterable[str]) -> str | None:
    return next((o for o in values if name != o and name.startswith(o + "_") and find(o)), None)


def way(name: str) -> str:
    """An arrow up where higher is better, down where lower is, "" where nobody knows."""
    entry = find(name)
    return "" if entry is None else "↑" if entry.better == "higher" else "↓"
