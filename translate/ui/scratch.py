"""Where the page keeps what visitors upload and what is made for them: one temporary folder, empty when it ends."""

from __future__ import annotations

import secrets
import shutil
import tempfile
import threading
from collections import defaultdict, deque
from pathlib import Path

KEPT = 2
"""Results of one kind that a visitor has at once: the one that is shown, and the one that is being made."""


class Scratch:
    """A temporary folder of this process alone. Each visitor has folders in it, which nobody can guess."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="translate-ui-")).resolve()
        self._folders: dict[str, dict[str, deque[Path]]] = defaultdict(lambda: defaultdict(deque))
        self._uploads: dict[str, set[Path]] = defaultdict(set)
        self._lock = threading.Lock()

    def folder(self, visitor: str, kind: str) -> Path:
        """A new, empty folder for a result of a `kind`; the visitor's last but one of that kind is removed."""
        made = self.path / secrets.token_hex(16)
        made.mkdir()
        with self._lock:
            mine = self._folders[visitor][kind]
            mine.append(made)
            old = [mine.popleft() for _ in range(len(mine) - KEPT)]
        for one in old:
            shutil.rmtree(one, ignore_errors=True)
        return made

    def uploaded(self, visitor: str, path: Path) -> None:
        """Remember whose an upload is. Equal files of several visitors are one."""
        with self._lock:
            self._uploads[visitor].add(path)

    def forget(self, visitor: str) -> None:
        """Remove all that a visitor has uploaded and was made for them, but for uploads that others use."""
        with self._lock:
            folders = self._folders.pop(visitor, {})
            mine = self._uploads.pop(visitor, set())
            others = {path for paths in self._uploads.values() for path in paths}
        for kept in folders.values():
            for one in kept:
                shutil.rmtree(one, ignore_errors=True)
        for path in mine - others:
            if path.resolve().is_relative_to(self.path):
                shutil.rmtree(path.parent, ignore_errors=True)

    def close(self) -> None:
        """Remove everything."""
        shutil.rmtree(self.path, ignore_errors=True)
