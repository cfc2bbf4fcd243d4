"""The typed sections of a configuration, their defaults, and what goes together."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_serializer, field_validator, model_validator

from translate.domain import Domain
from translate.errors import nearest
from translate.yaml_tree import dumped

Side = Annotated[int, Field(gt=0)]
Size = tuple[Side, Side]
Weights = Annotated[list[tuple[float, float]], Field(min_length=1)]
Entry = str | dict[str, Any]


class Strict(BaseModel):
    """A section of the configuration; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid")


class Channels(Strict):
    """Channels of the two domains' images: 1 (grey) or 3 (RGB)."""

    a: Literal[1, 3] = 3
    b: Literal[1, 3] = 3


class Frames(Strict):
    """Frames that a picture of each domain holds side by side, the oldest left; they become channels."""

    a: int = Field(1, gt=0)
    b: int = Field(1, gt=0)


class Data(Strict):
    """What is read from disk and how it becomes a batch."""

    root: str | None = None
    size: Size = Field((256, 256), description="height and width that the networks are trained on")
    load_size: Size | None = Field(None, description="height and width of the cached image; null: the training size")
    channels: Channels = Channels()
    frames: Frames = Frames()
    pairs: Annotated[int, Field(ge=0)] | Literal["all", "stem"] = "all"
    paired_share: float | None = Field(
        None, ge=0, le=1, description="share of paired rows in a batch; null: as in the data"
    )
    transforms: list[Entry] = Field([], description="albumentations, the same draw for both images of a pair")
    input_transforms: list[Entry] = Field([], description="albumentations on the input (A) alone, after `transforms`")
    cache: Literal["auto", "memory", "disk", "off"] = "auto"
    workers: int = Field(0, ge=0, description="loader processes (threads for archives and URLs); 0: threads, as needed")
    window: int = Field(16, gt=0, description="archives that are mixed at a time, where pictures lie in such")
    cache_gb: float | None = Field(
        None, ge=0, description="copies of archives behind URLs that are kept here; null: half the free disk; 0: none"
    )

    @field_validator("cache", mode="before")
    @classmethod
    def _off_is_a_word(cls, value: object) -> object:
        return "off" if value is False else value  # which YAML takes it for


class Component(BaseModel):
    """A network by name, with its own options beside the name."""

    model_config = ConfigDict(extra="allow")
    name: str

    @model_validator(mode="before")
    @classmethod
    def _name_alone(cls, given: Any) -> Any:
        return {"name": given} if isinstance(given, str) else given

    @property
    def options(self) -> dict[str, Any]:
        """The options, without the name."""
        return dict(self.model_extra or {})


class Latent(Strict):
    """The latent z that generators draw, and where it enters."""

    dimension: int = Field(128, gt=0)
    prior: Literal["normal", "uniform", "truncated_normal"] = "normal"
    limit: float = Field(2.0, gt=0, description="of the truncated normal prior: no value beyond")
    enter: Literal["alone", "maps", "bottleneck", "add", "norm"] = Field(
        "alone",
        description="alone: z is all that the generator gets, so A is the prior; else how z enters beside an image: "
        "as maps at the input, as maps at the bottleneck, added there, or by adaptive normalisation",
    )

    @model_validator(mode="before")
    @classmethod
    def _dimension_alone(cls, given: Any) -> Any:
        return {"dimension": given} if isinstance(given, int) else given

    @model_validator(mode="after")
    def _limits_apply(self) -> Latent:
        if self.prior != "truncated_normal" and self.limit != Latent.model_fields["limit"].default:
            raise ValueError(f"a {self.prior} prior has no `limit`: write `prior: truncated_normal`, or leave it out")
        return self


class Networks(Strict):
    """Which networks play."""

    generator: Component = Component(name="resnet")
    discriminator: Component | None = Field(Component(name="patchgan"), description="null: none judges")
    encoder: Component | None = Field(None, description="reads the latent out of images of B; null: none")
    conditional: bool = Field(False, description="the discriminator sees the input beside the output (pix2pix, eq. 1)")
    latent: Latent | None = Field(None, description="a latent prior; a number is short for its dimension")
    classes: Literal["folders"] | Annotated[list[str], Field(min_length=2)] | None = Field(
        None, description="folders: the folders' names are the images' classes, and the networks are told them"
    )
    initialise: Literal["normal", "xavier", "kaiming", "orthogonal", "own"] = Field(
        "normal", description="own: as the networks initialise themselves"
    )
    gain: float = Field(0.02, description="the standard deviation of `normal`, else a factor; `own` takes none")


