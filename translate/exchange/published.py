"""Published generators are known by their keys and shapes: which network, which options, which key is which of ours."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from translate.errors import UserError
from translate.exchange import published_norm, published_resnet, published_unet
from translate.exchange.published_layout import Layout, made

SHOWN = 4
"""Keys that a message names."""

KNOWN = "a ResNet or U-Net generator of the CycleGAN and pix2pix project, or a ResNet of CUT"


@dataclass(frozen=True)
class Generator:
    """A generator as our networks have it: `networks.generator`, channels in and out, weights by our keys; what it is
    in words, and what its keys did not tell."""

    component: dict[str, Any]
    channels: tuple[int, int]
    state: dict[str, Tensor]
    words: str
    assumed: tuple[str, ...]


def recognise(state: dict[str, Tensor], where: str, norm: str | None = None, dropout: bool | None = None) -> Generator:
    """The generator that published weights belong to; `norm` and `dropout` decide what their keys don't tell.

    UserError where they are those of no known one: it names the keys and the nearest architecture.
    """
    family = next((f for f in (published_resnet, published_unet) if f.resembles(state)), None)
    if family is None:
        raise _nothing_known(state, where)
    convolution, behind = family.FIRST
    normed = published_norm.settle(state, convolution, behind, norm, where)
    layout = _nearest(family.layouts(normed.state, normed.kind), set(normed.state))
    layout, assumed = _with_dropout(layout, dropout, where)
    network = made(layout.name, layout.channels, layout.options)
    return Generator(
        {"name": layout.name, **layout.options},
        layout.channels,
        _moved(normed, layout, network, where),
        layout.words,
        (*normed.assumed, *assumed, *layout.assumed),
    )


def _nearest(layouts: Iterable[Layout], keys: set[str]) -> Layout:
    """The first that has exactly these keys, else the one that differs in the fewest."""
    differing: dict[int, Layout] = {}
    for layout in layouts:
        different = len(set(layout.keys.values()) ^ keys)
        if not different:
            return layout
        differing.setdefault(different, layout)
    return differing[min(differing)]


def _with_dropout(layout: Layout, asked: bool | None, where: str) -> tuple[Layout, tuple[str, ...]]:
    if layout.tells_dropout:
        if asked not in (None, layout.options["dropout"]):
            told = "with" if layout.options["dropout"] else "without"
            raise UserError(f"its layers are numbered as {told} dropout", where=where, hint="leave --dropout out")
        return layout, ()
    if asked is not None:
        return layout.with_dropout(asked), ()
    guess = "on, pix2pix's default" if layout.options["dropout"] else "off, CycleGAN's default"
    return layout, (f"dropout in training: {guess}, which keys don't tell (--dropout)",)


def _moved(normed: published_norm.Norm, layout: Layout, network: nn.Module, where: str) -> dict[str, Tensor]:
    """The weights under our keys; UserError where keys or shapes are not those of the layout."""
    wanted, state = network.state_dict(), dict(normed.state)
    if normed.kind == "none":  # as published it leaves out biases too, which ours has
        for mine, theirs in layout.keys.items():
            if mine.endswith(".bias"):
                state.setdefault(theirs, torch.zeros(wanted[mine].shape))
    lacking = [theirs for theirs in layout.keys.values() if theirs not in state]
    beyond = sorted(set(state) - set(layout.keys.values()))
    if lacking or beyond:
        sentences = [f"lacks {_few(lacking)}"] if lacking else []
        sentences += [f"holds {_few(beyond)}, for which there is no place"] if beyond else []
        raise UserError(
            f"is no published generator that is known here: the nearest is a {layout.words}, and it "
            + ", and ".join(sentences),
            where=where,
            expected=KNOWN,
        )
    for mine, theirs in layout.keys.items():
        if state[theirs].shape != wanted[mine].shape:
            raise UserError(
                f"{theirs} is {list(state[theirs].shape)}, which does not fit the nearest, a {layout.words}",
                where=where,
                expected=str(list(wanted[mine].shape)),
            )
    moved = {mine: state[theirs] for mine, theirs in layout.keys.items()}
    _require_blurs(moved, network, where)
    return moved


def _require_blurs(moved: dict[str, Tensor], network: nn.Module, where: str) -> None:
    """Blurs are no weights: theirs must be ours, up to rounding."""
    for name, layer in network.named_modules():
        theirs = moved.get(f"{name}.filt")
        if theirs is not None and not torch.allclose(theirs, type(layer)(len(theirs)).filt, atol=1e-5):
            raise UserError(
                f"{name}.filt is another blur than CUT's",
                where=where,
                expected="the binomial kernels 1 2 1 (down) and 1 3 3 1 (up)",
            )


def _nothing_known(state: dict[str, Tensor], where: str) -> UserError:
    shapes = {key: tuple(value.shape[2:]) for key, value in state.items() if value.ndim == 4}
    if shapes.get("model.0.weight") == (4, 4):
        what = "is a discriminator (PatchGAN), and only generators translate"
    elif shapes.get("net.0.weight") == (1, 1):
        what = "is a discriminator (PixelGAN), and only generators translate"
    elif "mlp_0.0.weight" in state:
        what = "holds CUT's projection heads (net_F), and only generators translate"
    else:
        what = f"is no generator that is known here: its keys are {_few(state)}"
    return UserError(what, where=where, expected=f"{KNOWN}, such as latest_net_G.pth or latest_net_G_A.pth")


def _few(keys: Iterable[str]) -> str:
    listed = list(keys)
    more = f" and {len(listed) - SHOWN} more" if len(listed) > SHOWN else ""
    return ", ".join(listed[:SHOWN]) + more
