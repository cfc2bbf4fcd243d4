"""Click's completion for bash and zsh, for values that go on: no space behind "training." and "training.batch=".

Bash also takes "training.batch=4" for three words.
"""

from __future__ import annotations

import os

from click.shell_completion import BashComplete, CompletionItem, ZshComplete, add_completion_class, split_arg_string

GOES_ON = "*[=.]"


@add_completion_class
class Bash(BashComplete):
    """Words are put together again at "=", and of what is offered bash gets the part behind it."""

    source_template = BashComplete.source_template.replace(
        "COMPREPLY+=($value)", f'COMPREPLY+=("$value")\n            [[ $value == {GOES_ON} ]] && compopt -o nospace'
    )
    _before = ""

    def get_completion_args(self) -> tuple[list[str], str]:
        """The complete words, and the one that is being typed."""
        parts = split_arg_string(os.environ["COMP_WORDS"])
        at = int(os.environ["COMP_CWORD"])
        words = _joined([*parts, ""][: at + 1])
        self._before = words[-1][: words[-1].rfind("=") + 1]
        return words[1:-1], words[-1]

    def format_completion(self, item: CompletionItem) -> str:
        """A line for the script."""
        return f"{item.type},{item.value.removeprefix(self._before)}"


@add_completion_class
class Zsh(ZshComplete):
    """The same without a space."""

    source_template = ZshComplete.source_template.replace(
        "compadd -U -V unsorted -a completions",
        f"local -a tail; [[ $completions[1] == {GOES_ON} ]] && tail=(-S '')\n"
        "        compadd -U -V unsorted $tail -a completions",
    )


def _joined(parts: list[str]) -> list[str]:
    words: list[str] = []
    for index, part in enumerate(parts):
        if words and (part == "=" or parts[index - 1] == "="):
            words[-1] += part
        else:
            words.append(part)
    return words
