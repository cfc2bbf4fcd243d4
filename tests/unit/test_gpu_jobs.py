"""Jobs of the GPU's command: what fails or runs out of time is a line in a table, and the next call goes on."""

import json
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))

import gpu
import gpu_checks
import gpu_jobs
import gpu_parts
from gpu_jobs import Job, Results, Row, Stopped


def job(name: str, work: Any, part: str = "part") -> Job:
    return Job(part, name, "something", 1, work)


def broken(deadline: float) -> Row:
    raise ValueError("no | such\nthing")


def test_a_failure_is_a_line_and_ends_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = Results(tmp_path)
    done = {"count": 0}

    def well(deadline: float) -> Row:
        done["count"] += 1
        return {"l1": 45.912345, "note": "fine"}

    jobs = [job("broken", broken), job("well", well)]
    assert not gpu_jobs.run_all(jobs, results, minutes=1)
    assert results.rows["part"]["broken"]["state"].startswith("failed: no | such")
    text = (tmp_path / "results.md").read_text()
    assert "| broken | failed: no / such thing |" in text
    assert "| well | done | " in text
    assert "45.91 | fine" in text
    again = Results(tmp_path)  # a new call: what failed is tried again, what is done is not
    assert not gpu_jobs.run_all(jobs, again, minutes=1)
    assert done["count"] == 1
    assert gpu_jobs.run_all([job("broken", well), jobs[1]], again, minutes=1)
    assert done["count"] == 2
    assert json.loads((tmp_path / "results.json").read_text()) == again.rows


def test_out_of_time_keeps_what_there_is_and_goes_on(tmp_path: Path) -> None:
    results = Results(tmp_path)

    def long(deadline: float) -> Row:
        raise Stopped({"steps": 7})

    assert gpu_jobs.run_all([job("long", long)], results, minutes=1)
    row = results.rows["part"]["long"]
    assert (row["steps"], row["state"]) == (7, "unfinished: the same command goes on")
    assert gpu_jobs.run_all([job("first", lambda d: {}), job("late", broken)], results, minutes=0)
    assert results.rows["part"]["late"]["state"] == "not begun: out of time"
    assert gpu_jobs.run_all([job("long", long)], results, minutes=0)
    assert results.rows["part"]["long"]["steps"] == 7  # not forgotten


def test_a_command_is_asked_to_stop_at_the_deadline_and_may_save(tmp_path: Path) -> None:
    saved, log = tmp_path / "saved", tmp_path / "logs" / "log"
    script = (
        "import pathlib, time\n"
        "try:\n    print('begun', flush=True); time.sleep(60)\n"
        f"except KeyboardInterrupt:\n    pathlib.Path({str(saved)!r}).write_text('yes')\n"
    )
    with pytest.raises(Stopped):
        gpu_jobs.call([sys.executable, "-S", "-c", script], log, time.monotonic() + 1)
    assert saved.read_text() == "yes"
    assert "begun" in log.read_text()
    script = "print('the reason'); raise SystemExit(3)"
    with pytest.raises(RuntimeError, match=r"exit code 3: the reason \(log\)"):
        gpu_jobs.call([sys.executable, "-S", "-c", script], log, time.monotonic() + 60)


def test_figures_are_found_in_nested_results() -> None:
    found = {"a": 1, "b": {"c": 2.5, "d": {"e": 3}, "f": "no"}, "g": [1, 2], "h": True}
    assert gpu_parts.figures(found) == {"a": 1, "b c": 2.5, "b d e": 3}


def test_a_line_of_the_bench_has_the_figures_of_its_report() -> None:
    speeds = {"ours": {"median": 4.0}, "theirs": {"median": 2.0}, "ratio": 2.0}
    beside = gpu_parts.bench_row({"same tensors": speeds, "peak MiB": {"ours": 100.0}})
    assert beside == {"images/s": 4, "original": 2, "ratio": 2, "peak MiB": 100}
    alone = gpu_parts.bench_row({"images_per_second": {"median": 3.0}, "shares": {"data": 0.01}})
    assert alone == {"images/s": 3, "waiting": 0.01}
    with pytest.raises(RuntimeError, match="none of what is wanted, but other"):
        gpu_parts.bench_row({"other": 1})


def test_hours_follow_from_the_rate() -> None:
    assert gpu_parts.hours({"images/s": 74.111}) == {"hours for 266,800 images": pytest.approx(1, abs=1e-4)}
    assert gpu_parts.hours({}) == {}


def test_every_part_has_jobs_in_a_rehearsal_and_in_earnest(tmp_path: Path) -> None:
    for tiny in (True, False):
        chosen = SimpleNamespace(
            out=tmp_path, device="cpu", tiny=tiny, original=None, facades=None, unpaired=None, batch=1, minutes=9
        )
        for part in gpu.PARTS:
            jobs = list(getattr(gpu_parts, part)(chosen))
            assert jobs
            assert {one.part for one in jobs} == {part}
            assert len({one.name for one in jobs}) == len(jobs)
    assert list(tmp_path.iterdir()) == []


def test_what_is_missing_is_said_at_once(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(gpu, "NEEDED", ("torch", "no_such_package_here"))
    monkeypatch.setattr(sys, "argv", ["gpu.py", "nowhere"])
    assert gpu.main() == 2
    assert "Python package no_such_package_here" in capsys.readouterr().err
    assert not Path("nowhere").exists()


def test_checks_see_planted_faults() -> None:
    rows = [{"x": 1.0, "y": 0.5}] * 5
    assert gpu_checks.apart(rows, rows) == (0, 0)
    off = [{"x": 1.0, "y": 0.5}, *[{"x": 1.0, "y": 0.6}] * 4]
    assert gpu_checks.apart(rows, off) == pytest.approx((0, 0.4 / 2.9))
    with pytest.raises(gpu_checks.Wrong, match="more than"):
        gpu_checks.compared("losses", rows, off, "this")
    with pytest.raises(gpu_checks.Wrong, match="no number"):
        gpu_checks.apart(rows, [*rows[:4], {"x": float("nan"), "y": 0.5}])
    with pytest.raises(gpu_checks.Wrong, match="4 of 5"):
        gpu_checks.settled([{"skipped/generator": float(n)} for n in (1, 2, 3, 4, 4)])
    assert gpu_checks.settled([{"skipped/generator": float(n)} for n in (1, 2, 2, 2, 2)]) == " (2 of 5 steps left out)"


def test_the_largest_difference_is_found_in_a_tree() -> None:
    tree = {"a": [torch.zeros(3), {"b": torch.ones(2)}], "n": 1}
    other = {"a": [torch.zeros(3), {"b": torch.tensor([1.0, 1.5])}], "n": 1}
    assert gpu_checks.largest(tree, tree) == 0
    assert gpu_checks.largest(tree, other) == 0.5
    assert gpu_checks.largest(tree, {**tree, "n": 2}) == float("inf")
    assert gpu_checks.largest({"a": torch.ones(1)}, {"b": torch.ones(1)}) == float("inf")
