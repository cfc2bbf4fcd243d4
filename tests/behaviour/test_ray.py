"""`translate apply --engine ray`: the same files as without, whatever becomes of the workers."""

from __future__ import annotations

import io
import itertools
import json
import os
import pickle
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch
from PIL import Image

from translate import build, checkpoint
from translate.config import validate
from translate.domain import Domain
from translate.errors import UserError
from translate.inference import folder, ray_engine
from translate.inference.outcome import Options, Outcome, Tally
from translate.inference.places import Folder, place
from translate.inference.plan import Job
from translate.inference.ray_worker import Journal, Report, Setting, Share, Worker, listing, shares

DEADLY = """
import os, signal
from torch import Tensor, nn

class Deadly(nn.Module):
    '''Ends its process where it sees a white image.'''
    stride = 1

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.scale = nn.Conv2d(1, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        if (x.flatten(1).mean(1) == 1).any():
            os.kill(os.getpid(), signal.SIGKILL)
        return -x
"""


def write_run(folder: Path, generator: dict[str, object]) -> Path:
    """A run folder as training leaves it, with untrained weights."""
    config = validate(
        {"data": {"size": [16, 16], "root": str(folder)}, "networks": {"generator": generator}, "produce": ["b"]},
        "test",
    )
    folder.mkdir()
    (folder / "config.yaml").write_text(config.to_yaml())
    torch.manual_seed(0)
    checkpoint.save(folder, {"step": 5, "generator_ema": build.generators(config).state_dict()}, keep=1)
    return folder


def pictures(folder: Path, names: list[str], side: int = 16) -> None:
    for seed, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(seed).integers(0, 256, (side, side, 3), np.uint8)
        with path.open("wb") as file:
            Image.fromarray(pixels).save(file, "PNG")


def command(folder: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "translate", "apply", str(folder / "run"), str(folder / "in"), *arguments]


def apply(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(folder, *arguments), cwd=folder, capture_output=True, text=True, timeout=600)


