"""The system's ffmpeg as a process that frames go into, or come out of: it is never left behind, and never waits for
ever."""

from __future__ import annotations

import functools
import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from translate.errors import UserError

_QUIET = ["ffmpeg", "-hide_banner", "-nostdin", "-loglevel", "error"]
# A file may call itself a video and be a list of addresses: nothing but files is opened.
_LOCAL = ["-protocol_whitelist", "file,pipe"]

MARK = "shown"
"""What a filter names the lines after those that begin with "frame:"."""


_ADDRESS = re.compile(r"^(\[[^\]]* @ 0x[0-9a-f]+\] *)+")
_NO_REASON = ("frame:", MARK + "=", "Error marking filters as finished", "Conversion failed!")


class Failed(Exception):  # noqa: N818  (its callers say what it means for them)
    """ffmpeg gave up; the last line of its complaint."""


def installed() -> bool:
    """Whether ffmpeg is on the PATH."""
    return shutil.which("ffmpeg") is not None


def require() -> None:
    """Raise UserError where there is no ffmpeg, or no ffprobe, which comes with it."""
    for program in ("ffmpeg", "ffprobe"):
        if shutil.which(program) is None:
            raise UserError(
                f"{program} is not installed, or not on the PATH",
                expected="ffmpeg, which reads and writes videos",
                hint="install it: apt install ffmpeg, brew install ffmpeg, conda install -c conda-forge ffmpeg",
            )


def source(path: Path) -> list[str]:
    """The words that make a file an input."""
    return [*_LOCAL, "-i", f"file:{path}"]


def probe(path: Path) -> dict[str, Any]:
    """What ffprobe says of a file's streams. Raises Failed."""
    command = ["ffprobe", "-loglevel", "error", "-print_format", "json", "-show_streams", "-show_format", *source(path)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True)
    if done.returncode:
        raise Failed(_reason(done.stderr, done.returncode, path))
    return dict(json.loads(done.stdout))


@functools.cache
def encoders() -> frozenset[str]:
    """The names of all encoders that this ffmpeg has."""
    return frozenset(line.split()[1] for line in _said("-encoders") if len(line.split()) > 1)


@functools.cache
def passthrough() -> tuple[str, str]:
    """The words that keep it from repeating or dropping frames: they are newer than many an ffmpeg."""
    newer = any(line.startswith("-fps_mode") for line in _said("-h", "long"))
    return ("-fps_mode" if newer else "-vsync", "passthrough")


def _said(*question: str) -> list[str]:
    return subprocess.run(
        [*_QUIET, *question], capture_output=True, encoding="utf-8", errors="replace"
    ).stdout.splitlines()


def feed(words: list[str], chunks: Iterable[bytes]) -> None:
    """Run ffmpeg with all chunks on its standard input. Raises Failed; what `chunks` raises ends ffmpeg at once."""
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen([*_QUIET, "-y", *words], stdin=subprocess.PIPE, stderr=log)
        try:
            assert process.stdin is not None
            with suppress(BrokenPipeError), process.stdin as pipe:  # when it has given up, its complaint says why
                for chunk in chunks:
                    pipe.write(chunk)
            process.wait()
        finally:
            _end(process)
        if process.returncode:
            log.seek(0)
            raise Failed(_reason(log.read(), process.returncode))


@contextmanager
def reading(words: list[str], path: Path) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
    """Standard output of ffmpeg, to read from, and what it says meanwhile (standard error). Raises Failed where it
    failed; one that is left early is ended."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "log")
        with open(log, "wb") as said, open(log, "rb") as heard:
            process = subprocess.Popen([*_QUIET, *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=said)
            try:
                assert process.stdout is not None
                with process.stdout as pipe:
                    yield pipe, heard
                    if not pipe.read(1):
                        process.wait()
            finally:
                _end(process)
            if process.returncode:
                raise Failed(_reason(log.read_bytes(), process.returncode, path))


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.kill()
        process.wait()


def complaints(said: bytes) -> list[str]:
    """The lines of what ffmpeg said that speak of no frame, without the addresses in front of them."""
    lines = (_ADDRESS.sub("", line.strip()) for line in said.decode(errors="replace").splitlines())
    return [line for line in lines if line and not line.startswith(_NO_REASON)]


def _reason(said: bytes, code: int, path: Path | None = None) -> str:
    lines = complaints(said)
    last = lines[-1] if lines else f"exit code {code}"
    return last if path is None else last.removeprefix(f"file:{path}: ")
