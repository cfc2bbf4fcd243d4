"""Which runs can stand beside each other, what they are called there, and how their configurations differ."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from translate.config import Config
from translate.errors import UserError


def require(runs: Sequence[Path], configs: Sequence[Config]) -> None:
    """Raise UserError unless all runs make the same kind of image of the same kind of input."""
    if len({run.resolve() for run in runs}) < len(runs):
        raise UserError("the same run twice", where="RUN", expected="different runs")
    first = configs[0]
    for run, config in zip(runs[1:], configs[1:], strict=True):
        for what, ours, theirs in (
            ("makes", _kind(first), _kind(config)),
            ("goes", _ways(first), _ways(config)),
            ("is trained at", _size(first), _size(config)),
            ("reads", _shape(first), _shape(config)),
        ):
            if ours != theirs:
                raise UserError(
                    f"{run} {what} {theirs}, and {runs[0]} {ours}: their scores can't be compared",
                    where="RUN",
                    expected="runs of one direction, one size and one kind",
                )


def names(runs: Sequence[Path]) -> list[str]:
    """The end of each run's path that tells it from the others."""
    parts = [run.resolve().parts for run in runs]
    length = next(n for n in range(1, max(map(len, parts)) + 1) if len({p[-n:] for p in parts}) == len(parts))
    return ["/".join(part[-length:]) for part in parts]


def differences(configs: Sequence[Config]) -> list[tuple[str, list[str]]]:
    """The keys that are not the same in all configurations, and what each says ("–": it has no such key)."""
    flat = [_flat(config.model_dump(mode="json")) for config in configs]
    keys = list(dict.fromkeys(key for tree in flat for key in tree))
    sections = [_section(key) for key in keys]  # what only later ones have belongs beside its like
    keys.sort(key=lambda key: sections.index(_section(key)))
    found = [(key, [_text(tree[key]) if key in tree else "–" for tree in flat]) for key in keys]
    return [(key, values) for key, values in found if len(set(values)) > 1]


def _kind(config: Config) -> str:
    return "images from noise" if config.unconditional else "images of images"


def _ways(config: Config) -> str:
    return " and ".join(sorted(f"{to.other.upper()} to {to.upper()}" for to in config.produce))


def _size(config: Config) -> str:
    height, width = config.data.size
    return f"{width}×{height} px"


def _shape(config: Config) -> str:
    data = config.data
    sides = [("B", data.channels.b, data.frames.b)]
    if not config.unconditional:
        sides.insert(0, ("A", data.channels.a, data.frames.a))
    return ", ".join(f"{name} in {channels} channels and {frames} frames" for name, channels, frames in sides)


def _flat(tree: Any, prefix: str = "") -> dict[str, Any]:
    if not isinstance(tree, dict) or not tree:
        return {prefix: tree}
    found: dict[str, Any] = {}
    for name, child in tree.items():
        found |= _flat(child, f"{prefix}.{name}" if prefix else str(name))
    return found


def _section(key: str) -> str:
    return ".".join(key.split(".")[:2])


def _text(value: Any) -> str:
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
