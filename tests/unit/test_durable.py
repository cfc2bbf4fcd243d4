"""Files are whole after a crash at any moment, and after a disk that was full for a while."""

import errno
import os
from pathlib import Path
from typing import Any

import pytest
import torch
from limits import small_files

from translate import checkpoint
from translate.keeping import durable
from translate.keeping.durable import Growing


class Crash(BaseException):
    """The process is gone: nothing may tidy up."""


def state(step: int) -> dict[str, Any]:
    return {"step": step, "generator_ema": {"weight": torch.full((300,), float(step))}}


@pytest.mark.parametrize("operation", ["fsync", "replace", "open", "unlink"])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_crash_at_any_operation_leaves_a_sound_checkpoint(
    operation: str, moment: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint.save(tmp_path, state(1), keep=1)
    crashes = 0
    for number in range(4):  # of the operation's calls
        place: Any = Path if operation == "unlink" else os
        real, calls = getattr(place, operation), iter(range(9))

        def crash(*given: Any, **options: Any) -> Any:
            if next(calls) != number:  # noqa: B023 - it is gone before the next one
                return real(*given, **options)  # noqa: B023
            if moment == "after":
                real(*given, **options)  # noqa: B023
            raise Crash

        with monkeypatch.context() as patch:
            patch.setattr(place, operation, crash)
            try:
                checkpoint.save(tmp_path, state(2 + number), keep=1)
            except Crash:
                crashes += 1
        found = checkpoint.read(checkpoint.newest(tmp_path))
        assert found["step"] in (1 + number, 2 + number)
        assert all(checkpoint.read(path) for path in checkpoint.steps(tmp_path))
        checkpoint.save(tmp_path, state(2 + number), keep=1)
        assert [path.name for path in checkpoint.steps(tmp_path)] == [f"step-{2 + number:08d}.pt"]
    assert crashes


def test_what_was_half_written_is_swept_and_nothing_else(tmp_path: Path) -> None:
    for name in ("step-00000001.pt", "step-00000002.partial", "best.partial", "notes.txt"):
        (tmp_path / name).write_bytes(b"x")
    durable.sweep(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["notes.txt", "step-00000001.pt"]
    durable.sweep(tmp_path / "nowhere")


def test_a_write_that_fails_leaves_what_was_there_and_no_rest(tmp_path: Path) -> None:
    path = tmp_path / "file.bin"
    durable.write(path, b"old")
    with small_files(1000), pytest.raises(OSError, match="too large") as caught:
        durable.write(path, bytes(5000))
    assert caught.value.errno == errno.EFBIG
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file.bin"]


def test_lines_that_could_not_be_written_come_later_and_once(tmp_path: Path) -> None:
    path = tmp_path / "log"
    file = Growing(path)
    lines = [f"line {number:3} {'.' * 50}\n".encode() for number in range(40)]
    for number, line in enumerate(lines[:30]):
        if 10 <= number < 20:
            with small_files(650), pytest.raises(OSError, match="too large"):
                file.add(line)
            assert path.read_bytes() == b"".join(lines[:10])  # no half line
        else:
            file.add(line)
    assert not file.behind
    file.sync()
    file.close()
    assert path.read_bytes() == b"".join(lines[:30])
    again = Growing(path, len(lines[0]) * 5)
    again.add(lines[39])
    again.close()
    assert path.read_bytes() == b"".join([*lines[:5], lines[39]])


def test_closing_says_what_is_still_missing(tmp_path: Path) -> None:
    file = Growing(tmp_path / "log")
    with small_files(10):
        with pytest.raises(OSError, match="too large"):
            file.add(bytes(100))
        assert file.behind
        with pytest.raises(OSError, match="too large"):
            file.close()
    assert (tmp_path / "log").read_bytes() == b""
