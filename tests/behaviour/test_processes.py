"""Two processes train as one: the same losses, one log, one set of checkpoints, and either number may go on."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import two_processes
from tiny import PRESETS, SMALL

from translate import config, log

TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
HERE = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
LIKE = {name: [*SMALL, *settings, "training.batch=4"] for name, (_, settings) in PRESETS.items()}
LIKE["uneven"] = [*LIKE["semi"], "training.batch=3"]  # 2 rows and 1, paired ones on either side
LIKE["batch-norm"] = [*LIKE["pix2pix"], "training.batch=3", "judging.noise=0.1"]
MEASURED = ("seconds", "images_per_second", "data_wait", "evaluation/seconds", "evaluation/share")


@pytest.fixture(scope="session")
def alone(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What one process computes: {"folder", "digests", "primitives"}."""
    folder = tmp_path_factory.mktemp("alone")
    digests = {job[0]: two_processes.train(job) for job in jobs(request, folder)}
    return {"folder": folder, "digests": digests, "primitives": two_processes.primitives()}


@pytest.fixture(scope="session")
def together(
    request: pytest.FixtureRequest, alone: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """What two processes find of the same: {"folder", "digests": of each, "primitives": of each}."""
    folder = tmp_path_factory.mktemp("together")
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
    of = {name: PRESETS.get(name, PRESETS["semi" if name == "uneven" else "pix2pix"])[0] for name in LIKE}
    preset = {"uneven": "semi", "batch-norm": "pix2pix"}
    return [
        (name, preset.get(name, name), settings, str(request.getfixturevalue(of[name])), str(folder / name))
        for name, settings in LIKE.items()
    ]


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
