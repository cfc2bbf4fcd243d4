"""The keys of published U-Net generators: every level is nested in the one around it (Isola et al. 2017)."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from translate.exchange.published_layout import Layout, norm_words
from translate.networks.unet import published_keys

OUTERMOST = "model.model.0.weight"
FIRST = "model.model.1.model.1", "model.model.1.model.2"
"""The first convolution that a norm follows, and this norm."""


def resembles(state: dict[str, Tensor]) -> bool:
    """Whether the outermost convolution is the 4x4 one of these generators."""
    first = state.get(OUTERMOST)
    return first is not None and first.ndim == 4 and first.shape[2:] == (4, 4)


def layouts(state: dict[str, Tensor], norm: str) -> Iterator[Layout]:
    """The one variant that is as deep, as wide and of as many channels as these weights."""
    width, incoming = state[OUTERMOST].shape[:2]
    levels = max(2, max(key.count("model.") - 1 for key in state))
    last = state.get("model.model.3.weight", state[OUTERMOST].transpose(0, 1))
    words = f"U-Net of {levels} levels, width {width}, {norm_words(norm)}"
    options = {"levels": levels, "width": width, "norm": norm, "dropout": norm == "batch"}
    yield Layout("unet", options, (incoming, last.shape[1]), published_keys(levels, norm), words, tells_dropout=False)
