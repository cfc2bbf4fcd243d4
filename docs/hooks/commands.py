"""The reference of the command line, as `--help` says it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import click
from markup import plain, table

from translate.cli import main


def page() -> str:
    """All commands, in the order of `translate --help`."""
    return "\n".join(_said(main, None, "translate"))


def _said(command: click.Command, parent: click.Context | None, name: str) -> Iterator[str]:
    context = click.Context(command, info_name=name, parent=parent, **command.context_settings)
    pieces = " ".join(command.collect_usage_pieces(context))
    if parent is not None:
        yield f"{'#' * (depth(context) + 1)} {context.command_path}\n"
        yield prose(command.help or "")
    yield f"\n```text\n{context.command_path} {pieces}\n```\n"
    yield table(("option", "what it does"), options(command, context))
    if isinstance(command, click.Group):
        for below in command.list_commands(context):
            found = command.get_command(context, below)
            if found is not None and not found.hidden:
                yield from _said(found, context, below)


def depth(context: click.Context) -> int:
    """How many commands stand above."""
    return 0 if context.parent is None else 1 + depth(context.parent)


def options(command: click.Command, context: click.Context) -> Iterator[tuple[str, str]]:
    """Name and sentence of each option, as `--help` has them."""
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context) if isinstance(parameter, click.Option) else None
        if record is not None:
            names, sentence = record
            yield _named(names), plain(" ".join(sentence.split()))


def _named(names: str) -> str:
    """`--to [b|a]` with room to break the line between the choices."""
    option, _, value = re.sub(r"^(-\S+(?:,? /? ?-\S+)*)\s?", r"\1\n", names).partition("\n")
    return f"`{option}` {plain(value.strip('[]').replace('|', ' | '))}".strip()


def prose(text: str) -> str:
    """A help text; paragraphs marked with \\b keep their lines."""
    paragraphs = re.split(r"\n\s*\n", text.strip())
    return "\n\n".join(
        "```text\n" + part.partition("\b")[2].strip("\n") + "\n```" if "\b" in part else plain(" ".join(part.split()))
        for part in paragraphs
    )
