"""The reference of the configuration, from its types, defaults and descriptions."""

from __future__ import annotations

import inspect
import types
from collections.abc import Iterator
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from markup import code, plain, table
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from translate.config import AUTO, Component, Config, Entry, Term

WORDS = {str: "text", int: "whole number", float: "number", bool: "true or false", type(None): "null"}
BOUNDS = {Gt: "above", Ge: "at least", Lt: "below", Le: "at most"}


def page() -> str:
    """Every key by section."""
    return "\n".join(_section(Config, ""))


def _section(section: type[BaseModel], name: str) -> Iterator[str]:
    below = {key: inner for key, field in section.model_fields.items() if (inner := _inner(field.annotation))}
    if name:
        yield f"## {name}\n\n{plain(inspect.cleandoc(section.__doc__ or ''))}\n"
    keys = [(key, field) for key, field in section.model_fields.items() if key not in below or _leaf(below[key])]
    yield table(("key", "default", "what it takes"), [_row(name, key, field) for key, field in keys])
    for key, inner in below.items():
        if not _leaf(inner):
            yield from _section(inner, f"{name}.{key}" if name else key)


def _row(section: str, key: str, field: FieldInfo) -> tuple[str, str, str]:
    kind = said(field.annotation, field.metadata)
    text = "; ".join(part for part in (kind, plain(field.description or "")) if part)
    return code(f"{section}.{key}" if section else key), code(_default(key, field)), text


def _default(key: str, field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True)
    if value is PydanticUndefined:
        return ""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {_short(inner)}" for name, inner in value.items()) + "}"
    return "auto" if key == "batch" and value == AUTO else _short(value)


def _short(value: Any) -> str:
    if isinstance(value, Component):
        return value.name
    if isinstance(value, Term):
        return f"{{weight: {value.weight:g}}}"
    if isinstance(value, BaseModel):
        return "{" + ", ".join(f"{k}: {_short(v)}" for k, v in value) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_short, value)) + "]"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value)


def _inner(annotation: Any) -> type[BaseModel] | None:
    """The section that a key holds, if it holds one."""
    for kind in (annotation, *get_args(annotation)):
        if inspect.isclass(kind) and issubclass(kind, BaseModel):
            return kind
    return None


def _leaf(section: type[BaseModel]) -> bool:
    """Whether a section's keys depend on a name that it gives: see networks and terms."""
    return section in (Component, Term)


def said(kind: Any, metadata: list[Any] | None = None) -> str:
    """A type in words: "whole number above 0"."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        found = [part for extra in arguments[1:] for part in getattr(extra, "metadata", [extra])]
        return said(arguments[0], [*found, *(metadata or ())])
    bounds = " and ".join(f"{word} {_bound(limit)}" for limit in metadata or () for word in _word(limit))
    if kind == Entry:
        return "a name, or a name and its options"
    if origin is Literal:
        return ", ".join(code(choice) for choice in arguments)
    if origin in (Union, types.UnionType):
        return " or ".join(said(one, metadata if one in (int, float) else None) for one in arguments)
    if origin is list:
        return f"a list, each {said(arguments[0])}"
    if origin is tuple:
        return "[" + ", ".join(said(one) for one in arguments) + "]"
    if origin is dict:
        return "names and what they hold"
    if inspect.isclass(kind) and issubclass(kind, BaseModel):
        return (
            "a name, or a name and its options" if kind is Component else f"the keys of {kind.__name__.lower()} below"
        )
    if inspect.isclass(kind) and hasattr(kind, "__members__"):
        return " or ".join(code(member.value) for member in kind)
    return f"{WORDS.get(kind, '')} {bounds}".strip()


def _word(limit: Any) -> list[str]:
    return [word for kind, word in BOUNDS.items() if isinstance(limit, kind)]


def _bound(limit: Any) -> str:
    return next(f"{getattr(limit, name):,}" for name in ("gt", "ge", "lt", "le") if hasattr(limit, name))
