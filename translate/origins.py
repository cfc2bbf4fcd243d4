"""Where each value of a configuration came from: a default, a preset, a file's line, the plan, the environment, an
option."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

from translate import config as configuration
from translate.settings import Setting, origin_of
from translate.yaml_tree import tree_of

Kind = Literal["default", "preset", "file", "planned", "environment", "option"]
Key = tuple[str, ...]
SHORT = ("name", "dimension")
"""What a plain value stands for, where networks or a latent could say more."""


@dataclass(frozen=True)
class Origin:
    """`where`: PRESET:LINE, FILE:LINE, the plan's reason, the variable's name, or the option."""

    kind: Kind
    where: str = ""

    def __str__(self) -> str:
        if self.kind in ("file", "option"):
            return self.where
        return f"planned: {self.where}" if self.kind == "planned" else f"{self.kind} {self.where}".strip()


@dataclass(frozen=True)
class Value:
    """One key of a resolved configuration."""

    key: Key
    value: Any
    origin: Origin


def trace(source: str, settings: Sequence[str] = (), planned: Sequence[Setting] = ()) -> list[Value]:
    """Every key of what `config.load(source, settings)` gives, in its order. `planned`: what a plan has changed of the
    preset `source`, whose origins are its reasons."""
    text = configuration.read(source)
    tree = tree_of(text, source)
    kind: Kind = "preset" if source in {**configuration.presets(), **configuration.FORMER} else "file"
    name = str(Path(source) / "config.yaml") if Path(source).is_dir() and kind == "file" else source
    marks = {key: Origin(kind, f"{name}:{line}") for key, line in _lines(text)}
    for setting in planned:
        _apply(tree, setting, marks)
    whole = yaml.safe_dump(tree) if planned else text
    resolved = configuration.parse(whole, settings, where="the plan" if planned else source)
    before = copy.deepcopy(tree)
    for given in settings:
        _apply(tree, given, marks)
    settled = dict(_leaves(copy.deepcopy(tree)))
    configuration.follow_size(tree, before, settings)
    for key, now in _leaves(tree):
        if settled[key] != now:
            size = marks["data", "size"]
            marks[key] = Origin(size.kind, f"{size.where}, follows data.size")
    return [Value(key, value, _origin(key, marks)) for key, value in _leaves(resolved.model_dump(mode="json"))]


def planned_settings(choices: Sequence[Any]) -> list[Setting]:
    """The choices of a plan (`plan.Choice`) as settings whose origins are their reasons."""
    return [
        Setting(f"{choice.key}={yaml.safe_dump(choice.value, default_flow_style=True, width=10**6)}", choice.reason)
        for choice in choices
        if choice.key != "preset"
    ]


def as_json(values: Sequence[Value]) -> dict[str, Any]:
    """{"training.batch": {"value": .., "origin": {"kind": .., "where": ..}}, ..}."""
    return {
        ".".join(one.key): {"value": one.value, "origin": {"kind": one.origin.kind, "where": one.origin.where}}
        for one in values
    }


def lines(values: Sequence[Value]) -> Iterator[tuple[str, Value | None]]:
    """The configuration as lines of YAML, each with the value that it holds (None: a section's name)."""
    above: Key = ()
    for one in values:
        *sections, name = one.key
        for depth, section in enumerate(sections):
            if above[: depth + 1] != tuple(sections[: depth + 1]):
                yield f"{'  ' * depth}{section}:", None
        above = tuple(sections)
        text = yaml.safe_dump(one.value, default_flow_style=True, width=10**6, sort_keys=False)
        yield f"{'  ' * len(sections)}{name}: {text.removesuffix(chr(10)).removesuffix('...').strip()}", one


def _apply(tree: dict[str, Any], setting: str, marks: dict[Key, Origin]) -> None:
    """Change the tree by a setting, and mark what it brought."""
    before = dict(_leaves(copy.deepcopy(tree)))
    configuration.put(tree, setting)
    key, _, value = setting.partition("=")
    path, whole = tuple(key.split(".")), isinstance(yaml.safe_load(value), dict)
    after = dict(_leaves(tree))
    for gone in before.keys() - after.keys():
        mark = marks.pop(gone, Origin("default"))
        for name in SHORT:
            if (*gone, name) in after:  # "generator: unet" has become {name: unet}
                marks[*gone, name] = mark
    for leaf, now in after.items():
        within = leaf[: len(path)] == path
        if within and (leaf == path or whole or leaf not in before or before[leaf] != now):
            marks[leaf] = _of(setting)


def _of(setting: str) -> Origin:
    origin = origin_of(setting)
    if origin.startswith("environment "):
        return Origin("environment", origin.removeprefix("environment "))
    return Origin("option", origin) if origin.startswith("--") else Origin("planned", origin)


def _origin(key: Key, marks: dict[Key, Origin]) -> Origin:
    short = marks.get(key[:-1]) if key[-1] in SHORT else None
    return marks.get(key) or short or Origin("default")


def _leaves(tree: Any, above: Key = ()) -> Iterator[tuple[Key, Any]]:
    """Keys and values; lists are values."""
    if isinstance(tree, dict) and (tree or not above):
        for key, value in tree.items():
            yield from _leaves(value, (*above, str(key)))
    else:
        yield above, tree


def _lines(text: str) -> Iterator[tuple[Key, int]]:
    """The keys that YAML text gives, with their lines, counted from 1; merges (<<) and aliases are followed."""
    loader = yaml.SafeLoader(text)
    try:
        root = loader.get_single_node()
        if isinstance(root, yaml.MappingNode):
            yield from _below(loader, root, ())
    finally:
        loader.dispose()


def _below(loader: yaml.SafeLoader, node: yaml.MappingNode, above: Key) -> Iterator[tuple[Key, int]]:
    loader.flatten_mapping(node)
    for key, value in node.value:
        path = (*above, str(key.value))
        if isinstance(value, yaml.MappingNode) and value.value:
            yield from _below(loader, value, path)
        else:
            yield path, key.start_mark.line + 1
