"""The typed configuration: YAML in, every key checked, every default filled in; torch is never imported here."""

from __future__ import annotations

import copy
import os
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_serializer, field_validator, model_validator

from translate import signatures
from translate.domain import Domain
from translate.errors import UserError, nearest, unknown
from translate.networks import DISCRIMINATORS, ENCODERS, GENERATORS
from translate.settings import Setting, blamed, from_environment, key_of, origin_of, place_of
from translate.terms import TABLE as TERMS

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

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


def dumped(values: dict[str, Any]) -> str:
    """Plain values as the YAML of a configuration."""
    return yaml.safe_dump(values, sort_keys=False, default_flow_style=None, width=110)


def presets() -> dict[str, Path]:
    """The shipped presets by name: inside the wheel, or beside the package in a checkout."""
    package = Path(str(resources.files("translate")))
    folder = next((f for f in (package / "configs", package.parent / "configs") if f.is_dir()), package / "configs")
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def about(preset: Path) -> str:
    """A preset's opening comment, without the comment signs."""
    lines = []
    for line in preset.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            break
        lines.append(line.removeprefix("#").strip())
    return "\n".join(lines)


FORMER = {"unconditional": "dcgan"}
"""Presets under their former names."""


def find(source: str) -> Path:
    """The file of a preset's name, of a run's folder, or of a path; raises UserError where there is none."""
    known = presets()
    source = FORMER.get(source, source)
    path = known.get(source, Path(source))
    if path.is_dir():
        path = path / "config.yaml"
        if not path.is_file():
            raise UserError("is a folder and no run", where=source, expected="a preset's name, a YAML file or a run")
    if not path.is_file():
        kind = "configuration file" if source.endswith((".yaml", ".yml")) or {"/", os.sep} & {*source} else "preset"
        raise unknown(kind, source, known, hint="`translate presets` lists them; a file of your own ends in .yaml")
    return path


def read(source: str) -> str:
    """The text behind a preset's name, a run's folder or a path; raises UserError."""
    path = find(source)
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise UserError("is no text", where=source, expected="a YAML file, as `translate show PRESET` prints") from None


def load(source: str, settings: Sequence[str] = ()) -> Config:
    """A preset's name, a run's folder or a YAML file, changed by KEY=VALUE settings, checked and completed; raises
    UserError."""
    return parse(read(source), settings, where=source)


def environment() -> list[Setting]:
    """The settings that TRANSLATE_SECTION__KEY=VALUE variables give; raises UserError for a mistake among them."""
    found = from_environment({top: _keys_at(Config, [top]) for top in Config.model_fields})
    check_settings(found)
    return found


LOCK = "training.lock"
"""In a run's folder while it is trained, and before anything else is."""


def refuse_foreign(run: Path) -> None:
    """Raise UserError when `run` holds something, and no run."""
    if (run / "config.yaml").exists() or not run.exists():
        return
    if not run.is_dir() or any(path.name != LOCK for path in run.iterdir()):
        raise UserError(
            f'"{run}" holds other files' if run.is_dir() else f'"{run}" is a file',
            where="--out",
            expected="a new folder, or one that holds a run",
        )


def load_run(run: Path) -> Config:
    """The configuration that a run folder carries."""
    path = run / "config.yaml"
    if not path.is_file():
        raise UserError(
            f'"{run}" is not a run folder',
            expected="a folder that `translate train ... --out RUN` wrote, with config.yaml",
        )
    return parse(path.read_text(encoding="utf-8"), where=str(path))


def parse(text: str, settings: Sequence[str] = (), *, where: str) -> Config:
    """A configuration from YAML text; `where` names it in errors."""
    tree = tree_of(text, where)
    check_settings(settings)
    before = copy.deepcopy(tree)
    for setting in settings:
        put(tree, setting)
    follow_size(tree, before, settings)
    try:
        return validate(tree, where)
    except UserError as error:
        raise blamed(error, settings, where) from None


def tree_of(text: str, where: str) -> dict[str, Any]:
    """YAML text as plain values; raises UserError where it is none, or no mapping."""
    try:
        tree = yaml.load(text, _EachKeyOnce)
    except _TwiceError as error:
        raise UserError(str(error.problem), where=f"{where}:{_line(error.problem_mark)}") from None
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date with a 13th month
        raise _no_yaml(error, where) from None
    tree = {} if tree is None else tree
    if not isinstance(tree, dict):
        raise UserError(f"holds {type(tree).__name__}, not keys", where=where, expected="lines such as `training:`")
    return tree


