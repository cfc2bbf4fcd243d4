"""A configuration planned from what the folder holds, the machine and the time, with a reason for every choice.

The idea is nnU-Net's (Isensee et al. 2021): a fixed recipe turned into numbers by the dataset's fingerprint.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

import yaml

from translate import config as configuration
from translate.config import Config, Frames
from translate.data.layouts import Dataset, Picture
from translate.domain import Domain, Regime, regime_of
from translate.machine import SIZE, Machine

LOOKED_AT = 200
"""Images of a domain whose headers are read."""

SIDES = (16, 32, 64, 96, 128, 192, 256, 384, 512)
WANTED = {
    Regime.SUPERVISED: 6_000,
    Regime.SEMI_SUPERVISED: 8_000,
    Regime.UNSUPERVISED: 8_000,
    Regime.UNCONDITIONAL: 30_000,
}
"""Images of each domain that a training should at least see: where the embedded and the facade images become good."""

FEW = 2_000
"""Images from noise: with fewer of them, real and fake are augmented before they are judged (Zhao et al. 2020)."""

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


def fingerprint(dataset: Dataset, frames: Frames | None = None) -> Fingerprint:
    """Counts, median size (of a frame) and channels of the training split, from the headers of some images."""
    split = dataset.split("train")
    sizes: list[tuple[int, int]] = []
    channels = {Domain.A: 3, Domain.B: 3}
    for domain in Domain:
        looked = [_header(picture) for picture in _spread(split.of(domain))]
        known = [header for header in looked if header]
        side_by_side = 1 if frames is None else int(getattr(frames, domain))
        sizes += [(height, width // side_by_side) for height, width, _ in known]
        channels[domain] = 1 if known and all(grey for *_, grey in known) else 3
    height = int(median(h for h, _ in sizes)) if sizes else SIZE
    width = int(median(w for _, w in sizes)) if sizes else SIZE
    counts = len(split.pairs), len(split.only_a), len(split.only_b)
    return Fingerprint(*counts, height, width, channels[Domain.A], channels[Domain.B])


def plan(
    found: Fingerprint,
    machine: Machine,
    minutes: float | None,
    size: tuple[int, int] | None = None,
    steps: int | None = None,
) -> Plan:
    """The choices for a dataset, a machine, the minutes and, where the user wants them, training size and steps."""
    aims = _aims(found, machine, minutes, size)
    if steps is not None:
        aims = replace(aims, seen=steps * aims.batch)
    return Plan(aims.preset, (*_outline(aims), *_networks(aims), *_training(aims), *_data(aims)))


@dataclass(frozen=True)
class _Aims:
    """What the single choices are derived from; `seen`: images of each domain that the time allows for."""

    found: Fingerprint
    preset: str
    gpu: bool
    minutes: float
    timed: bool
    sized: bool
    rate: float
    height: int
    width: int
    seen: int
    batch: int

    @property
    def latent(self) -> bool:
        return self.found.regime is Regime.UNCONDITIONAL

    @property
    def small(self) -> bool:
        """Whether the fast generator is called for."""
        return not self.gpu and not self.latent


def _aims(found: Fingerprint, machine: Machine, minutes: float | None, size: tuple[int, int] | None) -> _Aims:
    regime, gpu = found.regime, machine.device.startswith("cuda")
    preset = {
        Regime.SUPERVISED: "pix2pix",
        Regime.SEMI_SUPERVISED: "semi",
        Regime.UNSUPERVISED: "cyclegan" if gpu else "fast",
        Regime.UNCONDITIONAL: "r3gan",
    }[regime]
    planned = minutes or MINUTES[machine.device.split(":")[0]]
    # The machine was timed on an unpaired step: six passes through generators; here there may be one.
    passes = {Regime.SUPERVISED: 3, Regime.UNCONDITIONAL: 1.5}.get(regime, 1)
    rate = machine.rate * passes
    budget = rate * planned * 60
    height, width = size or _size(found, budget, WANTED[regime], square=regime is Regime.UNCONDITIONAL)
    seen = max(1, int(budget * SIZE**2 / (height * width)))
    batch = _batch(regime, gpu, found.images)
    return _Aims(found, preset, gpu, planned, bool(minutes), bool(size), rate, height, width, seen, batch)


def _outline(aims: _Aims) -> Iterator[Choice]:
    found, regime = aims.found, aims.found.regime
    because = f"the data is {regime}" + (", and there is no GPU" if aims.preset == "fast" else "")
    yield Choice("preset", aims.preset, because)
    if regime is Regime.SUPERVISED:
        yield Choice("produce", ["b"], "A to B; the other way is --set produce=[a]")
    yield Choice(
        "training.minutes", aims.minutes, "as given" if aims.timed else "no --minutes given: a first useful result"
    )
    origin = "as given" if aims.sized else f"median image {found.width}x{found.height}"
    speed = f"{aims.rate:.0f} images/s at {SIZE} px here, so about {aims.seen:,} are seen, {WANTED[regime]:,} wanted"
    yield Choice("data.size", [aims.height, aims.width], f"{origin}; {speed}")
    if found.channels_a != 3 or found.channels_b != 3:
        yield Choice("data.channels", {"a": found.channels_a, "b": found.channels_b}, "grey images stay grey")
        if found.channels_a != found.channels_b and aims.preset == "cyclegan":
            yield Choice("objective.identity.weight", 0, "no identity between domains of different channels")


def _networks(aims: _Aims) -> Iterator[Choice]:
    shorter = min(aims.height, aims.width)
    if aims.small:
        narrow = aims.seen < WANTED[aims.found.regime]
        because = "no GPU: thinks at a quarter of the size" + (", narrow since time is short" if narrow else "")
        yield Choice("networks.generator", {"name": "fast", "width": 64 if narrow else 96}, because)
        yield Choice("networks.discriminator.width", 32, "half of the published width, for speed")
        if aims.preset == "semi":
            because = "this generator starts from doing nothing, where a cycle of 10 would hold it"
            yield Choice("objective.cycle.weight", 4, because)
    elif aims.latent and not aims.gpu:
        because = "no GPU: blocks at half of the size at most, and narrow ones"
        for side in ("generator", "discriminator"):
            yield Choice(f"networks.{side}", {"name": "r3gan", "width": 32, "expansion": 1, "patch": 2}, because)
        for penalty in ("r1", "r2"):
            yield Choice(f"objective.{penalty}.every", 8, "lazy: a penalty costs as much as the rest of the step")
    elif aims.preset in ("cyclegan", "semi"):
        blocks = 9 if shorter >= 256 else 6
        yield Choice(
            "networks.generator", {"name": "resnet", "blocks": blocks}, f"{blocks} blocks at this size (paper)"
        )
    elif aims.preset == "pix2pix":
        levels = max((n for n in range(2, 9) if aims.height % 2**n == aims.width % 2**n == 0), default=2)
        yield Choice("networks.generator", {"name": "unet", "levels": levels}, "as deep as the size can be halved")
    if shorter < 64 and not aims.latent:
        yield Choice("networks.discriminator.layers", 2, "a receptive field no larger than the image")


def _training(aims: _Aims) -> Iterator[Choice]:
    several = "several small images make a step efficient"
    yield Choice("training.batch", aims.batch, several if aims.batch > 1 else "as in the paper")
    if not aims.gpu:
        because = "there is time for few steps" if aims.latent else "a larger batch bears it"
        yield Choice("training.learning_rate", 1e-3, because)
        ema = round(min(0.999, max(0.9, 1 - 20 * aims.batch / aims.seen)), 4)
        yield Choice(
            "training.ema", ema, "averages over about the last twentieth of the training, and ten steps at least"
        )
        yield Choice("training.precision", "auto", "bf16 where the processor computes in it")
    yield Choice("training.schedule", "linear", "the rate falls to 0 over the second half")


def _data(aims: _Aims) -> Iterator[Choice]:
    transforms: list[Any] = [{"HorizontalFlip": {"p": 0.5}}]
    because = "flips assume that left and right are alike"
    if not aims.latent:
        load = [_up(aims.height * 9 // 8), _up(aims.width * 9 // 8)]
        yield Choice("data.load_size", load, "room for random crops, an eighth, as 286 is to 256")
        transforms.insert(0, {"RandomCrop": {"height": aims.height, "width": aims.width}})
    if aims.found.images < 100 and not aims.latent:  # what images are made like is not to be changed
        transforms.append({"RandomBrightnessContrast": {"brightness_limit": 0.1, "contrast_limit": 0.1, "p": 0.5}})
        because += "; light too, since the images are few"
    yield Choice("data.transforms", transforms, because)
    if aims.latent and aims.found.images < FEW:
        shown = [
            {"RandomAffine": {"degrees": 0, "translate": [0.125, 0.125]}},
            {"RandomErasing": {"scale": [0.1, 0.25]}},
        ]
        because = f"fewer than {FEW:,} images: the discriminator would learn them by heart (DiffAugment)"
        yield Choice("judging.transforms", shown, because)


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


def asked(settings: Sequence[str]) -> tuple[str | int, Frames, tuple[int, int] | None]:
    """The data.pairs, data.frames and data.size among KEY=VALUE settings: needed before there is a configuration."""
    early = [s for s in settings if s.startswith(("data.pairs=", "data.frames", "data.size="))]
    data = configuration.parse("{}", early, where="--set").data
    return data.pairs, data.frames, data.size if "size" in data.model_fields_set else None


def _size(found: Fingerprint, budget: float, wanted: int, square: bool) -> tuple[int, int]:
    """The largest (height, width) within a budget of images at 64 px; never above the images' own."""
    aspect = 1.0 if square else found.width / found.height
    best = None
    for side in SIDES:
        if side < 32 <= min(found.height, found.width):  # too small to be of use, where there is more to see
            continue
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
        return min(64 if gpu else 32, images)
    return 1 if gpu else min(8, images)


def _up(length: int) -> int:
    return -(-length // 2) * 2


def _spread(pictures: Sequence[Picture]) -> Sequence[Picture]:
    step = max(1, len(pictures) // LOOKED_AT)
    return pictures[::step][:LOOKED_AT]


def _header(picture: Picture) -> tuple[int, int, bool] | None:
    from PIL import Image

    try:
        with picture.open() as file, Image.open(file) as image:
            width, height = image.size
            grey = image.mode in ("1", "L", "LA", "I", "I;16", "F")
    except (
        Exception
    ):  # a damaged header fails in any way; reading the data names the unreadable; a fingerprint can do without
        return None
    return height, width // 2 if picture.half else width, grey
