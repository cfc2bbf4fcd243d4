"""A configuration planned from what the folder holds, the machine and the time, with a reason for every choice.

The idea is nnU-Net's (Isensee et al. 2021): a fixed recipe turned into numbers by the dataset's fingerprint.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import yaml

from translate import config as configuration
from translate.config import Config
from translate.data.layouts import Dataset, Picture
from translate.domain import Domain, Regime, regime_of
from translate.machine import SIZE, Machine

LOOKED_AT = 200
"""Images of a domain whose headers are read."""

SIDES = (32, 64, 96, 128, 192, 256, 384, 512)
WANTED = {
    Regime.SUPERVISED: 6_000,
    Regime.SEMI_SUPERVISED: 8_000,
    Regime.UNSUPERVISED: 8_000,
    Regime.UNCONDITIONAL: 30_000,
}
"""Images of each domain that a training should at least see: where the embedded and the facade images become good."""

MINUTES = {"cpu": 60.0, "mps": 240.0, "cuda": 480.0}
"""Planned for when no time is given."""


@dataclass(frozen=True)
class Fingerprint:
    """What the plan knows of a dataset; `height` and `width` are medians, in pixels."""

    pairs: int
    only_a: int
    only_b: int
    height: int
    width: int
    channels_a: int
    channels_b: int

    @property
    def regime(self) -> Regime:
        """The regime that the counts allow."""
        return regime_of(self.pairs, self.only_a, self.only_b)

    @property
    def images(self) -> int:
        """Images of the smaller domain (of the only one)."""
        sides = [self.pairs + self.only_b] + ([self.pairs + self.only_a] if self.regime != Regime.UNCONDITIONAL else [])
        return min(sides)


@dataclass(frozen=True)
class Choice:
    """One planned key, its value and why."""

    key: str
    value: Any
    reason: str

    @property
    def shown(self) -> str:
        """The value on one line."""
        return yaml.safe_dump(self.value, default_flow_style=True, width=1000).removesuffix("...\n").strip()


@dataclass(frozen=True)
class Plan:
    """A preset and the choices that change it."""

    preset: str
    choices: tuple[Choice, ...]


def fingerprint(dataset: Dataset) -> Fingerprint:
    """Counts, median size and channels of the training split, from the headers of some images."""
    split = dataset.split("train")
    sizes: list[tuple[int, int]] = []
    channels = {Domain.A: 3, Domain.B: 3}
    for domain in Domain:
        looked = [_header(picture) for picture in _spread(split.of(domain))]
        known = [header for header in looked if header]
        sizes += [(height, width) for height, width, _ in known]
        channels[domain] = 1 if known and all(grey for *_, grey in known) else 3
    height = int(median(h for h, _ in sizes)) if sizes else SIZE
    width = int(median(w for _, w in sizes)) if sizes else SIZE
    counts = len(split.pairs), len(split.only_a), len(split.only_b)
    return Fingerprint(*counts, height, width, channels[Domain.A], channels[Domain.B])


def plan(found: Fingerprint, machine: Machine, minutes: float | None, size: tuple[int, int] | None = None) -> Plan:
    """The choices for a dataset, a machine, the minutes given and, where the user wants one, the training size."""
    regime = found.regime
    gpu = machine.device.startswith("cuda")
    given = minutes is not None
    minutes = minutes or MINUTES[machine.device.split(":")[0]]
    choices: list[Choice] = []

    def choose(key: str, value: Any, reason: str) -> None:
        choices.append(Choice(key, value, reason))

    preset = {
        Regime.SUPERVISED: "pix2pix",
        Regime.SEMI_SUPERVISED: "semi",
        Regime.UNSUPERVISED: "cyclegan" if gpu else "fast",
        Regime.UNCONDITIONAL: "unconditional",
    }[regime]
    choose("preset", preset, f"the data is {regime}" + ("" if gpu or preset != "fast" else ", and there is no GPU"))
    if regime is Regime.SUPERVISED:
        choose("produce", ["b"], "A to B; the other way is --set produce=[a]")
    choose("training.minutes", minutes, "as given" if given else "no --minutes given: a first useful result")
    small = not gpu and regime is not Regime.UNCONDITIONAL
    rate = machine.full_rate if gpu else machine.fast_rate
    # The machine was timed on an unpaired step: six passes through generators; here there is one.
    rate *= {Regime.SUPERVISED: 3, Regime.UNCONDITIONAL: 4}.get(regime, 1)
    budget = rate * minutes * 60
    height, width = size or _size(found, budget, WANTED[regime], square=regime is Regime.UNCONDITIONAL)
    seen = int(budget * SIZE**2 / (height * width))
    choose(
        "data.size",
        [height, width],
        ("as given" if size else f"median image {found.width}x{found.height}")
        + f"; {rate:.0f} images/s at {SIZE} px here, so about {seen:,} are seen in time, {WANTED[regime]:,} wanted",
    )
    if found.channels_a != 3 or found.channels_b != 3:
        choose("data.channels", {"a": found.channels_a, "b": found.channels_b}, "grey images stay grey")
        if found.channels_a != found.channels_b and preset == "cyclegan":
            choose("objective.identity.weight", 0, "no identity between domains of different channels")
    if small:
        wide = 64 if seen < WANTED[regime] else 96
        choose(
            "networks.generator",
            {"name": "fast", "width": wide},
            "no GPU: thinks at a quarter of the size" + (", narrow since time is short" if wide == 64 else ""),
        )
        choose("networks.discriminator.width", 32, "half of the published width, for speed")
    elif preset == "cyclegan":
        blocks = 9 if min(height, width) >= 256 else 6
        choose(
            "networks.generator", {"name": "resnet", "blocks": blocks}, f"{blocks} blocks at this size, as in the paper"
        )
    elif preset == "pix2pix":
        levels = max(n for n in range(2, 9) if height % 2**n == 0 and width % 2**n == 0)
        choose("networks.generator", {"name": "unet", "levels": levels}, "as deep as the size can be halved")
    layers = 3 if min(height, width) >= 64 else 2
    if layers != 3 and regime is not Regime.UNCONDITIONAL:
        choose("networks.discriminator.layers", layers, "a receptive field no larger than the image")
    batch = _batch(regime, gpu, found.images)
    choose("training.batch", batch, "several small images make a step efficient" if batch > 1 else "as in the paper")
    if regime is not Regime.UNCONDITIONAL:
        choose(
            "training.learning_rate", 1e-3 if small else 2e-4, "a larger batch bears it" if small else "as in the paper"
        )
        if small:
            choose("training.ema", 0.99, "a short training has no long past to average")
            choose("training.precision", "auto", "bf16 where the processor computes in it")
    load = [_up(height * 9 // 8), _up(width * 9 // 8)]
    flips: list[Any] = [{"HorizontalFlip": {"p": 0.5}}]
    if regime is not Regime.UNCONDITIONAL:
        choose("data.load_size", load, "room for random crops, an eighth, as 286 is to 256")
        flips.insert(0, {"RandomCrop": {"height": height, "width": width}})
    if found.images < 100:
        flips.append({"RandomBrightnessContrast": {"brightness_limit": 0.1, "contrast_limit": 0.1, "p": 0.5}})
    reason = "crops and flips; flips assume that left and right are alike"
    choose("data.transforms", flips, reason + (", and light, since the images are few" if found.images < 100 else ""))
    choose("training.schedule", "linear", "the rate falls to 0 over the second half")
    return Plan(preset, tuple(choices))


def configure(planned: Plan, settings: Sequence[str]) -> Config:
    """The plan as an ordinary configuration; `settings` (KEY=VALUE) still have the last word."""
    tree = yaml.safe_load(configuration.presets()[planned.preset].read_text(encoding="utf-8"))
    for choice in planned.choices:
        if choice.key == "preset":
            continue
        *parents, last = choice.key.split(".")
        place = tree
        for parent in parents:
            place = place.setdefault(parent, {})
        place[last] = choice.value
    return configuration.parse(yaml.safe_dump(tree), settings, where="the plan")


def asked(settings: Sequence[str]) -> tuple[str | int, tuple[int, int] | None]:
    """The data.pairs and data.size among KEY=VALUE settings: they are needed before there is a configuration."""
    early = [s for s in settings if s.startswith(("data.pairs=", "data.size="))]
    data = configuration.parse("{}", early, where="--set").data
    return data.pairs, data.size if "size" in data.model_fields_set else None


def _size(found: Fingerprint, budget: float, wanted: int, square: bool) -> tuple[int, int]:
    """The largest (height, width) within a budget of images at 64 px; never above the images' own."""
    aspect = 1.0 if square else found.width / found.height
    best = None
    for side in SIDES:
        step = 16 if side < 96 else 32  # rounded down, never above the image; a U-Net can halve it 4 or 5 times
        short, long = side, max(side, int(side * max(aspect, 1 / aspect) / step + 1e-6) * step)
        height, width = (short, long) if aspect >= 1 else (long, short)
        seen = int(budget * SIZE**2 / (height * width))
        if best is None or (side <= min(found.height, found.width) * 1.1 and seen >= wanted):
            best = height, width
    assert best is not None
    return best


def _batch(regime: Regime, gpu: bool, images: int) -> int:
    if regime is Regime.UNCONDITIONAL:
        return min(64, images)
    return 1 if gpu else min(8, images)


def _up(length: int) -> int:
    return -(-length // 2) * 2


def _spread(pictures: list[Picture]) -> list[Picture]:
    step = max(1, len(pictures) // LOOKED_AT)
    return pictures[::step][:LOOKED_AT]


def _header(picture: Picture) -> tuple[int, int, bool] | None:
    from PIL import Image

    try:
        with Image.open(picture.path) as image:
            width, height = image.size
            grey = image.mode in ("1", "L", "LA", "I", "I;16", "F")
    except (OSError, ValueError):  # reading the data names the unreadable; a fingerprint can do without
        return None
    return height, width // 2 if picture.half else width, grey
