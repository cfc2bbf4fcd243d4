"""A configuration from YAML and settings: every key checked, every default filled in; torch is never imported here."""

from __future__ import annotations

import copy
import os
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from translate import signatures
from translate.errors import UserError, nearest, unknown
from translate.networks import DISCRIMINATORS, ENCODERS, GENERATORS
from translate.sections import AUTO as AUTO  # whoever wants a configuration finds its types here, too
from translate.sections import Channels as Channels
from translate.sections import Component as Component
from translate.sections import Config as Config
from translate.sections import Data as Data
from translate.sections import Entry as Entry
from translate.sections import Frames as Frames
from translate.sections import Term as Term
from translate.sections import Training as Training
from translate.settings import Setting, blamed, from_environment, key_of, origin_of, place_of
from translate.terms import TABLE as TERMS
from translate.wording import as_yaml, explained, has_keys, keys_at
from translate.yaml_tree import tree_of


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
    found = from_environment({top: keys_at(Config, [top]) for top in Config.model_fields})
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
            known = keys_at(Config, path[:depth])
            if not known:  # a component says what it takes, and a value nothing
                above = ".".join(path[:depth])
                if not has_keys(path[:depth]):
                    raise UserError(
                        f'{above} holds a value and has no key "{part}"',
                        where=place_of(setting),
                        expected=f"{above}=VALUE",
                    )
                continue
            if part not in known:
                elsewhere = [f"{top}.{part}" for top in Config.model_fields if part in keys_at(Config, [top])]
                close = f' Did you mean "{elsewhere[0]}"?' if elsewhere else nearest(part, known)
                expected = "one of " + ", ".join(known)
                raise UserError(f'unknown key "{part}".{close}', where=place_of(setting), expected=expected)


def validate(tree: dict[str, Any], where: str) -> Config:
    """A configuration from plain values, with every component's options checked and filled in."""
    try:
        config = Config.model_validate(tree)
    except ValidationError as error:
        raise explained(error, where) from None
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
                    f"{above} is {as_yaml(tree[parent])}, so there is nothing to change",
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
