"""How many bytes of tensors are alive at once."""

from __future__ import annotations

import weakref

import torch


class Alive:
    """Bytes of the storages that were counted and are not freed: `now`, `most` at once, `largest` of them."""

    def __init__(self) -> None:
        self.now = self.most = self.largest = 0
        self._known: set[int] = set()

    def count(self, storage: torch.UntypedStorage) -> None:
        """One more, unless it is known; it is forgotten when it is freed."""
        key, size = storage._cdata, storage.nbytes()
        if key in self._known:
            return
        self._known.add(key)
        weakref.finalize(storage, self._forget, key, size)
        self.now += size
        self.most, self.largest = max(self.most, self.now), max(self.largest, size)

    def passing(self, size: int) -> None:
        """So many bytes more are taken for a moment, beside what is alive."""
        self.most = max(self.most, self.now + size)

    def _forget(self, key: int, size: int) -> None:
        self._known.discard(key)
        self.now -= size