class Term(BaseModel):
    """One weighted term of the objective, with its own options beside the weight."""

    model_config = ConfigDict(extra="allow")
    term: str | None = Field(None, description="the term's name in the table; null: the key it stands under")
    weight: float | Weights = Field(1.0, description="or [[progress, weight], ...], linear between")
    every: int = Field(1, gt=0, description="computed in each k-th step alone, and k times as strong there (lazy)")

    @property
    def options(self) -> dict[str, Any]:
        """The options, without name and weight."""
        return dict(self.model_extra or {})


AUTO = 0
"""A batch that is not known yet: `training.batch: auto`."""


class Training(Strict):
    """How long and how fast the two players learn."""

    steps: int = Field(200_000, gt=0, description="optimiser steps")
    minutes: float | None = Field(None, gt=0, description="stop after this much training time instead of `steps`")
    batch: int = Field(1, ge=0, description="rows of a step; auto: as many as memory holds")
    accumulate: int = Field(1, gt=0, description="parts that a batch is computed in")
    learning_rate: float = Field(2e-4, gt=0)
    discriminator_learning_rate: float | None = Field(None, gt=0, description="null: as the generator's")
    betas: tuple[float, float] = (0.5, 0.999)
    schedule: Literal["constant", "linear", "cosine"] = "linear"
    decay_from: float = Field(0.5, ge=0, lt=1, description="share of the training after which the rate falls to 0")
    warmup: float = Field(0.0, ge=0, lt=1, description="share of the training over which the rate rises from 0")
    optimizer: Literal["adam", "rmsprop"] = "adam"
    discriminator_steps: int = Field(1, gt=0, description="moves of the discriminator for one of the generator")
    clip: float | None = Field(None, gt=0, description="largest gradient norm")
    weight_clip: float | None = Field(None, gt=0, description="largest weight of a discriminator (WGAN)")
    ema: float = Field(0.999, ge=0, lt=1, description="decay of the generators' moving average; 0: none")
    precision: Literal["fp32", "tf32", "bf16", "fp16", "auto"] = Field(
        "tf32",
        description="tf32: fp32 whose products an NVIDIA GPU rounds to 10 bits; fp16 with a loss scale; "
        "auto: bf16 where the device computes in it, else tf32",
    )
    compile: bool = Field(False, description="networks as compiled code (torch.compile) where that works")
    activation_checkpointing: bool = Field(
        False, description="generators are computed again in the backward pass: less memory, same numbers, slower"
    )
    seed: int = Field(0, ge=0, lt=2**31)
    start: str | None = Field(
        None, description="a run whose generators this one begins with; null: as `networks.initialise` says"
    )

    @field_validator("batch", mode="before")
    @classmethod
    def _auto_is_a_word(cls, given: Any) -> Any:
        if isinstance(given, int | float) and given <= 0:
            raise ValueError("Input should be greater than 0, or auto")
        if isinstance(given, str) and given != "auto" and not given.isdigit():
            raise ValueError(f'Input should be a whole number greater than 0, or auto, not "{given}"')
        return AUTO if given == "auto" else given

    @field_serializer("batch")
    def _auto_as_written(self, batch: int) -> int | str:
        return "auto" if batch == AUTO else batch

    @model_validator(mode="after")
    def _parts_hold_rows(self) -> Training:
        if self.batch != AUTO and self.accumulate > self.batch:
            raise ValueError(f"a batch of {self.batch} can't be computed in {self.accumulate} parts (accumulate)")
        return self


class Judging(Strict):
    """What real and fake images alike go through before a discriminator sees them; gradients pass."""

    transforms: list[Entry] = Field([], description="kornia; differentiable augmentation for small datasets")
    probability: Literal["adaptive"] | Annotated[float, Field(ge=0, le=1)] = Field(
        1.0, description="of each transform for each image; adaptive: as much as keeps the discriminator unsure (ADA)"
    )
    target: float = Field(0.6, gt=0, lt=1, description="of the adaptive probability: mean sign of real logits")
    speed: int = Field(500_000, gt=0, description="images in which the adaptive probability may rise from 0 to 1")
    noise: float | Weights = Field(0.0, description="standard deviation of instance noise, or [[progress, std], ...]")

    @model_validator(mode="after")
    def _all_is_heeded(self) -> Judging:
        if self.probability == "adaptive":
            if not self.transforms:
                raise ValueError(
                    "`probability: adaptive` says how often `judging.transforms` are applied, and there are none"
                )
            return self
        for key in ("target", "speed"):
            if getattr(self, key) != Judging.model_fields[key].default:
                raise ValueError(f"`{key}` is for `probability: adaptive`: write that, or leave it out")
        return self


