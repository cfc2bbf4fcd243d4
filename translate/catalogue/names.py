"""Names that a system can't give to a file."""

from __future__ import annotations

import os
import re

from translate.errors import UserError

_WINDOWS = os.name == "nt"
_UNFIT = re.compile(
    r"""(con|prn|aux|nul|com\d|lpt\d)(\..*)?|.*[<>:"|?*\\\x00-\x1f].*|.*[. ]""", re.IGNORECASE | re.DOTALL
)
"""A device whatever its ending, another stream of a file, or what Windows leaves out at the end."""


def refuse_unfit(name: str, where: str) -> None:
    """Raise UserError for the name of a file that Windows would take for something else, on Windows."""
    if _WINDOWS and _UNFIT.fullmatch(name):
        raise UserError(
            f'"{name}" is no name for a file on Windows',
            where=where,
            expected="another system, such as the Windows Subsystem for Linux",
        )
