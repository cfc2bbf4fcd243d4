"""The report as one file: pictures and curves are inside it, nothing is fetched, no script runs."""

from __future__ import annotations

import base64
import io
import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup
from PIL import Image

from translate import __version__
from translate.config import Config
from translate.data.images import Pixels
from translate.evaluation import Row
from translate.metrics import DISTRIBUTIONS, DIVERSITY, find
from translate.report import charts

HELD_OUT = "Evenly spaced over the held-out images, none picked by hand."
NO_PAIRS = "There are no held-out pairs, so there is no score: the pictures are all there is to judge by."
SMALLEST, LARGEST = 128, 256
"""Width of a picture on the page, in CSS pixels."""


@dataclass(frozen=True)
class Direction:
    """A grid of the page."""

    name: str
    columns: list[str]
    rows: list[list[Markup]]
    width: int


def write(
    path: Path,
    run: Path | None,
    config: Config,
    scores: dict[str, Any],
    rows: Mapping[str, Sequence[Row]],
    log: list[dict[str, Any]],
    caption: str = HELD_OUT,
    unscored: str = NO_PAIRS,
) -> None:
    """Write the report. `scores`: as `evaluate` returns them, or {} without held-out pairs; `rows`: examples by
    direction "a2b", "b2a", or "sample" for an unconditional run; `log`: the rows of the run's log.jsonl. `caption`
    says which images the examples are, `unscored` why there are no scores if there are none."""
    template = (resources.files("translate.report") / "page.html").read_text(encoding="utf-8")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    html = environment.from_string(template).render(
        title=_title(config),
        trained=_trained(config, scores, log),
        results=_results(scores),
        caption=caption,
        unscored=unscored,
        directions=[_direction(name, examples) for name, examples in rows.items() if examples],
        heads=[(_arrow(direction), _beside(direction)) for direction in scores.get("metrics", {})],
        scores=_table(scores),
        diversity=_diversity(scores),
        charts=[(chart.name, Markup(chart.svg)) for chart in charts.losses(log)],
        colours=charts.COLOURS,
        protocol=_flat(scores.get("protocol", {})),
        findings=scores.get("findings", []),
        commands=_commands(run, config),
        config=config.to_yaml(),
        version=__version__,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.partial")
    unfinished.write_text(html, encoding="utf-8")
    os.replace(unfinished, path)


def _title(config: Config) -> str:
    name = Path(config.data.root).resolve().name if config.data.root else "a dataset"
    if config.unconditional:
        return f"{name}: drawn from nothing"
    arrow = (
        "A and B, both ways"
        if len(config.produce) == 2
        else f"{config.produce[0].other.upper()} to {config.produce[0].upper()}"
    )
    return f"{name}: {arrow}"


def _trained(config: Config, scores: dict[str, Any], log: list[dict[str, Any]]) -> str:
    height, width = config.data.size
    terms = _and(list(config.objective))
    text = f"A {config.networks.generator.name} generator at {width}×{height} px, trained with {terms}"
    if log:
        last = log[-1]
        steps = max(last["step"], scores.get("protocol", {}).get("step") or 0)  # the log has only every so many
        text += f", {steps:,} steps in {_duration(last['seconds'])}"
        if "images_per_second" in last:
            text += f" ({last['images_per_second']:.0f} images/s at the end)"
    return text + "."


def _and(words: list[str]) -> str:
    words = [word.replace("_", " ") for word in words]
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1]


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _results(scores: dict[str, Any]) -> list[tuple[str, str, bool]]:
    """For each direction: its name, what became of doing nothing's error, and whether that is no worse. What is drawn
    from nothing stands beside real images, which it can't be expected to outdo."""
    said = []
    for direction, values in scores.get("metrics", {}).items():
        nothing = scores["baseline"].get(direction, {})
        share = 0.0
        if direction == "sample":
            shown = [(name, value) for name, value in values.items() if name in DISTRIBUTIONS]
            text = "held-out " + ", ".join(f"{_label(k)} {v:.2f}" + _instead(nothing.get(k)) for k, v in shown)
        elif "l1" in values and "l1" in nothing:
            ours, other = values["l1"], nothing["l1"]
            share = ours / other if other else float("inf")
            verdict = f"the error is {share:.2f} of it" if share < 1 else f"worse than that: {share:.2f} of it"
            text = f"held-out L1 {ours:.1f} grey levels against {other:.1f} for doing nothing: {verdict}"
        else:
            text = "held-out " + ", ".join(f"{_label(k)} {v:.2f}" for k, v in values.items())
        said.append((_arrow(direction), text, share < 1))
    return said


