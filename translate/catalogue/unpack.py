"""The files in a zip or tar archive, one after the other; an archive that means harm is refused."""

from __future__ import annotations

import bz2
import errno
import gzip
import lzma
import stat
import tarfile
import zipfile
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import IO, Any, NamedTuple, cast

from translate.errors import UserError

MOST_FILES = 2_000_000
LARGEST = 1 << 29
"""Bytes of one file."""
RATIO = 20
"""Pictures hardly shrink in an archive: what grows more than this is a bomb, beyond a few small files."""
SMALL = 1 << 26
HEADERS = 1 << 22
"""Bytes of a tar archive between two files: tarfile holds all that stands there in memory."""
_PIECE = 1 << 16
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_PACKED: dict[bytes, Callable[..., Any]] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ": lzma.open}


class Damaged(UserError):  # noqa: N818 - it says what it is
    """An archive that did not arrive as it was packed."""


class Member(NamedTuple):
    """A file of an archive: its path with "/", its bytes, and how to read it (before the next one is asked for)."""

    name: str
    size: int
    open: Callable[[], Reading]


class Reading:
    """A member's bytes; Damaged where they are not those that were packed, or end too soon."""

    def __init__(self, archive: Path, file: IO[bytes], size: int) -> None:
        self._archive, self._file, self._left = archive, file, size

    def __enter__(self) -> Reading:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def read(self, count: int = -1) -> bytes:
        """The next `count` bytes at most, or all."""
        with _sentences(self._archive):
            piece = self._file.read(count)
            self._left -= len(piece)
            if self._left > 0 and (count < 0 or (count > 0 and not piece)):
                raise EOFError("a file in it ends too soon")
        return piece


def members(archive: Path) -> Generator[Member, None, None]:
    """All files, in the archive's order. Raises UserError for what is no archive or is damaged, encrypted or hostile:
    paths that lead out, links, devices, bombs. A zip is judged before its first file, a tar as it is read."""
    with archive.open("rb") as file:
        head = file.read(512)
    with _sentences(archive):
        if head.startswith(_ZIP):
            yield from _zip(archive)
        else:
            yield from _tar(archive, head)


def unpacked(archive: Path) -> int:
    """How many bytes its files take, as far as that can be told without reading all of it."""
    with archive.open("rb") as file:
        if not file.read(4).startswith(_ZIP):
            return archive.stat().st_size
    with _sentences(archive), zipfile.ZipFile(archive) as opened:
        return sum(info.file_size for info in opened.infolist())


@contextmanager
def _sentences(archive: Path) -> Iterator[None]:
    try:
        yield
    except (UserError, MemoryError):
        raise
    except Exception as error:  # zipfile and tarfile raise nearly anything for damaged headers
        # With a number it is the disk's, unless a damaged offset has led before the file's beginning.
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise
        raise Damaged(
            f"is damaged: {error or type(error).__name__}",
            where=str(archive),
            expected="a whole zip or tar archive",
            hint="download it again",
        ) from None


def _zip(archive: Path) -> Iterator[Member]:
    with zipfile.ZipFile(archive) as opened:
        gauge, files = _Gauge(archive), []
        for info in opened.infolist():
            if info.flag_bits & 1:
                raise _hostile(archive, f'"{info.filename}" is encrypted')
            mode = stat.S_IFMT(info.external_attr >> 16)
            if mode not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise _hostile(archive, f'"{info.filename}" is a link or a device')
            name = _inside(archive, info.filename)
            gauge.add(name, info.file_size)
            if not info.is_dir():
                files.append((name, info))
        for name, info in files:
            yield Member(name, info.file_size, _opening(archive, info.file_size, partial(opened.open, info)))


def _tar(archive: Path, head: bytes) -> Iterator[Member]:
    """By modules that check what they decompress to its end; tarfile's own streams don't."""
    unpacking = next((opens for magic, opens in _PACKED.items() if head.startswith(magic)), open)
    gauge = _Gauge(archive)
    with unpacking(archive, "rb") as file:
        stream = _Watched(archive, file, gauge.most)
        try:
            opened = tarfile.open(fileobj=cast(IO[bytes], stream), mode="r|")  # noqa: SIM115 - closed below
        except tarfile.ReadError:
            page = head.lstrip().lower().startswith((b"<!doctype", b"<html"))
            raise Damaged(
                "is a web page" if page else "is neither a zip nor a tar archive",
                where=str(archive),
                expected="the archive itself",
                hint="open its address in a browser, download the file there, and name it with --file",
            ) from None
        with opened:
            while info := opened.next():
                cast(Any, opened).members.clear()  # or it would hold the header of each
                name = _inside(archive, info.name)
                if not info.isreg() and not info.isdir():
                    raise _hostile(archive, f'"{info.name}" is a link or a device')
                gauge.add(name, info.size)
                stream.until = opened.offset + HEADERS
                if info.isdir():
                    continue
                yield Member(name, info.size, _opening(archive, info.size, partial(opened.extractfile, info)))
        stream.until = gauge.most
        while stream.read(_PIECE):  # up to the checksum behind the last file
            pass


def _opening(archive: Path, size: int, opens: Callable[[], Any]) -> Callable[[], Reading]:
    def opening() -> Reading:
        with _sentences(archive):
            return Reading(archive, opens(), size)

    return opening


class _Watched:
    """A stream that is read up to `until` and to `most` bytes; beyond them stands no picture."""

    def __init__(self, archive: Path, file: IO[bytes], most: int) -> None:
        self._archive, self._file, self._most = archive, file, most
        self._read, self.until = 0, HEADERS

    def read(self, count: int) -> bytes:
        """The next `count` bytes at most. UserError beyond the bounds."""
        piece = self._file.read(count)
        self._read += len(piece)
        if self._read > min(self.until, self._most):
            raise _hostile(self._archive, f"from byte {self._read:,} on it holds far more than pictures would need")
        return piece


class _Gauge:
    """Counts what an archive unpacks to, before it is unpacked."""

    def __init__(self, archive: Path) -> None:
        self._archive, self._files, self._bytes = archive, 0, 0
        self.most = archive.stat().st_size * RATIO + SMALL

    def add(self, name: str, size: int) -> None:
        self._files += 1
        self._bytes += size
        if self._files > MOST_FILES or size > LARGEST or self._bytes > self.most:
            raise _hostile(self._archive, f'from "{name}" on it unpacks to far more than pictures would')


def _inside(archive: Path, name: str) -> str:
    """The member's path; UserError where it leads out of the archive."""
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or (path.parts and ":" in path.parts[0]) or "\0" in name:
        raise _hostile(archive, f'"{name}" leads out of the archive')
    return str(path)


def _hostile(archive: Path, why: str) -> UserError:
    return UserError(
        f"is not unpacked: {why}", where=str(archive), expected="an archive of plain files, as the recipe describes it"
    )
