"""`translate data get`."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from translate.catalogue import cards
from translate.catalogue.amount import amount
from translate.cli import saying
from translate.cli.data.arriving import arriving
from translate.errors import UserError

if TYPE_CHECKING:
    from translate.catalogue.getting import Got
    from translate.catalogue.recipe import Recipe


@click.command("get")
@click.argument("name")
@click.argument("directory", type=click.Path(path_type=Path), required=False)
@click.option("--card", is_flag=True, help="Print the dataset's card, and download nothing.")
@click.option("--accept", is_flag=True, help="You have read its terms and accept them, where it has such.")
@click.option(
    "--file",
    "files",
    multiple=True,
    metavar="FILE",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A file of it that you have downloaded; again for a further one.",
)
@click.option("--classes", metavar="C[,C]", help="Of a dataset with classes: one of them alone, or two as A and B.")
@click.option("--retries", type=click.IntRange(min=0), default=5, show_default=True, help="Vain tries in a row.")
@click.option("--unchecked", is_flag=True, help="Take files of another size or SHA-256 than the recipe knows.")
@click.option("--keep", is_flag=True, help="Keep the downloaded archives, in DIRECTORY/.get.")
def command(
    name: str,
    directory: Path | None,
    card: bool,
    accept: bool,
    files: tuple[Path, ...],
    classes: str | None,
    retries: int,
    unchecked: bool,
    keep: bool,
) -> None:
    """Download the public dataset NAME and lay it out in DIRECTORY, a new folder, for training.

    The same command again continues a download that broke. `translate data list` names the datasets.
    """
    if card:
        click.echo(cards.card(name), nl=False)
        return
    _refuse_made(name)
    recipe = cards.recipe(name)
    if directory is None:
        raise UserError(
            "no folder is named", where=name, expected="where to put it", hint=f"translate data get {name} DIR"
        )
    if classes is not None:
        recipe = recipe.narrowed([one.strip() for one in classes.split(",")])
    words = [name, str(directory), *(word for file in files for word in ("--file", str(file)))]
    words += ["--classes", classes] if classes is not None else []
    words += [f"--{flag}" for flag, given in (("unchecked", unchecked), ("keep", keep)) if given]
    again = f"translate data get {shlex.join(words)}"
    _refuse_unaccepted(recipe, directory, accept, again)
    again += " --accept" if accept else ""
    from translate.catalogue import getting
    from translate.catalogue.folder import WORK

    given = getting.match(recipe, files)
    saying.note(f"{name}: {recipe.about}")
    click.echo(f"licence: {recipe.licence}")
    saying.note(f"source: {recipe.homepage}")
    saying.note(f"size: {size(recipe.bytes)}" + (f", {recipe.images:,} images" if recipe.images else ""))
    try:
        with arriving() as bar:
            manner = getting.Manner(retries, not unchecked, keep, bar, lambda sentence: saying.note(sentence, err=True))
            got = getting.get(recipe, directory, given, manner)
    except KeyboardInterrupt:
        arrived = (directory / WORK).exists()
        click.echo(
            f"{'what' if arrived else 'nothing'} has arrived{' is kept; ' if arrived else '; '}"
            f"{again} {'continues' if arrived else 'begins again'}",
            err=True,
        )
        raise
    _print(recipe, directory, got)


def size(count: int | None) -> str:
    """Bytes as people read them, where they are stated."""
    return "not stated" if count is None else amount(count)


def _refuse_made(name: str) -> None:
    from translate.cli.data.make import MADE

    if name in MADE:
        raise UserError(
            "is drawn, not downloaded", where=name, expected="a public dataset", hint=f"translate data make {name} DIR"
        )


def _refuse_unaccepted(recipe: Recipe, directory: Path, accept: bool, again: str) -> None:
    from translate.catalogue.folder import SOURCE

    if recipe.accept and not accept and not (directory / SOURCE).exists():
        raise UserError(
            f"its terms must be accepted: {recipe.licence} ({recipe.homepage})",
            where=recipe.name,
            expected="--accept, when you have read them",
            hint=f"{again} --accept",
        )


def _print(recipe: Recipe, directory: Path, got: Got) -> None:
    counts = ", ".join(f"{count:,} in {target}" for target, count in got.counts.items())
    complete = got.before and got.counts == got.source["counts"]
    click.echo(f"{directory}: {'is complete: ' if complete else ''}{counts}")
    for file in got.source["files"]:
        if file["as_published"] is None:
            saying.note(f"no checksum of {file['name']} is published; this one has SHA-256 {file['sha256']}")
    for warning in got.warnings:
        click.secho(f"warning: {warning}", err=True, fg="yellow")
    quoted = shlex.quote(str(directory))
    saying.note(f"next: translate check {quoted}")
    saying.note(f"      translate train --data {quoted} --out RUN {recipe.settings}".rstrip())
