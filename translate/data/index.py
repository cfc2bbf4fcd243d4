"""What an archive holds and where in it: its headers are read once, and what they say is kept. Nothing is unpacked."""

from __future__ import annotations

import io
import json
import os
import re
import tarfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from translate.data.dataset import ENDINGS, SPLITS

PLAIN, SIDE_A, SIDE_B = 0, 1, 2
"""What a member is: the picture of its sample, or the A or B of a pair (`key.a.jpg`)."""

LARGEST = 256 * 2**20
"""Bytes of a member from which it is taken for an error: it would be read in one go."""

_VERSION = 1  # raise it when other members are found, or other labels
_HEADER = 2**20  # no name or attribute of a member takes more
_CLASS = 100  # characters of a class's name
_SLOTS = {"": PLAIN, "a.": SIDE_A, "b.": SIDE_B}


@dataclass(frozen=True)
class Table:
    """The pictures of one archive, all arrays [N]: place in it, kind, number of the sample, label (-1: none of
    `labels`). `faults`: (name, reason) of what can't be used; `skipped`: files that are no pictures."""

    offset: NDArray[np.int64]
    size: NDArray[np.int64]
    slot: NDArray[np.uint8]
    sample: NDArray[np.int64]
    label: NDArray[np.int64]
    name_end: NDArray[np.int64]
    names: NDArray[np.uint8]
    labels: list[str]
    faults: list[tuple[str, str]]
    skipped: int

    def name(self, place: int) -> str:
        """A picture's name in the archive, as a label: no part of it leads out of anywhere."""
        start = int(self.name_end[place - 1]) if place else 0
        return self.names[start : int(self.name_end[place])].tobytes().decode("utf-8", "replace")

    def __len__(self) -> int:
        return len(self.offset)


def read(file: BinaryIO, size: int) -> Table:
    """The table of a tar archive of `size` bytes; only headers and class names are read. Raises OSError."""
    samples: dict[str, dict[int, tuple[int, int, str]]] = {}
    classes: dict[str, str] = {}
    faults: list[tuple[str, str]] = []
    skipped = 0
    for name, member in _listed(file, size, faults):
        key, slot, is_class = _parts(name)
        if is_class:
            file.seek(member.offset_data)
            classes[key] = file.read(min(member.size, 4 * _CLASS)).decode("utf-8", "replace").strip()[:_CLASS]
        elif slot is None:
            skipped += 1
        elif not 0 < member.size <= LARGEST:
            faults.append((name, f"claims {member.size:,} bytes" if member.size else "is empty"))
        elif slot in (sample := samples.setdefault(key, {})):
            faults.append((name, f"a second picture of the sample {key}"))
        else:
            sample[slot] = member.offset_data, member.size, name
    return _table(samples, classes, faults, skipped)


def _listed(file: BinaryIO, size: int, faults: list[tuple[str, str]]) -> Iterator[tuple[str, tarfile.TarInfo]]:
    try:
        yield from _members(file, size, faults)
    except _Lost as error:
        raise OSError(str(error)) from error


def kept(folder: Path, key: str) -> Table | None:
    """The table that was saved under `key`, if it is there and whole."""
    try:
        with np.load(_file(folder, key), allow_pickle=False) as saved:
            notes = json.loads(saved["notes"].tobytes())
            arrays: dict[str, Any] = {name: saved[name] for name in saved.files if name != "notes"}
    except (OSError, ValueError, KeyError, EOFError):
        return None
    return Table(
        **arrays, labels=notes["labels"], faults=[(n, r) for n, r in notes["faults"]], skipped=notes["skipped"]
    )


