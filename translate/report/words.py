"""What the report says in words: titles, what was trained, and how it turned out, so that anybody can read it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from translate.config import Config
from translate.domain import Regime
from translate.log import seconds
from translate.metrics import DISTRIBUTIONS, TABLE, find
from translate.report.contest import Outcome, better, interval_of, over_nothing

if TYPE_CHECKING:
    from translate.data.layouts import Dataset
    from translate.evaluation.result import Scored

REGIMES = {
    Regime.SUPERVISED: "with pairs",
    Regime.SEMI_SUPERVISED: "with some pairs",
    Regime.UNSUPERVISED: "without pairs",
    Regime.UNCONDITIONAL: "from noise",
}


OUTCOMES: dict[Outcome, str] = {"better": "better than", "worse": "worse than", "same": "no different from"}


@dataclass(frozen=True)
class Verdict:
    """Of one direction: what it is called, the verdict, what it rests on, and whether that is good news."""

    direction: str
    lead: str
    text: str
    mood: Literal["good", "bad", "open"]


def arrow(direction: str) -> str:
    """The name of "a2b", "b2a" or "sample" for readers."""
    return {"a2b": "A → B", "b2a": "B → A", "sample": "Samples"}.get(direction, direction)


def label(metric: str) -> str:
    """The metric's name with its unit."""
    entry = find(metric)
    return entry.label if entry else metric


def number(value: float | None, like: float | None = None) -> str:
    """Three decimals of what is small, two of what is not, none of what is large; as many as `like` has, if given."""
    if value is None:
        return "–"
    size = abs(value if like is None else like)
    text = f"{value:.3f}" if size < 2 else f"{value:.2f}" if size < 1000 else f"{value:,.0f}"
    return text.replace("-", "−")


