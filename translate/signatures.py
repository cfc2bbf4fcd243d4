"""What a class can be told, read from its source: configuration errors must not wait for torch to be imported."""

from __future__ import annotations

import ast
import importlib.util
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

from translate.errors import UserError, nearest, unknown


@dataclass(frozen=True)
class Option:
    """One keyword-only argument of a constructor."""

    annotation: str
    default: Any

    @property
    def kind(self) -> Any:
        """The type that it is annotated with."""
        return eval(self.annotation, {"Literal": Literal})  # the annotation of an installed class, not user input


@dataclass(frozen=True)
class Signature:
    """The keyword-only options and the literal class attributes of `module:Class`."""

    target: str
    options: dict[str, Option] = field(default_factory=dict)
    attributes: dict[str, Any] = field(default_factory=dict)
    methods: frozenset[str] = frozenset()


def find(kind: str, name: str, table: dict[str, str], *, where: str) -> Signature:
    """The signature of a table's entry or of somebody's own `my_package.module:Class`; UserError when there is none."""
    if ":" in name:
        return _read(name, where)
    if name not in table:
        raise unknown(kind, name, table, where=where, hint='a class of your own is written "my_package.module:Class"')
    return _read(table[name], where)


def resolve(signature: Signature, given: dict[str, Any], *, where: str) -> dict[str, Any]:
    """Every option of a class: what was given, checked by its annotation, and the defaults of the rest."""
    from pydantic import TypeAdapter, ValidationError

    for key in given:
        if key not in signature.options:
            options = sorted(signature.options)
            raise UserError(
                f'unknown key "{key}".{nearest(key, options)}',
                where=f"{where}.{key}",
                expected="one of " + ", ".join(options) if options else "no options",
            )
    values = {}
    for key, option in signature.options.items():
        values[key] = option.default
        if key in given:
            kind = option.kind
            try:
                values[key] = TypeAdapter(kind).validate_python(given[key])
            except ValidationError as error:
                found = error.errors()[0]["msg"]
                close = nearest(str(given[key]), [str(choice) for choice in getattr(kind, "__args__", ())])
                raise UserError(
                    f"{given[key]!r} does not fit: {found}.{close}", where=f"{where}.{key}", expected=option.annotation
                ) from None
    return values


@cache
def _read(target: str, where: str) -> Signature:
    module, _, name = target.partition(":")
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):  # not there, or no name of a module at all
        spec = None
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        raise UserError(f'no module "{module}"', where=where, expected="an importable module before the colon")
    try:
        tree = ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
    except (SyntaxError, UnicodeDecodeError) as error:
        raise UserError(f"{spec.origin} is not Python: {error}", where=where) from None
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    if name not in classes:
        raise unknown(f"class in {module}", name, classes, where=where)
    node = classes[name]
    methods = frozenset(item.name for item in node.body if isinstance(item, ast.FunctionDef))
    try:
        options = _options(node)
    except ValueError:
        raise UserError(
            f"{target} has a default that is no literal", where=where, expected="such as 3 or None"
        ) from None
    return Signature(target, options, _attributes(node), methods)


def _options(node: ast.ClassDef) -> dict[str, Option]:
    for item in node.body:
        if isinstance(item, ast.FunctionDef) and item.name == "__init__":
            return {
                argument.arg: Option(
                    ast.unparse(argument.annotation) if argument.annotation else "object",
                    ast.literal_eval(default) if default else None,
                )
                for argument, default in zip(item.args.kwonlyargs, item.args.kw_defaults, strict=True)
            }
    return {}


def _attributes(node: ast.ClassDef) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for item in node.body:
        if isinstance(item, ast.Assign):
            names, value = [t.id for t in item.targets if isinstance(t, ast.Name)], item.value
        elif isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name) and item.value:
            names, value = [item.target.id], item.value
        else:
            continue
        try:
            found |= dict.fromkeys(names, ast.literal_eval(value))
        except ValueError:  # not a literal: of no interest to the configuration
            continue
    return found


@cache
def classes_of(package: str, below: str = "") -> Classes:
    """Public classes in an installed package's sources -> their constructor's argument names (None: inherited)."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        return Classes({})
    files: dict[str, Path] = {}
    for path in sorted((Path(spec.origin).parent / below).rglob("*.py")):
        for name in re.findall(r"^class ([A-Za-z]\w*)", path.read_text(encoding="utf-8"), re.MULTILINE):
            files.setdefault(name, path)
    return Classes(files)


class Classes(Mapping[str, tuple[str, ...] | None]):
    """Names are known at once; a file is parsed only for a class in it, since all of a library's take a while."""

    def __init__(self, files: dict[str, Path]) -> None:
        self._files = files

    def __getitem__(self, name: str) -> tuple[str, ...] | None:
        return _constructors(self._files[name])[name]

    def __contains__(self, name: object) -> bool:
        return name in self._files

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)


@cache
def _constructors(path: Path) -> dict[str, tuple[str, ...] | None]:
    body = ast.parse(path.read_text(encoding="utf-8")).body
    return {node.name: _arguments(node) for node in reversed(body) if isinstance(node, ast.ClassDef)}


def _arguments(node: ast.ClassDef) -> tuple[str, ...] | None:
    for item in node.body:
        if isinstance(item, ast.FunctionDef) and item.name == "__init__":
            if item.args.kwarg:
                return None
            return tuple(a.arg for a in (*item.args.args[1:], *item.args.kwonlyargs))
    return None
