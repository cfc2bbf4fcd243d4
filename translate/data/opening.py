"""Files behind URLs, by way of fsspec: where they are, what they are now, their bytes."""

from __future__ import annotations

import io
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from translate.errors import UserError

ATTEMPTS = 3
"""A read over a network that fails is tried so often in all."""

_PACKAGES = {"smbclient": "smbprotocol", "azure": "adlfs"}
_URL = re.compile(r"([a-z][a-z0-9+.-]+(?:::[a-z][a-z0-9+.-]+)*):/+", re.IGNORECASE)


def located(place: Path | str) -> Path | str:
    """A path of this machine, or a URL as text; also of a Path that was made of a URL and lost a slash by it."""
    text = os.fspath(place)
    if not (scheme := _URL.match(text)):
        return Path(text)
    rest = text[scheme.end() :]
    if scheme[1].lower() in ("file", "local"):
        return Path("/" + rest)
    if isinstance(place, Path) and place.exists():
        return place
    return text if "://" in text else f"{scheme[1]}://{rest}"


def is_archive(place: Path) -> bool:
    """Whether a path names archives: one of them, or many by a pattern in braces."""
    return place.name.lower().endswith((".tar", ".tar.gz", ".tgz")) and (
        place.is_file() or ("{" in str(place) and not place.exists())
    )


def shown(place: Path | str) -> Path:
    """A place as messages name it: without the password of a URL."""
    return Path(masked(os.fspath(place)))


def masked(text: str) -> str:
    """A URL without its password."""
    return re.sub(r"(://[^/@:]*):[^/@]*@", r"\1:***@", text)


def named(place: Path | str) -> str:
    """As `shown`, and to be copied back: a Path swallows one of a URL's slashes."""
    return str(located(shown(place)))


def reached(url: str) -> tuple[Any, str]:
    """The file system of a URL as fsspec has it, and the path in it. Raises UserError."""
    from fsspec.core import url_to_fs

    try:
        system, path = url_to_fs(url)
    except ImportError as error:
        top = (getattr(error.__cause__, "name", None) or str(error)).partition(".")[0]
        package = _PACKAGES.get(top, top)
        raise UserError(
            f"a package is missing that reaches such places: {package}",
            where=masked(url),
            hint=f"pip install {package}",
        ) from None
    except Exception as error:  # each store's package has errors of its own
        raise UserError(
            f"can't be reached: {reason(error)}", where=masked(url), expected="a path, or a URL that fsspec knows"
        ) from None
    return system, str(path)


@contextmanager
def os_errors() -> Iterator[None]:
    """What a store's package raises, as an OSError: each of them has errors of its own."""
    try:
        yield
    except OSError:
        raise
    except Exception as error:
        raise OSError(reason(error)) from error


def fetched(url: str, start: int | None = None, end: int | None = None) -> bytes:
    """The bytes of a file behind a URL, or those from `start` to `end` (a server may send all of them even so).
    Raises OSError, after a few attempts."""
    system, path = reached(url)
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with os_errors():
                return bytes(system.cat_file(path, start=start, end=end))
        except (FileNotFoundError, PermissionError):
            raise
        except OSError:
            if attempt == ATTEMPTS:
                raise
            time.sleep(0.2 * attempt**2)
    raise AssertionError("the last attempt returns or raises")


def stamp_of(information: dict[str, Any]) -> tuple[str | int, ...]:
    """What fsspec knows of a file that changes with its bytes: the size, and its tag or its time."""
    names = ("size", "ETag", "etag", "md5Hash", "content_md5", "mtime", "LastModified", "last_modified", "created")
    return tuple(str(information[name]) for name in names if information.get(name) is not None)


@dataclass(frozen=True)
class RemoteFile:
    """A whole file behind a URL, as a picture's source."""

    url: str

    def open(self) -> BinaryIO:
        return io.BytesIO(fetched(self.url))

    def stamp(self) -> tuple[str | int, ...]:
        system, path = reached(self.url)
        with os_errors():
            return stamp_of(system.info(path))

    def near(self) -> None:
        """Nothing lies beside it that would be asked for soon."""


def reason(error: Exception) -> str:
    """What an error says, on one line."""
    return " ".join(str(error).split()) or type(error).__name__
