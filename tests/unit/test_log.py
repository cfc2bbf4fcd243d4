"""What a run writes down is there, once, also after a kill in the middle of a line."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from limits import small_files

from translate.data.images import decode
from translate.keeping.trouble import Trouble
from translate.log import FILE, Log, read


def write(run: Path, steps: range, start: int = 0, offset: float = 0.0) -> None:
    with Log(run, start, Trouble(print)) as log:
        for step in steps:
            log.scalars(step, {"loss/cycle/a": step + offset})


def board(run: Path) -> Any:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(run / "tensorboard"))
    events.Reload()
    return events


def test_rows_come_in_order_with_their_step(tmp_path: Path) -> None:
    write(tmp_path, range(1, 6))
    assert read(tmp_path) == [{"step": n, "loss/cycle/a": float(n)} for n in range(1, 6)]
    assert read(tmp_path / "elsewhere") == []


def test_continuing_drops_the_rows_after_the_checkpoint(tmp_path: Path) -> None:
    write(tmp_path, range(1, 11))
    write(tmp_path, range(7, 10), start=6, offset=0.5)
    assert [row["step"] for row in read(tmp_path)] == list(range(1, 10))
    assert [row["loss/cycle/a"] for row in read(tmp_path)] == [1, 2, 3, 4, 5, 6, 7.5, 8.5, 9.5]
    scalars = board(tmp_path).Scalars("loss/cycle/a")
    assert [(event.step, event.value) for event in scalars] == [
        (row["step"], row["loss/cycle/a"]) for row in read(tmp_path)
    ]


def test_a_line_cut_short_by_a_kill_is_left_out(tmp_path: Path) -> None:
    write(tmp_path, range(1, 4))
    path = tmp_path / FILE
    whole = path.read_text()
    for cut in (1, 2, 10):
        path.write_text(whole[:-cut])
        rows = read(tmp_path)
        assert [row["step"] for row in rows] == ([1, 2, 3] if cut == 1 else [1, 2])  # 1 cuts the line's end only
    write(tmp_path, range(3, 5), start=2)
    assert [json.loads(line)["step"] for line in path.read_text().splitlines()] == [1, 2, 3, 4]


def test_small_values_keep_their_digits(tmp_path: Path) -> None:
    with Log(tmp_path, 0, Trouble(print)) as log:
        log.scalars(1, {"learning_rate/generator": 2.5e-8, "seconds": 12345.678})
    (row,) = read(tmp_path)
    assert row["learning_rate/generator"] == pytest.approx(2.5e-8, rel=1e-3)
    assert row["seconds"] == pytest.approx(12345.678, rel=1e-5)


def test_previews_are_files_and_in_tensorboard_and_pixels_are_exact(tmp_path: Path) -> None:
    grid = np.random.default_rng(0).integers(0, 256, (8, 12, 3), dtype=np.uint8)
    with Log(tmp_path, 0, Trouble(print)) as log:
        log.previews(20, {"a2b": grid})
    (path,) = (tmp_path / "previews").iterdir()
    assert path.name == "a2b-00000020.png"
    assert np.array_equal(decode(path, 3), grid)
    (event,) = board(tmp_path).Images("preview/a2b")
    assert (event.step, event.width, event.height) == (20, 12, 8)


def test_a_preview_that_can_not_be_written_ends_nothing_and_is_said_once(tmp_path: Path) -> None:
    (tmp_path / "previews").write_text("a file where the folder belongs")
    said: list[str] = []
    with Log(tmp_path, 0, Trouble(said.append)) as log:
        for step in range(3):
            log.previews(step, {"a2b": np.zeros((2, 2, 3), np.uint8)})
        log.scalars(3, {"loss/x": 1})
    assert len(said) == 1
    assert "can't write previews" in said[0]
    assert [row["step"] for row in read(tmp_path)] == [3]


def test_what_is_no_fault_of_the_disk_is_raised_where_training_is(tmp_path: Path) -> None:
    with pytest.raises(TypeError), Log(tmp_path, 0, Trouble(print)) as log:
        log.previews(1, {"a2b": np.zeros((2, 2, 3), np.complex128)})


def test_rows_of_a_full_disk_are_written_when_there_is_room_again(tmp_path: Path) -> None:
    said: list[str] = []
    with Log(tmp_path, 0, Trouble(said.append)) as log:
        for step in range(1, 31):
            if step == 11:
                log.synced().result()
                limit = small_files((tmp_path / FILE).stat().st_size + 5)
                limit.__enter__()
            if step == 21:
                with pytest.raises(OSError, match="too large"):
                    log.synced().result()
                limit.__exit__(None, None, None)
            log.scalars(step, {"loss/cycle/a": step})
    assert [row["step"] for row in read(tmp_path)] == list(range(1, 31))
    assert [event.step for event in board(tmp_path).Scalars("loss/cycle/a")] == list(range(1, 31))
    assert any("can't write log.jsonl" in sentence for sentence in said)
    assert "log.jsonl can be written again" in said


def test_a_row_is_on_the_disk_when_it_is_said_to_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda file: synced.append(os.fstat(file).st_size))
    with Log(tmp_path, 0, Trouble(print)) as log:
        for step in range(1, 4):
            log.scalars(step, {"loss/cycle/a": step})
        log.synced().result()
        assert synced == [(tmp_path / FILE).stat().st_size]
        assert [row["step"] for row in read(tmp_path)] == [1, 2, 3]


def test_what_is_no_row_stays_and_is_left_out(tmp_path: Path) -> None:
    write(tmp_path, range(1, 4))
    path = tmp_path / FILE
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + b"\xff\x00 no row\n[5]\n" + lines[1] + lines[2])
    assert [row["step"] for row in read(tmp_path)] == [1, 2, 3]
    write(tmp_path, range(3, 5), start=2)
    assert [row["step"] for row in read(tmp_path)] == [1, 2, 3, 4]
    assert b"no row" in path.read_bytes()
