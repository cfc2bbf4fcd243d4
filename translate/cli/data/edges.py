"""`translate data edges`."""

from __future__ import annotations

from pathlib import Path

import click

from translate.cli.data.telling import dataset_of, end, follow, warn_of_others
from translate.errors import UserError

_THRESHOLD = click.FloatRange(0, 1, min_open=True, max_open=True)


@click.command("edges")
@click.argument("photos", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option(
    "--low", type=_THRESHOLD, default=0.2, show_default=True, help="Gradient of a line that goes on from a strong one."
)
@click.option("--high", type=_THRESHOLD, default=0.4, show_default=True, help="Gradient with which a line begins.")
@click.option(
    "--blur",
    type=click.FloatRange(0, 20),
    default=1.0,
    show_default=True,
    metavar="PX",
    help="Standard deviation of the blur before; more leaves fewer details.",
)
@click.option("--inverted", is_flag=True, help="White lines on black.  [default: black on white]")
@click.option("--pairs", is_flag=True, help="Write pairs: the edges left (A), the photo right (B).")
@click.option(
    "--square",
    type=click.Choice(["crop", "stretch", "keep"]),
    help="With --pairs: what to do with photos that are no squares.  [default: refuse them]",
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or mps.")
def command(
    photos: Path,
    out: Path,
    low: float,
    high: float,
    blur: float,
    inverted: bool,
    pairs: bool,
    square: str | None,
    device: str,
) -> None:
    """Draw the edges of PHOTOS (Canny 1986) into OUT, as PNG files of the same names.

    Edges depend on the size: resize the photos first to the size of the training. Existing outputs are skipped; what
    can't be read is named, the rest is done, and the exit code is 1.
    """
    from typing import cast

    from translate.preparing.beside import Placing, Square
    from translate.preparing.combine import refuse_oblong
    from translate.preparing.folders import pictures, png_names, prepared

    if low > high:
        raise UserError(f"--low {low:g} is above --high {high:g}", expected="--low at most as large as --high")
    if square is not None and not pairs:
        raise UserError("--square says what to do with pairs", expected="--pairs beside it", hint="leave --square out")
    placing = Placing(cast("Square | None", square)) if pairs else None
    names = pictures(photos)
    if placing is not None:
        refuse_oblong([photos / name for name in names], placing)
    target = prepared(out, [photos])
    from translate.device import device_of
    from translate.preparing.edges import Drawing, edges

    drawing = Drawing(low, high, blur, inverted)
    jobs = list(zip(names, png_names(names), strict=True))
    warn_of_others(out, low=low, high=high, blur=blur, inverted=inverted, pairs=pairs, square=square)
    summary = follow(edges(photos, jobs, target, drawing, device_of(device), placing), len(jobs), "drawn", out)
    dataset = dataset_of(out)
    if pairs:
        end(summary, f"translate check {dataset}", f"translate train pix2pix --data {dataset} --out RUN")
    else:
        end(summary, f"translate check {dataset}")