class _TwiceError(yaml.MarkedYAMLError):
    """A key that its mapping has already."""


class _EachKeyOnce(yaml.SafeLoader):
    """YAML in which no key of a mapping silently replaces another; what is merged (<<) may be."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        lines: dict[tuple[str, str], int] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag == "tag:yaml.org,2002:merge":
                continue
            if before := lines.get((key.tag, key.value)):
                problem = f'"{key.value}" is there already, in line {before}'
                raise _TwiceError(problem=problem, problem_mark=key.start_mark)
            lines[key.tag, key.value] = _line(key.start_mark)
        return node


def _line(mark: yaml.Mark | None) -> int:
    return mark.line + 1 if mark else 1


def _no_yaml(error: Exception, where: str) -> UserError:
    problem = str(getattr(error, "problem", None) or getattr(error, "reason", None) or error)
    problem = (
        problem.removeprefix("but ")
        .replace("'<stream end>'", "the end of the file")
        .replace("of stream", "of the file")
    )
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark:
        mark, begun = error.problem_mark, error.context_mark
        where = f"{where}:{mark.line + 1}:{mark.column + 1}"
        problem += f", in what begins in line {_line(begun)}" if begun and begun.line != mark.line else ""
    hint = 'put text with special characters in quotes, as in key: "text"; `translate show PRESET` prints a pattern'
    return UserError(f"is not YAML: {problem}", where=where, hint=hint)


def follow_size(tree: dict[str, Any], before: dict[str, Any], settings: Sequence[str]) -> None:
    """A data.size among the settings takes the load_size and the random crop of `before` along, unless they are set as
    well."""
    keys = {key_of(setting) for setting in settings}
    if "data.size" in keys and isinstance(before.get("data") or {}, dict):
        _follow_size(tree["data"], before.get("data") or {}, keys)


def _follow_size(data: dict[str, Any], before: dict[str, Any], keys: set[str]) -> None:
    old, new, load = before.get("size"), data["size"], before.get("load_size")
    if not (isinstance(old, list) and isinstance(new, list) and len(old) == len(new) == 2):
        return  # said by the validation
    if load and "data.load_size" not in keys:
        data["load_size"] = [round(full * n / o) for full, n, o in zip(load, new, old, strict=True)]
    if "data.transforms" not in keys:
        for entry in data.get("transforms") or []:
            crop = entry.get("RandomCrop") if isinstance(entry, dict) else None
            if crop == {"height": old[0], "width": old[1]}:
                crop.update(height=new[0], width=new[1])


def check_settings(settings: Sequence[str]) -> None:
    """Raise UserError for a setting without a value, or for a key that no configuration has."""
    for setting in settings:
        key, equals, _ = setting.partition("=")
        if not equals or not key:
            at = origin_of(setting)
            raise UserError(f'"{setting}" sets nothing', where=at, expected="KEY=VALUE, such as training.batch=4")
        path = key.split(".")
        for depth, part in enumerate(path):
            known = _keys_at(Config, path[:depth])
            if not known:  # a component says what it takes, and a value nothing
                above = ".".join(path[:depth])
                if not _has_keys(path[:depth]):
                    raise UserError(
                        f'{above} holds a value and has no key "{part}"',
                        where=place_of(setting),
                        expected=f"{above}=VALUE",
                    )
                continue
            if part not in known:
                elsewhere = [f"{top}.{part}" for top in Config.model_fields if part in _keys_at(Config, [top])]
                close = f' Did you mean "{elsewhere[0]}"?' if elsewhere else nearest(part, known)
                expected = "one of " + ", ".join(known)
                raise UserError(f'unknown key "{part}".{close}', where=place_of(setting), expected=expected)


def validate(tree: dict[str, Any], where: str) -> Config:
    """A configuration from plain values, with every component's options checked and filled in."""
    try:
        config = Config.model_validate(tree)
    except ValidationError as error:
        raise _explain(error, where) from None
    networks = config.networks
    networks.generator = _complete_network("generator", networks.generator, GENERATORS, where)
    if networks.discriminator:
        networks.discriminator = _complete_network("discriminator", networks.discriminator, DISCRIMINATORS, where)
    if networks.encoder:
        networks.encoder = _complete_network("encoder", networks.encoder, ENCODERS, where)
    config.objective = {key: _complete_term(key, term, where) for key, term in config.objective.items()}
    for key, package, below in (
        ("data.transforms", "albumentations", "augmentations"),
        ("data.input_transforms", "albumentations", "augmentations"),
        ("augment", "kornia", "augmentation"),
        ("judging.transforms", "kornia", "augmentation"),
    ):
        _check_entries(_get(config, key), package, below, f"{where}: {key}")
    return config


