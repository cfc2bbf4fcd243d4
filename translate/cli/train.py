"""`translate train`."""

from __future__ import annotations

import json
import shlex
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from translate import config as configuration
from translate.cli import beside, completing, options, saying
from translate.domain import Domain
from translate.errors import UserError
from translate.settings import Setting, key_of, origin_of

if TYPE_CHECKING:
    from translate.config import Config
    from translate.data.layouts import Dataset

AT_BEST = 200
"""Images a second at 64 px that narrow networks reach on two processor cores; the papers' are far wider."""

WHY = {
    "supervised": "every image has its partner",
    "semi-supervised": "some images have a partner, some have none",
    "unsupervised": "two domains and no pairs",
    "unconditional": "one domain, so new images are drawn from noise",
}


@click.command("train")
@click.argument("config", required=False, shell_complete=completing.presets)
@click.option(
    "--data", "root", required=True, type=click.Path(path_type=Path), help="A folder, tar archives, a URL or a table."
)
@click.option(
    "--out", "run", required=True, type=click.Path(path_type=Path), help="The run's folder, new or to continue."
)
@click.option(
    "--from",
    "start",
    type=click.Path(path_type=Path),
    help="Begin with this run's weights, trained here or imported; without CONFIG, as it was trained.",
)
@click.option("--steps", type=click.IntRange(min=1), help="Optimiser steps.  [default: the configuration's]")
@click.option(
    "--minutes",
    type=click.FloatRange(min=0, min_open=True),
    help="Training time, evaluation apart, instead of --steps.",
)
@options.settings
@click.option("--batch", metavar="N|auto", help="Rows of a step; auto: as many as memory holds.")
@click.option("--compile", "compiled", is_flag=True, help="Compile the networks, where that works here.")
@options.device
@click.option("--seed", type=int, help="Seed of everything random.")
@click.option("--dry-run", is_flag=True, help="Say what would be trained, and stop.")
def command(
    config: str | None,
    root: Path,
    run: Path,
    start: Path | None,
    steps: int | None,
    minutes: float | None,
    settings: tuple[str, ...],
    batch: str | None,
    compiled: bool,
    device: str,
    seed: int | None,
    dry_run: bool,
) -> None:
    """Train CONFIG (a preset's name or a YAML file; left out, one is planned) on the folder --data.

    The regime follows from what the folder holds. The same command again continues the run. Later ones win: defaults,
    CONFIG, the environment (TRANSLATE_TRAINING__BATCH=4), --set, and options such as --steps.
    """
    if steps and minutes:
        raise UserError("--steps and --minutes were both given", expected="one of them")
    from translate.data import opening

    place = opening.located(root)
    located = str(place.absolute() if isinstance(place, Path) else place)
    added = [Setting(f"data.root={json.dumps(located)}", "--data")]  # quoted: a folder may be called 2024 or "null"
    if steps:
        added += [Setting(f"training.steps={steps}", "--steps"), Setting("training.minutes=null", "--steps")]
    if minutes:
        added += [Setting(f"training.minutes={minutes}", "--minutes")]
    if seed is not None:
        added += [Setting(f"training.seed={seed}", "--seed")]
    if start is not None:
        if start.absolute() == run.absolute():
            raise UserError("is --from and --out at once", where=str(run), expected="another --out")
        added += [Setting(f"training.start={json.dumps(str(start.absolute()))}", "--from")]
    if batch is not None:
        added += [Setting(f"training.batch={batch}", "--batch")]
    if compiled:
        added += [Setting("training.compile=true", "--compile")]
    environment = configuration.environment()
    given = {key_of(setting): origin_of(setting) for setting in (*settings, *added)}
    for variable in environment:
        over = given.get(key_of(variable))
        saying.note(f"set here   {variable}  ({variable.origin}{f'; {over} wins' if over else ''})")
    settings = (*environment, *settings, *added)
    configuration.check_settings(settings)
    configuration.refuse_foreign(run)
    if config is None and (run / "config.yaml").is_file():
        saying.note(f"{run} holds a run: continuing it with its own configuration")
        config = str(run / "config.yaml")
    from translate.data import layouts

    if config is not None:
        chosen = configuration.load(config, settings)
        dataset = layouts.find(place, chosen.data.pairs)
        _announce(dataset)
    elif start is not None:
        chosen, dataset = _as_there(start, place, settings, device)
    else:
        chosen, dataset = _planned(place, minutes, settings, device)
    from translate import needs

    chosen = needs.settle(chosen, dataset)
    if not chosen.objective:
        raise UserError(
            "no term teaches the networks anything",
            where="objective",
            expected="terms and weights, as `translate show cyclegan` prints them",
            hint="translate train --from RUN --data DIR --out NEW, for a run that was imported",
        )
    needs.check(chosen, dataset)
    if chosen.networks.classes:
        counts = Counter(picture.label for picture in dataset.split("train").of(Domain.B))
        saying.note("classes    " + ", ".join(f"{name} ({counts[name]:,})" for name in chosen.networks.classes))
    if not beside():  # the others are told
        chosen = _fitted(chosen, dataset, run, device)
    named = config or (f"as {start}" if start else "as planned")
    saying.note(f"training   {named}: {_what(chosen)}")
    _say_start(chosen, run)
    _warn_of_days(chosen, device)
    if dry_run:
        import torch

        from translate import build
        from translate.data import headers

        plain = chosen.model_copy(update={"training": chosen.training.model_copy(update={"compile": False})})
        build.trainer(plain, build.blank(plain), torch.device("cpu"))  # what can't be built is said now
        if chosen.unconditional:
            headers.refuse_small(dataset.split("train").of(Domain.B), chosen.data.size, chosen.data.frames.b)
        return
    from translate import checkpoint
    from translate.cli.progress import watched

    if reached := checkpoint.steps(run):
        saying.note(f"continues  the training in {run}, whose newest checkpoint is {reached[0].stem}")
    outcome = watched(chosen, dataset, run, device)
    if outcome.steps == outcome.begun:
        click.echo(f"already trained: {outcome.steps:,} steps in {run}; more --steps or --minutes continue it")
    else:
        before = f", {outcome.begun:,} of them before" if outcome.begun else ""
        click.echo(f"trained {outcome.steps:,} steps{before}, {outcome.seconds / 60:.1f} minutes in all: {run}")
    if outcome.stale:
        click.echo(
            f"stopped: {chosen.evaluation.patience} evaluations without a better one; "
            f"--set evaluation.patience={2 * (chosen.evaluation.patience or 1)} goes on"
        )
    if outcome.scored:
        click.echo(outcome.scored)
    if outcome.warned:
        click.echo(f"warned of {', '.join(outcome.warned)}: look at previews and report before you use it")
    what = "sample {} OUTPUT" if chosen.unconditional else "apply {} INPUT OUTPUT"
    what += " --samples 5" if chosen.stochastic else ""
    saying.note(f"next: translate {what.format(shlex.quote(str(run)))}, and translate report {shlex.quote(str(run))}")


