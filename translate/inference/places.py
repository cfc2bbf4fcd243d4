"""Where pictures lie and where they go: a folder on this machine, or anything that fsspec reaches by a URL."""

from __future__ import annotations

import os
import re
import stat
import uuid
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import BinaryIO, Literal, NamedTuple, Protocol

from translate.errors import UserError, nearest

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+(::.+)?://")  # two letters or more: C:\x is a drive
_OPEN_FOLDERS = 64
_LONGEST = 255


class Entry(NamedTuple):
    """What a walk meets. `name`: relative to the place, with "/" between folders; `kind`: a file, a hidden file or
    folder (leading dot), a link that leads out of the place, or a folder that can't be listed. What is hidden or
    outside is not entered."""

    name: str
    kind: Literal["file", "hidden", "outside", "unreadable"]


class Place(Protocol):
    """A folder, wherever it is. Names are relative to it, with "/" between folders. Can be pickled."""

    def walk(self) -> Iterator[Entry]:
        """All that lies in it, subfolders too, in no order, listed while it is asked for. UserError if it is gone."""

    def exists(self, name: str) -> bool:
        """Whether there is such a file or folder."""

    def names_beside(self, name: str, others: Iterable[str]) -> list[str]:
        """Which of the `others`, names without folders, exist in the folder of `name`."""

    def open(self, name: str) -> BinaryIO:
        """The file, to read and to seek in. FileNotFoundError, PermissionError or another OSError where it can't be."""

    def writing(self, name: str) -> AbstractContextManager[BinaryIO]:
        """A file to write, read and seek in, which appears under its name at the end, whole, or not at all."""

    def check_writable(self) -> None:
        """Makes the folder where there is none; UserError where nothing can be written."""

    def label(self, name: str = "") -> str:
        """How a file of it, or it itself, is shown to people."""


def place(text: str) -> Place:
    """The place of a path or of a URL such as s3://bucket/folder. UserError for a URL that nothing here can reach."""
    if not is_url(text):
        return Folder(Path(text))
    from translate.inference.remote import Remote, local_path

    path = local_path(text)
    return Remote(text) if path is None else Folder(Path(path))


def is_url(text: str) -> bool:
    """Whether it is a URL; every other text is a path, as are `C:\\x`, `-x` and `a:b`."""
    return _URL.match(text) is not None


def split(text: str) -> tuple[Place, str | None]:
    """The folder that an input names and None, or the folder and the name of one file. UserError if it is not there."""
    if not is_url(text):
        return _split_path(Path(text))
    from translate.inference.remote import Remote, local_path

    path = local_path(text)
    return Remote.split(text) if path is None else _split_path(Path(path))


def _split_path(path: Path) -> tuple[Place, str | None]:
    if path.is_dir():
        return Folder(path), None
    if path.exists():
        return Folder(path.parent), path.name
    there = path.absolute().parent
    beside = [one.name for one in there.iterdir()] if there.is_dir() else []
    raise UserError(
        f"no such file or folder.{nearest(path.name, beside)}",
        where=printable(str(path)),
        expected="a picture, a folder of pictures, or a URL such as s3://bucket/folder",
    )


def printable(text: str) -> str:
    """A name as it can be shown on any terminal: bytes that are no UTF-8, and control characters, become escapes."""
    decoded = text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(c if c >= " " and c != "\x7f" else ascii(c)[1:-1] for c in decoded)


def unfinished(name: str) -> str:
    """A hidden name for the file `name` (without folders) while it is written; never too long for a file system."""
    end = f".{uuid.uuid4().hex[:8]}.part"
    return "." + os.fsencode(name)[: _LONGEST - 1 - len(end)].decode("utf-8", "ignore") + end


class Folder:
    """A folder on this machine."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __repr__(self) -> str:
        return f"Folder({str(self.path)!r})"

    def walk(self) -> Iterator[Entry]:
        """As in Place. Memory follows the depth, not the number of files: folders are read as they are walked."""
        try:
            levels = [_Level(self.path, "", os.path.realpath(self.path))]
        except OSError as error:
            raise self._unlisted(error) from None
        root = levels[0].real
        try:
            while levels:
                try:
                    entry = next(levels[-1].entries, None)
                except OSError as error:
                    if len(levels) == 1:
                        raise self._unlisted(error) from None
                    yield Entry(levels[-1].name, "unreadable")
                    entry = None
                if entry is None:
                    levels.pop().close()
                    continue
                name = f"{levels[-1].name}/{entry.name}" if levels[-1].name else entry.name
                if entry.name.startswith("."):
                    yield Entry(name, "hidden")
                    continue
                link = entry.is_symlink()
                real = os.path.realpath(entry.path) if link else os.path.join(levels[-1].real, entry.name)
                if link and not _inside(real, root):
                    yield Entry(name, "outside")
                elif not _is_folder(entry):
                    yield Entry(name, "file")
                elif not (link and any(level.real == real for level in levels)):  # or it would be walked for ever
                    if len(levels) > _OPEN_FOLDERS:
                        levels[-1].read()
                    try:
                        levels.append(_Level(entry.path, name, real))
                    except OSError:
                        yield Entry(name, "unreadable")
        finally:
            for level in levels:
                level.close()

    def _unlisted(self, error: OSError) -> UserError:
        return UserError(f"can't be listed: {error.strerror or error}", where=self.label())

    def exists(self, name: str) -> bool:
        """As in Place."""
        return os.path.exists(self.path / name)

    def names_beside(self, name: str, others: Iterable[str]) -> list[str]:
        """As in Place."""
        folder = (self.path / name).parent
        return [other for other in others if os.path.exists(folder / other)]

    def open(self, name: str) -> BinaryIO:
        """As in Place; also an OSError for what is no file, such as a pipe, which would be waited for."""
        path = self.path / name
        if not stat.S_ISREG(path.stat().st_mode):
            raise OSError(f"{path.name} is no file")
        return path.open("rb")

    @contextmanager
    def writing(self, name: str) -> Iterator[BinaryIO]:
        """As in Place."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(unfinished(path.name))
        try:
            with part.open("x+b") as file:
                yield file
            os.replace(part, path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise

    def check_writable(self) -> None:
        """As in Place."""
        part = self.path / unfinished("writable")
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            part.touch(exist_ok=False)
            part.unlink()
        except OSError as error:
            taken = isinstance(error, (FileExistsError, NotADirectoryError))
            raise UserError(
                "this is a file" if taken else f"can't be written: {error.strerror or error}",
                where=printable(str(error.filename or self.path) if taken else str(self.path)),
                expected="a folder for the translated pictures",
            ) from None

    def label(self, name: str = "") -> str:
        """As in Place."""
        return printable(str(self.path / name))


class _Level:
    """One folder on the way down: what is left of its listing, its name in the place, and where it really is."""

    def __init__(self, path: str | Path, name: str, real: str) -> None:
        self.name, self.real = name, real
        self._listing = os.scandir(path)
        self.entries: Iterator[os.DirEntry[str]] = self._listing

    def read(self) -> None:
        """Reads the rest at once and closes the folder, so that a deep tree does not hold too many open."""
        self.entries = iter(list(self.entries))
        self.close()

    def close(self) -> None:
        self._listing.close()


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # what it is can't be told: opening it will say why
        return False


def _inside(path: str, root: str) -> bool:
    return path == root or path.startswith(root.rstrip(os.sep) + os.sep)
