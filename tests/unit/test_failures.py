"""Whatever goes wrong around a training, what was trained stays, and a sentence says what to type."""

import errno
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import torch
from equality import same
from limits import small_files

from translate import checkpoint, config, log, needs, run
from translate.config import Config
from translate.data import faces, layouts
from translate.domain import Batch
from translate.errors import UserError
from translate.keeping import durable, failures, lock
from translate.keeping.saver import Saver
from translate.keeping.trouble import Trouble
from translate.run import Outcome, Progress
from translate.trainer import Trainer

CPU = torch.device("cpu")
OFTEN = "log={every: 1, preview_every: 100, save_minutes: 0.0000001, keep: 20}"


def smoke(*settings: str) -> Config:
    return config.load("smoke", ["log={every: 1, preview_every: 100}", "evaluation.metrics=[]", *settings])


def train(
    chosen: Config,
    root: Path,
    out: Path,
    said: list[str] | None = None,
    at: dict[int, Callable[[], Any]] | None = None,
) -> Outcome:
    """Train; `at` a step something happens, `said` are the warnings."""
    happening = dict(at or {})

    def watch(progress: Progress) -> None:
        happening.pop(progress.step, lambda: None)()

    dataset = layouts.find(root, chosen.data.pairs)
    warn = [].append if said is None else said.append
    return run.train(needs.settle(chosen, dataset), dataset, out, CPU, watch, warn=warn)


def state(out: Path) -> dict[str, Any]:
    return checkpoint.read(checkpoint.newest(out))


def same_training(one: Path, other: Path) -> bool:
    apart = {"seconds": 0, "monitor": 0, "config": 0}
    return same({**state(one), **apart}, {**state(other), **apart})


def steps(out: Path) -> list[int]:
    return [row["step"] for row in log.read(out)]


# Damaged checkpoints


