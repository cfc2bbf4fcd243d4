"""What a shell offers at the Tab key: presets, keys and values of the configuration, runs; torch is never imported."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Literal, get_args, get_origin

import click
from click.shell_completion import CompletionItem

from translate.networks import DISCRIMINATORS, ENCODERS, GENERATORS
from translate.terms import TABLE as TERMS

DEVICES = ("auto", "cpu", "cuda", "mps")


def devices(context: click.Context, parameter: click.Parameter, typed: str) -> list[str]:
    """The kinds of device."""
    return [name for name in DEVICES if name.startswith(typed)]


def presets(context: click.Context, parameter: click.Parameter, typed: str) -> list[CompletionItem]:
    """Presets with what they are; files where none begins like that."""
    from translate import config

    found = [
        CompletionItem(name, help=config.about(path).partition("\n")[0])
        for name, path in config.presets().items()
        if name.startswith(typed)
    ]
    return found or [CompletionItem(typed, type="file")]


def runs(context: click.Context, parameter: click.Parameter, typed: str) -> list[CompletionItem]:
    """Folders, which runs are."""
    return [CompletionItem(typed, type="dir")]


def settings(context: click.Context, parameter: click.Parameter, typed: str) -> list[CompletionItem]:
    """Keys, a section at a time ("training.", then "training.batch="), and behind "=" the values, where these can be
    counted.

    Of the options of networks and terms, those of the CONFIG that was typed before, else everybody's.
    """
    key, equals, begun = typed.partition("=")
    if equals:
        return [CompletionItem(f"{key}={value}") for value in _values(key) if value.startswith(begun)]
    chosen = context.params.get("config") or next(iter(context.args), None)  # click stops at a --set without a value
    found: dict[str, None] = {}
    for known in _keys(chosen, key):
        if known.startswith(key) and known != key.rpartition(".")[0] + ".":
            section, dot, _ = known[len(key) :].partition(".")
            found[key + section + (dot or "=")] = None
    return [CompletionItem(one) for one in found]


def _keys(chosen: object, typed: str) -> Iterator[str]:
    """All keys; the options of a network or a term only where the typed word has come so far, since they are read from
    its source."""
    from translate.config import Config

    yield from _fields(Config, "")
    tree = _tree(chosen)
    for below in _tables():
        yield below
        yield f"{below}."
    for name in tree.get("objective") or TERMS:
        yield f"objective.{name}."
    for key in _options_below(tree, typed.rpartition(".")[0]):
        yield f"{typed.rpartition('.')[0]}.{key}"


def _values(key: str) -> list[str]:
    from translate import config

    above, _, last = key.rpartition(".")
    if above.startswith("objective.") and last == "term":
        return sorted(TERMS)
    for below, table in _tables().items():
        if key in (below, f"{below}.name"):
            return sorted(table)
    kinds = [kind for name, kind in _options_below({}, above).items() if name == last]
    model: Any = config.Config
    for part in key.split("."):
        model = _field(model, part)
    return sorted({value for kind in [*kinds, model] for value in _choices(kind)})


def _tables() -> dict[str, dict[str, str]]:
    return {"networks.generator": GENERATORS, "networks.discriminator": DISCRIMINATORS, "networks.encoder": ENCODERS}


def _tree(chosen: object) -> dict[str, Any]:
    """What the CONFIG of the command line says, as plain values; nothing, where there is none."""
    from translate import config, yaml_tree
    from translate.errors import UserError

    if isinstance(chosen, str):
        with suppress(UserError, OSError):
            return yaml_tree.tree_of(config.read(chosen), chosen)
    return {}


def _options_below(tree: dict[str, Any], below: str) -> dict[str, Any]:
    """The options, and their types, of the network or term that stands at a key; of all that could stand there, where
    the configuration does not say."""
    section, _, key = below.partition(".")
    if section == "objective":
        term = (tree.get("objective") or {}).get(key)
        name = term.get("term") if isinstance(term, dict) else None
        return {"term": str, "weight": float, "every": int, **_options(name or key, TERMS)} if key else {}
    if below not in _tables():
        return {}
    given = (tree.get("networks") or {}).get(key)
    name = given.get("name") if isinstance(given, dict) else given
    found: dict[str, Any] = {"name": str}
    for one in [name] if name else _tables()[below]:
        found |= _options(one, _tables()[below])
    return found


def _options(name: str, table: dict[str, str]) -> dict[str, Any]:
    from translate import signatures
    from translate.errors import UserError

    try:
        options = signatures.find("class", name, table, where="").options
    except UserError:  # said when the command runs
        return {}
    return {key: option.kind for key, option in options.items()}


def _fields(model: Any, above: str) -> Iterator[str]:
    for name, field in model.model_fields.items():
        inner = _section(field.annotation)
        if inner is not None:
            yield from _fields(inner, f"{above}{name}.")
        elif above + name not in _tables() and name != "objective":
            yield above + name


def _section(annotation: Any) -> Any:
    """The section that a field holds, if it holds one."""
    from translate.sections import Strict

    kinds = (annotation, *get_args(annotation))
    return next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, Strict)), None)


def _field(model: Any, name: str) -> Any:
    fields = getattr(_section(model), "model_fields", {})
    return fields[name].annotation if name in fields else None


def _choices(kind: Any) -> list[str]:
    """The values of a type that can be counted, as YAML."""
    if get_origin(kind) is Literal:
        return [str(value) for value in get_args(kind)]
    if kind is bool:
        return ["true", "false"]
    if kind is type(None):
        return ["null"]
    return [value for inner in get_args(kind) for value in _choices(inner)]
