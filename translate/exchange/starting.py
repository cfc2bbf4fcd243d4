"""A training that begins with another run's weights: fine-tuning."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from translate import build, checkpoint
from translate.config import Config, load_run
from translate.errors import UserError
from translate.exchange import opening
from translate.trainer import Trainer

GENERATOR = "networks.generator"


@dataclass(frozen=True)
class Start:
    """The averaged generators of a run, and its discriminators and encoders where they fit (else empty); `words`: what
    is taken."""

    generator: dict[str, Tensor]
    discriminator: dict[str, Tensor]
    encoder: dict[str, Tensor]
    words: str


def read(config: Config) -> Start | None:
    """What `config` begins with, where it names a run; UserError where that run's generators don't fit, which says the
    difference."""
    if config.training.start is None:
        return None
    run = Path(config.training.start)
    opening.refuse_file(run)
    if not run.is_dir():
        raise UserError(
            f'there is no run folder "{run}"', where="training.start", expected="what `train` or `import` made"
        )
    old = load_run(run)
    different = _differences(old, config)
    if any(key != f"{GENERATOR}.dropout" for key in different):
        raise _other_network(run, old, different)
    path = checkpoint.newest(run)
    state = checkpoint.read(path)
    generator = _of(config, state["generator_ema"])
    if not _fits(lambda: build.generators(config), generator):
        raise _other_network(run, old, different)
    discriminator = _judges(old, config, state)
    same_encoder = old.networks.encoder == config.networks.encoder
    encoder = state.get("encoder", {}) if same_encoder else {}
    if not _fits(lambda: build.encoders(config), encoder):
        encoder = {}
    taken = [name for name, part in (("discriminators", discriminator), ("encoder", encoder)) if part]
    parts = " and ".join(["generators", *taken])
    anew = "" if discriminator or config.networks.discriminator is None else "; discriminators begin anew"
    return Start(generator, discriminator, encoder, f"{parts} of {run} ({path.stem}){anew}")


def begin(trainer: Trainer, start: Start | None) -> None:
    """Give the trainer the weights that it begins with; optimisers, steps and all else begin at nothing."""
    if start is None:
        return
    trainer.networks.generator.load_state_dict(start.generator)
    trainer.ema.module.load_state_dict(start.generator)
    if start.discriminator:
        trainer.networks.discriminator.load_state_dict(start.discriminator)
    if start.encoder:
        trainer.networks.encoder.load_state_dict(start.encoder)


def _differences(old: Config, new: Config) -> dict[str, tuple[Any, Any]]:
    """By key: what the run has and what the configuration has, of all that makes a generator."""
    keys: dict[str, tuple[Any, Any]] = {}
    before, after = ({"name": n.name, **n.options} for n in (old.networks.generator, new.networks.generator))
    if before["name"] != after["name"]:
        keys[f"{GENERATOR}.name"] = before["name"], after["name"]
    else:
        for option in sorted(before | after):
            keys[f"{GENERATOR}.{option}"] = before.get(option), after.get(option)
    keys["networks.latent"] = _plain(old.networks.latent), _plain(new.networks.latent)
    keys["networks.classes"] = old.networks.classes, new.networks.classes
    for part in ("channels", "frames"):
        keys[f"data.{part}"] = _plain(getattr(old.data, part)), _plain(getattr(new.data, part))
    if new.unconditional:
        keys["data.size"] = list(old.data.size), list(new.data.size)
    if not set(new.produce) <= set(old.produce):
        keys["produce"] = [str(d) for d in old.produce], [str(d) for d in new.produce]
    return {key: values for key, values in keys.items() if values[0] != values[1]}


def _plain(section: Any) -> Any:
    return None if section is None else section.model_dump(mode="json")


def _other_network(run: Path, old: Config, different: Mapping[str, tuple[Any, Any]]) -> UserError:
    said = [f"{key} is {json.dumps(new)} here and {json.dumps(old)} there" for key, (old, new) in different.items()]
    wanted = {key: there for key, (there, _) in different.items() if not key.startswith(GENERATOR)}
    if len(wanted) < len(different):
        wanted[GENERATOR] = old.networks.generator.model_dump()
    return UserError(
        f"the generators of {run} are others: " + ("; ".join(said) or "weights and networks differ"),
        where="training.start",
        expected="a configuration with the same generators",
        hint=" ".join(f"--set '{key}={json.dumps(there)}'" for key, there in wanted.items()) or None,
    )


def _judges(old: Config, new: Config, state: Mapping[str, Any]) -> dict[str, Tensor]:
    """The run's discriminators, where it has them and they would see what they have seen."""
    alike = old.networks.discriminator == new.networks.discriminator
    if "discriminator" not in state or not alike or old.networks.conditional != new.networks.conditional:
        return {}
    judges = _of(new, state["discriminator"])
    return judges if _fits(lambda: build.discriminators(new), judges) else {}


def _of(config: Config, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights of the domains that are produced."""
    return {key: value for key, value in state.items() if key.partition(".")[0] in config.produce}


def _fits(make: Callable[[], nn.Module], state: Mapping[str, Tensor]) -> bool:
    with torch.device("meta"):
        network = make()
    try:
        network.load_state_dict(dict(state), assign=True)
    except RuntimeError:
        return False
    return True
