"""`translate data make`."""

from __future__ import annotations

import shlex
from importlib import import_module
from inspect import signature
from pathlib import Path

import click

from translate.cli import saying
from translate.errors import UserError, unknown

MADE = {
    "faces": (
        "translate.data.faces",
        "procedural faces in two styles, clay (A) and comic (B), of which the exact map is known",
        "",
    ),
    "crossroads": (
        "translate.data.crossroads",
        "the last four frames before a crossing (A) and what comes next (B): left or right, by a fair coin",
        " --set data.frames.a=4",
    ),
    "digits": (
        "translate.data.digits",
        "stacks of three digits, one a colour channel: one domain, whose 1,000 kinds can be counted",
        "",
    ),
}
"""Datasets by name: the module whose `make(root, *, train, test, size, seed, ..)` draws it, what it shows, and what
training on it wants to be told."""


@click.command("make")
@click.argument("name")
@click.argument("directory", type=click.Path(path_type=Path))
@click.option("--train", type=click.IntRange(min=0), help="Training scenes.  [default: the dataset's own]")
@click.option("--test", type=click.IntRange(min=0), help="Held-out scenes.  [default: the dataset's own]")
@click.option("--size", type=click.IntRange(min=8), help="Pixels a side.  [default: the dataset's own]")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option(
    "--pairs/--no-pairs",
    default=None,
    help="faces: whether trainA and trainB show the same scenes.  [default: pairs]",
)
def command(name: str, directory: Path, **options: int | bool | None) -> None:
    """Draw the dataset NAME into DIRECTORY, a new folder. Same seed, same images. `translate data list` names them."""
    if name not in MADE:
        raise unknown("dataset", name, MADE, hint="translate data list")
    draw = import_module(MADE[name][0]).make
    given = {key: value for key, value in options.items() if value is not None}
    takes = {key: parameter.default for key, parameter in signature(draw).parameters.items() if key in options}
    for key, value in given.items():
        if key not in takes:
            raise UserError(
                f"has no option --{'no-' * (value is False)}{key}",
                where=name,
                expected="one of " + ", ".join(f"--{known}" for known in takes),
            )
    draw(directory, **given)
    made = takes | given
    click.echo(
        f"{directory}: {made['train']} training and {made['test']} held-out scenes, {made['size']} px, "
        f"seed {made['seed']}"
    )
    saying.note(f"next: translate train --data {shlex.quote(str(directory))} --out RUN{MADE[name][2]}")
