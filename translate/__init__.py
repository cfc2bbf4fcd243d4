"""Image-to-image translation that people can trust."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from translate.inference.library import load as load

__all__ = ["__version__", "load"]

try:
    __version__ = version("translate-gan")
except PackageNotFoundError:  # used from a checkout that was never installed
    __version__ = "0+unknown"


def __getattr__(name: str) -> object:
    if name == "load":  # torch is imported when it is asked for
        from translate.inference.library import load

        return load
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), "load"]
