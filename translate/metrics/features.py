"""Features of images: what FID and its kind compare instead of pixels, read once for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from translate.errors import UserError, unknown
from translate.seeds import seed_of

EXTRACTORS: dict[str, str] = {
    "inception": "translate.metrics.inception:Inception",
    "clip": "translate.metrics.clip:Clip",
    "dino": "translate.metrics.dino:Dino",
}
"""Each an `Extractor`, a class that is called with weights, device and download. Somebody's own: "module:Class"."""


@dataclass(frozen=True)
class Features:
    """Of N images: `features` float32 [N, D], and `logits` [N, K] of classes where the extractor has them.

    Has a length, and parts by slice, indices or mask.
    """

    features: NDArray[np.float32]
    logits: NDArray[np.float32] | None = None

    def __len__(self) -> int:
        return len(self.features)

    def __getitem__(self, rows: Any) -> Features:
        return Features(self.features[rows], None if self.logits is None else self.logits[rows])

    @staticmethod
    def concatenated(parts: Sequence[Features]) -> Features:
        """One after the other."""
        logits = [part.logits for part in parts if part.logits is not None]
        return Features(
            np.concatenate([part.features for part in parts]),
            np.concatenate(logits) if logits and len(logits) == len(parts) else None,
        )


class Extractor(Protocol):
    """Reads features out of images."""

    name: str

    def protocol(self) -> dict[str, Any]:
        """What must be equal for numbers to be comparable, as plain JSON values: network, input size, resize filter,
        SHA-256 of the weights."""
        ...

    def __call__(self, images: NDArray[np.uint8]) -> Features:
        """Of uint8 [N, H, W, C], any size, grey or RGB. Does not depend on what else is in the batch."""
        ...


def load(name: str, weights: Path | None = None, device: str = "cpu", download: bool = False) -> Extractor:
    """The extractor of that name, on a device of torch's. Weights: `weights` (a file, or a folder that holds it under
    its usual name), else from the usual caches, else, only if `download`, from their address.

    Raises UserError for unknown names, and when the weights can't be had or are not the published ones.
    """
    if name not in EXTRACTORS and ":" not in name:
        raise unknown("extractor", name, EXTRACTORS, where="--metrics", hint="or module:Class of your own")
    module, _, cls = EXTRACTORS.get(name, name).partition(":")
    try:
        made = getattr(import_module(module), cls)
    except (ImportError, AttributeError, ValueError) as error:
        raise UserError(
            f'there is no extractor "{name}": {error}', where="--metrics", expected="module:Class"
        ) from error
    extractor: Extractor = made(weights, device, download)
    return extractor


def comparable(fake: Features, real: Features, metric: str, least: int) -> tuple[Features, Features]:
    """The two sets as metrics read them: in an order that follows from their values, so that no score depends on that
    of the images.

    Raises UserError for sets of fewer than `least`, of different width, or with values that are no numbers.
    """
    for title, side in (("first", fake), ("second", real)):
        if side.features.ndim != 2:
            raise UserError(f"{metric} needs features [N, D], those of the {title} set are {side.features.shape}")
        if len(side) < least:
            raise UserError(f"{metric} needs {least} images or more of each set, the {title} has {len(side)}")
        bad = ~np.isfinite(side.features).all(axis=1)
        if side.logits is not None:
            bad |= ~np.isfinite(side.logits).all(axis=1)
        if bad.any():
            raise UserError(
                f"the features of {bad.sum()} of {len(side)} images of the {title} set are not finite numbers"
            )
    if fake.features.shape[1] != real.features.shape[1]:
        raise UserError(
            f"{metric} compares features of one extractor, these have {fake.features.shape[1]} and "
            f"{real.features.shape[1]} values an image"
        )
    return _ordered(fake), _ordered(real)


def _ordered(side: Features) -> Features:
    """Sorted along a fixed random line: rounding, which other batch sizes change, moves an image by a place at most."""
    width = side.features.shape[1]
    line = np.random.default_rng(seed_of("order", width)).standard_normal(width)
    places = np.array([row.astype(np.float64) @ line for row in side.features])
    return side[np.argsort(places, kind="stable")]
