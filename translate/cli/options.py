"""Options that several commands share."""

import click

checkpoint = click.option(
    "--checkpoint",
    default="last",
    show_default=True,
    metavar="NAME",
    help="Which weights: last, best (by the held-out score that the training watched), or a step's number.",
)
