"""What a file says about the generators in it: the configuration and whence they come, as plain JSON values."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from translate import __version__, config
from translate.config import Config, Data
from translate.errors import UserError

FORMAT = 1
LICENCE = "unknown"
"""Of weights, unless somebody says which: that of this program says nothing about them."""
_CLASS = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


def text(described: Config, about: dict[str, Any]) -> str:
    """The JSON that `parsed` reads."""
    tree = {
        "library": "translate",
        "format": FORMAT,
        "version": __version__,
        "licence": LICENCE,
        **about,
        "config": portable(described).model_dump(mode="json"),
    }
    return json.dumps(tree, indent=2) + "\n"


def parsed(described: str | bytes, where: str) -> tuple[Config, dict[str, Any]]:
    """The configuration in such a JSON, and all else that it says.

    UserError for anything else, and for a configuration that names code which is not of this program: a file from
    elsewhere must not choose what is imported here.
    """
    try:
        tree = json.loads(described)
    except ValueError:
        tree = None
    if not isinstance(tree, dict) or tree.get("library") != "translate" or not isinstance(tree.get("config"), dict):
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
    for name in classes_of_ones_own(tree["config"]):
        raise UserError(
            f'names the class "{name}", which is not part of this program', where=where, expected="networks by name"
        )
    return config.validate(tree["config"], where), {key: value for key, value in tree.items() if key != "config"}


def classes_of_ones_own(tree: dict[str, Any]) -> Iterator[str]:
    """All "module:Class" in a configuration as plain values."""
    networks = tree.get("networks")
    if isinstance(networks, dict):
        tree = {**tree, "networks": {key: value for key, value in networks.items() if key != "classes"}}
    yield from _named(tree)


def portable(whole: Config) -> Config:
    """The configuration without the places of this machine that it names; where its training needed classes of
    somebody's own, without the training too."""
    told = whole.model_copy(deep=True)
    told.data.root = None
    for term in told.objective.values():
        if isinstance(term.options.get("weights"), str):
            setattr(term, "weights", None)  # noqa: B010 - an option of the term's own, not a field
    if hasattr(told.training, "start"):
        setattr(told.training, "start", None)  # noqa: B010
    return _bare(told) if any(classes_of_ones_own(told.model_dump(mode="json"))) else told


def _bare(told: Config) -> Config:
    data = Data(size=told.data.size, channels=told.data.channels, frames=told.data.frames)
    networks = told.networks.model_copy(update={"discriminator": None, "encoder": None})
    return Config(data=data, networks=networks, produce=told.produce, objective={})


def _named(value: Any) -> Iterator[str]:
    if isinstance(value, str) and _CLASS.fullmatch(value):
        yield value
    for key in value if isinstance(value, dict) else ():
        yield from _named(key)
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _named(part)
