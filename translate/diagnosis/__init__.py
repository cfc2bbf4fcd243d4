"""Diagnosis that explains itself: what is wrong with a run or its data, by which evidence, and what to try."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from translate.data.layouts import Dataset

    Function = Callable[[NDArray[np.float32]], NDArray[np.float32]]

OF_IMAGES: dict[str, str] = {
    "mode_collapse": "translate.diagnosis.mode_collapse:mode_collapse",
    "mode_dropping": "translate.diagnosis.mode_dropping:mode_dropping",
    "memorisation": "translate.diagnosis.memorisation:memorisation",
    "colour_inversion": "translate.diagnosis.colour_inversion:colour_inversion",
    "identity_shortcut": "translate.diagnosis.identity_shortcut:identity_shortcut",
    "hidden_information": "translate.diagnosis.hidden_information:hidden_information",
    "lost_content": "translate.diagnosis.lost_content:lost_content",
    "checkerboard": "translate.diagnosis.checkerboard:checkerboard",
}
"""Functions of `Seen` and a seed: a list of findings, empty where nothing is found or too little is there to tell."""

OF_LOG: dict[str, str] = {
    "discriminator_won": "translate.diagnosis.discriminator:discriminator_won",
    "discriminator_lost": "translate.diagnosis.discriminator:discriminator_lost",
    "not_a_number": "translate.diagnosis.numbers:not_a_number",
    "exploding_gradients": "translate.diagnosis.numbers:exploding_gradients",
}
"""Functions of the rows of a log, alike."""

OF_DATA: dict[str, str] = {
    "leak": "translate.diagnosis.leak:leak",
}
"""Functions of a dataset, alike."""

TABLE: dict[str, str] = {**OF_IMAGES, **OF_LOG, **OF_DATA}
"""All findings by name, as "module:function"; docs/diagnosis.md says what each means."""

EXPLAINS: dict[str, set[str]] = {
    "mode_collapse": {"mode_dropping", "lost_content"},
    "colour_inversion": {"mode_dropping"},
    "identity_shortcut": {"mode_dropping"},
}
"""What follows from a finding and so is not said beside it."""

SMALLEST = 16
"""Pixels of the shorter side below which nothing is said of images."""
ENOUGH = 16
"""Images below which nothing is said of a set; some findings want more."""


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong: what was seen (`message`), the numbers (`evidence`), and what to type or change
    (`advice`). `error`: the result is of no use as it is; `warning`: it may be. `direction`: "a2b", "b2a", "sample",
    or None where it concerns the whole run."""

    name: str
    severity: Literal["warning", "error"]
    message: str
    advice: str
    evidence: dict[str, Any]
    direction: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Plain values: name, severity, direction, evidence (floats to four digits, null for what is no number),
        message and try."""
        return {
            "name": self.name,
            "severity": self.severity,
            "direction": self.direction,
            "evidence": _plain(self.evidence),
            "message": self.message,
            "try": self.advice,
        }


@dataclass(frozen=True, eq=False)
class Seen:
    """What is known of one direction ("a2b", "b2a", or "sample" for a run from noise); all images are of one size.

    `outputs` uint8 [N, H, W, C]: what the (averaged) generator made. `reals` [M, H, W, C]: held-out images of the
    produced domain. `inputs` [N, H, W, C']: what the outputs were made of, and `truths` [N, H, W, C]: the held-out
    truths where there are pairs, both row by row. `known` [K, H, W, C]: training images of the produced domain.
    `exact` float32 [N, H, W, C]: the outputs before rounding, in grey levels 0 to 255. `back` and `forth`: the other
    direction's and this direction's generator, from grey levels [n, H, W, .] to grey levels; `forth` makes the exact
    outputs where they are not given. Frames are channels.
    Raises ValueError where rows or sizes do not match.
    """

    direction: str
    outputs: NDArray[np.uint8]
    reals: NDArray[np.uint8]
    inputs: NDArray[np.uint8] | None = None
    truths: NDArray[np.uint8] | None = None
    known: NDArray[np.uint8] | None = None
    exact: NDArray[np.float32] | None = None
    back: Function | None = None
    forth: Function | None = None

    def __post_init__(self) -> None:
        for name in ("inputs", "truths", "exact"):
            rows = getattr(self, name)
            if rows is not None and len(rows) != len(self.outputs):
                raise ValueError(f"{len(rows)} {name} for {len(self.outputs)} outputs")
        for name in ("reals", "truths", "known", "exact"):
            images = getattr(self, name)
            if images is not None and images.shape[1:] != self.outputs.shape[1:]:
                raise ValueError(f"{name} {images.shape[1:]} beside outputs {self.outputs.shape[1:]}")
        if self.inputs is not None and self.inputs.shape[1:3] != self.outputs.shape[1:3]:
            raise ValueError(f"inputs {self.inputs.shape[1:]} beside outputs {self.outputs.shape[1:]}")

    @cached_property
    def small(self) -> dict[str, NDArray[np.float32]]:
        """Thumbnails [N, 16 * 16 * C] of outputs, reals, and, where they are there, inputs and known images."""
        from translate.diagnosis.thumbnails import thumbnails

        sets = {name: getattr(self, name) for name in ("outputs", "reals", "inputs", "known")}
        return {name: thumbnails(images) for name, images in sets.items() if images is not None}

    @cached_property
    def shown(self) -> NDArray[np.uint8]:
        """The inputs [N, H, W, C] as they look when nothing is done to them, in the channels of the outputs."""
        from translate.diagnosis.luma import recoloured

        assert self.inputs is not None, "asked for where there are inputs"
        return recoloured(self.inputs, self.outputs.shape[-1])

    def fewer(self, outputs: int, reals: int, known: int) -> Seen:
        """At most so many of each, evenly spaced."""
        rows, others = _spread(len(self.outputs), outputs), _spread(len(self.reals), reals)
        chosen: dict[str, Any] = {
            name: None if (images := getattr(self, name)) is None else images[rows]
            for name in ("inputs", "truths", "exact")
        }
        kept = None if self.known is None else self.known[_spread(len(self.known), known)]
        return replace(self, outputs=self.outputs[rows], reals=self.reals[others], known=kept, **chosen)


def of_images(seen: Seen, seed: int = 0) -> list[Finding]:
    """What is wrong with the images of one direction, errors first. At most 1,000 outputs and held-out images and
    8,000 training images are looked at."""
    if min(*seen.outputs.shape[1:3], *seen.reals.shape[1:3]) < SMALLEST or min(len(seen.outputs), len(seen.reals)) < 1:
        return []
    looked = seen.fewer(1000, 1000, 8000)
    found = [finding for place in OF_IMAGES.values() for finding in _load(place)(looked, seed)]
    explained = {name for finding in found for name in EXPLAINS.get(finding.name, ())}
    return _errors_first([replace(f, direction=seen.direction) for f in found if f.name not in explained])


def of_log(rows: Sequence[Mapping[str, float]]) -> list[Finding]:
    """What is wrong with a training so far, by the rows of its log (`translate.log.read`), errors first. Rows may also
    hold "score/DIRECTION/swd", a held-out score, and "floor/DIRECTION/swd", what training images score in its place."""
    return _errors_first([finding for place in OF_LOG.values() for finding in _load(place)(rows)])


def of_data(dataset: Dataset) -> list[Finding]:
    """What is wrong with a dataset, errors first; its pictures are decoded once."""
    return _errors_first([finding for place in OF_DATA.values() for finding in _load(place)(dataset)])


def _load(place: str) -> Callable[..., list[Finding]]:
    module, _, name = place.partition(":")
    function: Callable[..., list[Finding]] = getattr(import_module(module), name)
    return function


def _errors_first(findings: list[Finding]) -> list[Finding]:
    return sorted(findings, key=lambda finding: finding.severity != "error")


def _spread(count: int, chosen: int) -> list[int]:
    return list(range(count)) if count <= chosen else [(2 * i + 1) * count // (2 * chosen) for i in range(chosen)]


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(child) for key, child in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(child) for child in value]
    value = value.item() if hasattr(value, "item") else value
    if isinstance(value, float):
        return float(f"{value:.4g}") if math.isfinite(value) else None
    return value
