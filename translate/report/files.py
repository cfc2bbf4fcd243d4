"""Templates in, a file out; a file of somebody else is never written over."""

from __future__ import annotations

import os
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2

from translate import __version__
from translate.errors import UserError

GENERATOR = '<meta name="generator" content="translate'
"""How a page of ours begins, within its first characters."""
_LOOK = 1000


def render(template: str, **values: Any) -> str:
    """The template of that name beside this file, filled in; whatever is no Markup is escaped."""
    folder = resources.files("translate.report")
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(lambda name: (folder / name).read_text(encoding="utf-8")),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(version=__version__, **values)


def require_ours(path: Path) -> None:
    """Raise UserError unless a report may be written there: to a new file, or over a report."""
    if path.is_dir():
        raise UserError("this is a folder", where="--out", expected="the path of a file, such as report.html")
    if path.exists():
        with open(path, encoding="utf-8", errors="replace") as file:
            if GENERATOR not in file.read(_LOOK):
                raise UserError(
                    f'"{path}" is there already, and no report that this program wrote',
                    where="--out",
                    expected="a new file, or an earlier report",
                    hint="--out report.html",
                )


def save(path: Path, html: str) -> None:
    """Write a page; a reader never sees half of it. Raises UserError as `require_ours` does."""
    require_ours(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.partial")
    unfinished.write_text(html, encoding="utf-8")
    os.replace(unfinished, path)
