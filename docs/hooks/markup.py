"""Markdown out of rows and of what sources say of themselves."""

from __future__ import annotations

import ast
import importlib.util
import inspect
import re
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; cells are Markdown of one line."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "&#124;") for cell in line) + " |\n" for line in lines)


def code(text: object) -> str:
    """Something as code within a line, or nothing."""
    return f"`{text}`" if str(text) else ""


def plain(text: str) -> str:
    """Prose in which no sign means anything to Markdown, but for `code`."""
    parts = re.split(r"(``.*?``|`[^`]*`)", text)
    return "".join(part if i % 2 else re.sub(r"[*_\[<]", _escaped, part) for i, part in enumerate(parts))


def _escaped(sign: re.Match[str]) -> str:
    return "&lt;" if sign[0] == "<" else "\\" + sign[0]


def docstring(target: str) -> str:
    """The docstring of "module:name", read from its source; of the module, where the function has none of its own."""
    module, _, name = target.partition(":")
    tree = _tree(module)
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == name and ast.get_docstring(node):
            return inspect.cleandoc(ast.get_docstring(node) or "")
    return ast.get_docstring(tree) or ""


@cache
def _tree(module: str) -> ast.Module:
    spec = importlib.util.find_spec(module)
    assert spec is not None, module
    return ast.parse(Path(str(spec.origin)).read_text(encoding="utf-8"))