class Log(Strict):
    """What is written down on the way, and how often (in steps unless it says minutes)."""

    every: int = Field(50, gt=0)
    preview_every: int = Field(500, gt=0)
    preview_rows: int = Field(4, gt=0)
    save_minutes: float = Field(5.0, gt=0)
    keep: int = Field(2, gt=0, description="checkpoints kept")


class Evaluation(Strict):
    """Scores on held-out images while training."""

    every: int = Field(500, gt=0, description="steps between two evaluations, if `share` allows")
    metrics: list[str] | None = Field(
        None, description="null: L1 and SSIM of held-out pairs, else the sliced Wasserstein distance; []: no evaluation"
    )
    split: str | None = Field(None, description="null: val, or test where there is none")
    images: int = Field(256, gt=0, description="held-out images at most, evenly spaced")
    best: str | None = Field(None, description="the metric that checkpoints/best.pt is best in; null: the first")
    patience: int | None = Field(None, gt=0, description="stop after so many evaluations without a better one")
    share: float = Field(0.1, gt=0, le=1, description="of the training time, that evaluations may cost")

    @field_validator("metrics")
    @classmethod
    def _known(cls, names: list[str] | None) -> list[str] | None:
        from translate.metrics import DISTRIBUTIONS, TABLE, find  # NumPy, which most configurations need not wait for

        for name in names or ():
            if find(name) is None:
                raise ValueError(f'unknown metric "{name}".{nearest(name, [*TABLE, *DISTRIBUTIONS])}')
        return names


class Config(Strict):
    """A whole training run."""

    data: Data = Data()
    augment: list[Entry] = Field([], description="kornia, on the device, for both players")
    networks: Networks = Networks()
    judging: Judging = Judging()
    produce: list[Domain] = Field([Domain.B, Domain.A], min_length=1, max_length=2)
    objective: dict[str, Term] = {"adversarial": Term(), "cycle": Term(weight=10.0)}
    training: Training = Training()
    evaluation: Evaluation = Evaluation()
    log: Log = Log()

    @field_validator("objective")
    @classmethod
    def _plain_names(cls, objective: dict[str, Term]) -> dict[str, Term]:
        for name in objective:
            if "." in name or not name:
                raise ValueError(f'a term can\'t be called "{name}": a name without dots, and `term: NAME` below it')
        return objective

    @field_validator("produce")
    @classmethod
    def _each_once(cls, produce: list[Domain]) -> list[Domain]:
        if len(set(produce)) < len(produce):
            raise ValueError("each domain once: [b, a], [b] or [a]")
        return produce

    @model_validator(mode="after")
    def _what_goes_together(self) -> Config:
        latent, networks = self.networks.latent, self.networks
        if (self.unconditional or networks.encoder or networks.classes) and self.produce != [Domain.B]:
            key = "classes" if networks.classes else "encoder" if networks.encoder else "latent"
            raise ValueError(f"with `networks.{key}` only B can be produced: write `produce: [b]`")
        if networks.classes and not self.unconditional:
            raise ValueError("classes are for unconditional generators: write `networks.latent` too")
        if networks.encoder and latent is None:
            raise ValueError("an encoder reads latents out of images: write `networks.latent` too")
        if networks.discriminator is None:
            for key, heeded in (
                ("judging", self.judging != Judging()),
                ("training.discriminator_steps", self.training.discriminator_steps > 1),
                ("training.discriminator_learning_rate", self.training.discriminator_learning_rate is not None),
                ("training.weight_clip", self.training.weight_clip is not None),
            ):
                if heeded:
                    raise ValueError(f"`{key}` is set, and there is no discriminator: leave it out")
        return self

    @property
    def unconditional(self) -> bool:
        """Whether the latent is all that the generator gets: A is no image domain, but the prior."""
        return self.networks.latent is not None and self.networks.latent.enter == "alone"

    @property
    def stochastic(self) -> bool:
        """Whether a generator takes a latent beside its image: one input, many outputs."""
        return self.networks.latent is not None and not self.unconditional

    def to_yaml(self) -> str:
        """The configuration as YAML that `load` reads back equal."""
        return dumped(self.model_dump(mode="json"))
