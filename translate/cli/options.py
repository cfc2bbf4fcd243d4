"""Options that several commands share."""

import click

from translate.cli import completing

checkpoint = click.option(
    "--checkpoint",
    default="last",
    show_default=True,
    metavar="NAME",
    help="Which weights: last, best (by the held-out score that the training watched), or a step's number.",
)
device = click.option(
    "--device",
    default="auto",
    show_default=True,
    help="auto, cpu, cuda or mps.",
    shell_complete=completing.devices,
)
settings = click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="Change a key, e.g. training.batch=4; repeatable.",
    shell_complete=completing.settings,
)
json_file = click.option(
    "--json", "file", metavar="FILE", help="Write everything there; - for standard output, and nothing else."
)
json_alone = click.option(
    "--json",
    "file",
    metavar="[FILE]",
    is_flag=False,
    flag_value="-",
    help="Write JSON there; alone or - for standard output, and nothing else.",
)
