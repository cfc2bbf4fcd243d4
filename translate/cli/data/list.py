"""`translate data list`."""

from __future__ import annotations

import json
from typing import Any

import click

from translate.catalogue import cards
from translate.cli.data.get import size
from translate.cli.data.make import MADE

KINDS = {"supervised": "pairs", "unsupervised": "unpaired", "unconditional": "one domain"}


@click.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(as_json: bool) -> None:
    """List the datasets that `translate data make` can draw and `translate data get` can download.

    "by hand": the program can't download it; its card says how, `translate data get NAME --card`. "accept": its terms
    must be accepted. Sizes are those of the download.
    """
    public = [_public(name) for name in cards.names()]
    if as_json:
        made = [{"name": name, "how": "make", "about": about} for name, (_, about, _) in MADE.items()]
        click.echo(json.dumps(made + public, indent=2))
        return
    longest = max(len(name) for name in [*MADE, *cards.names()])
    click.secho("drawn here: translate data make NAME DIR", bold=True)
    for name, (_, about, _) in MADE.items():
        click.echo(f"  {name:{longest}}  {about}")
    click.secho("downloaded: translate data get NAME DIR", bold=True)
    for one in public:
        flags = ", ".join(["by hand"] * (one["by_hand"]) + ["accept"] * one["accept"])
        click.echo(
            f"  {one['name']:{longest}}  {KINDS[one['regime']]:10}  {one['count']:>13}  {size(one['bytes']):>10}  "
            f"{one['about']}" + (f" [{flags}]" if flags else "")
        )
        click.echo(f"  {'':{longest}}  licence: {one['licence']}")


def _public(name: str) -> dict[str, Any]:
    recipe = cards.recipe(name)
    return {
        "name": name,
        "how": "get" if all(file.urls for file in recipe.files) else "file",
        "about": recipe.about,
        "regime": recipe.regime,
        "images": recipe.images,
        "count": recipe.stated,
        "bytes": recipe.bytes,
        "licence": recipe.licence,
        "by_hand": not all(file.urls for file in recipe.files),
        "accept": recipe.accept,
        "homepage": recipe.homepage,
    }