def files(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def manifest(path: Path) -> dict[str, str | None]:
    """Input to error; each input once."""
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert len({row["input"] for row in rows}) == len(rows)
    return {row["input"]: row["error"] for row in rows}


# --- on a cluster


def test_the_same_files_as_without_ray(tmp_path: Path) -> None:
    pytest.importorskip("ray.data")
    write_run(tmp_path / "run", {"name": "resnet", "width": 4, "blocks": 1})
    odd = os.fsdecode(b"\xff.png") if sys.platform == "linux" else "ü.png"
    pictures(tmp_path / "in", [*(f"sub{i % 3}/{i}.png" for i in range(20)), odd, "sub/größe 1.png", ".hidden.png"])
    (tmp_path / "in/broken.png").write_text("no image")
    (tmp_path / "in/notes.txt").write_text("text")
    plain = apply(tmp_path, "here", "--batch", "1", "--manifest", "here.jsonl")
    ray = apply(tmp_path, "there", "--batch", "1", "--manifest", "there.jsonl", "--engine", "ray")
    assert (plain.returncode, ray.returncode) == (1, 1), ray.stderr
    assert len(files(tmp_path / "here")) == 22
    assert files(tmp_path / "there") == files(tmp_path / "here")
    assert manifest(tmp_path / "there.jsonl") == manifest(tmp_path / "here.jsonl")
    assert ray.stdout == ""
    said = [line.replace("there: ", "here: ") for line in ray.stderr.splitlines() if "━" not in line]
    assert said == [line for line in plain.stderr.splitlines() if "━" not in line]


@pytest.mark.slow
def test_a_worker_that_is_killed_costs_only_its_share(tmp_path: Path) -> None:
    pytest.importorskip("ray.data")
    write_run(tmp_path / "run", {"name": "resnet", "width": 32, "blocks": 2})
    pictures(tmp_path / "in", [f"{i}.png" for i in range(400)], side=64)
    process = subprocess.Popen(
        command(tmp_path, "out", "--engine", "ray"), cwd=tmp_path, stderr=subprocess.PIPE, text=True
    )
    killed = 0
    try:
        while killed < 2 and process.poll() is None:
            if len(list((tmp_path / "out").glob("*.png"))) > 50 + 150 * killed:
                for child in psutil.Process(process.pid).children(recursive=True):
                    if "MapWorker" in child.name() + " ".join(child.cmdline()):
                        child.kill()
                        killed += 1
                        break
            time.sleep(0.02)
        _, said = process.communicate(timeout=600)
    finally:
        process.kill()
    assert killed == 2
    assert process.returncode == 0, said
    summary = next(line for line in said.splitlines() if " translated" in line)
    assert sum(int(word) for word in summary.partition(",")[0].split() if word.isdigit()) <= 400, said
    assert len(list((tmp_path / "out").glob("*.png"))) == 400
    assert apply(tmp_path, "here").returncode == 0
    finished = {name: data for name, data in files(tmp_path / "out").items() if not name.startswith(".")}
    compare(finished, files(tmp_path / "here"))


def compare(some: dict[str, bytes], others: dict[str, bytes]) -> None:
    """The same pictures, but for a float sum that may round the other way in another batch, by one level."""
    assert some.keys() == others.keys()
    for name, data in some.items():
        first, second = (np.asarray(Image.open(io.BytesIO(one))).astype(int) for one in (data, others[name]))
        assert np.abs(first - second).max() <= 1


@pytest.mark.slow
def test_an_image_that_ends_its_worker_is_one_failure(tmp_path: Path) -> None:
    pytest.importorskip("ray.data")
    (tmp_path / "deadly.py").write_text(DEADLY)
    sys.path.append(str(tmp_path))
    try:
        write_run(tmp_path / "run", {"name": "deadly:Deadly"})
    finally:
        sys.path.remove(str(tmp_path))
    pictures(tmp_path / "in", [f"{i}.png" for i in range(30)])
    Image.new("RGB", (16, 16), "white").save(tmp_path / "in/white.png")
    done = apply(tmp_path, "out", "--engine", "ray", "--manifest", "out.jsonl")
    assert done.returncode == 1, done.stderr
    assert {name for name, error in manifest(tmp_path / "out.jsonl").items() if error} == {"white.png"}
    assert "white.png: the process that worked on it was ended" in done.stderr
    assert len([name for name in files(tmp_path / "out") if not name.startswith(".")]) == 30


def test_an_address_where_nobody_listens_is_said_at_once(tmp_path: Path) -> None:
    pytest.importorskip("ray.data")
    begun = time.monotonic()
    with pytest.raises(UserError, match="nothing answers there"):
        next(on_ray(tmp_path, address="127.0.0.1:9"))
    with pytest.raises(UserError, match="no Ray cluster"):
        next(on_ray(tmp_path, address="nonsense"))
    assert time.monotonic() - begun < 60


def on_ray(folder: Path, source: str = "in", address: str | None = None) -> Iterator[Outcome]:
    there = place(source if "://" in source else str(folder / source))
    target = Folder(folder)
    return ray_engine.work_on_ray(folder, "last", "cpu", there, target, Options(Domain.B), address, Tally())


def test_what_ray_cannot_do_is_said_before_it_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray.data")
    with pytest.raises(UserError, match="within one process"):
        next(on_ray(tmp_path, "memory://in"))
    monkeypatch.setattr(ray_engine, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"pip install 'translate-gan\[ray\]'"):
        next(on_ray(tmp_path))


# --- the parts of it, in this process


def setting(folder: Path, **changes: object) -> Setting:
    given: dict[str, object] = {
        "run": str(folder),
        "checkpoint": "last",
        "device": "cpu",
        "source": Folder(folder / "in"),
        "target": Folder(folder),
        "options": Options(Domain.B),
        "folder": str(folder),
        "threads": 1,
        "token": None,
    }
    return Setting(**{**given, **changes})  # type: ignore[arg-type]


def asking(journal: Journal) -> Callable[..., object]:
    return lambda question, *arguments: getattr(journal, question)(*arguments)


def test_shares_hold_every_job_once_and_samples_together() -> None:
    jobs = [Job(f"{i}.png", f"{sample}/{i}.png", sample) for i in range(2000) for sample in (1, 2, 3)]
    cut = list(shares(iter(jobs)))
    assert [job for share in cut for job in share] == jobs
    assert len(cut[0]) <= 10
    assert max(len(share) for share in cut) <= 130
    owners = [{job.name for job in share} for share in cut]
    assert not any(one & other for one, other in itertools.pairwise(owners))


def test_shares_are_cut_as_the_jobs_come() -> None:
    asked = 0

    def endless() -> Iterator[Job]:
        nonlocal asked
        while True:
            asked += 1
            yield Job(f"{asked}.png", f"{asked}.png")

    next(shares(endless()))
    assert asked < 20


def test_the_listing_counts_and_is_not_begun_twice(tmp_path: Path) -> None:
    pictures(tmp_path / "in", ["a.png", ".b.png", "c.png"])
    journal = Journal()
    *cut, last = listing(setting(tmp_path), asking(journal))
    assert {job.name for share in cut if isinstance(share, Share) for job in share.jobs} == {"a.png", "c.png"}
    assert last == Report([], Tally(hidden=1), shares=1)
    assert list(listing(setting(tmp_path), asking(journal))) == []


def test_a_folder_that_is_gone_is_the_listings_answer(tmp_path: Path) -> None:
    (error,) = listing(setting(tmp_path), asking(Journal()))
    assert isinstance(error, UserError)
    assert "can't be listed" in str(pickle.loads(pickle.dumps(error)))


class Killed(BaseException):
    """Stands for the end of a process."""


def test_an_image_that_kills_is_found_and_the_others_are_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_run(tmp_path / "run", {"name": "resnet", "width": 4, "blocks": 1})
    (tmp_path / "in").mkdir()
    done: list[str] = []

    def work(model: object, jobs: Iterator[Job], *arguments: object) -> Iterator[Outcome]:
        for job in jobs:
            if job.name in ("3", "5"):
                raise Killed
            done.append(job.name)
            yield Outcome(job.name, job.target, 0.0)

    monkeypatch.setattr(folder, "work", work)
    journal = Journal()
    share = Share(1, tuple(Job(str(i), str(i)) for i in range(8)), Tally())
    lives = 0
    while True:
        lives += 1
        worker = Worker(setting(tmp_path, run=str(tmp_path / "run")), asking(journal))
        try:
            report = worker.work(share)
        except Killed:
            assert lives < 10
            continue
        break
    assert isinstance(report, Report)
    assert [outcome.input for outcome in report.outcomes] == [job.name for job in share.jobs]
    assert [outcome.input for outcome in report.outcomes if outcome.error] == ["3", "5"]
    assert set(done) == {"0", "1", "2", "4", "6", "7"}
    assert journal.begin(1) is None  # forgotten, so that it does not grow with the folder


@pytest.mark.parametrize("missing", ["run", "in", "token"])
def test_a_machine_that_sees_other_folders_says_so(tmp_path: Path, missing: str) -> None:
    for name in {"run", "in"} - {missing}:
        (tmp_path / name).mkdir()
    given = setting(tmp_path, run=str(tmp_path / "run"), token=".gone.part" if missing == "token" else None)
    answer = Worker(given, asking(Journal())).work(Share(1, (), Tally()))
    assert isinstance(answer, UserError)
    assert "not on machine" in str(answer)