def _get(config: Config, key: str) -> list[Entry]:
    value: Any = config
    for part in key.split("."):
        value = getattr(value, part)
    return value


def _complete_network(kind: str, given: Component, table: dict[str, str], where: str) -> Component:
    where = f"{where}: networks.{kind}"
    signature = signatures.find(kind, given.name, table, where=where)
    return Component(name=given.name, **signatures.resolve(signature, given.options, where=where))


def _complete_term(key: str, given: Term, where: str) -> Term:
    where = f"{where}: objective.{key}"
    signature = signatures.find("term", given.term or key, TERMS, where=where)
    options = signatures.resolve(signature, given.options, where=where)
    return Term(term=given.term, weight=given.weight, every=given.every, **options)


COMPOSITIONS = {"OneOf", "SomeOf", "Sequential", "OneOrOther", "RandomOrder"}


def _check_entries(entries: list[Entry], package: str, below: str, where: str) -> None:
    for index, entry in enumerate(entries):
        named: dict[str, Any] = {entry: {}} if isinstance(entry, str) else entry
        name, given = next(iter(named.items()), ("", {}))
        # a composition may be given its transforms alone
        arguments: Any = {"transforms": given} if name in COMPOSITIONS and isinstance(given, list) else given or {}
        if not isinstance(arguments, dict):
            raise UserError(
                f"{given!r} are no arguments",
                where=f"{where}[{index}].{name}",
                expected="names and values, such as {p: 0.5}",
            )
        if name in COMPOSITIONS:
            _check_entries(arguments.get("transforms", []), package, below, f"{where}[{index}].{name}")
            continue
        known = signatures.classes_of(package, below)
        if name not in known:
            raise UserError(
                f'{package} has no transform "{name}".{nearest(name, known)}',
                where=f"{where}[{index}]",
                expected=f"the name of a class of {package}",
            )
        allowed = known[name]
        for argument in arguments:
            if allowed is not None and argument not in allowed:
                raise UserError(
                    f'{name} takes no "{argument}".{nearest(argument, allowed)}',
                    where=f"{where}[{index}].{name}",
                    expected="one of " + ", ".join(allowed),
                )


SHORT_FOR = {
    "networks.generator": "name",
    "networks.discriminator": "name",
    "networks.encoder": "name",
    "networks.latent": "dimension",
}
"""Sections that may be given by one value, and the key that it stands for."""


def put(tree: dict[str, Any], setting: str) -> None:
    """Change plain values by a KEY=VALUE setting; raises UserError."""
    key, _, value = setting.partition("=")
    *parents, last = key.split(".")
    for depth, parent in enumerate(parents):
        if parent in ("discriminator", "encoder", "classes") and parent in tree and tree[parent] is None:
            raise UserError(
                f"{'.'.join(parents[: depth + 1])} is null, so there is nothing to change",
                where=place_of(setting),
                expected=f"{'.'.join(parents[: depth + 1])}=NAME first",
            )
        if tree.get(parent) is None:
            tree[parent] = {}
        elif not isinstance(tree[parent], dict):
            above = ".".join(parents[: depth + 1])
            if above not in SHORT_FOR:
                raise UserError(
                    f"{above} is {_as_yaml(tree[parent])}, so there is nothing to change",
                    where=place_of(setting),
                    expected="a section with keys",
                )
            tree[parent] = {SHORT_FOR[above]: tree[parent]}
        tree = tree[parent]
    try:
        chosen = yaml.safe_load(value)
    except (yaml.YAMLError, ValueError):
        raise UserError(f'"{value}" is not a YAML value', where=place_of(setting)) from None
    if last == "latent" and isinstance(chosen, int) and isinstance(tree.get(last), dict):
        tree[last]["dimension"] = chosen  # the short form says nothing of the rest
    else:
        tree[last] = chosen


