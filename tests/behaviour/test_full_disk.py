"""A disk that is really full: the training goes on, and what it made can be fetched and continued."""

import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from translate import checkpoint, log

STEPS = 60


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of four megabytes."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(place)], capture_output=True)
    if mounted.returncode:
        pytest.skip("nothing may be mounted here")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def training(data: Path, out: Path, steps: int = STEPS) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "translate", "train", "smoke", "--data", str(data), "--out", str(out)]
    settings = ["log.every=1", "log.save_minutes=0.00001", "evaluation.metrics=[]", "training.schedule=constant"]
    words = [word for setting in settings for word in ("--set", setting)]
    return subprocess.Popen(
        [*command, "--steps", str(steps), *words, "--device", "cpu"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def fill(path: Path) -> None:
    with suppress(OSError), open(path, "wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))


def losses(out: Path) -> list[tuple[int, float]]:
    return [(row["step"], row["loss/cycle/a"]) for row in log.read(out)]


@pytest.mark.slow
def test_a_full_disk_ends_no_training_and_loses_nothing(unpaired: Path, small_disk: Path, tmp_path: Path) -> None:
    out, filler = small_disk / "run", small_disk / "filler"
    process = training(unpaired, out)
    deadline = time.monotonic() + 200
    while len(log.read(out)) < 5 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    fill(filler)
    _, said = process.communicate(timeout=300)
    assert process.returncode == 2, said
    assert "Traceback" not in said
    assert "can't write checkpoints" in said
    assert "No space left on device" in said
    assert f"step {STEPS} is saved in" in said
    assert 1 <= checkpoint.read(checkpoint.newest(out))["step"] < STEPS
    (command,) = re.findall("`(cp .*)`", said)
    filler.unlink()
    subprocess.run(command, shell=True, check=True)
    subprocess.run(["rm", "-r", str(Path(shlex.split(command)[2]))], check=True)
    straight = tmp_path / "straight"
    for place in (out, straight):
        process = training(unpaired, place, STEPS + 2)
        printed, said = process.communicate(timeout=300)
        assert process.returncode == 0, said
        assert (f"{STEPS} of them before" in printed) == (place is out)
    assert losses(out) == losses(straight)
    assert [step for step, _ in losses(out)] == list(range(1, STEPS + 3))