def duration(seconds: float) -> str:
    """Such as "45 s", "7.0 min", "2.5 h"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def title(config: Config) -> str:
    """What is made of what."""
    name = Path(config.data.root).resolve().name if config.data.root else "a dataset"
    if config.unconditional:
        return f"{name}: new images from noise"
    one = config.produce[0]
    both = len(config.produce) == 2
    return f"{name}: A and B, both ways" if both else f"{name}: {one.other.upper()} to {one.upper()}"


def trained(
    config: Config, log: Sequence[Mapping[str, Any]], dataset: Dataset | None, weights: int | None, step: int | None
) -> str:
    """What was trained, on what, and for how long, in one or two sentences."""
    name = Path(config.data.root).name if config.data.root else "a dataset"
    text = f"Trained on {name}" if config.objective else f"Applied to {name}"
    if dataset is not None and "train" in dataset.splits:
        regime = Regime.UNCONDITIONAL if config.unconditional else dataset.regime()
        text += f", {REGIMES[regime]} ({_counts(config, dataset)})"
    if log or step:
        steps = max(log[-1]["step"] if log else 0, step or 0)  # the log has only every so many
        images = steps * config.training.batch * config.training.discriminator_steps
        text += f", for {steps:,} steps of {config.training.batch} images"
        taken = seconds(log)
        text += "" if taken is None else f" in {duration(taken)}"
        text += f" ({images:,} images seen)"
    height, width = config.data.size
    size = f"{width}×{height} px"
    many = f" with {_millions(weights)} weights" if weights else ""
    terms = " + ".join(term.replace("_", " ") for term in config.objective)
    objective = f"Objective: {terms}." if terms else "It was trained elsewhere, and imported."
    return f"{text}. Generator: {config.networks.generator.name}{many}, at {size}. {objective}"


def _counts(config: Config, dataset: Dataset) -> str:
    split = dataset.split("train")
    if config.unconditional:
        from translate.domain import Domain

        return f"{len(split.of(Domain.B)):,} images"
    parts = [f"{len(split.pairs):,} pairs"] if split.pairs else []
    if split.only_a or split.only_b:
        parts.append(f"{len(split.only_a):,} images of A and {len(split.only_b):,} of B")
    return ", ".join(parts)


def _millions(count: int) -> str:
    return f"{count / 1e6:.1f} million" if count >= 1e5 else f"{count:,}"


def verdicts(scores: Mapping[str, Any], images: Sequence[Scored], stochastic: bool = False) -> list[Verdict]:
    """A verdict for each direction that has scores."""
    by_direction: dict[str, list[Scored]] = defaultdict(list)
    for image in images:
        by_direction[image.direction].append(image)
    said = []
    for direction, values in scores.get("metrics", {}).items():
        nothing = scores.get("baseline", {}).get(direction, {})
        real = scores.get("reference", {}).get(direction, {})
        chosen = scores.get("headline", {}).get(direction)
        count = scores.get("protocol", {}).get("n", {}).get(direction, 0)
        if direction == "sample":
            said.append(_of_samples(values, nothing, chosen))
        elif any(name in TABLE for name in values):
            said.append(_of_pairs(direction, values, nothing, chosen, by_direction[direction], stochastic, count))
        elif values:
            said.append(_of_sets(direction, values, nothing, real, chosen, scores))
    return said


def headline(values: Mapping[str, float], chosen: str | None, table: Mapping[str, Any]) -> str:
    """The metric of `table` that a verdict rests on: the chosen one if it is there, else the first."""
    if chosen is not None and chosen in values and chosen in table:
        return chosen
    return next((name for name in values if name in table), next(iter(values)))


def _of_pairs(
    direction: str,
    values: Mapping[str, float],
    nothing: Mapping[str, float],
    chosen: str | None,
    images: Sequence[Scored],
    stochastic: bool,
    count: int,
) -> Verdict:
    metric = headline(values, chosen, TABLE)
    judged = [name for name in dict.fromkeys((metric, "l1")) if name in values and name in nothing]
    lead, mood = _lead({name: over_nothing(name, values[name], nothing[name], images) for name in judged}, len(images))
    sentences = []
    if "l1" in judged:
        ours, other = values["l1"], nothing["l1"]
        outputs = "one output of each input" if stochastic else "the output"
        sentences.append(
            f"on {f'{count:,} ' if count else ''}held-out images {outputs} is on average {ours:.1f} grey levels off "
            f"the truth, and the untouched input {other:.1f}: {_share(ours, other)}"
        )
    if metric != "l1" or not sentences:
        beside = f", against {number(nothing[metric])} for the untouched input" if metric in nothing else ""
        sentences.append(f"{label(metric)} {number(values[metric])}{beside}")
    return Verdict(arrow(direction), lead, "; ".join(sentences), mood)


def _lead(outcomes: Mapping[str, Outcome], count: int) -> tuple[str, Literal["good", "bad", "open"]]:
    """The verdict out of that of each metric, which need not agree."""
    if not outcomes:
        return "scored", "open"
    said: dict[Outcome, list[str]] = {}
    for metric, found in outcomes.items():
        said.setdefault(found, []).append(label(metric).partition(",")[0])
    if len(said) > 1:
        parts = [f"{' and '.join(names)} {OUTCOMES[found]}" for found, names in said.items()]
        return f"{parts[0]} doing nothing, {', '.join(part.rpartition(' ')[0] for part in parts[1:])}", "open"
    (found,) = said
    if found == "same":
        return f"no different from doing nothing{f', as far as {count} images can tell' if count else ''}", "open"
    return (f"{found} than doing nothing", "good" if found == "better" else "bad")


def _share(ours: float, other: float) -> str:
    if ours == other:
        return "the same error"
    if other == 0 or ours >= 2 * other:
        return "more error than doing nothing" if other == 0 else f"{ours / other:.1f} times the error of doing nothing"
    return f"{abs(1 - ours / other):.0%} {'less' if ours < other else 'more'} error than doing nothing"


def _of_sets(
    direction: str,
    values: Mapping[str, float],
    nothing: Mapping[str, float],
    real: Mapping[str, float],
    chosen: str | None,
    scores: Mapping[str, Any],
) -> Verdict:
    metric = headline(values, chosen, DISTRIBUTIONS)
    ours, other, best = values[metric], nothing.get(metric), real.get(metric)
    text = f"there are no held-out pairs, so the outputs are judged as a set: {label(metric)} {ours:.2f}"
    text += "" if other is None else f" against {other:.2f} for the untouched inputs"
    text += "" if best is None else f" and {best:.2f} for real training images, which is about as good as it gets"
    if other is None:
        return Verdict(arrow(direction), "scored as a set", text, "open")
    gain = better(metric) * (ours - other)
    if metric.startswith("swd"):
        text += "; it compares small patches, so shapes and what belongs to which input are for the eye to judge"
    found = over_nothing(metric, ours, other, (), interval_of(scores, direction, metric))
    if found == "same":
        return Verdict(
            arrow(direction), "no nearer to real images than doing nothing, as far as can be told", text, "open"
        )
    lead = "nearer to" if found == "better" else "further from"
    return Verdict(arrow(direction), f"{lead} real images than doing nothing", text, "good" if gain > 0 else "bad")


def _of_samples(values: Mapping[str, float], real: Mapping[str, float], chosen: str | None) -> Verdict:
    metric = headline(values, chosen, DISTRIBUTIONS)
    ours, best = values[metric], real.get(metric)
    text = f"{label(metric)} {ours:.2f}"
    if best is None:
        return Verdict("Samples", "scored against held-out images", text, "open")
    text += f" against {best:.2f} for training images in their place, which is about as good as it gets"
    if better(metric) > 0 or best <= 0:
        return Verdict("Samples", "scored against held-out images", text, "open")
    ratio = ours / best
    lead = (
        "as near to held-out images as real ones are" if ratio <= 1.05 else f"{ratio:.1f} times as far from held-out "
    )
    return Verdict("Samples", lead + ("" if ratio <= 1.05 else "images as real ones are"), text, "open")
