"""What the diagnosis found, for readers: errors first, each with what to try, and the evidence to unfold."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

from translate.report.words import arrow, number


@dataclass(frozen=True)
class Finding:
    """A finding in words; `where`: its direction, or ""; `evidence`: names and values."""

    name: str
    severity: str
    where: str
    message: Markup
    advice: Markup
    evidence: list[tuple[str, str]]


def ordered(scores: Mapping[str, Any], log: Sequence[Mapping[str, Any]] = ()) -> list[Finding]:
    """The findings of an evaluation, or without one those of the log; errors first."""
    found = scores["findings"] if "findings" in scores else _of_log(log)
    known = sorted(found, key=lambda entry: entry.get("severity") != "error")
    return [
        Finding(
            entry["name"].replace("_", " ").capitalize(),
            entry.get("severity", "warning"),
            arrow(entry["direction"]) if entry.get("direction") else "",
            _code(entry["message"]),
            _code(entry.get("try", "")),
            [(name.replace("_", " "), _text(value)) for name, value in entry.get("evidence", {}).items()],
        )
        for entry in known
    ]


def checked(scores: Mapping[str, Any]) -> int:
    """How many kinds of fault were looked for; 0 without an evaluation."""
    if "findings" not in scores:
        return 0
    from translate.diagnosis import TABLE

    return len(TABLE)


def _of_log(log: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    from translate.diagnosis import of_log

    return [finding.as_json() for finding in of_log(log)]


def _code(text: str) -> Markup:
    """Text whose `parts in backticks` are set as code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))


def _text(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ", ".join(map(_text, value)) if isinstance(value, list | tuple) else str(value)
    return f"{value:,}" if isinstance(value, int) else number(value)
