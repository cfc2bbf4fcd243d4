"""A line of JSON for each image, as soon as it is known what became of it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from translate.errors import UserError
from translate.inference.outcome import Outcome


def check(path: Path) -> None:
    """Raise UserError where no manifest can be written, or where a file lies that is none."""
    if path.is_dir():
        raise UserError("this is a folder", where=str(path), expected="a file, such as manifest.jsonl")
    if path.exists() and path.stat().st_size:
        with open(path, "rb") as file:
            first = file.readline(1 << 20)
        try:
            known = "input" in json.loads(first)
        except (ValueError, TypeError):
            known = False
        if not known:
            raise UserError("this file is no manifest", where=str(path), expected="a new file, or one to go on with")
    folder = path.absolute().parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"can't be made: {error.strerror}", where=str(folder), expected="a folder to write in"
        ) from None
    if not os.access(path if path.exists() else folder, os.W_OK):
        raise UserError("can't be written", where=str(path), expected="a file in a folder that you may write in")


class Manifest:
    """Appends {"input", "output", "seconds", "warnings", "error"} to the file `path`, a line an image; what had been
    there before it was asked for is not listed. Raises UserError as `check`."""

    def __init__(self, path: Path) -> None:
        check(path)
        self._file: BinaryIO = open(path, "ab+")  # noqa: SIM115 - closed at the end of the context
        if self._file.tell():
            self._file.seek(-1, os.SEEK_END)
            if self._file.read(1) != b"\n":  # somebody was killed in the middle of a line
                self._file.write(b"\n")

    def add(self, outcome: Outcome) -> None:
        """A line of its own, flushed."""
        if outcome.skipped:
            return
        line = {
            "input": outcome.input,
            "output": outcome.output,
            "seconds": round(outcome.seconds, 4),
            "warnings": list(outcome.warnings),
            "error": outcome.error,
        }
        # Names on disk may be no valid Unicode (lone surrogates): escaped, they survive.
        self._file.write(json.dumps(line).encode() + b"\n")
        self._file.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
