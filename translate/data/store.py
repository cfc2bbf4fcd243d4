"""Archives that lie elsewhere, and the few of them that are kept on this disk: fetched ahead, the oldest let go."""

from __future__ import annotations

import os
import shutil
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO

from translate.data import opening
from translate.data.opening import os_errors

AT_ONCE = 4
"""Archives that are fetched at the same time."""


@dataclass(frozen=True)
class Shard:
    """An archive: a path or a URL, its bytes, and what changes with them."""

    place: Path | str
    size: int
    stamp: tuple[str | int, ...]

    @property
    def remote(self) -> bool:
        """Whether it lies behind a URL."""
        return isinstance(self.place, str)

    @cached_property
    def key(self) -> str:
        """A name for what is kept of it."""
        place = self.place if isinstance(self.place, str) else str(self.place.absolute())
        return blake2b(
            repr((place, self.size, self.stamp)).encode("utf-8", "surrogateescape"), digest_size=16
        ).hexdigest()


class Store:
    """Reads archives, those behind URLs by way of copies in `folder`, which hold at most `limit` bytes together (None:
    half of what the disk has free; 0: nothing is kept, each read is a request of its own). Several threads and
    processes may share a folder."""

    def __init__(self, folder: Path, limit: int | None = None) -> None:
        self.folder, self.limit = folder, limit
        self._fetching: dict[str, threading.Thread] = {}
        self._lock, self._slots = threading.Lock(), threading.Semaphore(AT_ONCE)

    def read(self, shard: Shard, offset: int, size: int) -> bytes:
        """`size` bytes of an archive: of its copy, if there is one, else by a request for them. Raises OSError."""
        try:
            with self.open(shard) as file:
                file.seek(offset)
                return self._exactly(shard, file.read(size), size)
        except FileNotFoundError:
            if not isinstance(shard.place, str):
                raise
        data = opening.fetched(shard.place, offset, offset + size)
        if len(data) == shard.size != size:  # a server that sends files only as a whole
            data = data[offset : offset + size]
        return self._exactly(shard, data, size)

    def open(self, shard: Shard) -> BinaryIO:
        """The archive's file or its copy. Raises OSError, FileNotFoundError where there is none (yet)."""
        return self._copy(shard).open("rb") if shard.remote else Path(shard.place).open("rb")

    def near(self, shard: Shard) -> None:
        """Returns when a copy is here, for a limit that allows copies. Raises OSError."""
        copy = self._copy(shard)
        if not shard.remote or self.limit == 0:
            return
        with suppress(FileNotFoundError):
            os.utime(copy)
            return
        with self._lock:
            thread = self._fetching.get(shard.key)
        if thread is not None:
            thread.join()
        if not copy.exists():
            self._fetch(shard)

    def soon(self, shard: Shard) -> None:
        """Begins to fetch a copy, if there is none; what goes wrong is said when it is needed."""
        if not shard.remote or self.limit == 0 or self._copy(shard).exists():
            return

        def work() -> None:
            try:
                with suppress(OSError), self._slots:
                    self._fetch(shard)
            finally:
                with self._lock:
                    self._fetching.pop(shard.key, None)

        with self._lock:
            if shard.key not in self._fetching:
                self._fetching[shard.key] = threading.Thread(target=work, name=f"fetch {shard.key}", daemon=True)
                self._fetching[shard.key].start()

    def room(self) -> int:
        """Bytes that copies may take."""
        if self.limit is not None:
            return self.limit
        self.folder.mkdir(parents=True, exist_ok=True)
        return (shutil.disk_usage(self.folder).free + sum(size for _, _, size in self._copies())) // 2

    def _fetch(self, shard: Shard) -> None:
        assert isinstance(shard.place, str)
        system, path = opening.reached(shard.place)
        copy = self._copy(shard)
        with self._alone(shard.key):
            if copy.exists():  # by another process
                return
            self._make_room(shard.size)
            unfinished = copy.with_name(f".{copy.name}.{uuid.uuid4().hex[:8]}")
            try:
                with os_errors():
                    system.get_file(path, str(unfinished))
                if (size := unfinished.stat().st_size) != shard.size:
                    raise OSError(f"{size} of {shard.size} bytes arrived of {opening.named(shard.place)}")
                os.replace(unfinished, copy)
            finally:
                unfinished.unlink(missing_ok=True)

    def _make_room(self, size: int) -> None:
        """Lets the copies go that were not asked for longest; whoever reads one still can."""
        copies, room = sorted(self._copies()), self.room() - size
        taken = sum(size for _, _, size in copies)
        for _, copy, size in copies:
            if taken <= room:
                return
            copy.unlink(missing_ok=True)
            taken -= size

    def _copies(self) -> list[tuple[int, Path, int]]:
        found = []
        for path in self.folder.glob("*.tar"):
            with suppress(FileNotFoundError):  # another process let it go
                stat = path.stat()
                found.append((stat.st_mtime_ns, path, stat.st_size))
        return found

    def _copy(self, shard: Shard) -> Path:
        return self.folder / f"{shard.key}.tar"

    @contextmanager
    def _alone(self, key: str) -> Iterator[None]:
        """One fetches, the others wait: threads and processes alike."""
        self.folder.mkdir(parents=True, exist_ok=True)
        from filelock import FileLock

        with FileLock(self.folder / f"{key}.lock", thread_local=False):
            yield

    @staticmethod
    def _exactly(shard: Shard, data: bytes, size: int) -> bytes:
        if len(data) != size:
            raise OSError(f"{opening.named(shard.place)} ends before the picture does")
        return data
