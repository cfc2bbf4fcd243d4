"""What a training that begins with another run's generators is configured as, where nobody says it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from pathlib import Path

import yaml

from translate import config as configuration
from translate import plan
from translate.config import Config
from translate.data.layouts import Dataset
from translate.domain import Regime
from translate.errors import UserError
from translate.exchange import opening

WHY = {
    "pix2pix": "pairs, one direction",
    "semi": "pairs, both directions",
    "cyclegan": "no pairs, both directions",
    "cut": "no pairs, one direction",
}
"""Presets whose objective a run without one gets."""

SMALL = 64
"""Pixels below which a discriminator of the published depth sees more than the image."""


def own(run: Path, settings: Sequence[str]) -> Config | None:
    """The run's own configuration, changed by KEY=VALUE settings; None where it was trained elsewhere."""
    opening.refuse_file(run)
    old = configuration.load_run(run)
    if not old.objective:
        return None
    # What was left as it is by default was not chosen, and is not remarked upon.
    text = yaml.safe_dump(old.model_dump(mode="json", exclude_defaults=True))
    return configuration.parse(text, settings, where=str(run / "config.yaml"))


def chosen(run: Path, dataset: Dataset, settings: Sequence[str], minutes: float) -> tuple[Config, str]:
    """The preset whose objective suits the run's generators and the data, with these generators, changed by settings;
    and its name. It trains for `minutes`, where settings don't say otherwise. UserError where none suits."""
    old = configuration.load_run(run)
    if old.networks.latent is not None:
        raise _needs_config(old, run)
    preset = _preset(old, dataset, run)
    channels = old.data.channels
    shared = [
        f"data.size={json.dumps(old.data.size)}",
        f"data.channels={json.dumps(channels.model_dump())}",
        f"data.frames={json.dumps(old.data.frames.model_dump())}",
        f"networks.generator={json.dumps(old.networks.generator.model_dump())}",
        f"produce={json.dumps([str(domain) for domain in old.produce])}",
        f"training.minutes={minutes}",
    ]
    if preset == "cyclegan" and channels.a != channels.b:
        shared.append("objective.identity.weight=0")
    if min(old.data.size) < SMALL:
        shared.append("networks.discriminator.layers=2")
    return configuration.load(preset, [*shared, *settings]), preset


def _needs_config(old: Config, run: Path) -> UserError:
    """Games of generators that draw a latent differ too much to choose one for them."""
    name = old.networks.generator.name
    like = "bicyclegan" if old.stochastic else name if name in configuration.presets() else "dcgan"
    return UserError(
        f"a {name} that draws from noise, and nothing says how it was trained",
        where=str(run),
        expected="a CONFIG beside --from",
        hint=f"translate train {like} --from {shlex.quote(str(run))} --data DIR --out NEW",
    )


def _preset(old: Config, dataset: Dataset, run: Path) -> str:
    both, pairs = len(old.produce) == 2, dataset.regime() in (Regime.SUPERVISED, Regime.SEMI_SUPERVISED)
    if pairs:
        return "semi" if both else "pix2pix"
    if both:
        return "cyclegan"
    if old.networks.generator.name != "resnet":
        raise UserError(
            f"a {old.networks.generator.name} that goes one way can't be trained without pairs",
            where=str(run),
            expected="pairs in --data, a ResNet, or a run that goes both ways (translate import ... --back FILE)",
        )
    return "cut"


def minutes_on(device: str) -> float:
    """How long is trained where nobody says it: as the plan has it."""
    return plan.MINUTES[device.split(":")[0]]
