"""Files that a kill leaves whole, and that a full disk can't spoil."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import IO

PARTIAL = ".partial"


def write(path: Path, data: bytes | memoryview) -> None:
    """Put `data` at `path`: what was there stays until all of it is on the disk. OSError where it can't be written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(PARTIAL)
    try:
        with open(unfinished, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    except OSError as error:
        with suppress(OSError):  # half of it only fills the disk further
            unfinished.unlink(missing_ok=True)
        error.filename = error.filename or str(path)
        raise
    _sync_folder(path.parent)


def sweep(folder: Path) -> None:
    """Remove what killed processes had begun to write into `folder`."""
    for unfinished in folder.glob(f"*{PARTIAL}"):
        unfinished.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":  # elsewhere a folder can't be opened, and the file system's journal does it
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Growing:
    """A file that is only added to, from its first `size` bytes on. What could not be written is kept and comes first
    the next time; half a piece is cut off again."""

    def __init__(self, path: Path, size: int = 0) -> None:
        self.path, self._size = path, size
        self._pending = b""
        self._file: IO[bytes] | None = None
        self._open()

    @property
    def behind(self) -> bool:
        """Whether something is still to be written."""
        return bool(self._pending)

    def add(self, data: bytes) -> None:
        """Append `data`; OSError where it can't be written now."""
        self._pending += data
        self.flush()

    def flush(self) -> None:
        """Write what is pending, all or nothing."""
        if not self._pending:
            return
        try:
            file = self._file or self._open()
            file.write(self._pending)
            file.flush()
        except OSError as error:
            self._give_up()
            error.filename = error.filename or str(self.path)
            raise
        self._size += len(self._pending)
        self._pending = b""

    def sync(self) -> None:
        """Return when everything is on the disk."""
        self.flush()
        file = self._file or self._open()
        os.fsync(file.fileno())

    def close(self) -> None:
        """Close the file; OSError where something is still pending and can't be written."""
        try:
            self.flush()
        finally:
            if self._file is not None:
                self._file.close()
                self._file = None

    def _open(self) -> IO[bytes]:
        self._file = open(self.path, "ab")  # noqa: SIM115 - closed by close()
        self._size = min(self._size, os.fstat(self._file.fileno()).st_size)
        self._file.truncate(self._size)
        return self._file

    def _give_up(self) -> None:
        """Close the file, which a share that went away and came back needs; the next try opens it again."""
        file, self._file = self._file, None
        if file is None:
            return
        with suppress(OSError):
            os.ftruncate(file.fileno(), self._size)
        with suppress(OSError):
            file.close()  # writes what is buffered, and fails as before
        with suppress(OSError):
            os.truncate(self.path, self._size)
