"""A run that translates, on held-out images: output by output where these are pairs, and as sets in any case."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from translate.data import images
from translate.data.images import Pixels, Unreadable
from translate.data.layouts import Dataset, Picture, Split
from translate.domain import Domain
from translate.errors import UserError
from translate.evaluation import protocol
from translate.evaluation.diversity import SAMPLES, Diversity, sampled
from translate.evaluation.evidence import Evidence, enough
from translate.evaluation.reading import BATCH, at_size, readable, side, spread, translated, untranslated
from translate.evaluation.result import Evaluation, Scored
from translate.evaluation.scores import Asked, Table, Values, cautions, headline
from translate.evaluation.sets import Gathered

if TYPE_CHECKING:
    from translate.inference.model import Model

Batch = tuple[list[int], dict[Domain, list[Pixels]]]
"""Places in the split, and the images [H, W, C] there of each domain that was read."""


def evaluate(
    model: Model, dataset: Dataset, split: str, asked: Asked, progress: Callable[[int, int], None]
) -> Evaluation:
    """The scores on a split; see `translate.evaluation.evaluate`.

    Images are scored at the model's training size. The baseline is the untranslated input; the reference are real
    images of the training in the outputs' place, as good as it gets. Of a stochastic run one sample of each input is
    scored, and more are compared with one another.
    """
    found = _thinned(dataset.split(split), asked.most)
    sides = {domain: side(found, domain) for domain in Domain}
    directions = [to for to in model.directions if sides[to] and sides[to.other]]
    if not directions:
        raise UserError(
            f'split "{split}" has no images of both domains, so there is nothing to compare outputs with',
            where=str(dataset.root),
            expected=f"{split}A/ and {split}B/, or {split}/ with pairs",
        )
    metrics = asked.metrics
    real = {domain: Gathered(len(sides[domain]), metrics.extractors) for domain in Domain}
    parts = {to: _Direction(model, to, asked, [picture.path.name for picture in sides[to.other]]) for to in directions}
    unreadable: list[str] = []
    done, total = 0, len(found.pairs) or sum(map(len, sides.values()))
    for rows, read in _read(found, sides, model, unreadable):
        for domain, pixels in read.items():
            real[domain].extend(images.strip(image, model.channels[domain]) for image in pixels)
        for to in directions:
            if to.other in read:
                parts[to].add(rows, read[to.other], read[to] if found.pairs else None)
        done += len(rows)
        progress(done, total)
    parts = {to: part for to, part in parts.items() if part.ours.count and real[to].count}
    if not parts:
        what = "pairs" if found.pairs else "images"
        raise UserError(f"none of the {total} {what} can be read: {', '.join(unreadable[:3])}", where=str(dataset.root))

    scores: dict[str, Any] = {"protocol": {}, "metrics": {}, "baseline": {}, "reference": {}, "headline": {}}
    scores["warnings"] = []
    scores |= {"intervals": {}} if asked.resamples else {}
    scores |= {"diversity": {}} if model.stochastic else {}
    findings = []
    for to, part in parts.items():
        known = list(readable(_known(dataset, split, to, enough(model, to)), to, model, [])) if asked.beside else []
        part.write(scores, real[to], real[to.other], known)
        findings += part.evidence.findings(part.reals(real[to]), known, asked.seed)
    metrics.require_some(str(dataset.root))
    counts = {part.name: part.ours.count for part in parts.values()}
    if not found.pairs:
        counts |= {f"real_{to}": real[to].count for to in parts}
    scores["protocol"] = {
        **protocol.of_run(model, dataset, split, asked.seed),
        **protocol.of_scores(metrics, counts, unreadable, asked.resamples, bool(found.pairs)),
        **({"samples": SAMPLES} if model.stochastic else {}),
    }
    scores["findings"] = [finding.as_json() for finding in findings]
    return Evaluation(scores, [scored for part in parts.values() for scored in part.scored])


class _Direction:
    """What is gathered of one direction, a batch at a time."""

    def __init__(self, model: Model, to: Domain, asked: Asked, names: list[str]) -> None:
        self.model, self.to, self.asked, self.names = model, to, asked, names
        self.name = f"{to.other}2{to}"
        self.ours, self.nothing = (Gathered(len(names), asked.metrics.extractors) for _ in range(2))
        self.table, self.untouched = Table(asked.metrics), Table(asked.metrics)
        frames = (model.frames[to], model.frames[to.other])
        # Then doing nothing leaves the other domain's images, whose features are read already.
        self.shared = frames == (1, 1) and model.channels[to] == model.channels[to.other]
        self.diversity = Diversity()
        self.evidence = Evidence(model, to, len(names))
        self.scored: list[Scored] = []

    def add(self, rows: list[int], inputs: list[Pixels], truths: list[Pixels] | None) -> None:
        """Translate and score the inputs in these places of their side."""
        made = self._made(rows, inputs, truths)
        left = [untranslated(given, self.to, self.model) for given in inputs]
        channels = self.model.channels[self.to]
        self.ours.extend(images.strip(image, channels) for image in made)
        if self.asked.beside and not self.shared:
            self.nothing.extend(images.strip(image, channels) for image in left)
        for i, row in enumerate(rows):
            truth = None if truths is None else truths[i]
            self.evidence.add(inputs[i], made[i], truth)
            if truth is not None:
                values = self.table.add(self.name, made[i], truth)
                nothing = self.untouched.add(self.name, left[i], truth) if self.asked.beside else {}
                self.scored.append(Scored(self.name, row, self.names[row], values, nothing))

    def _made(self, rows: list[int], inputs: list[Pixels], truths: list[Pixels] | None) -> Pixels:
        if not self.model.stochastic:
            return translated(self.model, inputs, self.to)
        samples, exchanged = sampled(self.model, inputs, self.to, self.asked.seed, rows)
        self.diversity.add(samples, exchanged, truths)
        first: Pixels = samples[0]
        return first

    def write(self, scores: dict[str, Any], real: Gathered, inputs: Gathered, known: list[Pixels]) -> None:
        """Put this direction's values into the scores."""
        metrics, seed, resamples = self.asked.metrics, self.asked.seed, self.asked.resamples
        values, reach = metrics.of_sets(self.ours, real, seed, resamples)
        values = self.table.means(self.name) | values
        scores["metrics"][self.name] = values
        if self.asked.beside:
            scores["baseline"][self.name] = self.untouched.means(self.name) | self._in_place(
                inputs if self.shared else self.nothing, real
            )
        if reference := self._in_place(self._as_many(known, real.count), real):
            scores["reference"][self.name] = reference
        if self.asked.beside:
            arrow = f"{self.to.other.upper()} to {self.to.upper()}"
            scores["warnings"] += [f"{arrow}: {said}" for said in cautions(self.asked, self.ours, real, values)]
        paired = bool(self.scored)
        scores["headline"][self.name] = headline(values, paired, self.ours.count)
        if resamples:
            reach = self.table.intervals(self.name, resamples, seed) | reach
            scores["intervals"][self.name] = {name: list(both) for name, both in reach.items()}
        if self.model.stochastic:
            scores["diversity"][self.name] = self.diversity.means()

    def reals(self, real: Gathered) -> list[Pixels]:
        """The held-out images with their frames behind one another, as outputs are."""
        frames = self.model.frames[self.to]
        return [images.stack(image, frames) for image in real.images]

    def _in_place(self, others: Gathered | None, real: Gathered) -> Values:
        """What a set has in the outputs' place."""
        if others is None or not others.count:
            return {}
        return self.asked.metrics.of_sets(others, real, self.asked.seed)[0]

    def _as_many(self, known: list[Pixels], count: int) -> Gathered | None:
        chosen = [known[i] for i in spread(len(known), count)]
        gathered = Gathered(len(chosen), self.asked.metrics.extractors)
        gathered.extend(images.strip(image, self.model.channels[self.to]) for image in chosen)
        return gathered


