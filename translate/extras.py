"""Libraries that not everybody needs: where one is missing, one sentence says how to have it."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from translate.errors import UserError


def require(module: str, extra: str) -> ModuleType:
    """The library `module` of the extra `extra`; UserError where it is not installed."""
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module.partition(".")[0]:  # it is there, and lacks something itself
            raise
        raise UserError(
            f"{error.name} is not installed, which this needs", hint=f"pip install 'translate-gan[{extra}]'"
        ) from None
