"""A group of commands whose modules are imported when they are called, so that help, mistakes and Tab are instant."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click
from click.shell_completion import CompletionItem

from translate.errors import UserError, nearest


class Lazy(click.Group):
    """Commands by name: (the module, whose `command` it is, and what it does in a sentence)."""

    def __init__(self, *arguments: Any, table: Mapping[str, tuple[str, str]], **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._table = table

    def list_commands(self, context: click.Context) -> list[str]:
        return list(self._table)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in self._table:
            return None
        command: click.Command = import_module(self._table[name][0]).command
        return command

    def resolve_command(self, context: click.Context, args: list[str]) -> Any:
        if args and args[0] not in self._table and not args[0].startswith("-") and not context.resilient_parsing:
            above = " ".join(["translate", *context.command_path.split()[1:]])
            raise UserError(
                f'no command "{args[0]}".{nearest(args[0], self._table)}',
                expected="one of " + ", ".join(self._table),
                hint=f"{above} --help",
            )
        return super().resolve_command(context, args)

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, about) for name, (_, about) in self._table.items()])

    def shell_complete(self, context: click.Context, incomplete: str) -> list[CompletionItem]:
        if incomplete.startswith("-"):
            return click.Command.shell_complete(self, context, incomplete)
        return [
            CompletionItem(name, help=about) for name, (_, about) in self._table.items() if name.startswith(incomplete)
        ]