def _thinned(split: Split, most: int | None) -> Split:
    """At most so many pairs, or images of each domain, evenly spaced."""
    if most is None:
        return split
    return replace(
        split,
        pairs=[split.pairs[i] for i in spread(len(split.pairs), most)],
        only_a=[split.only_a[i] for i in spread(len(split.only_a), most)],
        only_b=[split.only_b[i] for i in spread(len(split.only_b), most)],
    )


def _known(dataset: Dataset, split: str, domain: Domain, most: int) -> list[Picture]:
    """Training images of a domain, where others are held out; evenly spaced."""
    if split == "train" or "train" not in dataset.splits:
        return []
    pictures = dataset.splits["train"].of(domain)
    return [pictures[i] for i in spread(len(pictures), most)]


def _read(split: Split, sides: dict[Domain, Sequence[Picture]], model: Model, unreadable: list[str]) -> Iterator[Batch]:
    """Batches at the training size: of pairs both sides, row by row the same scene; else of one domain, then the
    other."""
    groups: list[tuple[Domain, ...]] = [(Domain.A, Domain.B)] if split.pairs else [(Domain.A,), (Domain.B,)]
    for domains in groups:
        for first in range(0, len(sides[domains[0]]), BATCH):
            rows: list[int] = []
            read: dict[Domain, list[Pixels]] = {domain: [] for domain in domains}
            for row in range(first, min(first + BATCH, len(sides[domains[0]]))):
                try:
                    pixels = [at_size(sides[domain][row], domain, model) for domain in domains]
                except Unreadable as error:
                    unreadable.append(str(error))
                    continue
                rows.append(row)
                for domain, image in zip(domains, pixels, strict=True):
                    read[domain].append(image)
            if rows:
                yield rows, read
