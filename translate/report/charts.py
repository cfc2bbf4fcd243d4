"""Small curve charts as inline SVG whose text follows the page's colour, light or dark."""

from __future__ import annotations

import io
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator
from numpy.typing import NDArray

from translate.report.words import arrow, label

COLOURS = ("#3d8fdd", "#e0793a", "#3aa76d", "#b06fd8", "#c9a227", "#d8577b")
"""Legible on white and on near black."""

POINTS = 300
"""More points than a chart has pixels only make the page heavy."""

Rows = Sequence[Mapping[str, Any]]

_INK = "#010203"  # stands for the page's own text colour, which matplotlib can't name
_DOMAINS = {"b": ("B", COLOURS[0]), "a": ("A", COLOURS[1])}
_PLAYERS = {"generator": ("generators", COLOURS[2]), "discriminator": ("discriminators", COLOURS[3])}
_DIRECTIONS = {"a2b": (arrow("a2b"), COLOURS[0]), "b2a": (arrow("b2a"), COLOURS[1])}


@dataclass(frozen=True)
class Curve:
    """A line of a chart: what the legend calls it, its colour, and its points [N, 2] of step and value."""

    name: str
    colour: str
    points: NDArray[np.float64]


@dataclass(frozen=True)
class Chart:
    """A chart with its legend as (name, colour), and the picture as an inline <svg> element."""

    name: str
    legend: list[tuple[str, str]]
    svg: str


@dataclass(frozen=True)
class Group:
    """Charts that belong together, and how to read them."""

    title: str
    note: str
    charts: list[Chart] = field(default_factory=list)


def groups(log: Rows) -> list[Group]:
    """Losses, gradient norms, separation, rates and held-out scores, as far as the rows of log.jsonl hold them."""
    found = [
        Group("Held-out scores", "Of held-out images, during the training.", scores(log)),
        Group("Losses", "Unweighted, by the domain of the image that was made.", losses(log)),
        Group(
            "Separation",
            "How often the discriminator ranks a real image above a made one. At 0.5 it can't tell them apart, at 1 it "
            "always can.",
            separation(log),
        ),
        Group("Gradient norms", "On a logarithmic scale. Steady is good, whatever the height.", gradients(log)),
        Group("Rates", "Images a second, and how fast the weights move.", rates(log)),
    ]
    return [group for group in found if group.charts]


def losses(log: Rows) -> list[Chart]:
    """A chart for each term of the objective, with a line for each domain."""
    terms: dict[str, dict[str, str]] = defaultdict(dict)
    for key in _keys(log, "loss/"):
        term, _, domain = key.removeprefix("loss/").rpartition("/")
        name, line = (term, domain) if domain in _DOMAINS and term else (key.removeprefix("loss/"), "b")
        terms[name.replace("/", ", ").replace("_", " ")][line] = key
    return [chart for name, keys in terms.items() for chart in _chart(name, log, keys, _DOMAINS)]


def gradients(log: Rows) -> list[Chart]:
    """The norm of each player's gradient, on a logarithmic scale."""
    keys = {player: f"grad_norm/{player}" for player in _PLAYERS}
    return _chart("gradient norm", log, keys, _PLAYERS, logarithmic=True)


def rates(log: Rows) -> list[Chart]:
    """Images a second, and each player's learning rate."""
    players = {player: f"learning_rate/{player}" for player in _PLAYERS}
    return [
        *_chart("images a second", log, {"both": "images_per_second"}, {"both": ("of the training", COLOURS[0])}),
        *_chart("learning rate", log, players, _PLAYERS),
    ]


def separation(log: Rows) -> list[Chart]:
    """How rightly each discriminator orders real and made images."""
    keys = {domain: f"separation/{domain}" for domain in _DOMAINS}
    return _chart("separation", log, keys, _DOMAINS, limits=(0.0, 1.0), level=0.5)


def scores(log: Rows) -> list[Chart]:
    """A chart for each metric that was computed during the training, with a line for each direction."""
    metrics: dict[str, dict[str, str]] = defaultdict(dict)
    for key in _keys(log, "score/"):
        direction, _, metric = key.removeprefix("score/").partition("/")
        metrics[metric][direction] = key
    lines = {**_DIRECTIONS, "sample": ("samples", COLOURS[0])}
    return [chart for metric, keys in metrics.items() for chart in _chart(label(metric), log, keys, lines, raw=True)]


