"""Checkpoints are whole or not there, and nothing in them is run."""

import os
from pathlib import Path
from typing import Any

import pytest
import torch

from translate import checkpoint
from translate.errors import UserError


def state(step: int) -> dict[str, Any]:
    return {
        "step": step,
        "generator_ema": {"b.weight": torch.full((2, 3), float(step))},
        "seconds": 1.5,
        "config": "{}",
    }


def names(run: Path) -> list[str]:
    return sorted(path.name for path in (run / checkpoint.FOLDER).iterdir())


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = checkpoint.save(tmp_path, state(12), keep=2)
    assert checkpoint.newest(tmp_path) == path
    found = checkpoint.read(path)
    assert (found["step"], found["seconds"], found["config"]) == (12, 1.5, "{}")
    assert torch.equal(found["generator_ema"]["b.weight"], state(12)["generator_ema"]["b.weight"])


@pytest.mark.parametrize("keep", [1, 2, 3])
def test_the_newest_are_kept(tmp_path: Path, keep: int) -> None:
    for step in (5, 10, 1_000, 99_999):
        checkpoint.save(tmp_path, state(step), keep)
    assert [int(name[5:13]) for name in names(tmp_path)] == [5, 10, 1_000, 99_999][-keep:]
    assert checkpoint.read(checkpoint.newest(tmp_path))["step"] == 99_999


def test_a_failure_while_writing_leaves_the_older_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    older = checkpoint.save(tmp_path, state(1), keep=1)

    def full(state: object, file: Any) -> None:
        file.write(b"PK half of it")
        raise OSError("no space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(torch, "save", full)
        with pytest.raises(OSError, match="no space"):
            checkpoint.save(tmp_path, state(2), keep=1)
    assert [path.name for path in (tmp_path / checkpoint.FOLDER).glob("step-*.pt")] == [older.name]
    assert checkpoint.read(checkpoint.newest(tmp_path))["step"] == 1
    checkpoint.save(tmp_path, state(2), keep=1)
    assert names(tmp_path) == ["step-00000002.pt"]


def test_it_is_on_the_disk_before_it_gets_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    happened: list[str] = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda file: (happened.append("fsync"), fsync(file))[1])
    monkeypatch.setattr(os, "replace", lambda a, b: (happened.append("replace"), replace(a, b))[1])
    checkpoint.save(tmp_path, state(1), keep=1)
    assert happened == ["fsync", "replace"]


class Payload:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (open, (str(self.path), "w"))


def test_a_payload_is_refused_and_not_run(tmp_path: Path) -> None:
    harm, path = tmp_path / "harm", tmp_path / "step-00000001.pt"
    torch.save({**state(1), "extra": Payload(harm)}, path)
    with pytest.raises(UserError, match="step-00000001"):
        checkpoint.read(path)
    assert not harm.exists()
    torch.load(path, weights_only=False)["extra"].close()
    assert harm.exists()  # the payload works: it was the reading that refused it


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.7, 0.95, 0.999])
def test_a_file_cut_short_is_said_to_be_damaged(tmp_path: Path, share: float) -> None:
    path = checkpoint.save(tmp_path, state(1), keep=1)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(UserError, match="step-00000001"):
        checkpoint.read(path)


@pytest.mark.parametrize(
    "content", [b"hello", b"\x89PNG\r\n\x1a\n" + bytes(40), bytes(200), b"\x80\x02}q\x00.", b"PK\x03\x04"]
)
def test_what_is_no_checkpoint_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "step-00000001.pt"
    path.write_bytes(content)
    with pytest.raises(UserError, match="step-00000001"):
        checkpoint.read(path)


def test_somebody_elses_weights_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "latest_net_G.pth"
    for other in ({"model.1.weight": torch.zeros(3)}, [1, 2], torch.zeros(2)):
        torch.save(other, path)
        with pytest.raises(UserError, match="no checkpoint of this program"):
            checkpoint.read(path)


def test_none_at_all(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no checkpoint"):
        checkpoint.newest(tmp_path)
    with pytest.raises(UserError, match="gone"):
        checkpoint.read(tmp_path / "gone.pt")


def test_checkpoints_are_found_by_what_people_call_them(tmp_path: Path) -> None:
    for step in (5, 20):
        checkpoint.save(tmp_path, {"step": step}, keep=2)
    checkpoint.save_best(tmp_path, {"step": 5})
    names = {
        "last": "step-00000020.pt",
        "best": "best.pt",
        "5": "step-00000005.pt",
        "step-00000005": "step-00000005.pt",
    }
    for name, file in names.items():
        assert checkpoint.find(tmp_path, name).name == file
    with pytest.raises(UserError, match='no checkpoint "7"') as error:
        checkpoint.find(tmp_path, "7")
    assert "best, step-00000005, step-00000020" in str(error.value)
