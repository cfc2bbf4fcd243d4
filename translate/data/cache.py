"""Decoded and resized pictures, paid for once: in memory, in a memory-mapped file, or (off) decoded at every use."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import blake2b
from math import prod
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from translate.data.dataset import Picture
from translate.data.images import Pixels, Unreadable, decode, resize
from translate.errors import UserError

Mode = Literal["auto", "memory", "disk", "off"]
Progress = Callable[[int, int], None]

_VERSION = 1  # part of the key of a file on disk: raise it when decoding or resizing gives other pixels
_THREADS = min(8, (os.cpu_count() or 1) + 1)


class Cached:
    """Pictures as uint8 [H, W, C]; `kept[i]` is the place of i among those asked for; `unreadable` are left out."""

    def __init__(
        self,
        images: Sequence[Pixels] | Pixels | _Undecoded,
        kept: Sequence[int],
        unreadable: list[tuple[Path, str]],
    ) -> None:
        self._images, self.kept, self.unreadable = images, kept, unreadable

    def __getitem__(self, index: int) -> Pixels:
        """Raises Unreadable where pictures are decoded at every use, and this one can't be (any more)."""
        return self._images[index]

    @property
    def decodes(self) -> bool:
        """Whether pictures are decoded at every use."""
        return isinstance(self._images, _Undecoded)

    def __len__(self) -> int:
        return len(self.kept)


@dataclass(frozen=True)
class _Form:
    """What is asked of every picture: colour channels, frames, and (height, width) of each frame."""

    channels: int
    frames: int
    size: tuple[int, int] | None

    def read(self, picture: Picture) -> Pixels:
        if picture.source is not None:
            try:
                picture.source.near()
            except OSError as error:
                raise Unreadable(picture.path, error.strerror or str(error)) from error
        pixels = decode(picture, self.channels, self.frames)
        return pixels if self.size is None else resize(pixels, self.size)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of a picture of a given size."""
        assert self.size is not None, "natural sizes have no shape in common"
        return (*self.size, self.channels * self.frames)


class _Undecoded:
    """Decodes at every use."""

    def __init__(self, pictures: Sequence[Picture], form: _Form) -> None:
        self._pictures, self._form = pictures, form

    def __getitem__(self, index: int) -> Pixels:
        return self._form.read(self._pictures[index])


def load(
    pictures: Sequence[Picture],
    channels: int,
    size: tuple[int, int] | None,
    mode: Mode = "auto",
    progress: Progress | None = None,
    frames: int = 1,
) -> Cached:
    """The pictures as uint8 [H, W, channels * frames], resized to `size` (height, width of a frame), or of their own
    sizes (then never on disk). "auto" takes memory if that needs less than a quarter of what is available, else the
    disk, or "off" for archives and tables, which may be longer than it. "off" looks at the headers of files only.
    Raises UserError when none can be read. `progress(done, total)` is called as pictures are decoded."""
    form, long = _Form(channels, frames, size), not isinstance(pictures, list)
    if mode == "auto" and size is not None:
        fits = len(pictures) * prod(form.shape) * 4 < available_memory()
        mode = "memory" if fits else "off" if long else "disk"
    if mode == "off":
        cached = _unseen(pictures, form) if long else _without_cache(pictures, form)
    elif size is None:
        cached = _natural_sizes(pictures, form, progress)
    else:
        cached = (_on_disk if mode == "disk" else _in_memory)(pictures, form, progress)
    if pictures and not cached.kept:
        path, reason = cached.unreadable[0]
        raise UserError(
            f"none of the {len(pictures)} pictures can be read; {path.name}: {reason}",
            where=str(path.parent),
            expected="image files",
            hint="`translate check DIR` names every broken file",
        )
    return cached


def available_memory() -> int:
    """Bytes that this process may still take: free memory or the container's limit, shared among a node's ranks."""
    try:
        available = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    except (AttributeError, ValueError, OSError):  # not a POSIX system
        available = 4 << 30
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            fields = dict(line.split(":", 1) for line in file)
        available = int(fields["MemAvailable"].split()[0]) * 1024
        used = int(Path("/sys/fs/cgroup/memory.current").read_text("ascii"))
        available = min(available, int(Path("/sys/fs/cgroup/memory.max").read_text("ascii")) - used)
    except (OSError, KeyError, ValueError):  # not Linux, or no limit ("max")
        pass
    return max(available, 0) // int(os.environ.get("LOCAL_WORLD_SIZE", "1"))


def folder() -> Path:
    """Where memory-mapped files are kept: $TRANSLATE_CACHE, or translate/ in the user's cache folder."""
    own = os.environ.get("TRANSLATE_CACHE")
    return Path(own) if own else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "translate"


