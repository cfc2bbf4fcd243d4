"""The configuration's JSON schema (draft 2020-12) for editors, with the options of networks, terms and transforms."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter

from translate import signatures
from translate.config import COMPOSITIONS, Config
from translate.networks import DISCRIMINATORS, ENCODERS, GENERATORS
from translate.terms import TABLE as TERMS

Schema = dict[str, Any]

OWN: Schema = {
    "type": "string",
    "pattern": r"^[\w.]+:\w+$",
    "description": "a class of your own: my_package.module:Class",
}


def build() -> Schema:
    """The schema, as plain values."""
    schema = Config.model_json_schema()
    parts: Schema = schema["$defs"]
    for name, part in parts.items():
        part["title"] = name  # which editors show
    networks = parts["Networks"]["properties"]
    for kind, table in (("generator", GENERATORS), ("discriminator", DISCRIMINATORS), ("encoder", ENCODERS)):
        parts[kind.title()] = _network(kind, table)
        kinds = [{"$ref": f"#/$defs/{kind.title()}"}, *([] if kind == "generator" else [{"type": "null"}])]
        networks[kind] = _replaced(networks[kind], kinds)
    latent = networks["latent"]
    networks["latent"] = _replaced(latent, [*latent["anyOf"], {"type": "integer", "exclusiveMinimum": 0}])
    del parts["Component"]
    parts |= _terms(parts.pop("Term")["properties"])
    schema["properties"]["objective"] |= {
        "properties": {name: _under(name) for name in TERMS},
        "additionalProperties": {"$ref": "#/$defs/Term", "required": ["term"]},
    }
    data, training = parts["Data"]["properties"], parts["Training"]["properties"]
    data["cache"] = _said(data["cache"]) | {"enum": [*data["cache"]["enum"], False]}  # `off`, as YAML 1.1 reads it
    batch = {key: training["batch"][key] for key in ("default", "description", "title")}
    training["batch"] = batch | {"anyOf": [{"type": "integer", "minimum": 1}, {"const": "auto"}]}
    parts["Albumentation"] = _entry("albumentations", "augmentations")
    parts["KorniaTransform"] = _entry("kornia", "augmentation")
    for place, key, part in (
        (data, "transforms", "Albumentation"),
        (data, "input_transforms", "Albumentation"),
        (schema["properties"], "augment", "KorniaTransform"),
        (parts["Judging"]["properties"], "transforms", "KorniaTransform"),
    ):
        place[key]["items"] = {"$ref": f"#/$defs/{part}"}
    evaluated = parts["Evaluation"]["properties"]
    evaluated["metrics"] = _replaced(evaluated["metrics"], [{"type": "array", "items": _metric()}, {"type": "null"}])
    schema["type"] = ["object", "null"]  # an empty file is all defaults
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Configuration of translate"}
    return head | {key: value for key, value in schema.items() if key != "title"}


def _replaced(field: Schema, kinds: list[Schema]) -> Schema:
    """A field with other types, and its own default and description."""
    kept = {key: field[key] for key in ("default", "description") if key in field}
    return kept | (kinds[0] if len(kinds) == 1 else {"anyOf": kinds})


def _network(kind: str, table: dict[str, str]) -> Schema:
    """A name, or an object whose `name` says which further options it has."""
    names: Schema = {"anyOf": [{"enum": list(table)}, OWN]}
    return {
        "title": kind.title(),
        "anyOf": [
            names,
            {
                "type": "object",
                "required": ["name"],
                "properties": {"name": names},
                "allOf": [
                    {
                        "if": _says("name", name),
                        "then": {
                            "properties": {"name": True, **_options(kind, name, table)},
                            "additionalProperties": False,
                        },
                    }
                    for name in table
                ],
            },
        ],
    }


def _terms(plain: Schema) -> Schema:
    """What each name of a term allows ("Term_NAME"), and a term that says its name ("Term")."""
    known = plain | {"term": {"anyOf": [{"enum": list(TERMS)}, OWN, {"type": "null"}], **_said(plain["term"])}}
    parts = {
        f"Term_{name}": {
            "title": name,
            "properties": {**known, **_options("term", name, TERMS)},
            "additionalProperties": False,
        }
        for name in TERMS
    }
    named = {
        "title": "Term",
        "type": "object",
        "properties": known,
        "allOf": [{"if": _says("term", name), "then": {"$ref": f"#/$defs/Term_{name}"}} for name in TERMS],
    }
    return parts | {"Term": named}


def _under(name: str) -> Schema:
    """The term that stands under its own name, unless it says another one."""
    other = {"required": ["term"], "properties": {"term": {"type": "string"}}}
    return {"$ref": "#/$defs/Term", "if": {"not": other}, "then": {"$ref": f"#/$defs/Term_{name}"}}


def _said(field: Schema) -> Schema:
    return {key: field[key] for key in ("description", "default") if key in field}


def _says(key: str, name: str) -> Schema:
    return {"required": [key], "properties": {key: {"const": name}}}


def _options(kind: str, name: str, table: dict[str, str]) -> Schema:
    found = signatures.find(kind, name, table, where=kind).options
    return {key: TypeAdapter(it.kind).json_schema() | {"default": it.default} for key, it in found.items()}


def _entry(package: str, below: str) -> Schema:
    """A transform's name, or the name and its arguments."""
    known = signatures.classes_of(package, below)
    taken: Schema = {"type": ["object", "array", "null"]}  # a composition may be given its transforms alone
    compositions = dict.fromkeys(sorted(COMPOSITIONS), taken)
    arguments = compositions | {
        name: {"type": ["object", "null"], "properties": dict.fromkeys(takes, True), "additionalProperties": False}
        if takes is not None and "transforms" not in takes
        else taken
        for name, takes in known.items()
    }
    named: Schema = {"type": "object", "properties": arguments, "additionalProperties": False, "maxProperties": 1}
    return {"anyOf": [{"enum": list(arguments)}, named]}


def _metric() -> Schema:
    from translate.metrics import BESIDE, DISTRIBUTIONS, TABLE  # NumPy, which completing need not wait for
    from translate.metrics.features import EXTRACTORS

    bases = "|".join({**DISTRIBUTIONS, **BESIDE})
    others = rf"^({bases})_(\d+|{'|'.join(EXTRACTORS)}|[\w.]+:\w+)$"
    return {"anyOf": [{"enum": [*TABLE, *DISTRIBUTIONS, *BESIDE]}, {"type": "string", "pattern": others}]}
