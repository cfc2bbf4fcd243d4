"""Published checkpoints as generators with a configuration: what `translate import` takes."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from translate import config as configuration
from translate.domain import Domain
from translate.errors import UserError
from translate.exchange import published, published_file
from translate.exchange.published import Generator
from translate.exchange.published_layout import made
from translate.exchange.taken import Taken

SIZE = 256
"""Pixels on each side that the published ResNets were trained at."""


def imported(
    checkpoint: Path,
    *,
    to: Domain = Domain.B,
    back: Path | None = None,
    size: int | None = None,
    norm: str | None = None,
    dropout: bool | None = None,
) -> Taken:
    """The generator in `checkpoint`, which makes images of `to`, and that of the other direction in `back`.

    `size`: height and width of training, in pixels; `norm` and `dropout`: what keys don't tell. UserError for files
    that hold no known generator, and for two of different architectures.
    """
    files = {to: checkpoint} | ({to.other: back} if back else {})
    found = {
        domain: published.recognise(published_file.read(path), str(path), norm, dropout)
        for domain, path in files.items()
    }
    there = found[to]
    if back is not None:
        _require_alike(there, found[to.other], back)
    channels = {str(to.other): there.channels[0], str(to): there.channels[1]}
    for domain, count in channels.items():
        if count not in (1, 3):
            raise UserError(
                f"has {count} channels of {domain.upper()}", where=str(checkpoint), expected="1 (grey) or 3 (RGB)"
            )
    # A U-Net is named after the size that it halves down to one pixel.
    side = size or (2 ** there.component["levels"] if "levels" in there.component else SIZE)
    stride = int(getattr(made(there.component["name"], there.channels, _options(there)), "stride", 1))
    if side % stride:
        raise UserError(f"{side} is no multiple of {stride}", where="--size", expected=f"a multiple of {stride}")
    config = configuration.validate(
        {
            "data": {"size": [side, side], "channels": channels},
            "networks": {"generator": there.component, "discriminator": None},
            "produce": [str(domain) for domain in (Domain.B, Domain.A) if domain in found],
            "objective": {},  # whoever trained it did so elsewhere
        },
        str(checkpoint),
    )
    state = {f"{domain}.{key}": value for domain, one in found.items() for key, value in one.state.items()}
    return Taken(config, state, _about(files, there))


def _options(there: Generator) -> dict[str, Any]:
    return {key: value for key, value in there.component.items() if key != "name"}


def _about(files: dict[Domain, Path], there: Generator) -> dict[str, Any]:
    return {
        "kind": "published state_dict",
        "source": {str(domain): path.name for domain, path in files.items()},
        "sha256": {str(domain): _digest(path) for domain, path in files.items()},
        "network": there.words,
        "assumed": list(there.assumed),
    }


def _digest(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _require_alike(there: Generator, back: Generator, path: Path) -> None:
    """The two directions of one run have one architecture, and each takes what the other makes."""
    if there.component != back.component:
        raise UserError(
            f"is a {back.words}, and the other direction is a {there.words}",
            where=f"--back {path}",
            expected="two generators of one architecture",
            hint="import each into a run of its own",
        )
    if there.channels != back.channels[::-1]:
        raise UserError(
            f"takes {back.channels[0]} and makes {back.channels[1]} channels",
            where=f"--back {path}",
            expected=f"one that takes {there.channels[1]} and makes {there.channels[0]}, as the other direction's "
            "inverse",
        )
