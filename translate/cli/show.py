"""`translate show`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from translate import config as configuration
from translate.cli import completing, options, saying
from translate.errors import UserError
from translate.yaml_tree import dumped

if TYPE_CHECKING:
    from translate.origins import Kind, Value

COLOURS: dict[Kind, str] = {
    "preset": "blue",
    "file": "blue",
    "planned": "cyan",
    "environment": "magenta",
    "option": "yellow",
}
WIDE = 50
"""Columns of a value, behind which its origin stands."""


@click.command("show")
@click.argument("config", required=False, shell_complete=completing.presets)
@options.settings
@click.option("--origins", is_flag=True, help="Say behind each value where it came from.")
@click.option(
    "--data", "root", type=click.Path(path_type=Path), help="Without CONFIG: what is planned for this folder."
)
@click.option("--minutes", type=click.FloatRange(min=0, min_open=True), help="With --data: training time to plan for.")
@options.json_file
def command(
    config: str | None,
    settings: tuple[str, ...],
    origins: bool,
    root: Path | None,
    minutes: float | None,
    file: str | None,
) -> None:
    """Print CONFIG with every default filled in, as YAML that `train` takes.

    CONFIG is a preset's name, a YAML file, or a run's folder: what it was trained with. Later ones win: defaults,
    CONFIG, the environment (TRANSLATE_TRAINING__BATCH=4), --set. A run's folder heeds no environment.
    """
    if config is None and root is None:
        raise UserError("nothing to show", expected="a CONFIG, or --data DIR", hint="translate show cyclegan")
    if config is not None and (root is not None or minutes is not None):
        raise UserError("CONFIG and --data were both given", expected="one of them: --data is for a planned one")
    run = config is not None and config not in configuration.presets() and Path(config).is_dir()
    environment = [] if run else configuration.environment()
    if environment and not origins:
        saying.note("set in the environment: " + ", ".join(environment), err=True)
    given = [*environment, *settings]
    values = _traced(config, given, root, minutes)
    if file is not None:
        from translate import origins as origin

        saying.write_json(origin.as_json(values) if origins else _nested(values), file)
    if file != "-":
        _print(values, origins)


def _traced(config: str | None, settings: list[str], root: Path | None, minutes: float | None) -> list[Value]:
    from translate import origins

    if config is not None:
        return origins.trace(config, settings)
    from translate import machine, plan
    from translate.data import layouts, opening

    assert root is not None
    pairs, frames, size = plan.asked(settings)
    dataset = layouts.find(opening.located(root), pairs)
    planned = plan.plan(plan.fingerprint(dataset, frames), machine.measure(), minutes, size)
    return origins.trace(planned.preset, settings, origins.planned_settings(planned.choices))


def _nested(values: list[Value]) -> dict[str, object]:
    tree: dict[str, object] = {}
    for one in values:
        place = tree
        for section in one.key[:-1]:
            below = place.setdefault(section, {})
            assert isinstance(below, dict)
            place = below
        place[one.key[-1]] = one.value
    return tree


def _print(values: list[Value], with_origins: bool) -> None:
    if not with_origins:
        click.echo(dumped(_nested(values)), nl=False)
        return
    from translate.origins import lines

    for text, one in lines(values):
        if one is None:
            click.secho(text, bold=True)
        else:
            colour = COLOURS.get(one.origin.kind)
            click.echo(f"{text:<{WIDE}}  " + click.style(f"# {one.origin}", fg=colour, dim=None if colour else True))
