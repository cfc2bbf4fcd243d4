"""What `gpu.py` keeps: jobs, their time, their logs and their results; a job that fails is a line in the table."""

from __future__ import annotations

import json
import signal
import subprocess
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

GRACE = 90.0
"""Seconds that a training gets to save after it was asked to stop."""

Row = dict[str, Any]


class Stopped(Exception):  # noqa: N818  (no error: the next call goes on)
    """The time was over before the job was done; what it has is kept, and the next call continues it."""

    def __init__(self, row: Row | None = None) -> None:
        self.row = row or {}
        super().__init__("out of time")


@dataclass(frozen=True)
class Job:
    """One line of a part's table; `work(deadline)` returns its columns, and raises Stopped when time is over."""

    part: str
    name: str
    what: str
    minutes: float
    work: Callable[[float], Row]


class Results:
    """What is known of each job, in OUT/results.json and, as Markdown, in OUT/results.md."""

    def __init__(self, out: Path) -> None:
        self.out, self.path = out, out / "results.json"
        self.rows: dict[str, dict[str, Row]] = {}
        if self.path.is_file():
            self.rows = json.loads(self.path.read_text(encoding="utf-8"))

    def done(self, job: Job) -> bool:
        """Whether the job has come to its end."""
        return self.rows.get(job.part, {}).get(job.name, {}).get("state") == "done"

    def put(self, job: Job, row: Row) -> None:
        """Keep a job's row, whole or not at all."""
        self.rows.setdefault(job.part, {})[job.name] = row
        part = self.path.with_suffix(".part")
        part.write_text(json.dumps(self.rows, indent=1) + "\n", encoding="utf-8")
        part.replace(self.path)
        (self.out / "results.md").write_text(self.tables(), encoding="utf-8")

    def tables(self) -> str:
        """One Markdown table a part."""
        return "\n".join(f"## {part}\n\n{table(rows)}\n" for part, rows in self.rows.items())


def table(rows: dict[str, Row]) -> str:
    """Markdown of rows by name; columns in the order in which they first occur, the state first."""
    columns = list(dict.fromkeys(key for row in rows.values() for key in row))
    lines = ["| " + " | ".join(["", *columns]) + " |", "|" + "---|" * (len(columns) + 1)]
    for name, row in rows.items():
        lines.append("| " + " | ".join([name, *(shown(row.get(column)) for column in columns)]) + " |")
    return "\n".join(lines)


def shown(value: Any) -> str:
    """A cell: figures to four digits, no line breaks, no bars."""
    if value is None:
        return "-"
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return " ".join(text.replace("|", "/").split())


def run_all(jobs: Sequence[Job], results: Results, minutes: float) -> bool:
    """Run what is not done yet, each part within its minutes; False where something failed."""
    well, begun = True, {}
    for job in jobs:
        if results.done(job):
            print(f"{job.part}/{job.name}: done before", flush=True)
            continue
        began = time.monotonic()
        deadline = begun.setdefault(job.part, began) + minutes * 60
        if began >= deadline:
            results.put(job, results.rows.get(job.part, {}).get(job.name, {"state": "not begun: out of time"}))
            continue
        print(f"{job.part}/{job.name}: {job.what}", flush=True)
        row = attempt(job, deadline)
        well &= not row["state"].startswith("failed")
        results.put(job, {**row, "minutes": round((time.monotonic() - began) / 60, 2)})
        print(f"  {row['state']}", flush=True)
    return well


def attempt(job: Job, deadline: float) -> Row:
    """The job's row, however it ends."""
    try:
        return {"state": "done", **job.work(deadline)}
    except Stopped as stopped:
        return {"state": "unfinished: the same command goes on", **stopped.row}
    except Exception as error:  # one part must not end the others, whatever it is
        traceback.print_exc()
        return {"state": f"failed: {error}"[:300]}


def call(command: Sequence[str], log: Path, deadline: float, env: dict[str, str] | None = None) -> None:
    """Run a command, its output in `log`. At the deadline it is asked to stop as by Ctrl-C, and Stopped is raised.

    Raises RuntimeError with the last line of output where it fails.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "ab") as file:
        file.write(f"$ {' '.join(command)}\n".encode())
        file.flush()
        process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, env=env)
        try:
            code = process.wait(max(1.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            stop(process)
            raise Stopped from None
        except BaseException:
            stop(process)
            raise
    if code:
        said = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        raise RuntimeError(f"exit code {code}: {said[-1] if said else 'no output'} ({log.name})")


def stop(process: subprocess.Popen[bytes]) -> None:
    """Ask a process to finish its step and save; end it where it does not."""
    process.send_signal(signal.SIGINT)
    try:
        process.wait(GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
