"""The command line: each command is imported when it is called, so that help and errors are instant."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Any

import click

from translate import __version__
from translate.errors import Elsewhere, OfProcess, UserError, nearest

COMMANDS = {
    "demo": ("translate.cli.demo", "The whole way on an embedded dataset, in minutes, with a report."),
    "train": ("translate.cli.train", "Train on a folder; the same command again continues."),
    "apply": ("translate.cli.apply", "Translate a folder of images, or one image."),
    "sample": ("translate.cli.sample", "Draw new images from an unconditional run."),
    "evaluate": ("translate.cli.evaluate", "Score a run, or anybody's outputs, on held-out images."),
    "check": ("translate.cli.check", "Say what a dataset folder holds and what is wrong with it."),
    "report": ("translate.cli.report", "Write one self-contained HTML file about a run."),
    "presets": ("translate.cli.presets", "List the configurations that come with the program."),
    "show": ("translate.cli.show", "Print a fully resolved configuration."),
    "data": ("translate.cli.data", "List and make the embedded datasets."),
}


class _Commands(click.Group):
    def list_commands(self, context: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        command: click.Command = import_module(COMMANDS[name][0]).command
        return command

    def resolve_command(self, context: click.Context, args: list[str]) -> Any:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            raise UserError(
                f'no command "{args[0]}".{nearest(args[0], COMMANDS)}',
                expected="one of " + ", ".join(COMMANDS),
                hint="translate --help",
            )
        return super().resolve_command(context, args)

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, about) for name, (_, about) in COMMANDS.items()])

    def invoke(self, context: click.Context) -> Any:
        if beside():
            sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - what is said is said once, by the first
        sys.path.append(os.getcwd())  # for "my_module:Class" in a configuration; last, so that it shadows nothing
        try:
            return super().invoke(context)
        except Elsewhere:
            context.exit(2)
        except UserError as error:
            # Each machine says what is wrong with it, and each process what only it has met.
            if not beside() or isinstance(error, OfProcess) or os.environ.get("LOCAL_RANK", "0") == "0":
                _say(str(error))
            context.exit(2)
        except BrokenPipeError:  # `translate ... | head`
            sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - or the interpreter complains at its end
            context.exit(0)
        except OSError as error:  # a full disk, a folder that can't be written: the user's to mend, not a crash
            _say(f"{error.filename or 'a file'}: {error.strerror or error}")
            context.exit(2)
        except KeyboardInterrupt:
            click.echo("interrupted", err=True)
            context.exit(130)


def beside() -> int:
    """Which of torchrun's processes this is, counted from 0."""
    return int(os.environ.get("RANK", "0")) if int(os.environ.get("WORLD_SIZE", "1")) > 1 else 0


def _say(what: str) -> None:
    click.secho("error: ", err=True, fg="red", bold=True, nl=False)
    click.echo(what, err=True)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, "--version", prog_name="translate")
def main() -> None:
    """Turn images of one kind into another, with pairs, a few pairs or none; or make new ones of one kind.

    \b
    translate demo                                   see it work, in minutes
    translate train --data DIR --out RUN             two folders in, a model out
    translate apply RUN INPUT OUTPUT                 translate a folder
    translate evaluate RUN --data DIR                how good is it, honestly
    """


if __name__ == "__main__":
    sys.exit(main())
