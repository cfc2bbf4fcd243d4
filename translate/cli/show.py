"""`translate show`."""

import click

from translate.config import load


@click.command("show")
@click.argument("config")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Change a key, e.g. training.batch=4.")
def command(config: str, settings: tuple[str, ...]) -> None:
    """Print CONFIG (a preset's name or a YAML file) with every default filled in, as YAML that `train` takes."""
    click.echo(load(config, settings).to_yaml(), nl=False)