def overlaid(logs: Mapping[str, Rows]) -> list[Chart]:
    """For several runs by name: a chart for each loss, score, separation and gradient norm that two or more have,
    with a line for each run."""
    colours = {name: COLOURS[place % len(COLOURS)] for place, name in enumerate(logs)}
    prefixes = ("score/", "loss/", "separation/", "grad_norm/")
    keys = dict.fromkeys(key for prefix in prefixes for log in logs.values() for key in _keys(log, prefix))
    charts = []
    for key in keys:
        curves = [
            Curve(name, colours[name], points) for name, log in logs.items() if len(points := _points(log, key)) > 1
        ]
        if len(curves) > 1:
            name = key.removeprefix("loss/").replace("/", ", ").replace("_", " ")
            charts.append(_of(name, curves, logarithmic=key.startswith("grad_norm/"), faint=False))
    return charts


def smoothed(values: NDArray[np.float64], window: int) -> NDArray[np.float64]:
    """Centred moving average of [N] values; at the ends over what there is, so that neither end is pulled anywhere."""
    kernel = np.ones(max(1, window))
    offset = (len(kernel) - 1) // 2
    total = np.convolve(values, kernel)[offset : offset + len(values)]
    count = np.convolve(np.ones(len(values)), kernel)[offset : offset + len(values)]
    return total / count


def _keys(log: Rows, prefix: str) -> list[str]:
    return list(dict.fromkeys(key for row in log for key in row if key.startswith(prefix)))


def _points(log: Rows, key: str) -> NDArray[np.float64]:
    rows = [(row["step"], row[key]) for row in log if isinstance(row.get(key), int | float)]
    return np.array([row for row in rows if np.isfinite(row[1])], float).reshape(-1, 2)


def _chart(
    name: str, log: Rows, keys: Mapping[str, str], lines: Mapping[str, tuple[str, str]], **style: Any
) -> list[Chart]:
    """The chart of those keys, or none where fewer than two rows hold any."""
    curves = [
        Curve(*lines.get(line, (line, COLOURS[-1])), points)
        for line in sorted(keys, key=list(lines).index if set(keys) <= set(lines) else None)
        if len(points := _points(log, keys[line])) > 1
    ]
    return [_of(name, curves, **style)] if curves else []


def _of(name: str, curves: list[Curve], **style: Any) -> Chart:
    legend = [(curve.name, curve.colour) for curve in curves] if len(curves) > 1 else []
    return Chart(name, legend, _draw(curves, **style))


def _draw(
    curves: list[Curve],
    logarithmic: bool = False,
    limits: tuple[float, float] | None = None,
    level: float | None = None,
    raw: bool = False,
    faint: bool = True,
) -> str:
    """`level`: a dotted line there; `raw`: few points, shown as they are; `faint`: the values behind the average."""
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
        shown = []
        for curve in curves:
            kept = curve.points[curve.points[:, 1] > 0] if logarithmic else curve.points
            if len(kept) == 0:
                continue
            steps, values = kept[:, 0], kept[:, 1]
            every = max(1, len(values) // POINTS)
            mean = values if raw else smoothed(values, len(values) // 25)
            if faint and not raw:
                axes.plot(steps[::every], values[::every], color=curve.colour, alpha=0.25, linewidth=0.7)
            mark: dict[str, Any] = {"marker": "o", "markersize": 2.5} if raw else {}
            axes.plot(steps[::every], mean[::every], color=curve.colour, linewidth=1.6, **mark)
            shown.append(mean)
        if level is not None:
            axes.axhline(level, color=_INK, linewidth=0.8, linestyle=":")
        if logarithmic:
            axes.set_yscale("log")
            axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
            axes.yaxis.set_major_formatter(_thousands)
            axes.yaxis.set_minor_locator(NullLocator())
        elif limits is not None:
            axes.set_ylim(*limits)
        elif not raw and shown:
            axes.set_ylim(*_limits(np.concatenate(shown), axes.get_ylim()))
        if logarithmic:
            axes.locator_params(axis="x", nbins=5)
        else:
            axes.locator_params(nbins=5)
        axes.xaxis.set_major_formatter(_thousands)
        buffer = io.StringIO()
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(buffer, format="svg", transparent=True, metadata=nothing)
    return _inline(buffer.getvalue())


def _limits(means: NDArray[np.float64], drawn: tuple[float, float]) -> tuple[float, float]:
    """From zero where that costs little; and one early spike must not flatten the rest of the curve."""
    low, high = drawn
    top = float(means.max())
    return min(0.0, low) if low > -0.1 * high else low, min(high, 1.15 * top) if top > 0 else high


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
