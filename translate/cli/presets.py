"""`translate presets`."""

import click

from translate.cli import options, saying
from translate.config import about, presets


@click.command("presets")
@options.json_alone
def command(file: str | None) -> None:
    """List the configurations that come with the program, with their paper, expected result, hours and command."""
    found = {name: about(path) for name, path in presets().items()}
    if file is not None:
        saying.write_json(found, file)
    if file != "-":
        for name, text in found.items():
            click.secho(name, bold=True)
            click.echo("".join(f"    {line}\n" for line in text.splitlines()))
