"""How the training went: what was trained, its curves, its newest previews."""

from __future__ import annotations

import html
from pathlib import Path

from translate import log
from translate.config import Config
from translate.inference.model import Model
from translate.report import charts, words


def title(config: Config) -> str:
    """What is made of what."""
    return words.title(config)


def facts(run: Path, model: Model) -> list[tuple[str, str]]:
    """(what, value) of the run and of the weights that are loaded."""
    config, rows = model.config, log.read(run)
    height, width = model.size
    directions = ", ".join(
        "new images from noise" if model.unconditional else words.arrow(f"{to.other}2{to}") for to in model.directions
    )
    weights = sum(p.numel() for network in model.generators.values() for p in network.parameters())
    found = [
        ("Makes", directions),
        ("Weights", f"{model.checkpoint}, step {model.step:,}, on {model.device}"),
        (
            "Trained at",
            f"{width}×{height} px, other sizes are taken as well"
            if not model.unconditional
            else f"{width}×{height} px",
        ),
        ("Trained", words.trained(config, rows, None, weights, model.step)),
    ]
    newest = next((row for row in reversed(rows) if "images_per_second" in row), None)
    if newest is not None:
        rates = [
            f"{value:.3g} {key.partition('/')[2]}" for key, value in newest.items() if key.startswith("learning_rate/")
        ]
        found.append(
            (
                "Last report",
                f"step {newest['step']:,}: {newest['images_per_second']:.1f} images/s"
                + (f", learning rates {', '.join(rates)}" if rates else ""),
            )
        )
    return found


def table(found: list[tuple[str, str]]) -> str:
    """Facts as HTML."""
    rows = "".join(f"<dt>{html.escape(what)}</dt><dd>{html.escape(value)}</dd>" for what, value in found)
    return f'<dl class="facts">{rows}</dl>'


def curves(run: Path) -> str:
    """All that log.jsonl tells, as charts in HTML; a sentence where it tells nothing yet."""
    found = charts.groups(log.read(run))
    if not found:
        told = "one report so far, and a curve needs two" if log.read(run) else "the training has written no report yet"
        return f'<p class="soft">No curves yet: {told}.</p>'
    return "".join(_group(group) for group in found)


def previews(run: Path) -> list[tuple[Path, str]]:
    """The newest picture of each kind in RUN/previews, with what it shows."""
    newest: dict[str, Path] = {}
    for path in sorted((run / log.PREVIEWS).glob("*-*.png")):
        newest[path.stem.rpartition("-")[0]] = path
    return [(path, f"{words.arrow(name)}, step {_step(path)}") for name, path in newest.items()]


def _step(path: Path) -> str:
    number = path.stem.rpartition("-")[2]
    return f"{int(number):,}" if number.isdigit() else number


def _group(group: charts.Group) -> str:
    figures = "".join(
        f"<figure><figcaption>{html.escape(chart.name)}{_legend(chart)}</figcaption>{chart.svg}</figure>"
        for chart in group.charts
    )
    return (
        f'<h3>{html.escape(group.title)}</h3><p class="soft">{html.escape(group.note)}</p>'
        f'<div class="charts">{figures}</div>'
    )


def _legend(chart: charts.Chart) -> str:
    keys = (f'<i style="background:{colour}"></i>{html.escape(name)}' for name, colour in chart.legend)
    return "".join(f"<span>{key}</span>" for key in keys)
