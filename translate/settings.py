"""Settings: "KEY=VALUE" texts that know where they were given, on the command line or in the environment."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from difflib import get_close_matches

from translate.errors import UserError

PREFIX = "TRANSLATE_"
"""Of variables of the environment: TRANSLATE_TRAINING__BATCH=4 is training.batch=4."""


class Setting(str):
    """A text "KEY=VALUE", and its `origin`: "--set", an option such as "--steps", or "environment VARIABLE"."""

    origin: str
    __slots__ = ("origin",)

    def __new__(cls, text: str, origin: str) -> Setting:
        made = super().__new__(cls, text)
        made.origin = origin
        return made


def origin_of(setting: str) -> str:
    """Where a setting was given; what does not know was given by --set."""
    return setting.origin if isinstance(setting, Setting) else "--set"


def key_of(setting: str) -> str:
    """What stands before the first "="."""
    return setting.partition("=")[0]


def place_of(setting: str) -> str:
    """A setting as errors name it: "--set training.batch", "--steps", "environment TRANSLATE_TRAINING__BATCH"."""
    origin = origin_of(setting)
    return f"--set {key_of(setting)}" if origin == "--set" else origin


def from_environment(
    known: Mapping[str, Collection[str]], environment: Mapping[str, str] | None = None
) -> list[Setting]:
    """What TRANSLATE_SECTION__KEY=VALUE variables set; empty ones set nothing. `known`: the keys of each section.

    Raises UserError for TRANSLATE_SECTION_..., which lacks an underscore and would be passed over.
    """
    environment = os.environ if environment is None else environment
    found = []
    for name in sorted(environment):
        rest = name.removeprefix(PREFIX).lower()
        if not name.startswith(PREFIX) or not environment[name]:
            continue
        if "__" in rest or rest in known:
            found.append(Setting(f"{rest.replace('__', '.')}={environment[name]}", f"environment {name}"))
            continue
        for section, keys in known.items():
            key = rest.removeprefix(f"{section}_")
            if key != rest:
                meant = get_close_matches(key, keys, n=1, cutoff=0.5) or ["key"]
                dotted = f"{PREFIX}{section.upper()}__{meant[0].upper()}, with two underscores for the dot"
                raise UserError(
                    "sets nothing",
                    where=f"environment {name}",
                    expected=dotted if keys else f"{PREFIX}{section.upper()}, which has no keys",
                    hint=f"unset {name}",
                )
    return found


def blamed(error: UserError, settings: Sequence[str], where: str) -> UserError:
    """A mistake in the configuration `where`, with the setting that brought it in, if one did."""
    key = (error.where or "").removeprefix(f"{where}: ")
    if not error.where or key == error.where:
        return error
    for setting in reversed(settings):
        mine = key_of(setting)
        if key == mine or key.startswith((f"{mine}.", f"{mine}[")):
            at = place_of(setting) if key == mine else f"{place_of(setting)}: {key}"
            return UserError(error.what, where=at, expected=error.expected, hint=error.hint)
    unseen = [origin_of(s) for s in settings if key_of(s).startswith(f"{key}.") and origin_of(s).startswith("env")]
    if unseen and not error.hint:
        names = " and ".join(origin.removeprefix("environment ") for origin in unseen)
        return UserError(error.what, where=error.where, expected=error.expected, hint=f"look at {names}, set here")
    return error