def _instead(value: float | None) -> str:
    return "" if value is None else f" against {value:.2f} for training images in their place"


def _beside(direction: str) -> str:
    return "training images" if direction == "sample" else "do nothing"


def _arrow(direction: str) -> str:
    return {"a2b": "A → B", "b2a": "B → A", "sample": "Samples"}.get(direction, direction)


def _direction(name: str, rows: Sequence[Row]) -> Direction:
    source, _, target = name.upper().partition("2")
    outputs = max(len(row) for row in rows) - 2
    made = [f"output {target}"] if outputs == 1 else [f"sample {i + 1}" for i in range(outputs)]
    heads = [f"input {source}", *made, f"truth {target}"]
    kept = [i for i in range(len(heads)) if any(row[i] is not None for row in rows)]
    wide = max(pixels.shape[1] for row in rows for pixels in row[1:2] if pixels is not None)
    width = SMALLEST if wide <= SMALLEST else min(wide, LARGEST)
    if kept == [1]:
        return Direction(_arrow(name), [], [[_cell(row[1], "sample") for row in rows]], width)
    cells = [[_cell(row[i], heads[i]) for i in kept] for row in rows]
    return Direction(_arrow(name), [heads[i] for i in kept], cells, width)


def _cell(pixels: Pixels | None, name: str) -> Markup:
    if pixels is None:
        return Markup("")
    buffer = io.BytesIO()
    Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels).save(buffer, "PNG", optimize=True)
    height, width = pixels.shape[:2]
    source = "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
    return Markup('<img src="{}" width="{}" height="{}" alt="{}">').format(source, width, height, name)


def _table(scores: dict[str, Any]) -> list[tuple[str, str, list[tuple[str, str, str]]]]:
    """Per metric: name, which way is better, and per direction ours, nothing's, and "better", "worse" or "" where the
    two are no contest."""
    metrics, baseline = scores.get("metrics", {}), scores.get("baseline", {})
    names = dict.fromkeys(name for values in metrics.values() for name in values)
    table: list[tuple[str, str, list[tuple[str, str, str]]]] = []
    for name in names:
        entry, cells = find(name), []
        for direction, values in metrics.items():
            ours, nothing = values.get(name), baseline.get(direction, {}).get(name)
            verdict = ""
            if entry and ours is not None and nothing is not None and direction != "sample":
                better = ours < nothing if entry.better == "lower" else ours > nothing
                verdict = "better" if better else "worse"
            cells.append((_number(ours), _number(nothing), verdict))
        table.append((_label(name), entry.better if entry else "", cells))
    return table


def _diversity(scores: dict[str, Any]) -> list[tuple[str, list[str]]]:
    """Of a stochastic run, what is said of its samples, and the values per direction."""
    found = scores.get("diversity", {})
    names = [name for name in DIVERSITY if any(name in values for values in found.values())]
    return [(DIVERSITY[name], [_number(values.get(name)) for values in found.values()]) for name in names]


def _label(metric: str) -> str:
    entry = find(metric)
    return entry.label if entry else metric


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}" if abs(value) < 2 else f"{value:.2f}"


def _flat(protocol: dict[str, Any]) -> list[tuple[str, str]]:
    lines = []
    for key, value in protocol.items():
        if value in (None, [], {}):
            continue
        if isinstance(value, dict):
            value = ", ".join(f"{k}: {v}" for k, v in value.items())
        elif isinstance(value, list | tuple):
            value = " × ".join(map(str, value)) + " (height × width)" if key == "size" else ", ".join(map(str, value))
        lines.append((key.replace("_", " "), str(value)))
    return lines


def _commands(run: Path | None, config: Config) -> list[str]:
    """What makes this run again, and this page."""
    if run is None:
        return []
    data = shlex.quote(config.data.root) if config.data.root else "DIR"
    here = shlex.quote(str(run))
    again = shlex.quote(str(run) + "-again")
    return [
        f"translate train {shlex.quote(str(run / 'config.yaml'))} --data {data} --out {again}",
        f"translate report {here}",
    ]
