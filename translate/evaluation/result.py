"""What an evaluation says: the scores that `--json` writes, and those of every single output."""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Scored:
    """One output beside its truth: its place among the split's pairs, its input's file name, the value of each metric,
    and what doing nothing has there (empty where there is no input to leave as it is)."""

    direction: str
    index: int
    name: str
    values: dict[str, float]
    nothing: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Evaluation:
    """`scores`: plain values, as in the JSON; `images`: one entry for each output that has a truth."""

    scores: dict[str, Any]
    images: list[Scored] = field(default_factory=list)

    def write_csv(self, path: Path) -> None:
        """A row for each scored output: direction, index, name, metrics, and `nothing_METRIC` of doing nothing."""
        metrics = list(dict.fromkeys(name for image in self.images for name in image.values))
        nothing = list(dict.fromkeys(f"nothing_{name}" for image in self.images for name in image.nothing))
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "w", newline="", encoding="utf-8") as file:
            rows = csv.DictWriter(file, ["direction", "index", "name", *metrics, *nothing])
            rows.writeheader()
            for image in self.images:
                beside = {f"nothing_{name}": value for name, value in image.nothing.items()}
                about = {"direction": image.direction, "index": image.index, "name": image.name}
                rows.writerow(about | image.values | beside)
