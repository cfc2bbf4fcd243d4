"""Small loss curves as inline SVG whose text follows the page's colour, light or dark."""

from __future__ import annotations

import io
import re
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure
from numpy.typing import NDArray

COLOURS = {"a": "#e0793a", "b": "#3d8fdd"}
"""Legible on white and on near black."""

POINTS = 300
"""More points than a chart has pixels only make the page heavy."""

_INK = "#010203"  # stands for the page's own text colour, which matplotlib can't name


@dataclass(frozen=True)
class Chart:
    """A named curve chart as an inline <svg> element."""

    name: str
    svg: str


def losses(log: list[dict[str, Any]]) -> list[Chart]:
    """A chart for each term of the rows of log.jsonl, with a smoothed line for each domain."""
    terms: dict[str, dict[str, str]] = defaultdict(dict)
    for key in dict.fromkeys(key for row in log for key in row if key.startswith("loss/")):
        term, _, domain = key.removeprefix("loss/").rpartition("/")
        name, line = (term, domain) if domain in COLOURS and term else (key.removeprefix("loss/"), "b")
        terms[name.replace("/", ", ")][line] = key
    charts = []
    for name, keys in terms.items():
        curves = {}
        for line, key in sorted(keys.items()):
            rows = [(row["step"], row[key]) for row in log if isinstance(row.get(key), int | float)]
            points = np.array([row for row in rows if np.isfinite(row[1])], float).reshape(-1, 2)
            if len(points) > 1:
                curves[line] = points
        if curves:
            charts.append(Chart(name, _draw(curves)))
    return charts


def smoothed(values: NDArray[np.float64], window: int) -> NDArray[np.float64]:
    """Centred moving average of [N] values; at the ends over what there is, so that neither end is pulled anywhere."""
    kernel = np.ones(max(1, window))
    offset = (len(kernel) - 1) // 2
    total = np.convolve(values, kernel)[offset : offset + len(values)]
    count = np.convolve(np.ones(len(values)), kernel)[offset : offset + len(values)]
    return total / count


def _draw(curves: dict[str, NDArray[np.float64]]) -> str:
    style: dict[Any, Any] = {
        "svg.fonttype": "none",
        "svg.hashsalt": "translate",
        "font.size": 9,
        "text.color": _INK,
        "axes.edgecolor": _INK,
        "xtick.color": _INK,
        "ytick.color": _INK,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.linewidth": 0.6,
    }
    with rc_context(style):
        figure = Figure(figsize=(3.4, 1.9), layout="constrained")
        axes = figure.subplots()
        top = []
        for line, points in curves.items():
            steps, values = points[:, 0], points[:, 1]
            mean = smoothed(values, len(values) // 25)
            every = max(1, len(values) // POINTS)
            axes.plot(steps[::every], values[::every], color=COLOURS[line], alpha=0.2, linewidth=0.7)
            axes.plot(steps[::every], mean[::every], color=COLOURS[line], linewidth=1.6, label=line.upper())
            top.append(mean.max())
        low, high = axes.get_ylim()
        # One early spike must not flatten the rest of the curve.
        axes.set_ylim(min(0.0, low) if low > -0.1 * high else low, min(high, 1.15 * max(top)) if max(top) > 0 else high)
        axes.locator_params(nbins=5)
        axes.xaxis.set_major_formatter(_thousands)
        buffer = io.StringIO()
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(buffer, format="svg", transparent=True, metadata=nothing)
    return _inline(buffer.getvalue())


def _thousands(value: float, position: object = None) -> str:
    return f"{value / 1000:g}k" if abs(value) >= 1000 else f"{value:g}"


def _inline(document: str) -> str:
    """The <svg> element alone, scalable, without the addresses of its XML namespaces, which HTML doesn't need."""
    svg = document[document.index("<svg") :]
    svg = re.sub(r'\sxmlns(:\w+)?="[^"]*"', "", svg)
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", svg, count=1)
    return svg.replace(_INK, "currentColor").replace("xlink:href", "href")
