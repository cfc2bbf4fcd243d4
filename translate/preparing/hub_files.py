"""Files that rows of a Hugging Face dataset name instead of holding them: read from the dataset's own place alone."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

_WITHIN = re.compile(r"(zip|tar|gzip|bz2|xz|lzma|zstd|lz4)://[^:]*(:[^:]+)*")
"""A link of a chain that leads into an archive, such as zip://1.png in zip://1.png::hf://datasets/a/b@main/c.zip."""


@dataclass(frozen=True)
class Origin:
    """Where a dataset lies: in `folders` of this machine, or as `name` on the hub; `token`: what opens it there.

    A table that somebody else has made may name any file: what lies elsewhere is not read."""

    folders: tuple[Path, ...] = ()
    name: str | None = None
    token: Any = None

    def read(self, path: str) -> bytes:
        """The bytes of a file that a row names. PermissionError for one of another place, OSError where it can't be."""
        *inner, outer = path.split("::")
        if not all(map(_WITHIN.fullmatch, inner)) or not (self._here(outer) or self._there(outer)):
            raise PermissionError(f'it names the file "{path}", which is none of the dataset')
        if self._here(outer):  # which the library would look for in the working directory
            outer = str(self._real(outer))
        if not inner and self._here(outer):
            return Path(outer).read_bytes()
        library = import_module("datasets.utils.file_utils")
        config = import_module("datasets").DownloadConfig(token=self.token)
        with library.xopen("::".join([*inner, outer]), "rb", download_config=config) as file:
            found: bytes = file.read()
        return found

    def _here(self, path: str) -> bool:
        return "://" not in path and any(
            self._real(path).is_relative_to(os.path.realpath(folder)) for folder in self.folders
        )

    def _real(self, path: str) -> Path:
        """Relative to the dataset, links followed."""
        return Path(os.path.realpath(self.folders[0] / path))

    def _there(self, url: str) -> bool:
        # Old datasets have a name without an owner, whose addresses name the owner.
        owner = "" if self.name is None or "/" in self.name else r"(?:[^/@]+/)?"
        return self.name is not None and bool(
            re.match(rf"(hf://|https://huggingface\.co/)datasets/{owner}{re.escape(self.name)}[@/]", url)
        )


def origin(name: str, options: dict[str, Any]) -> Origin:
    """Where the dataset NAME or NAME:CONFIG lies; `options`: further arguments of the library's loader."""
    given = [options.get("data_dir"), options.get("data_files")]
    paths = [Path(one) for one in (name, *given) if isinstance(one, str) and Path(one).exists()]
    folders = tuple(path if path.is_dir() else path.parent for path in paths)
    return Origin(folders, None if Path(name).exists() else name.partition(":")[0], options.get("token"))
