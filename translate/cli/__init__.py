"""The command line: each command is imported when it is called, so that help and errors are instant."""

from __future__ import annotations

import os
import sys
import warnings
from io import TextIOWrapper
from pathlib import Path
from typing import Any

import click

from translate import __version__
from translate.cli import saying
from translate.cli.lazy import Lazy
from translate.errors import Elsewhere, OfProcess, UserError

COMMANDS = {
    "demo": ("translate.cli.demo", "The whole way on an embedded dataset, in minutes, with a report."),
    "train": ("translate.cli.train", "Train on a folder; the same command again continues."),
    "apply": ("translate.cli.apply", "Translate a folder of images, or one image."),
    "sample": ("translate.cli.sample", "Draw new images from an unconditional run."),
    "evaluate": ("translate.cli.evaluate", "Score a run, or anybody's outputs, on held-out images."),
    "check": ("translate.cli.check", "Say what a dataset folder holds and what is wrong with it."),
    "report": ("translate.cli.report", "Write one self-contained HTML file about a run."),
    "presets": ("translate.cli.presets", "List the configurations that come with the program."),
    "show": ("translate.cli.show", "Print a fully resolved configuration, and where its values came from."),
    "data": ("translate.cli.data", "Get, make and prepare datasets."),
    "import": ("translate.cli.import_", "Turn somebody's published weights into a run."),
    "export": ("translate.cli.export", "Write a run's generator as one file for other programs."),
    "push": ("translate.cli.push", "Put a run on a model hub."),
    "pull": ("translate.cli.pull", "Get a run from a model hub."),
    "ui": ("translate.cli.ui", "Try a run on a local web page."),
    "schema": ("translate.cli.schema", "Print the configuration's JSON schema, for editors."),
    "completion": ("translate.cli.completion", "Print the script that completes commands in a shell."),
    "version": ("translate.cli.version", "Say what is installed here, for bug reports."),
}


class _Commands(Lazy):
    def main(self, *arguments: Any, **options: Any) -> Any:
        if "_TRANSLATE_COMPLETE" in os.environ:
            from translate.cli import shells  # noqa: F401 - which registers them
        if isinstance(sys.stdout, TextIOWrapper) and sys.stdout.errors == "strict":
            sys.stdout.reconfigure(errors="backslashreplace")  # a pipe on Windows can't take every file's name
        return super().main(*arguments, **options)

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        """--quiet may stand anywhere: it means the same for every command."""
        words = args[: args.index("--")] if "--" in args else args
        if "--quiet" in words:
            args = ["--quiet", *(word for word in words if word != "--quiet"), *args[len(words) :]]
        return super().parse_args(context, args)

    def invoke(self, context: click.Context) -> Any:
        context.color = saying.colours()
        warnings.formatwarning = _formatted
        if beside():
            sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - what is said is said once, by the first
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
            sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - or the interpreter complains at its end
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


def _formatted(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, line: str | None = None
) -> str:
    """Our own warnings are sentences to users; others' say where they come from."""
    if category is UserWarning and Path(filename).is_relative_to(Path(__file__).parents[1]):
        return f"note: {message}\n"
    return f"{filename}:{lineno}: {category.__name__}: {message}\n"


def _say(what: str) -> None:
    click.secho("error: ", err=True, fg="red", bold=True, nl=False)
    click.echo(what, err=True)


@click.group(
    cls=_Commands,
    table=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.version_option(__version__, "--version", prog_name="translate")
@click.option("--quiet", is_flag=True, help="Say only errors and results; before or after COMMAND.")
def main(quiet: bool) -> None:
    """Turn images of one kind into another, with pairs, a few pairs or none; or make new ones of one kind.

    \b
    translate demo                                   see it work, in minutes
    translate train --data DIR --out RUN             two folders in, a model out
    translate apply RUN INPUT OUTPUT                 translate a folder
    translate evaluate RUN --data DIR                how good is it, honestly
    """


if __name__ == "__main__":
    sys.exit(main())
