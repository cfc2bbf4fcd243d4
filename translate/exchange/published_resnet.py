"""The keys of published ResNet generators: `model` is a row of layers, as ours (Zhu et al. 2017; Park et al. 2020)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import product
from typing import Any

from torch import Tensor, nn

from translate.exchange.published_layout import Layout, made, norm_words

FIRST = "model.1", "model.2"
"""The first convolution, and the norm behind it."""

RESAMPLING: dict[str, dict[str, Any]] = {
    "": {},
    "antialiased (CUT)": {"antialias": True},
    "antialiased downwards (CUT's no_antialias_up)": {"antialias": "down"},
    "antialiased upwards (CUT's no_antialias)": {"antialias": "up"},
    "resize-convolutions": {"upsample": "resize"},
    "blurred downsampling, resize-convolutions": {"antialias": True, "upsample": "resize"},
}
"""Ways down and up, in words, and our options."""

BLOCK = re.compile(r"model\.(\d+)\.conv_block\.")


def resembles(state: dict[str, Tensor]) -> bool:
    """Whether the first convolution is the 7x7 one of these generators."""
    first = state.get("model.1.weight")
    return first is not None and first.ndim == 4 and first.shape[2:] == (7, 7)


def layouts(state: dict[str, Tensor], norm: str) -> Iterator[Layout]:
    """All variants with as many blocks, as wide and of as many channels as these weights."""
    width, incoming = state["model.1.weight"].shape[:2]
    numbers = [int(key.split(".")[1]) for key in state if key.split(".")[1].isdigit()]
    last = state.get(f"model.{max(numbers)}.weight", state["model.1.weight"])
    channels = incoming, last.shape[0]
    blocks = len({found[1] for key in state if (found := BLOCK.match(key))})
    for (way, options), dropout, padding in product(RESAMPLING.items(), (False, True), ("reflect", "zero")):
        options = {"width": width, "blocks": blocks, "norm": norm, "dropout": dropout, "padding": padding, **options}
        words = [
            f"ResNet with {blocks} blocks, width {width}, {norm_words(norm)}, {'with' if dropout else 'no'} dropout"
        ]
        words += [way] if way else []
        words += ["zeros around the blocks' images"] if padding == "zero" else []
        assumed = ("upsampling: the nearest pixel, not told by keys",) if "upsample" in options else ()
        keys = published_keys(made("resnet", channels, options))
        yield Layout("resnet", options, channels, keys, ", ".join(words), assumed)


def published_keys(network: nn.Module) -> dict[str, str]:
    """Our state_dict key -> the published one. They differ behind resize-convolutions: three layers there, one here."""
    layers: Any = network.model
    numbers, shift = {}, 0
    for index, layer in enumerate(layers):
        shift += len(layer) - 1 if isinstance(layer, nn.Sequential) else 0
        numbers[index] = index + shift
    keys = {}
    for key in network.state_dict():
        _, number, rest = key.split(".", 2)
        index = int(number)
        if isinstance(layers[index], nn.Sequential):  # its convolution is the last of the three
            rest = rest.partition(".")[2]
        keys[key] = f"model.{numbers[index]}.{rest}"
    return keys
