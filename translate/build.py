"""The only place where a name becomes an object."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

import torch
from torch import nn
from torch.nn.utils import parametrize

from translate.computing.compiling import compile_networks
from translate.computing.recompute import recompute
from translate.config import Component, Config, Term
from translate.domain import Batch, Domain
from translate.errors import UserError
from translate.judging import Judging
from translate.networks import DISCRIMINATORS, ENCODERS, GENERATORS
from translate.networks.initialise import initialise
from translate.networks.latent import LatentInput
from translate.objective import Objective
from translate.prior import Prior
from translate.terms import TABLE as TERMS
from translate.trainer import Trainer
from translate.translations import Networks, Translations


def named(target: str) -> Any:
    """The object behind "module:Name"."""
    module, _, name = target.partition(":")
    return getattr(import_module(module), name)


def channels_of(config: Config, domain: Domain) -> int:
    """Channels of a domain's images as the networks see them: those of all frames."""
    return int(getattr(config.data.channels, domain) * getattr(config.data.frames, domain))


def prior_of(config: Config) -> Prior | None:
    """The prior that generators draw from, where there is one."""
    latent = config.networks.latent
    return None if latent is None else Prior(latent.dimension, latent.prior, latent.limit)


def generators(config: Config) -> nn.ModuleDict:
    """A generator for each produced domain, untrained."""
    made = {str(domain): _generator(config, domain) for domain in config.produce}
    return nn.ModuleDict(made)


def _generator(config: Config, domain: Domain) -> nn.Module:
    component, latent = config.networks.generator, config.networks.latent
    cls = named(GENERATORS.get(component.name, component.name))
    out_channels = channels_of(config, domain)
    if getattr(cls, "latent_input", False) != config.unconditional:
        raise UserError(
            f'"{component.name}" draws from {"a latent" if getattr(cls, "latent_input", False) else "an image"}',
            where="networks.generator",
            expected="a latent generator with `networks.latent`, an image generator without one or with "
            "`networks.latent.enter`",
        )
    where = "networks.generator"
    if latent is not None and config.unconditional:
        classes = _classes(config, cls, where, component)
        return _made(cls, where, component, latent.dimension, out_channels, config.data.size, *classes)
    beside = []
    if latent is not None:
        if not getattr(cls, "takes_latent", False):
            raise UserError(
                f'"{component.name}" takes no latent beside its image',
                where=where,
                expected="a generator that does: " + ", ".join(n for n in ("resnet", "unet", "fast")),
            )
        beside = [LatentInput(latent.dimension, latent.enter)]  # type: ignore[arg-type]  # "alone" was above
    network = _made(cls, where, component, channels_of(config, domain.other), out_channels, *beside)
    for side, length in zip(("height", "width"), config.data.size, strict=True):
        if length % network.stride:
            below = length // network.stride * network.stride
            options = [str(n) for n in (below, below + network.stride) if n]
            deep = "; or fewer networks.generator.levels" if "levels" in component.options else ""
            raise UserError(
                f"{side} {length} is no multiple of {network.stride}, the stride of this generator",
                where="data.size",
                expected=" or ".join(options) + deep,
            )
    return network


def _classes(config: Config, cls: Any, where: str, component: Component) -> list[int]:
    """How many classes a network is told of, as its further argument; none for those that don't know classes."""
    if getattr(cls, "takes_classes", False):
        return [len(config.networks.classes or ())]
    if config.networks.classes:
        raise UserError(
            f'"{component.name}" can\'t be told classes',
            where=where,
            expected="a network that can, such as biggan, or `networks.classes: null`",
        )
    return []


def discriminators(config: Config) -> nn.ModuleDict:
    """A discriminator for each produced domain, untrained; none where the configuration has none."""
    component = config.networks.discriminator
    made = {str(domain): _discriminator(config, component, domain) for domain in config.produce if component}
    return nn.ModuleDict(made)


def _discriminator(config: Config, component: Component, domain: Domain) -> nn.Module:
    cls = named(DISCRIMINATORS.get(component.name, component.name))
    channels = channels_of(config, domain)
    if config.networks.conditional:
        channels += channels_of(config, domain.other)
    size = [config.data.size] if getattr(cls, "needs_size", False) else []
    where = "networks.discriminator"
    return _made(cls, where, component, channels, *size, *_classes(config, cls, where, component))


