"""One architecture that published keys may belong to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn

from translate import build
from translate.networks import GENERATORS


def made(name: str, channels: tuple[int, int], options: dict[str, Any]) -> nn.Module:
    """The generator without weights, which takes neither memory nor time."""
    with torch.device("meta"):
        network: nn.Module = build.named(GENERATORS[name])(*channels, **options)
        return network


def norm_words(norm: str) -> str:
    """How a norm is spoken of."""
    return "no norm" if norm == "none" else f"{norm} norm"


@dataclass(frozen=True)
class Layout:
    """A network by name and options, channels in and out, our keys with the published ones, and words for it.

    `assumed`: what its keys don't tell beside dropout; `tells_dropout`: whether they tell that, else it is a guess.
    """

    name: str
    options: dict[str, Any]
    channels: tuple[int, int]
    keys: dict[str, str]
    words: str
    assumed: tuple[str, ...] = ()
    tells_dropout: bool = True

    def with_dropout(self, dropout: bool) -> Layout:
        """The same with the dropout that its keys don't tell."""
        return replace(self, options={**self.options, "dropout": dropout})