def test_a_damaged_checkpoint_is_set_aside_and_the_one_before_it_goes_on(unpaired: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    for length in (2, 4):
        train(smoke(f"training.steps={length}", "training.schedule=constant"), unpaired, out)
    train(smoke("training.steps=6", "training.schedule=constant"), unpaired, tmp_path / "whole")
    newest = checkpoint.newest(out)
    newest.write_bytes(newest.read_bytes()[:-500])
    said: list[str] = []
    outcome = train(smoke("training.steps=6", "training.schedule=constant"), unpaired, out, said)
    assert (outcome.begun, outcome.steps) == (2, 6)
    assert same_training(tmp_path / "whole", out)
    assert steps(out) == [1, 2, 3, 4, 5, 6]
    (sentence,) = said
    assert "step-00000004.pt" in sentence
    assert "step-00000004.pt.damaged" in sentence
    assert "goes on from step-00000002" in sentence
    assert newest.with_name("step-00000004.pt.damaged").exists()


@pytest.mark.parametrize("lacks", ["optimizers", "seconds"])
def test_a_checkpoint_that_lacks_a_part_is_damaged(lacks: str, unpaired: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    train(smoke("training.steps=1"), unpaired, out)
    found = state(out)
    checkpoint.save(out, {key: value for key, value in {**found, "step": 2}.items() if key != lacks}, keep=5)
    said: list[str] = []
    assert train(smoke("training.steps=2"), unpaired, out, said).begun == 1
    assert lacks in said[0]


def test_where_all_are_damaged_nothing_is_begun_anew(unpaired: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    train(smoke("training.steps=2"), unpaired, out)
    path = checkpoint.newest(out)
    path.write_bytes(b"")
    before = (out / log.FILE).read_bytes()
    with pytest.raises(UserError, match="none of its checkpoints can be read"):
        train(smoke("training.steps=4"), unpaired, out)
    assert path.exists()
    assert (out / log.FILE).read_bytes() == before
    train(smoke("training.steps=2"), unpaired, tmp_path / "other")
    (path.parent / checkpoint.BEST).write_bytes(checkpoint.newest(tmp_path / "other").read_bytes())
    said: list[str] = []
    assert train(smoke("training.steps=3"), unpaired, out, said).begun == 2
    assert "goes on from best" in said[0]


def test_a_checkpoint_of_a_newer_version_is_not_passed_over(unpaired: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    train(smoke("training.steps=2"), unpaired, out)
    path = checkpoint.newest(out)
    torch.save({**state(out), "format": checkpoint.FORMAT + 1}, path.with_name("step-00000003.pt"))
    with pytest.raises(UserError, match="newer version"):
        train(smoke("training.steps=4"), unpaired, out)
    assert len(checkpoint.steps(out)) == 2


# The first format and the same training with other means


def test_a_run_of_the_first_format_goes_on(unpaired: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    train(smoke("training.steps=2", "training.schedule=constant"), unpaired, out)
    path = checkpoint.newest(out)
    first = {k: v for k, v in state(out).items() if k not in ("format", "versions", "lowered", "losses")}
    torch.save(first, path)
    train(smoke("training.steps=4", "training.schedule=constant"), unpaired, out)
    train(smoke("training.steps=4", "training.schedule=constant"), unpaired, tmp_path / "straight")
    assert same_training(out, tmp_path / "straight")


def test_what_changes_no_meaning_may_change(unpaired: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    train(smoke("training.steps=1"), unpaired, out)
    assert train(smoke("training.steps=2", "training.accumulate=2"), unpaired, out).steps == 2
    assert train(smoke("training.steps=3", "training.precision=auto"), unpaired, out).steps == 3


# Numbers that are lost


def losing(monkeypatch: pytest.MonkeyPatch, lose: Callable[[Trainer], bool], what: str = "weights") -> None:
    """After the steps that `lose` names, weights or a loss are no numbers any more."""
    before = Trainer.step

    def step(self: Trainer, *arguments: Any, **options: Any) -> dict[str, Any]:
        found = before(self, *arguments, **options)
        if lose(self) and what == "weights":
            with torch.no_grad():
                next(self.networks.generator.parameters()).fill_(float("nan"))
        return {**found, "cycle/a": torch.tensor(torch.inf)} if lose(self) and what == "loss" else found

    monkeypatch.setattr(Trainer, "step", step)


@pytest.mark.parametrize("what", ["weights", "loss"])
def test_lost_numbers_send_it_back_to_the_last_checkpoint_at_half_the_rates(
    what: str, unpaired: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "run"
    rate = smoke().training.learning_rate
    train(smoke("training.steps=3", "training.schedule=constant"), unpaired, out)
    losing(monkeypatch, lambda trainer: trainer.step_count == 5 and trainer.lowered < 2, what)
    said: list[str] = []
    outcome = train(smoke("training.steps=7", "training.schedule=constant"), unpaired, out, said)
    assert (outcome.begun, outcome.steps) == (3, 7)
    assert state(out)["lowered"] == 2
    assert [sentence.split(":")[0] for sentence in said] == ["step 5", "step 5"]
    assert f"back to step 3 with half the learning rates ({rate / 2:g} for the generator" in said[0]
    assert f"{rate / 4:g} for the generator" in said[1]
    rows = log.read(out)
    assert [row["step"] for row in rows if "seconds" in row] == [1, 2, 3, 4, 5, 6, 7]
    assert [(row["step"], row["lowered"], row["lowered/at"]) for row in rows if "lowered" in row] == [
        (3, 1, 5),
        (3, 2, 5),
    ]
    rates = [row["learning_rate/generator"] for row in rows if "seconds" in row]
    assert rates == pytest.approx([rate] * 3 + [rate / 4] * 4)
    continued = train(smoke("training.steps=9", "training.schedule=constant"), unpaired, out)
    assert continued.steps == 9
    assert log.read(out)[-1]["learning_rate/generator"] == pytest.approx(rate / 4)


def test_without_a_checkpoint_it_begins_anew_and_resuming_is_exact(
    unpaired: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    losing(monkeypatch, lambda trainer: trainer.step_count == 2 and trainer.lowered == 0)
    chosen = smoke("training.steps=6")
    train(chosen, unpaired, tmp_path / "straight")
    stop = {4: lambda: signal.raise_signal(signal.SIGINT)}
    assert train(chosen, unpaired, tmp_path / "stopped", at=stop).steps == 5
    train(chosen, unpaired, tmp_path / "stopped")
    assert same_training(tmp_path / "straight", tmp_path / "stopped")
    assert steps(tmp_path / "straight") == steps(tmp_path / "stopped") == [0, 1, 2, 3, 4, 5, 6]
    monkeypatch.undo()
    lower = smoke("training.steps=6", f"training.learning_rate={chosen.training.learning_rate / 2}")
    train(lower, unpaired, tmp_path / "lower")
    weights = [state(tmp_path / name)["generator"] for name in ("straight", "lower")]
    assert same(*weights)  # the very training that half the rate gives from the beginning


def test_the_fourth_time_it_ends(unpaired: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "run"
    train(smoke("training.steps=2"), unpaired, out)
    weights = state(out)["generator"]
    losing(monkeypatch, lambda trainer: trainer.step_count >= 4)
    said: list[str] = []
    with pytest.raises(UserError, match="no numbers any more at step 4") as error:
        train(smoke("training.steps=6", OFTEN), unpaired, out, said)
    assert len(said) == run.MOST_BACK == 3
    assert "training.learning_rate" in str(error.value)
    assert "is saved and stays" in str(error.value)
    assert checkpoint.steps(out)[0].stem <= "step-00000003"
    assert same(checkpoint.read(checkpoint.steps(out)[-1])["generator"], weights)
    with pytest.raises(UserError, match="no numbers"):  # it remembers
        train(smoke("training.steps=6"), unpaired, out, said)
    assert len(said) == 3


# Data and memory


def failing_at(monkeypatch: pytest.MonkeyPatch, step: int, error: Exception) -> None:
    real = run.loader

    def lost(*given: Any, **options: Any) -> Iterator[Batch]:
        for number, batch in enumerate(real(*given, **options)):
            if given[1] + number == step:
                raise error
            yield batch

    monkeypatch.setattr(run, "loader", lost)


@pytest.mark.parametrize(
    "error",
    [
        UserError("is gone", where="photos/trainA/1.png", hint="mount it"),
        FileNotFoundError(errno.ENOENT, "is gone", "photos/trainA/1.png"),
    ],
)
def test_data_that_vanish_cost_nothing(
    error: Exception, unpaired: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = smoke("training.steps=6")
    train(chosen, unpaired, tmp_path / "straight")
    failing_at(monkeypatch, 3, error)
    with pytest.raises(UserError) as raised:
        train(chosen, unpaired, tmp_path / "run")
    monkeypatch.undo()
    assert "step-00000003 is saved" in str(raised.value)
    assert "the same command continues" in str(raised.value)
    assert "photos/trainA/1.png: is gone" in str(raised.value)
    assert train(chosen, unpaired, tmp_path / "run").begun == 3
    assert same_training(tmp_path / "straight", tmp_path / "run")
    assert steps(tmp_path / "run") == [1, 2, 3, 4, 5, 6]


def test_a_reader_that_was_killed_is_no_bug() -> None:
    killed = RuntimeError("DataLoader worker (pid 7) is killed by signal: Killed.")
    said = str(failures.of_data(killed, "step-00000003 is saved"))
    assert "--set data.workers=0" in said
    assert "step-00000003 is saved" in said


def test_data_that_need_more_memory_than_there_is_are_no_bug() -> None:
    assert "not enough memory to read" in str(failures.of_data(MemoryError(), "step-00000003 is saved"))


def test_a_bug_is_no_users_mistake_but_costs_nothing_either(
    unpaired: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing_at(monkeypatch, 3, ZeroDivisionError("a bug"))
    with pytest.raises(ZeroDivisionError, match="a bug"):
        train(smoke("training.steps=6"), unpaired, tmp_path / "run")
    assert state(tmp_path / "run")["step"] == 3


TOO_LITTLE = [
    MemoryError(),
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:124] DefaultCPUAllocator: can't allocate memory: you tried to .."),
    RuntimeError("MPS backend out of memory"),
]


def test_too_little_memory_says_what_to_type(unpaired: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = Trainer.step

    def step(self: Trainer, *arguments: Any, **options: Any) -> Any:
        if self.step_count == 3:
            raise TOO_LITTLE[1]
        return before(self, *arguments, **options)

    out = tmp_path / "run"
    train(smoke("training.steps=2"), unpaired, out)
    monkeypatch.setattr(Trainer, "step", step)
    with pytest.raises(UserError) as raised:
        train(smoke("training.steps=6"), unpaired, out)
    said = str(raised.value)
    assert "not enough memory for step 4: batch 4 of 16x16 px" in said
    assert "--set training.accumulate=2" in said
    assert "step-00000002 is saved" in said
    assert state(out)["step"] == 2
    monkeypatch.undo()
    typed = re.findall(r"--set (training\.\S+?=\w+)", said)
    assert train(smoke("training.steps=3", *typed), unpaired, out).steps == 3  # what it says works


def test_errors_of_memory_are_known() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(1 << 60, dtype=torch.uint8)
    for error in (caught.value, *TOO_LITTLE):
        assert failures.of_memory(error)
    assert not failures.of_memory(RuntimeError("shape '[2]' is invalid for input of size 3"))


# A full disk


def test_a_disk_that_is_full_for_a_while_costs_nothing(unpaired: Path, tmp_path: Path) -> None:
    train(smoke("training.steps=12", OFTEN), unpaired, tmp_path / "straight")
    out, said = tmp_path / "run", list[str]()
    with ExitStack() as full:
        at = {3: lambda: full.enter_context(small_files(900)), 9: full.close}
        outcome = train(smoke("training.steps=12", OFTEN), unpaired, out, said, at=at)
    assert outcome.steps == 12
    assert same_training(tmp_path / "straight", out)
    assert steps(out) == list(range(1, 13))
    assert sum("can't write checkpoints" in sentence for sentence in said) == 1
    assert "checkpoints can be written again" in said
    assert not list((out / checkpoint.FOLDER).glob(f"*{durable.PARTIAL}"))


def refusing(monkeypatch: pytest.MonkeyPatch, refused: list[Path]) -> None:
    """Nothing can be written whole below `refused`."""
    real = durable.write

    def write(path: Path, data: Any) -> None:
        if any(path.is_relative_to(folder) for folder in refused):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        real(path, data)

    monkeypatch.setattr(durable, "write", write)


def test_what_can_not_be_saved_at_the_end_lies_in_the_temporary_folder(
    unpaired: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, refuge = tmp_path / "run", tmp_path / "refuge"
    refuge.mkdir()
    train(smoke("training.steps=6", "training.schedule=constant"), unpaired, tmp_path / "straight")
    train(smoke("training.steps=2", "training.schedule=constant"), unpaired, out)
    monkeypatch.setattr(tempfile, "tempdir", str(refuge))
    with monkeypatch.context() as full:
        refusing(full, [out / checkpoint.FOLDER])
        with pytest.raises(UserError, match="No space left on device") as error:
            train(smoke("training.steps=4", "training.schedule=constant"), unpaired, out)
    assert state(out)["step"] == 2
    (saved,) = refuge.iterdir()
    assert str(saved) in str(error.value)
    (command,) = re.findall("`(cp .*)`", str(error.value))
    (out / log.FILE).write_bytes((out / log.FILE).read_bytes()[:-30])  # what was not on the disk either
    subprocess.run(command, shell=True, check=True)  # as it is said
    assert train(smoke("training.steps=6", "training.schedule=constant"), unpaired, out).begun == 4
    assert same_training(tmp_path / "straight", out)
    assert steps(out) == [1, 2, 3, 4, 5, 6]


def test_where_nothing_can_be_written_at_all_it_says_what_is_lost(
    unpaired: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "run"
    refusing(monkeypatch, [out / checkpoint.FOLDER, tmp_path / "refuge"])
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "refuge"))
    (tmp_path / "refuge").mkdir()
    with pytest.raises(UserError, match="what came after the beginning is lost"):
        train(smoke("training.steps=2"), unpaired, out)


def test_the_best_one_is_written_before_a_checkpoint_that_knows_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def made(step: int) -> dict[str, Any]:
        return {"step": step, "generator_ema": {}}

    from concurrent.futures import Future

    synced: Future[None] = Future()
    synced.set_result(None)
    with Saver(tmp_path, 2, Trouble(lambda sentence: None)) as saver:
        with monkeypatch.context() as full:
            refusing(full, [tmp_path])
            saver.save(made(1), synced, best=True)
            saver.wait()
            assert saver.failing
        saver.save(made(2), synced)
        saver.wait()
        assert not saver.failing
    assert checkpoint.read(checkpoint.find(tmp_path, "best"))["step"] == 1
    assert state(tmp_path)["step"] == 2


def test_no_checkpoint_without_the_rows_before_it(
    unpaired: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, told = durable.write, list[tuple[int, list[int]]]()

    def write(path: Path, data: Any) -> None:
        if path.name.startswith("step-"):
            told.append((int(path.stem[5:]), steps(tmp_path / "run")))
        real(path, data)

    monkeypatch.setattr(durable, "write", write)
    train(smoke("training.steps=8", OFTEN), unpaired, tmp_path / "run")
    assert len(told) >= 2
    for step, rows in told:
        assert rows[:step] == list(range(1, step + 1))


# Who else is there


def test_a_second_process_is_refused_before_it_reads_a_picture(
    unpaired: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "Batches", lambda *_, **__: pytest.fail("the data was loaded first"))
    with lock.held(tmp_path / "run"), pytest.raises(UserError, match=f"is being trained by process {os.getpid()} on "):
        train(smoke(), unpaired, tmp_path / "run")


LEAVE = """
import os, signal, sys, time
from translate.keeping.interruption import interruptible
with interruptible() as interrupted:
    os.kill(os.getpid(), signal.{first})
    assert interrupted()
    print("asked", flush=True)
    os.kill(os.getpid(), signal.{second})
    time.sleep(20)
"""


@pytest.mark.parametrize("second", ["SIGINT", "SIGTERM"])
@pytest.mark.parametrize("first", ["SIGINT", "SIGTERM"])
def test_a_second_signal_leaves_at_once(first: str, second: str) -> None:
    program = [sys.executable, "-c", LEAVE.format(first=first, second=second)]
    done = subprocess.run(program, capture_output=True, text=True, timeout=15)
    assert done.stdout == "asked\n"
    assert done.returncode == 130


BUSY = """
import hashlib
from translate.keeping.interruption import interruptible
with interruptible(say=lambda sentence: print(sentence, flush=True)):
    print("begun", flush=True)
    hashlib.pbkdf2_hmac("sha256", b"", b"", 100_000_000)
    print("done", flush=True)
"""


def test_a_second_signal_leaves_in_the_midst_of_a_long_computation() -> None:
    with subprocess.Popen([sys.executable, "-c", BUSY], stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "begun\n"
        running.send_signal(signal.SIGINT)
        assert "finishing this step" in running.stdout.readline()
        running.send_signal(signal.SIGINT)
        assert running.wait(timeout=15) == 130
        assert running.stdout.read() == ""


def test_of_many_that_are_left_out_some_are_named(tmp_path: Path) -> None:
    faces.make(tmp_path / "data", size=16, train=60, test=1, pairs=False)
    for path in sorted((tmp_path / "data" / "trainA").iterdir())[:40]:
        path.write_bytes(b"\x89PNG\r\n\x1a\n")
    said: list[str] = []
    train(smoke("training.steps=2"), tmp_path / "data", tmp_path / "run", said)
    named = [line for line in said if line.startswith("left out:")]
    assert len(named) == run.NAMED
    assert sum("further pictures" in line for line in said) == 1
