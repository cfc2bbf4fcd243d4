"""A folder that fsspec reaches by a URL: object stores, servers, archives, memory."""

from __future__ import annotations

import io
import posixpath
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, cast

from translate.data import opening
from translate.errors import UserError
from translate.inference.places import Entry, printable, unfinished

IN_MEMORY = 64 * 2**20
"""Bytes of a file up to which it is fetched at once; of a larger one, what is asked for."""

_RENAMES = frozenset({"arrow_hdfs", "ftp", "hdfs", "sftp", "smb", "ssh", "webhdfs"})


class Remote:
    """A folder behind a URL. Object stores show an upload when it is whole; servers with file systems rename it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._system, self._root = opening.reached(url)

    def __reduce__(self) -> tuple[type[Remote], tuple[str]]:
        return Remote, (self.url,)

    def __repr__(self) -> str:
        return f"Remote({self.label()!r})"

    @classmethod
    def split(cls, url: str) -> tuple[Remote, str | None]:
        """As `places.split`."""
        whole = cls(url)
        if url.endswith("/"):
            return whole, None
        try:
            with opening.os_errors():
                kind = whole._system.info(whole._root)["type"]
        except OSError as error:
            raise whole._refused("can't be read", error) from None
        if kind != "file":
            return whole, None
        head, _, rest = url.partition("::")
        parent, _, name = head.rpartition("/")
        return cls(parent + ("::" + rest if rest else "")), name

    def walk(self) -> Iterator[Entry]:
        """As in Place. Listed folder by folder: memory follows the largest folders on the way down."""
        try:
            levels = [("", self._listing(""))]
        except OSError as error:
            raise self._refused("can't be listed", error) from None
        while levels:
            above, listing = levels[-1]
            found = next(listing, None)
            if found is None:
                levels.pop()
                continue
            own, is_folder = found
            name = posixpath.join(above, own)
            if own.startswith("."):
                yield Entry(name, "hidden")
            elif not is_folder:
                yield Entry(name, "file")
            else:
                try:
                    levels.append((name, self._listing(name)))
                except OSError:
                    yield Entry(name, "unreadable")

    def _listing(self, folder: str) -> Iterator[tuple[str, bool]]:
        """(name, whether it is a folder) of what lies in a folder."""
        path = self._path(folder)
        with opening.os_errors():
            listing = self._system.ls(path, detail=True)
            self._system.invalidate_cache(path)  # or all listings would be kept, and what others write never be seen
        # Some stores keep an empty object in place of a folder, and list it in itself.
        inside = (info for info in listing if info["name"].strip("/") != path.strip("/"))
        return ((info["name"].rstrip("/").rpartition("/")[2], info["type"] == "directory") for info in inside)

    def exists(self, name: str) -> bool:
        """As in Place."""
        with opening.os_errors():
            return bool(self._system.exists(self._path(name)))

    def names_beside(self, name: str, others: Iterable[str]) -> list[str]:
        """As in Place."""
        folder = posixpath.dirname(name)
        return [other for other in others if self.exists(posixpath.join(folder, other))]

    def open(self, name: str) -> BinaryIO:
        """As in Place. A small file is fetched at once, of a large one what is read, if the server can do that."""
        path = self._path(name)
        with opening.os_errors():
            size = self._system.info(path).get("size")
            if size is not None and size <= IN_MEMORY:
                return io.BytesIO(self._system.cat_file(path))
            file = self._system.open(path, "rb")
            if size is not None and file.seekable():
                return cast(BinaryIO, file)
            fetched = tempfile.TemporaryFile()  # noqa: SIM115 - it is the caller's to close
            with file:
                shutil.copyfileobj(file, fetched)
        fetched.seek(0)
        return cast(BinaryIO, fetched)

    @contextmanager
    def writing(self, name: str) -> Iterator[BinaryIO]:
        """As in Place; what is written lies in a temporary file here until it is sent."""
        with tempfile.TemporaryDirectory() as folder:
            local = Path(folder) / "file"
            with local.open("x+b") as file:
                yield file
            with opening.os_errors():
                self._send(local, self._path(name))

    def _send(self, local: Path, target: str) -> None:
        system = self._system
        if not self._renames:
            system.put_file(str(local), target)
            return
        parent, _, name = target.rpartition("/")
        part = f"{parent}/{unfinished(name)}"
        system.makedirs(parent, exist_ok=True)
        try:
            system.put_file(str(local), part)
            if system.exists(target):  # most of them rename to free names only
                system.rm_file(target)
            system.mv(part, target)
        except BaseException:
            with suppress(Exception):
                system.rm_file(part)
            raise

    @cached_property
    def _renames(self) -> bool:
        protocol = self._system.protocol
        return not _RENAMES.isdisjoint((protocol,) if isinstance(protocol, str) else protocol)

    def check_writable(self) -> None:
        """As in Place, by writing a small file and removing it again: the rights of an account can't be asked for."""
        probe = unfinished("writable")
        try:
            with self.writing(probe) as file:
                file.write(b"")
        except OSError as error:
            raise self._refused("can't be written", error) from None
        with suppress(Exception):  # whoever may write need not be allowed to remove
            self._system.rm_file(self._path(probe))

    def label(self, name: str = "") -> str:
        """As in Place; a password in the URL is not shown."""
        head, chain, rest = self.url.partition("::")
        return _shown((f"{head.rstrip('/')}/{name}" if name else head) + chain + rest)

    @property
    def within_process(self) -> bool:
        """Whether it lives within this process, where no other can reach it."""
        return "memory://" in self.url

    def _path(self, name: str) -> str:
        return f"{self._root.rstrip('/')}/{name}" if name else self._root

    def _refused(self, what: str, error: OSError) -> UserError:
        reason = "there is no such file or folder" if isinstance(error, FileNotFoundError) else opening.reason(error)
        return UserError(
            f"{what}: {reason}",
            where=self.label(),
            expected="a place that exists, and the credentials for it in the environment or in fsspec's configuration",
        )


def local_path(url: str) -> str | None:
    """The path that a file:// URL stands for; None for other URLs."""
    if not url.lower().startswith(("file://", "local://")):
        return None
    from fsspec.implementations.local import LocalFileSystem

    return str(LocalFileSystem._strip_protocol(url))


def _shown(url: str) -> str:
    return printable(opening.masked(url))
