"""An image file, whatever its ending says, as a picture whose rows can be asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import Any, BinaryIO

from translate.data.images import FORMATS
from translate.formats.kinds import explained, sniff
from translate.formats.limits import Limits
from translate.formats.opened import Opened
from translate.formats.png import open_png
from translate.formats.tiff import open_page, open_tiff
from translate.formats.whole import PLUGINS, open_pillow

__all__ = ["Opened", "opened", "opened_page"]

_OPENERS: dict[str, Callable[[BinaryIO, str, str, Limits], Opened]] = {
    **dict.fromkeys(PLUGINS, open_pillow),
    "PNG": open_png,
    "TIFF": open_tiff,
}
_DEFAULT = Limits()


@contextmanager
def opened(file: BinaryIO, name: str, limits: Limits = _DEFAULT) -> Iterator[Opened]:
    """The picture in a binary, seekable `file`, which stays open; `name` is for messages, and its ending is compared
    with the content. Only the header is read here. Raises Unreadable with the reason, then or from `rows`."""
    kind = sniff(file, name)
    with explained(name, kind):
        picture = _OPENERS[kind](file, name, kind, limits)
    if picture.frames > 1 and kind != "TIFF":
        picture.warnings.append(f"is the first of {picture.frames} frames")
    ending = PurePosixPath(name).suffix.lower()
    if FORMATS.get(ending, kind) != kind:
        picture.warnings.append(f"is a {kind} by content, and named {ending}")
    try:
        yield picture
    finally:
        picture.stored = _Closed()


@contextmanager
def opened_page(file: BinaryIO, name: str, address: int, limits: Limits = _DEFAULT) -> Iterator[Opened]:
    """The page of a TIFF whose folder of tags lies at `address`, one of `pagelist.addresses`; else like `opened`."""
    with explained(name, "TIFF"):
        picture = open_page(file, name, limits, address)
    try:
        yield picture
    finally:
        picture.stored = _Closed()


class _Closed:
    """What is left of a picture when its file is closed: the decoded pixels are free."""

    def region(self, box: Any) -> Any:
        raise ValueError("this picture is closed")