def _fitted(config: Config, dataset: Dataset, run: Path, device: str) -> Config:
    """The configuration with a batch that is a number; what a new run should know of memory and precision is said."""
    from translate.computing import fitting, precision
    from translate.device import device_of

    on, split, begun = device_of(device), dataset.split("train"), (run / "config.yaml").is_file()
    images = min(len(split.of(domain)) for domain in ([Domain.B] if config.unconditional else Domain))
    open_batch = config.training.batch == configuration.AUTO
    config = fitting.settle_batch(config, images, run, on, saying.note)
    if not begun:
        if "precision" in config.training.model_fields_set:
            said = precision.remark(config.training.precision, on)
            if said is not None:
                saying.note(f"hint       {said}")
        if not open_batch:
            fitting.check(config, on, saying.note)
        if config.training.batch > images:
            saying.note(f"hint       a batch of {config.training.batch} holds each of {images} images more than once")
    return config


def _say_start(config: Config, run: Path) -> None:
    """What a new run begins with; UserError where that does not fit."""
    from translate import checkpoint

    if config.training.start is None or beside() or checkpoint.steps(run):
        return
    from translate.exchange import starting

    begun = starting.read(config)
    if begun is not None:
        saying.note(f"begins     with {begun.words}")


def _announce(dataset: Dataset) -> None:
    split = dataset.split("train")
    alone = " without a partner" if split.pairs else ""
    counts = [
        f"{count:,} {what}"
        for count, what in (
            (len(split.pairs), "pairs"),
            (len(split.only_a), f"images of A{alone}"),
            (len(split.only_b), f"images of B{alone}" if split.pairs or split.only_a else "images"),
        )
        if count
    ]
    from translate.data import opening

    saying.note(f"found      {dataset.layout} in {opening.named(dataset.root)}: {', '.join(counts)}")
    saying.note(f"regime     {dataset.regime()}: {WHY[dataset.regime()]}")
    if dataset.hint:
        saying.note(f"hint       {dataset.hint}")
    if split.unmatched:
        names = ", ".join(path.name for path in split.unmatched[:3])
        saying.note(
            f"unmatched  {len(split.unmatched)} images have no partner of their name ({names}, ...): used unpaired"
        )