def _explain(error: ValidationError, where: str) -> UserError:
    first = error.errors()[0]
    path = [str(part) for part in first["loc"]]
    # pydantic appends the union branch that it tried ("int", "literal[...]") to the key: not a key of the user's
    keys = [part for part in path if part.isidentifier() and part not in ("int", "float", "str", "bool")] or path
    if first["type"] == "extra_forbidden":
        known = _keys_at(Config, path[:-1])
        return UserError(
            f'unknown key "{path[-1]}".{nearest(path[-1], known)}',
            where=f"{where}: {'.'.join(path)}",
            expected="one of " + ", ".join(known) if known else None,
        )
    place = f"{where}: {'.'.join(keys)}" if keys else where
    if first["type"] == "value_error":
        return UserError(first["msg"].removeprefix("Value error, "), where=place)
    same = [e for e in error.errors() if e["loc"][: len(keys)] == first["loc"][: len(keys)]]
    wanted = ", or ".join(dict.fromkeys(words for one in same if (words := _in_words(one))))
    said = f"Input should be {wanted}" if _in_words(first) else first["msg"]
    return UserError(f"{said}, found {_as_yaml(first['input'])}", where=place)


_WORDS = {
    "int_type": "a whole number such as 1000",
    "int_parsing": "a whole number such as 1000",
    "int_from_float": "a whole number such as 1000",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "string_type": "text",
    "list_type": "a list in [brackets]",
    "dict_type": "a section with keys",
}


def _in_words(error: ErrorDetails) -> str:
    """What pydantic's "Input should be ..." asks for, without the names of Python's types; "" where it says no such."""
    kind, given = error["type"], error["input"]
    if kind == "model_type":
        models: list[type[BaseModel]] = [Component, Term, *Strict.__subclasses__()]
        model = next(one for one in models if one.__name__ == error["ctx"]["class_name"])
        short = "a name or " if model is Component else "a number or " if model is Latent else ""
        more = " ..." if len(model.model_fields) > 2 or model.model_config.get("extra") == "allow" else ""
        return f"{short}a section with keys ({', '.join([*model.model_fields][:2])}{more})"
    pair = kind == "too_long" and error["ctx"].get("field_type") == "Tuple"
    if kind == "tuple_type" or pair or (kind == "missing" and isinstance(error["loc"][-1], int)):
        example = [given, given] if "size" in str(error["loc"]) and type(given) is int and given > 0 else None
        return f"two numbers, such as {example or [*_default_at(error['loc'])]}"
    return _WORDS.get(kind) or error["msg"].partition("Input should be ")[2]


def _default_at(path: tuple[int | str, ...]) -> tuple[float, ...]:
    """The default of the key whose value should be two numbers."""
    size = Data().size
    defaults: dict[str, tuple[float, ...]] = {"betas": Training().betas, "size": size, "load_size": size}
    return next((defaults[str(part)] for part in path if part in defaults), (0, 1))


def _as_yaml(value: Any) -> str:
    """A value as it is typed: null, true, [32]."""
    return yaml.safe_dump(value, default_flow_style=True, width=10**6, sort_keys=False).removesuffix("...\n").strip()


def _has_keys(path: Sequence[str]) -> bool:
    """Whether there may be keys below this one; what a component makes of its own options is not known here."""
    kinds: list[Any] = [Config]
    for part in path:
        kinds = [kind for above in kinds for kind in _kinds_below(above, part)]
    return any(kind is Any or kind is dict or _is_model(kind) for kind in (get_origin(one) or one for one in kinds))


def _kinds_below(kind: Any, part: str) -> list[Any]:
    if kind is Any:
        return [Any]
    if get_origin(kind) is dict:
        return [get_args(kind)[1]]
    if not _is_model(kind):
        return []
    field = kind.model_fields.get(part)
    if field is None:
        return [Any] if kind.model_config.get("extra") == "allow" else []
    return [*get_args(field.annotation)] if get_origin(field.annotation) in (Union, UnionType) else [field.annotation]


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _keys_at(model: type[BaseModel], path: list[str]) -> list[str]:
    for part in path:
        field = model.model_fields.get(part)
        kind = field.annotation if field else None
        if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
            return []
        model = kind
    if model.model_config.get("extra") == "allow":
        return []
    return list(model.model_fields)