def encoders(config: Config) -> nn.ModuleDict:
    """The encoder that reads latents out of images of B, untrained, where the configuration has one."""
    component, latent = config.networks.encoder, config.networks.latent
    if component is None or latent is None:
        return nn.ModuleDict()
    cls = named(ENCODERS.get(component.name, component.name))
    channels = channels_of(config, Domain.B)
    where = "networks.encoder"
    return nn.ModuleDict({"b": _made(cls, where, component, channels, latent.dimension, config.data.size)})


def _made(cls: Any, where: str, component: Component | Term, *fixed: Any) -> Any:
    try:
        return cls(*fixed, **component.options)
    except UserError as error:
        raise error.within(where) from None
    except (ValueError, TypeError, RuntimeError, ZeroDivisionError) as error:
        given = ", ".join(f"{key}: {value}" for key, value in component.options.items())
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"can't be made with {given or 'no options'} ({reason})", where=where) from error


def blank(config: Config) -> Batch:
    """A batch as the data will give it, of grey pictures: enough to see whether all can be built."""
    domains = [Domain.B] if config.unconditional else list(Domain)
    rows = 2
    images = {domain: torch.zeros(rows, channels_of(config, domain), *config.data.size) for domain in domains}
    labels = torch.zeros(rows, dtype=torch.int64) if config.networks.classes else None
    return Batch(images, paired=0 if config.unconditional else rows, labels=labels)


def trainer(
    config: Config, sample: Batch, device: torch.device, warn: Callable[[str], None] = lambda sentence: None
) -> Trainer:
    """Networks, objective and optimisers, initialised from the seed; `sample` sizes the terms' heads.

    `warn` is told where networks that should be compiled can't be.
    """
    torch.manual_seed(config.training.seed)
    judging = config.judging
    networks = Networks(
        generators(config),
        discriminators(config),
        config.networks.conditional,
        encoders(config),
        prior_of(config),
        Judging(judging.transforms, judging.probability, judging.target, judging.speed, judging.noise),
    )
    # Instance norm copies channels-last images back and forth on a CPU; tensor cores want them so.
    layout = torch.channels_last if device.type == "cuda" else torch.contiguous_format
    for _, group in networks.modules():
        if config.networks.initialise != "own":
            initialise(group, config.networks.initialise, config.networks.gain)
        group.to(device).to(memory_format=layout)
    terms = {}
    for key, term in config.objective.items():
        name = term.term or key
        terms[key] = _made(named(TERMS.get(name, name)), f"objective.{key}", term)
        if hasattr(terms[key], "prepare"):
            try:
                terms[key].prepare(networks, sample.to(device))
            except UserError as error:
                raise error.within(f"objective.{key}") from None
    _require_held(config, terms, networks)
    weights = {key: term.weight for key, term in config.objective.items()}
    every = {key: term.every for key, term in config.objective.items()}
    objective = Objective(terms, weights, every).to(device)
    _try(config, networks, device)
    made = Trainer(networks, objective, config.training, device)
    if config.training.activation_checkpointing:
        for network in networks.generator.children():
            recompute(network)
    if config.training.compile:
        said = compile_networks(made, sample)
        if said is not None:
            warn(said)
    return made


def _require_held(config: Config, terms: Mapping[str, nn.Module], networks: Networks) -> None:
    """UserError for a game whose discriminator has no bound of its own and is given none (see Game.bounded)."""
    objective = {key: (terms[key], term.weight) for key, term in config.objective.items()}
    held = (
        any(hasattr(term, "holds_discriminator") and weight != 0 for term, weight in objective.values())
        or config.training.weight_clip is not None
        or any(parametrize.is_parametrized(layer) for layer in networks.discriminator.modules())
    )
    for key, (term, weight) in objective.items():
        if weight != 0 and not held and not getattr(getattr(term, "game", None), "bounded", True):
            raise UserError(
                "nothing holds the discriminator, which can win this game without end by growing steeper",
                where=f"objective.{key}.game",
                expected="a gradient penalty, training.weight_clip, or a discriminator with spectral norm",
                hint="--set objective.gradient_penalty.weight=10, or the preset wgan-gp",
            )


@torch.no_grad()
def _try(config: Config, networks: Networks, device: torch.device) -> None:
    """UserError, before anything is written, where the networks can't take what they will be given."""
    groups = [group for _, group in networks.modules()]
    for group in groups:
        group.eval()
    x = Translations(blank(config).to(device), networks)
    for domain in x.produced:
        x.fake(domain)
    for domain in x.judged:
        try:
            x.judge(domain, *x.judged_pair(domain)[::2])
        except UserError as error:
            raise error.within("networks.discriminator") from None
    for group in groups:
        group.train()
