"""What a run writes down is there, once, also after a kill in the middle of a line."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from translate.data.images import decode
from translate.log import FILE, Log, read


def write(run: Path, steps: range, start: int = 0, offset: float = 0.0) -> None:
    with Log(run, start) as log:
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
    with Log(tmp_path, 0) as log:
        log.scalars(1, {"learning_rate/generator": 2.5e-8, "seconds": 12345.678})
    (row,) = read(tmp_path)
    assert row["learning_rate/generator"] == pytest.approx(2.5e-8, rel=1e-3)
    assert row["seconds"] == pytest.approx(12345.678, rel=1e-5)


def test_previews_are_files_and_in_tensorboard_and_pixels_are_exact(tmp_path: Path) -> None:
    grid = np.random.default_rng(0).integers(0, 256, (8, 12, 3), dtype=np.uint8)
    with Log(tmp_path, 0) as log:
        log.previews(20, {"a2b": grid})
    (path,) = (tmp_path / "previews").iterdir()
    assert path.name == "a2b-00000020.png"
    assert np.array_equal(decode(path, 3), grid)
    (event,) = board(tmp_path).Images("preview/a2b")
    assert (event.step, event.width, event.height) == (20, 12, 8)


def test_what_could_not_be_written_is_raised_where_training_is(tmp_path: Path) -> None:
    (tmp_path / "previews").write_text("a file where the folder belongs")
    with pytest.raises(OSError, match="previews"), Log(tmp_path, 0) as log:
        log.previews(1, {"a2b": np.zeros((2, 2, 3), np.uint8)})
