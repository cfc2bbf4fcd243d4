"""`translate import`."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from translate.cli import saying
from translate.domain import Domain
from translate.errors import UserError

if TYPE_CHECKING:
    from translate.exchange.taken import Taken

NAMED = re.compile(r"net_G_([AB])(?![A-Za-z])")
"""How the CycleGAN project names the two directions' files: G_A makes B, and G_B makes A."""


@click.command("import")
@click.argument("checkpoint", type=click.Path(path_type=Path))
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--to", default="b", show_default=True, type=click.Choice(["b", "a"]), help="Domain that it makes.")
@click.option("--back", type=click.Path(path_type=Path), help="The other direction's file: a run that goes both ways.")
@click.option(
    "--size",
    type=click.IntRange(min=8),
    metavar="PX",
    help="Height and width that it was trained at.  [default: 256; of a U-Net what it halves to 1, unet_128: 128]",
)
@click.option("--norm", type=click.Choice(["instance", "batch", "none"]), help="Its norm, where keys can't tell.")
@click.option("--dropout", type=click.Choice(["on", "off"]), help="Its dropout in training, where keys can't tell.")
def command(
    checkpoint: Path, run: Path, to: str, back: Path | None, size: int | None, norm: str | None, dropout: str | None
) -> None:
    """Make the folder RUN of CHECKPOINT, a generator that CycleGAN's, pix2pix's or CUT's own code has saved.

    The architecture is read off its keys and shapes. A .safetensors file of `translate export` is taken too. The other
    commands then take RUN like one that was trained here.
    """
    from translate.exchange import taken as runs

    runs.require_new(run)
    given = {"--to": to if to != "b" else None, "--back": back, "--size": size, "--norm": norm, "--dropout": dropout}
    description = _description(checkpoint)
    if description is not None:
        for option, value in given.items():
            if value is not None:
                raise UserError(f"{description} says all of the model", where=option, hint=f"leave {option} out")
        from translate.exchange import safe

        taken = safe.read(checkpoint)
    else:
        from translate.exchange.importing import imported

        switch = None if dropout is None else dropout == "on"
        taken = imported(checkpoint, to=Domain(to), back=back, size=size, norm=norm, dropout=switch)
        _warn_of_direction(checkpoint, Domain(to), back)
    runs.write_run(taken, run)
    _say(taken)
    if len({*taken.about.get("sha256", {}).values()}) < len(taken.about.get("sha256", {})):
        saying.note("hint       both directions are the same weights: is --back the other one's file?")
    quoted = shlex.quote(str(run))
    click.echo(f"imported: {quoted}")
    way = "" if "b" in taken.config.produce else " --to a"
    saying.note(
        f"next: translate apply {quoted} INPUT OUTPUT{way}, or translate train --from {quoted} --data DIR --out NEW"
    )


def _description(checkpoint: Path) -> Path | None:
    """What says all of a file of `export` or of the hub; None for others', which may have a config.json, too."""
    if checkpoint.suffix.lower() != ".safetensors":
        return None
    from translate.exchange import described, safe

    found = safe.description_of(checkpoint)
    if found is None or (found.name == safe.ON_A_HUB and not described.written_here(found.read_bytes())):
        return None
    return found


def _warn_of_direction(checkpoint: Path, to: Domain, back: Path | None) -> None:
    """The published names say what a file makes; somebody may have mixed them up."""
    for path, domain in ((checkpoint, to), *([(back, to.other)] if back else [])):
        found = NAMED.search(path.name)
        if found is not None and found[1].lower() != str(domain.other):
            saying.note(
                f"hint       {path.name} is CycleGAN's name for what makes {domain.other.upper()}; here it makes "
                f"{domain.upper()} (--to, --back)"
            )


def _say(taken: Taken) -> None:
    config, about = taken.config, taken.about
    ways = " and ".join(f"{domain.other.upper()} to {domain.upper()}" for domain in config.produce)
    generator = config.networks.generator
    channels = {3: "RGB", 1: "grey"}
    shown = ", ".join(f"{d.upper()} {channels[getattr(config.data.channels, d)]}" for d in Domain)
    saying.note(f"found      {about.get('network', generator.name)}; {ways} ({shown}), {config.data.size[0]} px")
    for sentence in about.get("assumed", ()):
        saying.note(f"assumed    {sentence}")
    norm = generator.options.get("norm")
    if norm == "instance":
        saying.note("applied    with each image's own statistics (instance norm), and without dropout")
    elif norm == "batch":
        saying.note(
            "applied    with the running statistics (batch norm), and without dropout: as the original's test script "
            "with --eval; without that it takes the statistics of each image, and drops out"
        )
    elif norm == "none":
        saying.note("applied    without norm and dropout")
