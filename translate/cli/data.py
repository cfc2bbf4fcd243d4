"""`translate data`."""

from pathlib import Path

import click

from translate.errors import unknown

MADE = {"faces": "procedural faces in two styles, clay (A) and comic (B), of which the exact map is known"}


@click.group("data")
def command() -> None:
    """List and make the embedded datasets."""


@command.command("list")
def list_() -> None:
    """List the datasets that `translate data make` can draw."""
    for name, text in MADE.items():
        click.echo(f"{name}    {text}")


@command.command("make")
@click.argument("name")
@click.argument("directory", type=click.Path(path_type=Path))
@click.option("--train", type=click.IntRange(min=0), default=2000, show_default=True, help="Training scenes.")
@click.option("--test", type=click.IntRange(min=0), default=200, show_default=True, help="Held-out pairs.")
@click.option("--size", type=click.IntRange(min=8), default=64, show_default=True, help="Pixels a side.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option(
    "--pairs/--no-pairs", default=True, help="Whether trainA and trainB show the same scenes.  [default: pairs]"
)
def make(name: str, directory: Path, train: int, test: int, size: int, seed: int, pairs: bool) -> None:
    """Draw the dataset NAME into DIRECTORY: trainA, trainB, testA, testB, pairs.csv. Same seed, same images."""
    if name not in MADE:
        raise unknown("dataset", name, MADE, hint="translate data list")
    from translate.data import faces

    faces.make(directory, train=train, test=test, size=size, seed=seed, pairs=pairs)
    click.echo(f"{directory}: {train} training scenes, {test} held-out pairs, {size} px, seed {seed}")
