"""`translate demo`."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import click

from translate.cli import options, saying

if TYPE_CHECKING:
    from translate.data.layouts import Dataset
    from translate.evaluation.result import Evaluation
    from translate.inference.model import Model

TRAIN, TEST, SIZE = 2000, 200, 64
FEW = 200
"""Steps under which nothing can be expected."""

MINUTES = 3.5
"""Training time by default: with drawing, translating, scoring and the report, under five minutes on two cores."""


@click.command("demo")
@click.option(
    "--out", default="demo", show_default=True, type=click.Path(path_type=Path), help="Folder for everything."
)
@click.option(
    "--minutes", default=MINUTES, show_default=True, type=click.FloatRange(min=0, min_open=True), help="Training time."
)
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0, 2**31 - 1))
@options.device
def command(out: Path, minutes: float, seed: int, device: str) -> None:
    """Go the whole way on an embedded dataset: make it, train without pairs, translate, score, report.

    Two thousand procedural faces in each of two styles, clay (A) and comic (B), unpaired; 200 held-out pairs judge.
    Writes OUT/data, OUT/run, OUT/translated, OUT/scores.json and OUT/report.html. The same command again continues.
    """
    from translate import config as configuration
    from translate.cli.progress import watched
    from translate.data import faces, layouts

    data, run = out / "data", out / "run"
    if not (data / "pairs.csv").is_file():
        saying.note(
            f"1/5 drawing {TRAIN:,} clay faces, {TRAIN:,} comic faces of other people, {TEST} held-out pairs: {data}"
        )
        unfinished = out / "data.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)  # what an interrupted drawing left
        faces.make(unfinished, train=TRAIN, test=TEST, size=SIZE, seed=seed, pairs=False)
        unfinished.rename(data)
    # All faces are drawn upright, in the middle and lit from the left: crops and flips would only blur the two styles.
    settings = ["data.transforms=[]", "data.load_size=null", f"training.minutes={minutes}", f"training.seed={seed}"]
    config = configuration.load("fast", settings)
    config.data.root = str(data.absolute())
    dataset = layouts.find(data)
    saying.note(f"2/5 training without pairs for {minutes:g} minutes: {run}")
    watched(config, dataset, run, device)
    from translate.inference.model import Model

    model = Model.load(run, device)
    saying.note(f"3/5 translating the held-out faces both ways: {out / 'translated'}")
    _translate(model, data, out / "translated")
    saying.note(f"4/5 scoring against the truth and against doing nothing: {out / 'scores.json'}")
    evaluation = _score(model, dataset, run, out, seed)
    saying.note(f"5/5 {out / 'report.html'}")
    _report(model, dataset, run, out, evaluation)
    scores = evaluation.scores
    for direction in scores["metrics"]:
        ours, nothing = scores["metrics"][direction]["l1"], scores["baseline"][direction]["l1"]
        sentence = f"held-out error {ours:.1f} grey levels, doing nothing {nothing:.1f}"
        click.secho(f"{direction}: {sentence}: {ours / nothing:.2f} of it", bold=True)
    if scores["protocol"]["step"] < FEW:
        saying.note(
            f"only {scores['protocol']['step']} steps were possible: too few to mean anything; try --minutes 10"
        )
    click.echo(f"open {out / 'report.html'}")


def _translate(model: Model, data: Path, translated: Path) -> None:
    from translate.inference.folder import apply

    for to in model.directions:
        target = translated / f"{to.other}2{to}"
        target.mkdir(parents=True, exist_ok=True)
        # A continued run has new weights, so what the last call left is out of date.
        apply(model, data / f"test{to.other.upper()}", target, to, batch=16, overwrite=True)


def _score(model: Model, dataset: Dataset, run: Path, out: Path, seed: int) -> Evaluation:
    from translate import log
    from translate.evaluation import evaluate
    from translate.report.commands import RESAMPLES

    evaluation = evaluate(model, dataset, "test", seed=seed, bootstrap=RESAMPLES, history=log.read(run))
    saying.write_json(evaluation.scores, str(out / "scores.json"))
    return evaluation


def _report(model: Model, dataset: Dataset, run: Path, out: Path, evaluation: Evaluation) -> None:
    from translate.report import single

    single.write(out / "report.html", run, model, dataset, "test", evaluation)