def keep(folder: Path, key: str, table: Table) -> None:
    """Saves a table; a reader never sees half of one. A folder that can't be written is passed over."""
    notes = json.dumps({"labels": table.labels, "faults": table.faults, "skipped": table.skipped})
    arrays: dict[str, Any] = {name: value for name, value in vars(table).items() if isinstance(value, np.ndarray)}
    unfinished = _file(folder, f".{key}.{uuid.uuid4().hex[:8]}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with unfinished.open("wb") as file:
            np.savez(file, notes=np.frombuffer(notes.encode(), np.uint8), **arrays)
        os.replace(unfinished, _file(folder, key))
    except OSError:  # then the headers are read again the next time
        return
    finally:
        unfinished.unlink(missing_ok=True)


def _file(folder: Path, key: str) -> Path:
    return folder / f"{key}-{_VERSION}.npz"


class _Lost(Exception):  # noqa: N818 - it says what happened
    """The bytes could not be had, which is no fault of the archive's."""


class _Headers(io.RawIOBase):
    """A file that lends itself to reading headers alone: a header that claims to be huge is not believed."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= _HEADER:
            raise tarfile.ReadError("a header of absurd length")
        try:
            return self._file.read(size)
        except Exception as error:  # whatever a connection, or fsspec, raises
            raise _Lost(str(error)) from error

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        if offset < 0:
            raise tarfile.ReadError("a member of negative length")
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()


def _members(file: BinaryIO, size: int, faults: list[tuple[str, str]]) -> Iterator[tuple[str, tarfile.TarInfo]]:
    """Plain files with their names; links, devices, folders and hidden files are passed over. An archive that is cut
    off gives what lies before the cut."""
    if size == 0:
        faults.append(("", "is empty"))
        return
    end = 0
    try:
        with tarfile.open(fileobj=cast(BinaryIO, _Headers(file)), mode="r:") as archive:
            while (member := archive.next()) is not None:
                vars(archive)["members"] = []  # it would keep them all
                name = _label(member.name)
                end = member.offset_data + (-(-member.size // 512) * 512 if member.isreg() else 0)
                if member.isreg() and member.offset_data + member.size > size:
                    faults.append(
                        (name, f"cut off: {size - member.offset_data:,} of its {member.size:,} bytes are there")
                    )
                    return
                if member.isreg() and not member.issparse() and name and not _hidden(name):
                    yield name, member
    except (tarfile.TarError, OSError, ValueError, OverflowError, MemoryError) as error:
        faults.append(("", f"can't be read on from byte {end:,}: {error}"))
        return
    file.seek(end)
    block = file.read(512)
    if len(block) < 512:
        faults.append(("", "may be cut off: it has no mark of its end"))
    elif block.strip(b"\0"):
        faults.append(("", f"can't be read on from byte {end:,}: there is no header"))


def _label(name: str) -> str:
    return "/".join(part for part in name.replace("\\", "/").split("/") if part not in ("", ".", ".."))


def _hidden(name: str) -> bool:
    return any(part.startswith((".", "__MACOSX")) for part in name.split("/"))


_SUFFIX = re.compile(r"(?P<side>[ab]\.)?(?P<ending>[^.]+)", re.IGNORECASE)


def _parts(name: str) -> tuple[str, int | None, bool]:
    """A sample's key, what the member is of it (None: no picture), and whether it says the class."""
    folder, slash, base = name.rpartition("/")
    stem, _, rest = base.partition(".")
    key = folder + slash + stem
    found = _SUFFIX.fullmatch(rest)
    if rest.lower() == "cls":
        return key, None, True
    if found is None or f".{found['ending'].lower()}" not in ENDINGS:
        return key, None, False
    return key, _SLOTS[(found["side"] or "").lower()], False


def _class_folder(key: str) -> str | None:
    """The first folder of a key that is no split's."""
    folders = key.split("/")[:-1]
    return next((folder for folder in folders if folder.lower() not in SPLITS), None)


def _table(
    samples: dict[str, dict[int, tuple[int, int, str]]],
    classes: dict[str, str],
    faults: list[tuple[str, str]],
    skipped: int,
) -> Table:
    rows, names, numbers, labels = [], [], [], dict[str, int]()
    for number, (key, sample) in enumerate(samples.items()):
        label = classes.get(key) or _class_folder(key)
        place = -1 if label is None else labels.setdefault(label, len(labels))
        for kind, (start, length, name) in sorted(sample.items()):
            rows.append((start, length, kind, number, place))
            names.append(name.encode("utf-8", "replace"))
            numbers.append(len(names[-1]))
    columns = np.array(rows, np.int64).reshape(-1, 5).T
    offset, size, slot, sample_number, label_number = (np.ascontiguousarray(column) for column in columns)
    return Table(
        offset, size, slot.astype(np.uint8), sample_number, label_number, np.cumsum(np.array(numbers, np.int64)),
        np.frombuffer(b"".join(names), np.uint8), list(labels), faults, skipped,
    )  # fmt: skip
