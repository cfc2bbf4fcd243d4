"""`translate data from`."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from translate.cli.data.telling import end, follow
from translate.errors import UserError

if TYPE_CHECKING:
    from translate.preparing.taking import Row

KINDS = ("hf", "torchvision")


@click.command("from")
@click.argument("source")
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--a", metavar="COLUMN", help="hf: the pictures of A, or of the only domain.  [default: the only column]")
@click.option("--b", metavar="COLUMN", help="hf: the pictures of B.")
@click.option("--unpaired", is_flag=True, help="The pictures of A and B in one row are no pair.")
@click.option("--label", metavar="COLUMN", help="hf: the classes, which become folders.  [default: the only one]")
@click.option("--flat", is_flag=True, help="No folders of classes.")
@click.option("--count", type=click.IntRange(1), metavar="N", help="At most so many rows of each split.")
@click.option(
    "--root",
    type=click.Path(path_type=Path),
    help="torchvision: where its files are, or are fetched to.  [default: the cache, ~/.cache/translate]",
)
@click.option(
    "--set", "settings", multiple=True, metavar="KEY=VALUE", help="A further argument of the library's loader."
)
def command(
    source: str,
    directory: Path,
    a: str | None,
    b: str | None,
    unpaired: bool,
    label: str | None,
    flat: bool,
    count: int | None,
    root: Path | None,
    settings: tuple[str, ...],
) -> None:
    """Write the pictures of SOURCE into DIR as a dataset.

    \b
    hf:NAME[:CONFIG]       a dataset of the Hugging Face hub, streamed; or a folder or Parquet file of this machine
    torchvision:NAME       one of torchvision.datasets, such as torchvision:Flowers102

    Splits stay. Two columns of pictures become trainA, trainB and a table of pairs. Encoded pictures are written as
    they are. Existing files are skipped, so the same command again goes on.
    """
    kind, _, name = source.partition(":")
    if kind not in KINDS or not name:
        raise UserError(
            f'"{source}" names no source',
            expected="hf:NAME, hf:NAME:CONFIG or torchvision:NAME",
            hint=f"translate data from hf:{source} {shlex.quote(str(directory))}" if ":" not in source else None,
        )
    options = _options(settings)
    rows = (
        _of_torchvision(name, root, options, flat, count, {"--a": a, "--b": b, "--label": label})
        if kind == "torchvision"
        else _of_hub(name, options, a, b, label, flat, count, root)
    )
    from translate.preparing.folders import prepared
    from translate.preparing.record import refuse_another
    from translate.preparing.taking import taken

    target = prepared(directory, [])
    said = {"source": source, "--a": a, "--b": b, "--label": label, "--flat": flat, "--unpaired": unpaired}
    refuse_another(directory, said | {"--set": sorted(settings)})
    held: Counter[str] = Counter()
    summary = follow(taken(rows, target, not unpaired, held), None, "written", directory)
    if not summary.finished:
        raise UserError("it holds no rows", where=source)
    click.echo(f"{directory}: " + ", ".join(f"{part}/ {number:,}" for part, number in sorted(held.items())))
    place = shlex.quote(str(directory))
    further = f"translate train --data {place} --out RUN"
    if not any(part.startswith("test") for part in held):
        further = f"translate data split {place} {shlex.quote(str(directory) + '-split')} --test 0.1"
    end(summary, f"translate check {place}", further)


def _of_hub(
    name: str,
    options: dict[str, Any],
    a: str | None,
    b: str | None,
    label: str | None,
    flat: bool,
    count: int | None,
    root: Path | None,
) -> Iterator[Row]:
    from translate.preparing import huggingface
    from translate.preparing.hub_files import origin

    if root is not None:
        raise UserError(
            "--root is torchvision's", where=f"hf:{name}", hint="HF_HOME says where the library keeps files"
        )
    columns = huggingface.Columns(a, b, label, flat)
    streams = huggingface.opened(name, options)
    place = origin(name, options)
    return chain.from_iterable(
        [huggingface.rows(stream, split, columns, count, place) for split, stream in streams.items()]
    )


def _of_torchvision(
    name: str,
    root: Path | None,
    options: dict[str, Any],
    flat: bool,
    count: int | None,
    columns: dict[str, str | None],
) -> Iterator[Row]:
    from translate.data import cache
    from translate.preparing import torchvision_

    if given := [option for option, value in columns.items() if value is not None]:
        raise UserError(
            f"{given[0]} names a column of hf:NAME", where=f"torchvision:{name}", hint=f"leave {given[0]} out"
        )
    place = root or cache.folder() / "torchvision"
    parts = torchvision_.opened(name, place, options)
    return chain.from_iterable(torchvision_.rows(dataset, split, flat, count) for split, dataset in parts.items())


def _options(settings: tuple[str, ...]) -> dict[str, Any]:
    import yaml

    found: dict[str, Any] = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not key or not equals:
            raise UserError("is no KEY=VALUE", where=f"--set {setting}", expected="as --set split=letters")
        try:
            found[key] = yaml.safe_load(value)
        except yaml.YAMLError:
            raise UserError(
                "is no value", where=f"--set {setting}", expected="text, a number, true or [a, list]"
            ) from None
    return found
