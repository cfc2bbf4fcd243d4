"""`translate schema`."""

import json

import click


@click.command("schema")
def command() -> None:
    """Print the JSON schema of configurations, so that an editor completes keys and underlines mistakes.

    \b
    translate schema > translate.schema.json
    # yaml-language-server: $schema=translate.schema.json     as the first line of a YAML file beside it
    """
    from translate.schema import build

    click.echo(json.dumps(build(), indent=1))
