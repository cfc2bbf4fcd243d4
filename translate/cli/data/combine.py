"""`translate data combine`."""

from __future__ import annotations

from pathlib import Path

import click

from translate.cli.data.telling import dataset_of, end, follow, warn_of_others


@click.command("combine")
@click.argument("a", type=click.Path(path_type=Path))
@click.argument("b", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option(
    "--by",
    type=click.Choice(["stem", "name", "order"]),
    default="stem",
    show_default=True,
    help="What says that two pictures belong together: the name without or with its ending, or the order of the "
    "sorted names in each subfolder.",
)
@click.option(
    "--square",
    type=click.Choice(["crop", "stretch", "keep"]),
    help="What to do with pictures that are no squares; `train` knows only pairs twice as wide as high.  "
    "[default: refuse them]",
)
@click.option("--height", type=click.IntRange(1), metavar="PX", help="Height of both.  [default: that of A]")
@click.option(
    "--filter",
    type=click.Choice(["lanczos", "area", "nearest"]),
    default="lanczos",
    show_default=True,
    help="What resizes; nearest keeps the colours of label maps.",
)
@click.option(
    "--format",
    type=click.Choice(["png", "jpg", "webp", "tif"]),
    help="Write in this format.  [default: that of A and B, or png where they differ]",
)
def command(
    a: Path, b: Path, out: Path, by: str, square: str | None, height: int | None, filter: str, format: str | None
) -> None:
    """Put each picture of A and its partner of B side by side into OUT, A left: pairs for pix2pix.

    Subfolders are kept. 16 bits and grey stay. Existing outputs are skipped; what has no partner or can't be read is
    named, the rest is done, and the exit code is 1.
    """
    from typing import cast

    from translate.inference.outcome import Summary
    from translate.preparing.beside import Placing, Square
    from translate.preparing.combine import combine, refuse_oblong
    from translate.preparing.folders import pictures, prepared
    from translate.preparing.partners import By, partners
    from translate.preparing.resampling import Filter

    found = partners(pictures(a), pictures(b), cast(By, by))
    placing = Placing(cast("Square | None", square), height, cast(Filter, filter))
    refuse_oblong([a / first for first, _ in found.pairs], placing)
    refuse_oblong([b / second for _, second in found.pairs], placing)
    target = prepared(out, [a, b])
    warn_of_others(out, by=by, square=square, height=height, filter=filter)
    outcomes = combine(a, b, found, target, placing, f".{format}" if format else None)
    summary: Summary = follow(outcomes, len(found.pairs) + len(found.alone), "combined", out)
    dataset = dataset_of(out)
    train = f"translate train pix2pix --data {dataset} --out RUN"
    end(summary, f"translate check {dataset}", *([] if square == "keep" else [train]))
