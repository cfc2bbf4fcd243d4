"""`translate presets`."""

import json

import click

from translate.config import about, presets


@click.command("presets")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(as_json: bool) -> None:
    """List the configurations that come with the program, with their paper, expected result, hours and command."""
    found = {name: about(path) for name, path in presets().items()}
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    for name, text in found.items():
        click.secho(name, bold=True)
        click.echo("".join(f"    {line}\n" for line in text.splitlines()))
