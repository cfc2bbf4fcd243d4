"""A training that is killed again and again ends with the bits and the log of one that never was."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from equality import same

from translate import checkpoint, log
from translate.keeping import durable

KILLS = 50
STEPS = 120
SETTINGS = [
    f"training={{steps: {STEPS}, batch: 2, accumulate: 2, discriminator_steps: 2, ema: 0.9}}",
    "objective.adversarial.pool=3",
    "objective.r1={term: gradient_penalty, at: real, weight: 1, every: 5}",
    "evaluation.metrics=[]",
    "log={every: 3, preview_every: 1000, save_minutes: 0.0000001, keep: 2}",
]
MEASURED = ("seconds", "images_per_second", "data_wait")


class Zygote:
    """Begins trainings of `root` that are ready at once."""

    def __init__(self, root: Path) -> None:
        self._root = root
        script = Path(__file__).parents[1] / "zygote.py"
        self._process = subprocess.Popen(
            [sys.executable, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def begin(self, out: Path) -> int:
        """The process that trains into `out`."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        order = {"root": str(self._root), "out": str(out), "settings": SETTINGS}
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def ended(self) -> int:
        """How it ended."""
        assert self._process.stdout is not None
        return int(self._process.stdout.readline())

    def close(self) -> None:
        """End."""
        self._process.communicate(timeout=60)


@contextmanager
def zygote(root: Path) -> Iterator[Zygote]:
    """One for some trainings."""
    made = Zygote(root)
    try:
        yield made
    finally:
        made.close()


def writing(out: Path) -> bool:
    return any((out / checkpoint.FOLDER).glob(f"*{durable.PARTIAL}"))


def wait_for_a_write(out: Path, pid: int) -> None:
    """Return in the midst of writing a checkpoint, or when the process is gone."""
    deadline = time.monotonic() + 20
    while not writing(out) and time.monotonic() < deadline:
        if os.stat(f"/proc/{pid}/stat") and Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
            return


def require_sound(out: Path) -> None:
    """Each checkpoint can be read, and the log is whole up to the newest one."""
    found = checkpoint.steps(out)
    states = [checkpoint.read(path) for path in found]
    if found:
        told = [row["step"] for row in log.read(out) if row["step"] <= states[0]["step"]]
        assert told == list(range(3, states[0]["step"] + 1, 3))
    assert not list((out / checkpoint.FOLDER).glob(f"*{checkpoint.DAMAGED}*"))


def rows(out: Path) -> list[dict[str, Any]]:
    return [{key: value for key, value in row.items() if key not in MEASURED} for row in log.read(out)]


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="the processes are forked")
def test_fifty_kills_change_no_bit_and_no_row(unpaired: Path, tmp_path: Path) -> None:
    chance = random.Random(0)
    straight, killed = tmp_path / "straight", tmp_path / "killed"
    torn = kills = 0
    with zygote(unpaired) as trainings:
        began = time.monotonic()
        trainings.begin(straight)
        assert trainings.ended() == 0
        life = time.monotonic() - began
        for number in range(KILLS):
            pid = trainings.begin(killed)
            if number % 2:
                wait_for_a_write(killed, pid)
                time.sleep(chance.uniform(0, 0.002) * (number % 4 == 1))
            else:
                time.sleep(chance.uniform(0, life * 0.3))
            os.kill(pid, signal.SIGKILL)
            kills += trainings.ended() == signal.SIGKILL
            torn += writing(killed)
            require_sound(killed)
        trainings.begin(killed)
        assert trainings.ended() == 0
    assert kills >= KILLS * 0.8
    assert torn >= 5
    one, two = (checkpoint.read(checkpoint.newest(out)) for out in (straight, killed))
    assert one["step"] == STEPS
    apart = {"seconds": 0, "monitor": 0}
    assert same({**one, **apart}, {**two, **apart})
    assert rows(straight) == rows(killed)
    assert not writing(killed)