def _decode_all(pictures: Sequence[Picture], form: _Form, progress: Progress | None) -> Iterator[Pixels | Unreadable]:
    """In the pictures' order, decoded by a few threads that never run far ahead of the taker."""

    def attempt(picture: Picture) -> Pixels | Unreadable:
        try:
            return form.read(picture)
        except Unreadable as error:
            return error

    with ThreadPoolExecutor(_THREADS) as pool:
        chunk = 32 * _THREADS
        for start in range(0, len(pictures), chunk):
            for i, result in enumerate(pool.map(attempt, pictures[start : start + chunk]), start + 1):
                yield result
                if progress:
                    progress(i, len(pictures))


def _fill(
    array: Pixels, pictures: Sequence[Picture], form: _Form, progress: Progress | None
) -> tuple[list[int], list[tuple[Path, str]]]:
    """Writes the readable pictures to the front of `array` [N, H, W, C]."""
    kept: list[int] = []
    unreadable: list[tuple[Path, str]] = []
    for i, result in enumerate(_decode_all(pictures, form, progress)):
        if isinstance(result, Unreadable):
            unreadable.append((result.path, result.reason))
        else:
            array[len(kept)] = result
            kept.append(i)
    return kept, unreadable


def _in_memory(pictures: Sequence[Picture], form: _Form, progress: Progress | None) -> Cached:
    array = np.empty((len(pictures), *form.shape), np.uint8)
    kept, unreadable = _fill(array, pictures, form, progress)
    array.flags.writeable = False
    return Cached(array[: len(kept)], kept, unreadable)


def _natural_sizes(pictures: Sequence[Picture], form: _Form, progress: Progress | None) -> Cached:
    results = list(_decode_all(pictures, form, progress))
    kept = [i for i, result in enumerate(results) if not isinstance(result, Unreadable)]
    unreadable = [(result.path, result.reason) for result in results if isinstance(result, Unreadable)]
    return Cached([result for result in results if not isinstance(result, Unreadable)], kept, unreadable)


def _unseen(pictures: Sequence[Picture], form: _Form) -> Cached:
    """What is broken is found when it is asked for: there is too much to look at all of it first."""
    return Cached(_Undecoded(pictures, form), range(len(pictures)), [])


def _without_cache(pictures: Sequence[Picture], form: _Form) -> Cached:
    kept: list[int] = []
    unreadable: list[tuple[Path, str]] = []
    for i, picture in enumerate(pictures):
        try:
            with picture.open() as file, Image.open(file):
                kept.append(i)
        except Exception as error:  # Pillow's plugins raise nearly anything on a broken header
            unreadable.append((picture.path, str(error)))
    return Cached(_Undecoded([pictures[i] for i in kept], form), kept, unreadable)


def _on_disk(pictures: Sequence[Picture], form: _Form, progress: Progress | None) -> Cached:
    """The array is `<key>.npy`, what was left out is `<key>.json`; both appear by renaming, the array last."""
    where = folder()
    key = _key(pictures, form)
    array_file, notes_file = where / f"{key}.npy", where / f"{key}.json"
    if not array_file.exists() or not notes_file.exists():
        try:
            where.mkdir(parents=True, exist_ok=True)
            _write(array_file, notes_file, pictures, form, progress)
        except OSError as error:
            raise UserError(
                f"the cache can't be written: {error.strerror or error}",
                where=str(where),
                expected=f"{len(pictures) * prod(form.shape) / 1e9:.1f} GB of disk that may be written to",
                hint="set TRANSLATE_CACHE to another folder, or data.cache=memory or data.cache=off",
            ) from error
    notes = json.loads(notes_file.read_text(encoding="utf-8"))
    array: Pixels = np.load(array_file, mmap_mode="r")
    return Cached(array, notes["kept"], [(Path(path), reason) for path, reason in notes["unreadable"]])


def _write(
    array_file: Path, notes_file: Path, pictures: Sequence[Picture], form: _Form, progress: Progress | None
) -> None:
    mark = uuid.uuid4().hex[:8]
    unfinished = [file.with_suffix(f"{file.suffix}.{mark}") for file in (array_file, notes_file)]
    try:
        array = np.lib.format.open_memmap(unfinished[0], "w+", np.uint8, (len(pictures), *form.shape))
        kept, unreadable = _fill(array, pictures, form, progress)
        array.flush()
        del array
        notes = {"kept": kept, "unreadable": [(str(path), reason) for path, reason in unreadable]}
        unfinished[1].write_text(json.dumps(notes), encoding="utf-8")
        os.replace(unfinished[1], notes_file)
        os.replace(unfinished[0], array_file)
    finally:
        for file in unfinished:
            file.unlink(missing_ok=True)


def _key(pictures: Sequence[Picture], form: _Form) -> str:
    """Changes when any file, its time, its length, or what is asked of it changes."""
    digest = blake2b(repr((_VERSION, form)).encode(), digest_size=16)
    for picture in pictures:
        try:
            stamp = picture.stamp()
        except OSError:  # gone since it was listed: left out like any other that can't be read
            stamp = ()
        name = str(picture.path if picture.source else picture.path.absolute())
        entry = (name, picture.half, *stamp)
        digest.update(repr(entry).encode("utf-8", "surrogateescape"))
    return digest.hexdigest()
