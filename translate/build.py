"""The only place where a name becomes an object."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import torch
from torch import nn

from translate.config import Component, Config, Term
from translate.domain import Batch, Domain
from translate.errors import UserError
from translate.networks import DISCRIMINATORS, GENERATORS
from translate.networks.initialise import initialise
from translate.objective import Objective
from translate.terms import TABLE as TERMS
from translate.trainer import Trainer
from translate.translations import Networks


def named(target: str) -> Any:
    """The object behind "module:Name"."""
    module, _, name = target.partition(":")
    return getattr(import_module(module), name)


def channels_of(config: Config, domain: Domain) -> int:
    """Channels of a domain's images."""
    return getattr(config.data.channels, domain)


def generators(config: Config) -> nn.ModuleDict:
    """A generator for each produced domain, untrained."""
    made = {str(domain): _generator(config, domain) for domain in config.produce}
    return nn.ModuleDict(made)


def _generator(config: Config, domain: Domain) -> nn.Module:
    component = config.networks.generator
    cls = named(GENERATORS.get(component.name, component.name))
    out_channels = channels_of(config, domain)
    if getattr(cls, "latent_input", False) != (config.networks.latent is not None):
        raise UserError(
            f'"{component.name}" draws from {"a latent" if getattr(cls, "latent_input", False) else "an image"}',
            where="networks.generator",
            expected="a latent generator with `networks.latent`, an image generator without",
        )
    if config.networks.latent is not None:
        return _made(cls, "networks.generator", component, config.networks.latent, out_channels, config.data.size)
    network = _made(cls, "networks.generator", component, channels_of(config, domain.other), out_channels)
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


def discriminators(config: Config) -> nn.ModuleDict:
    """A discriminator for each produced domain, untrained."""
    return nn.ModuleDict({str(domain): _discriminator(config, domain) for domain in config.produce})


def _discriminator(config: Config, domain: Domain) -> nn.Module:
    component: Component = config.networks.discriminator
    cls = named(DISCRIMINATORS.get(component.name, component.name))
    channels = channels_of(config, domain)
    if config.networks.conditional:
        channels += channels_of(config, domain.other)
    size = [config.data.size] if getattr(cls, "needs_size", False) else []
    return _made(cls, "networks.discriminator", component, channels, *size)


def _made(cls: Any, where: str, component: Component | Term, *fixed: Any) -> Any:
    try:
        return cls(*fixed, **component.options)
    except (ValueError, TypeError, RuntimeError, ZeroDivisionError) as error:
        given = ", ".join(f"{key}: {value}" for key, value in component.options.items())
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"can't be made with {given or 'no options'} ({reason})", where=where) from error


def trainer(config: Config, sample: Batch, device: torch.device) -> Trainer:
    """Networks, objective and optimisers, initialised from the seed; `sample` sizes the terms' heads."""
    torch.manual_seed(config.training.seed)
    networks = Networks(generators(config), discriminators(config), config.networks.conditional)
    # Instance norm copies channels-last images back and forth on a CPU; tensor cores want them so.
    layout = torch.channels_last if device.type == "cuda" else torch.contiguous_format
    for _, group in networks.modules():
        initialise(group, config.networks.initialise, config.networks.gain)
        group.to(device).to(memory_format=layout)
    terms = {}
    for key, term in config.objective.items():
        name = term.term or key
        terms[key] = _made(named(TERMS.get(name, name)), f"objective.{key}", term)
        if hasattr(terms[key], "prepare"):
            terms[key].prepare(networks, sample.to(device))
    objective = Objective(terms, {key: term.weight for key, term in config.objective.items()}).to(device)
    return Trainer(networks, objective, config.training, device)
