"""`translate completion`."""

from __future__ import annotations

import click

VARIABLE = "_TRANSLATE_COMPLETE"
"""By which the script asks; click takes it from the program's name."""


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print the script that lets a SHELL complete commands, options, presets, keys of --set, runs and files.

    Where to put it; it works in the shells that are opened after that.

    \b
    bash   translate completion bash > ~/.local/share/bash-completion/completions/translate
    zsh    translate completion zsh > ~/.zfunc/_translate        ~/.zfunc stands in fpath, before compinit
    fish   translate completion fish > ~/.config/fish/completions/translate.fish
    """
    from click.shell_completion import get_completion_class

    from translate.cli import main, shells  # noqa: F401 - the shells register themselves

    script = get_completion_class(shell)
    assert script is not None
    click.echo(script(main, {}, "translate", VARIABLE).source())
