"""What a file says about the generators in it: the configuration and whence they come, as plain JSON values."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from translate import __version__, config
from translate.config import Config, Data
from translate.errors import UserError

FORMAT = 1
LICENCE = "unknown"
"""Of weights, unless somebody says which: that of this program says nothing about them."""
_HEAD = ("library", "format", "version", "config")
"""Of the description itself; no fact about the weights is called so."""
_DEEPEST = 32
"""Levels of a description; ours have seven."""


def text(described: Config, about: dict[str, Any]) -> str:
    """The JSON that `parsed` reads."""
    tree = {
        "library": "translate",
        "format": FORMAT,
        "version": __version__,
        "licence": LICENCE,
        **{key: value for key, value in about.items() if key not in _HEAD},
        "config": portable(described).model_dump(mode="json"),
    }
    return json.dumps(tree, indent=2) + "\n"


def parsed(described: str | bytes, where: str) -> tuple[Config, dict[str, Any]]:
    """The configuration in such a JSON, without the places that it names, and all else that it says.

    UserError for anything else, and for a configuration that names code which is not of this program: a file from
    elsewhere must choose neither what is imported here nor what is read and fetched.
    """
    tree = _ours(described)
    if tree is None:
        raise UserError(
            "does not say which networks its weights are of", where=where, expected="what `translate export` writes"
        )
    if tree.get("format") != FORMAT:
        raise UserError(
            f"is of format {tree.get('format')}, written by another version of this program",
            where=where,
            expected=f"format {FORMAT}, which version {__version__} knows",
            hint="pip install --upgrade translate-gan",
        )
    about = {key: value for key, value in tree.items() if key not in _HEAD}
    _require_sense(about, where)
    told = _placeless(tree["config"])
    for name in classes_of_ones_own(told):  # before it is validated, which looks for the class
        raise UserError(
            f'names the class "{name}", which is not part of this program', where=where, expected="networks by name"
        )
    return config.validate(told, where), about


def written_here(described: str | bytes) -> bool:
    """Whether this program wrote it, in any version."""
    return _ours(described) is not None


def classes_of_ones_own(tree: dict[str, Any]) -> Iterator[str]:
    """All "module:Class" in a configuration as plain values without places: as `signatures.find` has it, whatever holds
    a colon. Names of classes of images are nobody's code."""
    networks = tree.get("networks")
    if isinstance(networks, dict):
        tree = {**tree, "networks": {key: value for key, value in networks.items() if key != "classes"}}
    yield from _named(tree)


def portable(whole: Config) -> Config:
    """The configuration without the places of this machine that it names; where its training needed classes of
    somebody's own, without the training too."""
    tree = _placeless(whole.model_dump(mode="json"))
    told = Config.model_validate(tree)
    return _bare(told) if any(classes_of_ones_own(tree)) else told


def _placeless(tree: dict[str, Any]) -> dict[str, Any]:
    """A configuration as plain values, whatever they are, with null for every folder, file and URL."""
    told = dict(tree)
    for section, key in (("data", "root"), ("training", "start")):
        if isinstance(told.get(section), dict):
            told[section] = {**told[section], key: None}
    if isinstance(told.get("objective"), dict):
        told["objective"] = {
            name: {**term, "weights": None} if isinstance(term, dict) and "weights" in term else term
            for name, term in told["objective"].items()
        }
    return told


def _ours(described: str | bytes) -> dict[str, Any] | None:
    try:
        tree = json.loads(described)
    except (ValueError, RecursionError):
        return None
    if not isinstance(tree, dict) or not isinstance(tree.get("config"), dict) or not _shallow(tree, _DEEPEST):
        return None
    return tree if tree.get("library") == "translate" else None


def _shallow(value: Any, levels: int) -> bool:
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return levels > 0 and all(_shallow(part, levels - 1) for part in parts)


def _require_sense(about: dict[str, Any], where: str) -> None:
    """What other commands read of the rest."""
    step, assumed = about.get("step", 0), about.get("assumed", [])
    if not isinstance(step, int) or isinstance(step, bool) or step < 0:
        raise UserError(f"step is {json.dumps(step)[:60]}", where=where, expected="a number of steps")
    if not isinstance(assumed, list):
        raise UserError(f"assumed is {json.dumps(assumed)[:60]}", where=where, expected="a list of sentences")


def _bare(told: Config) -> Config:
    data = Data(size=told.data.size, channels=told.data.channels, frames=told.data.frames)
    networks = told.networks.model_copy(update={"discriminator": None, "encoder": None})
    return Config(data=data, networks=networks, produce=told.produce, objective={})


def _named(value: Any) -> Iterator[str]:
    if isinstance(value, str) and ":" in value:
        yield value
    for key in value if isinstance(value, dict) else ():
        yield from _named(key)
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _named(part)
