"""Two processes train as one: the same losses, one log, one set of checkpoints, and either number may go on."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch
import two_processes
from tiny import PRESETS, SMALL

from translate import checkpoint, config, log

TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
HERE = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
LIKE = {name: [*SMALL, *settings, "training.batch=4"] for name, (_, settings) in PRESETS.items()}
LIKE["uneven"] = [*LIKE["semi"], "training.batch=3"]  # 2 rows and 1, paired ones on either side
LIKE["resumed"] = LIKE["cyclegan"]  # begun by one process
LIKE["batch-norm"] = [*LIKE["pix2pix"], "training.batch=3", "judging.noise=0.1"]
MEASURED = ("seconds", "images_per_second", "data_wait", "evaluation/seconds", "evaluation/share")


@pytest.fixture(scope="session")
def half(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that one process began, and left in the middle."""
    folder = tmp_path_factory.mktemp("half")
    job = next(job for job in jobs(request, folder) if job[0] == "resumed")
    two_processes.train(job, stop_after=2)
    return folder / "resumed"


@pytest.fixture(scope="session")
def alone(request: pytest.FixtureRequest, half: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What one process computes: {"folder", "digests", "primitives"}."""
    folder = tmp_path_factory.mktemp("alone")
    shutil.copytree(half, folder / "resumed")
    digests = {job[0]: two_processes.train(job) for job in jobs(request, folder)}
    return {"folder": folder, "digests": digests, "primitives": two_processes.primitives()}


@pytest.fixture(scope="session")
def together(request: pytest.FixtureRequest, half: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What two processes find of the same: {"folder", "digests": of each, "primitives": of each}."""
    folder = tmp_path_factory.mktemp("together")
    shutil.copytree(half, folder / "resumed")
    (folder / "jobs.json").write_text(json.dumps(jobs(request, folder)))
    worker = [str(Path(two_processes.__file__)), str(folder / "jobs.json"), str(folder)]
    done = subprocess.run([*TORCHRUN, *worker], env=HERE, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    return {
        "folder": folder,
        "digests": [json.loads((folder / f"digests-{rank}.json").read_text()) for rank in range(2)],
        "primitives": [torch.load(folder / f"primitives-{rank}.pt", weights_only=True) for rank in range(2)],
    }


def jobs(request: pytest.FixtureRequest, folder: Path) -> list[two_processes.Job]:
    """A training of every preset; those at the end differ from it."""
    preset = {name: name for name in PRESETS} | {"uneven": "semi", "batch-norm": "pix2pix", "resumed": "cyclegan"}
    data = {name: str(request.getfixturevalue(PRESETS[preset[name]][0])) for name in LIKE}
    return [(name, preset[name], settings, data[name], str(folder / name)) for name, settings in LIKE.items()]


def test_every_preset_is_trained_on_two(alone: dict[str, Any]) -> None:
    assert set(config.presets()) <= set(alone["digests"])


@pytest.mark.parametrize("name", LIKE)
def test_losses_are_those_of_one_process(name: str, alone: dict[str, Any], together: dict[str, Any]) -> None:
    one, two = (
        [{k: v for k, v in row.items() if k not in MEASURED} for row in log.read(found["folder"] / name)]
        for found in (alone, together)
    )
    assert [row["step"] for row in two] == [1, 2, 3, 4]  # one log, no row twice
    for ours, theirs in zip(two, one, strict=True):
        # A gradient that is nothing but rounding moves a weight by Adam's whole step, one way or the other.
        assert ours == pytest.approx(theirs, rel=5e-3 if name in ("sngan", "progan", "uneven") else 2e-4, abs=2e-5)


@pytest.mark.parametrize("name", LIKE)
def test_both_end_with_the_same_bits(name: str, together: dict[str, Any]) -> None:
    first, second = together["digests"]
    assert first[name] == second[name]


def test_what_looks_across_rows_and_its_slopes_are_those_of_one_process(
    alone: dict[str, Any], together: dict[str, Any]
) -> None:
    for found in together["primitives"]:
        assert found.keys() == alone["primitives"].keys()
        for name, expected in alone["primitives"].items():
            assert torch.allclose(found[name], expected, rtol=1e-4, atol=3e-6), name


def test_only_the_first_writes(together: dict[str, Any]) -> None:
    out = together["folder"] / "cyclegan"
    assert len(list((out / "tensorboard").iterdir())) == 1
    assert {path.name for path in (out / "previews").iterdir()} >= {"a2b-00000004.png", "b2a-00000004.png"}


def test_one_process_goes_on_with_what_two_began(
    request: pytest.FixtureRequest, alone: dict[str, Any], together: dict[str, Any], tmp_path: Path
) -> None:
    name, preset, settings, data, _ = next(job for job in jobs(request, tmp_path) if job[0] == "pix2pix")
    rows = []
    for found, other in ((alone, "one"), (together, "two")):
        shutil.copytree(found["folder"] / name, tmp_path / other)
        two_processes.train((name, preset, [*settings, "training.steps=6"], data, str(tmp_path / other)))
        rows.append([{k: v for k, v in row.items() if k not in MEASURED} for row in log.read(tmp_path / other)])
    assert [row["step"] for row in rows[1]] == [1, 2, 3, 4, 5, 6]
    for ours, theirs in zip(rows[1], rows[0], strict=True):
        assert ours == pytest.approx(theirs, rel=1e-3, abs=2e-5)


def command(data: Path, out: Path, *more: str) -> list[str]:
    small = ["networks.generator.width=8", "log.every=1", "log.save_minutes=0.001", "evaluation.metrics=[]", *more]
    settings = [word for setting in small for word in ("--set", setting)]
    return ["-m", "translate", "train", "smoke", "--data", str(data), "--out", str(out), *settings]


def test_a_batch_that_leaves_a_process_idle_is_refused_once(unpaired: Path, tmp_path: Path) -> None:
    words = [*TORCHRUN, *command(unpaired, tmp_path / "run", "training.batch=1")]
    done = subprocess.run(words, env=HERE, capture_output=True, text=True, timeout=120)
    assert done.returncode != 0
    assert done.stderr.count("a batch of 1 can't be divided among 2 processes") == 1
    assert "--set training.batch=2" in done.stderr
    assert "most recent call last" not in done.stderr.split("torch/distributed/elastic")[0]
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
@pytest.mark.parametrize("machines", [1, 2])
def test_a_killed_worker_is_started_again_and_nothing_is_lost(unpaired: Path, tmp_path: Path, machines: int) -> None:
    straight = [*TORCHRUN, *command(unpaired, tmp_path / "straight", "training.steps=400")]
    subprocess.run(straight, env=HERE, check=True, capture_output=True, timeout=200)
    out = tmp_path / "killed"
    torchrun, here = [*TORCHRUN, "--max-restarts", "5"], HERE
    if machines == 2:  # two of torchrun, each with one worker, that find each other as on two machines
        with socket.create_server(("localhost", 0)) as free:
            meeting = (
                f"--nnodes 2 --nproc-per-node 1 --rdzv-backend c10d --rdzv-endpoint localhost:{free.getsockname()[1]}"
            )
        torchrun = [*TORCHRUN[:3], *meeting.split(), "--max-restarts", "5"]
        here = {**HERE, "TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1"}
    words = [*torchrun, *command(unpaired, out, "training.steps=400")]
    with contextlib.ExitStack() as stack:
        running = [
            stack.enter_context(subprocess.Popen(words, env=here, stdout=subprocess.DEVNULL, stderr=log))
            for log in [stack.enter_context((tmp_path / f"said-{n}").open("w")) for n in range(machines)]
        ]
        former = 0
        for victim in (1, 0):
            wait_for(lambda former=former: worker_of(running, 0) not in (0, former))  # started (again)
            former = worker_of(running, 0)
            seen = checkpoint.steps(out)[0].name if checkpoint.steps(out) else ""
            wait_for(lambda seen=seen: bool(checkpoint.steps(out)) and checkpoint.steps(out)[0].name > seen)
            os.kill(worker_of(running, victim), signal.SIGKILL)
        for n, agent in enumerate(running):
            assert agent.wait(timeout=200) == 0, (tmp_path / f"said-{n}").read_text()[-3000:]
    one, two = (checkpoint.read(checkpoint.newest(tmp_path / name)) for name in ("straight", "killed"))
    assert one["step"] == two["step"] == 400
    assert all(torch.equal(one["generator"][name], weight) for name, weight in two["generator"].items())
    assert [row["step"] for row in log.read(out)] == list(range(1, 401))


def wait_for(ready: Callable[[], bool]) -> None:
    end = time.monotonic() + 100
    while not ready():
        assert time.monotonic() < end
        time.sleep(0.02)


def worker_of(torchruns: list[subprocess.Popen[bytes]], rank: int) -> int:
    """The process of that rank, among torchrun's children; 0 while there is none."""
    for child in [child for torchrun in torchruns for child in psutil.Process(torchrun.pid).children()]:
        with contextlib.suppress(psutil.Error):  # it has just ended
            if child.environ().get("RANK") == str(rank):
                return child.pid
    return 0
