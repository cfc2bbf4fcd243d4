"""Pictures as a model sees them, and what it makes of them, as uint8."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from translate.data import images
from translate.data.images import Pixels, Unreadable
from translate.data.layouts import Picture, Split
from translate.domain import Domain

if TYPE_CHECKING:
    from torch import Tensor

    from translate.inference.model import Model

BATCH = 16


def at_size(picture: Picture, domain: Domain, model: Model) -> Pixels:
    """The picture at the training size, uint8 [H, W, C]; frames are behind one another. Raises Unreadable."""
    return images.resize(images.decode(picture, model.channels[domain], model.frames[domain]), model.size)


def readable(pictures: Iterable[Picture], domain: Domain, model: Model, unreadable: list[str]) -> Iterator[Pixels]:
    """Those pictures at the training size that can be read; the others are named in `unreadable`."""
    for picture in pictures:
        try:
            yield at_size(picture, domain, model)
        except Unreadable as error:
            unreadable.append(str(error))


def translated(model: Model, inputs: list[Pixels], to: Domain, latents: Tensor | None = None) -> Pixels:
    """The model's outputs [N, H, W, C'] of inputs of one size; `latents` [N, Z] of a stochastic one."""
    return images.to_uint8(model(images.to_tensor(np.stack(inputs)), to, latents))


def untranslated(given: Pixels, to: Domain, model: Model) -> Pixels:
    """The output of doing nothing: the input itself, in the channels of `to`; of several frames the newest, unmoved."""
    newest = images.last_frame(given, model.channels[to.other])
    return np.tile(recoloured(newest, model.channels[to]), (1, 1, model.frames[to]))


def recoloured(pixels: Pixels, channels: int) -> Pixels:
    """uint8 [H, W, C] with `channels` channels: grey repeated to RGB, or the ITU-R 601 luma of RGB."""
    if pixels.shape[2] == channels:
        return pixels
    if channels == 3:
        return np.repeat(pixels, 3, axis=2)
    return np.asarray(Image.fromarray(pixels).convert("L"))[:, :, None]


def side_of(domain: Domain) -> int:
    """The place of a domain's picture in a pair."""
    return 0 if domain is Domain.A else 1


def side(split: Split, domain: Domain) -> Sequence[Picture]:
    """The pictures of a domain: those of the pairs alone, where there are pairs."""
    return [pair[side_of(domain)] for pair in split.pairs] or split.of(domain)


def spread(count: int, chosen: int) -> list[int]:
    """At most `chosen` of `count` places, evenly spaced: the middle of each stretch, as sorted names often put one odd
    kind first."""
    return list(range(count)) if count <= chosen else [(2 * i + 1) * count // (2 * chosen) for i in range(chosen)]