def _what(config: Config) -> str:
    objective = " + ".join(f"{_weight(term.weight)} {name}" for name, term in config.objective.items())
    length = f"{config.training.minutes:g} minutes" if config.training.minutes else f"{config.training.steps:,} steps"
    height, width = config.data.size
    directions = " and ".join(
        "noise -> B" if config.unconditional else f"{d.other.upper()} -> {d.upper()}" for d in config.produce
    )
    judge = f" against {config.networks.discriminator.name}" if config.networks.discriminator else ""
    return (
        f"{directions}, {width}x{height} px, {config.networks.generator.name}{judge}, {objective}, "
        f"batch {config.training.batch}, {length}"
    )


def _warn_of_days(config: Config, device: str) -> None:
    """A papers' preset on a processor alone takes longer than its user may think."""
    from translate.device import device_of
    from translate.machine import SIZE

    training, (height, width) = config.training, config.data.size
    images = training.steps * training.batch * training.discriminator_steps * height * width / SIZE**2
    days = images / AT_BEST / (24 * 3600)
    if training.minutes is None and days > 0.5 and device_of(device).type == "cpu":
        saying.note(
            f"hint       without a GPU this takes {max(1, round(days))} days or more; --minutes N ends in time, and "
            "without CONFIG something smaller is planned"
        )


def _weight(weight: float | list[tuple[float, float]]) -> str:
    if isinstance(weight, int | float):
        return f"{weight:g}"
    return "(" + " to ".join(f"{value:g}" for _, value in weight) + ")"


def _as_there(start: Path, root: Path | str, settings: tuple[str, ...], device: str) -> tuple[Config, Dataset]:
    """The configuration of the run `start`, or one for its generators where it was trained elsewhere."""
    from translate import plan
    from translate.data import layouts
    from translate.exchange import finetuning

    config = finetuning.own(start, settings)
    dataset = layouts.find(root, plan.asked(settings)[0] if config is None else config.data.pairs)
    _announce(dataset)
    if config is not None:
        return config, dataset
    from translate.device import device_of

    config, preset = finetuning.chosen(start, dataset, settings, finetuning.minutes_on(device_of(device).type))
    saying.note(f"objective  {preset}'s ({finetuning.WHY[preset]}), as {start} was trained elsewhere")
    return config, dataset


def _planned(root: Path | str, minutes: float | None, settings: tuple[str, ...], device: str) -> tuple[Config, Dataset]:
    from translate import machine, plan
    from translate.data import layouts

    pairs, frames, size = plan.asked(settings)
    dataset = layouts.find(root, pairs)
    _announce(dataset)
    if not beside():
        saying.note("measuring this machine ...", err=True)
    given = dict(setting.split("=", 1) for setting in settings)
    steps = int(given["training.steps"]) if given.get("training.steps", "").isdigit() else None
    # The first of several processes plans for all: of two that measure, each would find half a machine.
    measured = machine.Machine("cpu", 1.0) if beside() else machine.measure(device)
    planned = plan.plan(plan.fingerprint(dataset, frames), measured, minutes, size, steps)
    saying.note("planned, since no CONFIG was given:")
    width = max(len(choice.key) for choice in planned.choices)
    if "training.steps" in given:
        given["training.minutes"] = f"none, but {given['training.steps']} steps"
    for choice in planned.choices:
        shown, reason = (given[choice.key], "as given") if choice.key in given else (choice.shown, choice.reason)
        saying.note(f"  {choice.key:<{width}}  {shown}  ({reason})")
    return plan.configure(planned, settings), dataset
