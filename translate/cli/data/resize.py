"""`translate data resize`."""

from __future__ import annotations

from pathlib import Path

import click

from translate.cli.data.telling import dataset_of, end, follow, warn_of_others
from translate.errors import UserError


class _Size(click.ParamType):
    name = "PX|WxH"

    def convert(
        self, value: object, parameter: click.Parameter | None, context: click.Context | None
    ) -> tuple[int, int]:
        if isinstance(value, tuple):
            return value
        sides = str(value).lower().split("x")
        if len(sides) not in (1, 2) or not all(side.isdigit() and 0 < int(side) <= 65535 for side in sides):
            return self.fail(f"{value!r} is neither a number of pixels, such as 256, nor WxH, such as 320x240")
        return int(sides[-1]), int(sides[0])


@click.command("resize")
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option(
    "--size", type=_Size(), metavar="PX|WxH", required=True, help="Of the box: pixels a side, or width x height."
)
@click.option(
    "--fit",
    type=click.Choice(["cover", "contain", "stretch"]),
    default="cover",
    show_default=True,
    help="Cover the box (the shorter side fits), lie in it (the longer one does), or be stretched to it.",
)
@click.option(
    "--crop",
    type=click.Choice(["center", "top", "bottom", "left", "right"]),
    help="With cover: cut off what sticks out of the box, and keep this part.",
)
@click.option("--enlarge", is_flag=True, help="Enlarge what is smaller, too; else it stays as it is.")
@click.option(
    "--filter",
    type=click.Choice(["lanczos", "area", "nearest"]),
    default="lanczos",
    show_default=True,
    help="lanczos and area are antialiased; nearest keeps the colours of label maps.",
)
@click.option("--pairs", is_flag=True, help="Pictures hold a pair side by side: resize each half by itself, to --size.")
def command(
    directory: Path,
    out: Path,
    size: tuple[int, int],
    fit: str,
    crop: str | None,
    enlarge: bool,
    filter: str,
    pairs: bool,
) -> None:
    """Write copies of the pictures in DIR, at most of --size, into OUT; training then reads them faster.

    Subfolders, names, formats, 16 bits, transparency and colour profiles stay. What has the right size is copied as it
    is. Existing outputs are skipped; what can't be read is named, the rest is done, and the exit code is 1.
    """
    from typing import cast

    from translate.preparing.folders import pictures, prepared
    from translate.preparing.framing import Anchor, Fit, Frame
    from translate.preparing.resampling import Filter
    from translate.preparing.resize import resize

    if crop is not None and fit != "cover":
        raise UserError(
            f"--crop {crop} cuts nothing off with --fit {fit}", expected="--fit cover", hint="leave --crop out"
        )
    frame = Frame(size, cast(Fit, fit), cast("Anchor | None", crop), enlarge, cast(Filter, filter))
    names = pictures(directory)
    target = prepared(out, [directory])
    warn_of_others(out, size=f"{size[1]}x{size[0]}", fit=fit, crop=crop, enlarge=enlarge, filter=filter, pairs=pairs)
    summary = follow(resize(directory, names, target, frame, pairs), len(names), "written", out)
    dataset = dataset_of(out)
    end(summary, f"translate check {dataset}", f"translate train --data {dataset} --out RUN")
