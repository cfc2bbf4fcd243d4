"""Mistakes in a configuration in plain words: pydantic's, without the names of Python's types."""

from __future__ import annotations

from collections.abc import Sequence
from types import UnionType
from typing import TYPE_CHECKING, Any, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError

from translate.errors import UserError, nearest
from translate.sections import Component, Config, Data, Latent, Strict, Term, Training

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails


def explained(error: ValidationError, where: str) -> UserError:
    """The mistake that pydantic has found in `where`, in words of ours."""
    first = error.errors()[0]
    path = [str(part) for part in first["loc"]]
    # pydantic appends the union branch that it tried ("int", "literal[...]") to the key: not a key of the user's
    keys = [part for part in path if part.isidentifier() and part not in ("int", "float", "str", "bool")] or path
    if first["type"] == "extra_forbidden":
        known = keys_at(Config, path[:-1])
        return UserError(
            f'unknown key "{path[-1]}".{nearest(path[-1], known)}',
            where=f"{where}: {'.'.join(path)}",
            expected="one of " + ", ".join(known) if known else None,
        )
    place = f"{where}: {'.'.join(keys)}" if keys else where
    if first["type"] == "value_error":
        return UserError(first["msg"].removeprefix("Value error, "), where=place)
    same = [e for e in error.errors() if e["loc"][: len(keys)] == first["loc"][: len(keys)]]
    wanted = ", or ".join(dict.fromkeys(words for one in same if (words := _in_words(one))))
    said = f"Input should be {wanted}" if _in_words(first) else first["msg"]
    return UserError(f"{said}, found {as_yaml(first['input'])}", where=place)


_WORDS = {
    "int_type": "a whole number such as 1000",
    "int_parsing": "a whole number such as 1000",
    "int_from_float": "a whole number such as 1000",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "string_type": "text",
    "list_type": "a list in [brackets]",
    "dict_type": "a section with keys",
}


def _in_words(error: ErrorDetails) -> str:
    """What pydantic's "Input should be ..." asks for, without the names of Python's types; "" where it says no such."""
    kind, given = error["type"], error["input"]
    if kind == "model_type":
        models: list[type[BaseModel]] = [Component, Term, *Strict.__subclasses__()]
        model = next(one for one in models if one.__name__ == error["ctx"]["class_name"])
        short = "a name or " if model is Component else "a number or " if model is Latent else ""
        more = " ..." if len(model.model_fields) > 2 or model.model_config.get("extra") == "allow" else ""
        return f"{short}a section with keys ({', '.join([*model.model_fields][:2])}{more})"
    pair = kind == "too_long" and error["ctx"].get("field_type") == "Tuple"
    if kind == "tuple_type" or pair or (kind == "missing" and isinstance(error["loc"][-1], int)):
        example = [given, given] if "size" in str(error["loc"]) and type(given) is int and given > 0 else None
        return f"two numbers, such as {example or [*_default_at(error['loc'])]}"
    return _WORDS.get(kind) or error["msg"].partition("Input should be ")[2]


def _default_at(path: tuple[int | str, ...]) -> tuple[float, ...]:
    """The default of the key whose value should be two numbers."""
    size = Data().size
    defaults: dict[str, tuple[float, ...]] = {"betas": Training().betas, "size": size, "load_size": size}
    return next((defaults[str(part)] for part in path if part in defaults), (0, 1))


def as_yaml(value: Any) -> str:
    """A value as it is typed: null, true, [32]."""
    return yaml.safe_dump(value, default_flow_style=True, width=10**6, sort_keys=False).removesuffix("...\n").strip()


def has_keys(path: Sequence[str]) -> bool:
    """Whether there may be keys below this one; what a component makes of its own options is not known here."""
    kinds: list[Any] = [Config]
    for part in path:
        kinds = [kind for above in kinds for kind in _kinds_below(above, part)]
    return any(kind is Any or kind is dict or _is_model(kind) for kind in (get_origin(one) or one for one in kinds))


def _kinds_below(kind: Any, part: str) -> list[Any]:
    if kind is Any:
        return [Any]
    if get_origin(kind) is dict:
        return [get_args(kind)[1]]
    if not _is_model(kind):
        return []
    field = kind.model_fields.get(part)
    if field is None:
        return [Any] if kind.model_config.get("extra") == "allow" else []
    return [*get_args(field.annotation)] if get_origin(field.annotation) in (Union, UnionType) else [field.annotation]


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def keys_at(model: type[BaseModel], path: list[str]) -> list[str]:
    """The keys of the section below `path`; none where a component says what it takes."""
    for part in path:
        field = model.model_fields.get(part)
        kind = field.annotation if field else None
        if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
            return []
        model = kind
    if model.model_config.get("extra") == "allow":
        return []
    return list(model.model_fields)
