"""`translate data`: one command a file, imported when it is called."""

from __future__ import annotations

import click

from translate.cli.lazy import Lazy

COMMANDS = {
    "list": ("translate.cli.data.list", "List the datasets that can be made or got."),
    "make": ("translate.cli.data.make", "Draw an embedded dataset."),
    "get": ("translate.cli.data.get", "Download a public dataset and lay it out for training."),
    "combine": ("translate.cli.data.combine", "Put pairs from two folders side by side."),
    "split": ("translate.cli.data.split", "Divide a folder into train, val and test."),
    "resize": ("translate.cli.data.resize", "Write smaller copies of a dataset's images."),
    "edges": ("translate.cli.data.edges", "Draw edges, for pairs of edges and photos."),
    "from": ("translate.cli.data.from_", "Take a dataset of the Hugging Face hub or of torchvision."),
}


@click.group("data", cls=Lazy, table=COMMANDS)
def command() -> None:
    """Get, make and prepare datasets."""
