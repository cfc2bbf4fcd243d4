"""What an output is called, so that no two inputs ever become one file."""

from __future__ import annotations

import os
from collections.abc import Iterable

from translate.data.images import FORMATS
from translate.data.layouts import ENDINGS
from translate.formats.video import ENDINGS as VIDEOS
from translate.formats.video import target_ending
from translate.inference import places
from translate.inference.outcome import Options
from translate.inference.places import Place


def output_of(source: Place, name: str, options: Options) -> tuple[str, str | None]:
    """The output's name, and why it can't be had. Where an ending changes, a.jpg and a.png beside one another become
    a.jpg.png and a.png: told by what lies beside the file, since a million names can't be remembered."""
    stem, own = os.path.splitext(name)
    ending = new_ending(own.lower(), options)
    if ending is None:
        return name, None
    kin = VIDEOS if own.lower() in VIDEOS else ENDINGS
    base = os.path.basename(name)
    usual = own in (own.lower(), own.upper())  # another spelling is none that siblings look for
    beside = [other for other in _spelt(os.path.basename(stem), kin) if other != base]
    if usual and not source.names_beside(name, beside):
        return stem + ending, None
    if taken := source.names_beside(name, _spelt(base, kin)):
        return name + ending, f"its output would be {base}{ending}, as that of {places.printable(taken[0])}"
    return name + ending, None


def new_ending(own: str, options: Options) -> str | None:
    """The ending of what is written; None where it stays as it is."""
    if own in VIDEOS:
        kept = target_ending("video" + own)
        return None if kept == own else kept
    if options.format is None or FORMATS[own] == FORMATS[options.format]:
        return None
    return options.format


def _spelt(stem: str, endings: Iterable[str]) -> list[str]:
    return [stem + spelling for ending in sorted(endings) for spelling in (ending, ending.upper())]


def ending_of(name: str) -> str:
    """The ending, in small letters: ".jpg"; "" without one."""
    return os.path.splitext(name)[1].lower()
