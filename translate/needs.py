"""Whether the data can meet what the configured terms ask for, said before anything heavy is imported."""

from __future__ import annotations

from translate import signatures
from translate.config import Config
from translate.data.layouts import Dataset
from translate.domain import Domain, Regime
from translate.errors import UserError
from translate.networks import GENERATORS
from translate.terms import TABLE as TERMS


def settle(config: Config, dataset: Dataset) -> Config:
    """The configuration with what it leaves to the data: the names of the class folders. Raises UserError where there
    are none, or others than the configuration names."""
    if config.networks.classes is None:
        return config
    found = dataset.classes()
    if config.networks.classes != "folders":
        if sorted(config.networks.classes) != found:
            raise UserError(
                f"names {', '.join(config.networks.classes)}; the folders are {', '.join(found)}",
                where="networks.classes",
                expected="the names of the class folders, or: folders",
            )
        return config
    networks = config.networks.model_copy(update={"classes": found})
    return config.model_copy(update={"networks": networks})


def check(config: Config, dataset: Dataset) -> None:
    """Raise UserError, naming the term and the need, for the first thing that the data or the networks can't give."""
    split, regime = dataset.split("train"), dataset.regime()
    latent = config.unconditional
    generator = signatures.find("generator", config.networks.generator.name, GENERATORS, where="networks.generator")
    if generator.attributes.get("latent_input") and not latent:
        raise UserError(
            f'"{config.networks.generator.name}" draws from a latent alone',
            where="networks.latent" if config.networks.latent is None else "networks.latent.enter",
            expected="a latent that is all that the generator gets (enter: alone)",
            hint="--set 'networks.latent={dimension: 128, enter: alone}'",
        )
    if not latent and regime is Regime.UNCONDITIONAL:
        raise UserError(
            f"holds one domain only ({dataset.layout})",
            where=str(dataset.root),
            expected="images of A and of B, since this configuration translates one into the other",
            hint="the preset `r3gan` for new images like these",
        )
    if latent and regime is not Regime.UNCONDITIONAL:
        raise UserError(
            f"holds two domains ({dataset.layout})",
            where=str(dataset.root),
            expected="one folder of images, since this configuration draws from noise",
            hint="--data with the folder of the one domain that you want more of",
        )
    met = {
        "pairs": (bool(split.pairs), "images of A and B that show the same scene", f"{dataset.layout}: no pairs"),
        "both_directions": (len(config.produce) == 2, "produce: [b, a]", f"produce: [{', '.join(config.produce)}]"),
        "same_channels": (
            _stacked(config, Domain.A) == _stacked(config, Domain.B) or latent,
            "domains with equally many channels: the generator of B is given B here",
            f"channels (of all frames) a: {_stacked(config, Domain.A)}, b: {_stacked(config, Domain.B)}",
        ),
        "image_inputs": (not latent, "images as input", "a latent (networks.latent)"),
        "latent": (
            config.networks.latent is not None,
            "a generator that draws a latent (networks.latent)",
            "networks.latent: null",
        ),
        "discriminator": (
            config.networks.discriminator is not None,
            "a discriminator",
            "networks.discriminator: null",
        ),
        "encoder": (
            config.networks.encoder is not None,
            "an encoder that reads the latent out of images, such as networks.encoder: resnet",
            "networks.encoder: null",
        ),
        "styles": (
            "styles" in generator.methods,
            "a generator with an intermediate latent space, such as stylegan2",
            f"networks.generator: {config.networks.generator.name}",
        ),
        "features": (
            "features" in generator.methods,
            "a generator with `features`, such as resnet",
            f"networks.generator: {config.networks.generator.name}",
        ),
    }
    needed: set[str] = set()
    for key, term in config.objective.items():
        if term.weight == 0:
            continue
        signature = signatures.find("term", term.term or key, TERMS, where=f"objective.{key}")
        asked = signature.attributes.get("needs", ())
        if config.stochastic:
            asked += signature.attributes.get("needs_beside_images", ())
        needed.update(asked)
        for need in asked:
            if need not in met:
                raise UserError(f'needs "{need}"', where=f"objective.{key}", expected="one of " + ", ".join(met))
            fine, expected, found = met[need]
            if not fine:
                raise UserError(
                    f'the term "{key}" can\'t be met here: found {found}',
                    where=f"objective.{key}",
                    expected=expected,
                    hint=f"--set objective.{key}.weight=0, or a preset without it (`translate presets`)",
                )
    if config.networks.encoder is not None and "encoder" not in needed:
        raise UserError(
            "no term teaches the encoder, or asks it anything",
            where="networks.encoder",
            expected="null, or terms such as reconstruction, kl, latent_recovery",
            hint="--set networks.encoder=null",
        )
    if config.networks.conditional and not split.pairs:
        raise UserError(
            f"a conditional discriminator judges pairs, and found {dataset.layout}: no pairs",
            where="networks.conditional",
            expected="images of A and B that show the same scene",
            hint="--set networks.conditional=false, or the preset cyclegan",
        )


def _stacked(config: Config, domain: Domain) -> int:
    return int(getattr(config.data.channels, domain) * getattr(config.data.frames, domain))
