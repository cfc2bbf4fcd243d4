"""With which settings the outputs in a folder were made, so that others are not mixed with them unsaid."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from translate.errors import UserError
from translate.keeping import durable

RECORD = ".prepared.json"


def changed(out: Path, settings: dict[str, Any]) -> list[str]:
    """What was another when `out` was begun, as "--size was 64"; the first settings are kept in it."""
    path = out / RECORD
    settings = json.loads(json.dumps(settings))
    alone = all(path.name == RECORD for path in out.iterdir())
    try:
        before = None if alone else json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        before = None
    except (OSError, ValueError):  # nobody can tell
        return []
    if before is None:
        durable.write(path, json.dumps(settings, indent=2).encode() + b"\n")
        return []
    before = before if isinstance(before, dict) else {}
    return [f"{key} was {_typed(before.get(key))}" for key, value in settings.items() if before.get(key) != value]


def refuse_another(out: Path, settings: dict[str, Any]) -> None:
    """Raise UserError where `out` was begun with other settings, and pictures of equal numbers would be mixed."""
    if others := changed(out, settings):
        raise UserError(
            f"holds pictures that were taken otherwise: {', '.join(others)}",
            where=str(out),
            expected="the same command again, or a new folder",
        )


def _typed(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return "given" if value else "not given"
    return ", ".join(map(str, value)) or "not given" if isinstance(value, list) else str(value)
