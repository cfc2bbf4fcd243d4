"""Checkpoints are whole or not there, and nothing in them is run."""

import os
import pickle
import random
import struct
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch

from translate import __version__, checkpoint
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


def test_it_is_on_the_disk_before_it_gets_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    happened: list[str] = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda file: (happened.append("fsync"), fsync(file))[1])
    monkeypatch.setattr(os, "replace", lambda a, b: (happened.append("replace"), replace(a, b))[1])
    checkpoint.save(tmp_path, state(1), keep=1)
    assert happened == ["fsync", "replace", "fsync"]  # the file, its name, the folder that holds the name


class Payload:
    """Calls what it is made of when it is unpickled."""

    def __init__(self, call: Callable[..., Any], *arguments: Any) -> None:
        self.call, self.arguments = call, arguments

    def __reduce__(self) -> tuple[Any, ...]:
        return self.call, self.arguments


def payloads(harm: Path) -> dict[str, Payload]:
    return {
        "os.system": Payload(os.system, f"touch {harm}"),
        "builtins.exec": Payload(exec, f"open({str(harm)!r}, 'w').close()"),
        "builtins.open": Payload(open, str(harm), "w"),
    }


LAYOUTS: dict[str, Callable[[Payload], Any]] = {
    "beside": lambda payload: {**state(1), "extra": payload},
    "in our layout": lambda payload: {**state(1), "generator_ema": {"b.weight": payload}},
    "as the step": lambda payload: {**state(1), "step": payload},
    "alone": lambda payload: payload,
}


def written(found: Any, path: Path, form: str) -> None:
    """As torch.save does now, as it did before, and as a bare pickle."""
    if form == "pickle":
        path.write_bytes(pickle.dumps(found))
    else:
        torch.save(found, path, _use_new_zipfile_serialization=form == "zip")


@pytest.mark.parametrize("form", ["zip", "legacy", "pickle"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_payload_is_refused_and_not_run(layout: str, form: str, tmp_path: Path) -> None:
    harm, path = tmp_path / "harm", tmp_path / "step-00000001.pt"
    for payload in payloads(harm).values():
        written(LAYOUTS[layout](payload), path, form)
        with pytest.raises(UserError, match="step-00000001"):
            checkpoint.read(path)
        assert not harm.exists()


def test_behind_a_payload_the_older_checkpoint_is_found(tmp_path: Path) -> None:
    sound = checkpoint.save(tmp_path, state(1), keep=2)
    harm = tmp_path / "harm"
    written(LAYOUTS["beside"](payloads(harm)["os.system"]), tmp_path / checkpoint.FOLDER / "step-00000002.pt", "zip")
    with pytest.warns(UserWarning, match="step-00000002.*holds more than weights") as told:
        assert checkpoint.newest(tmp_path) == sound
    assert "weights_only" not in str(told[0].message)
    assert "step-00000001 is taken instead" in str(told[0].message)
    assert not harm.exists()


@pytest.mark.parametrize("form", ["zip", "legacy", "pickle"])
@pytest.mark.parametrize("name", ["os.system", "builtins.exec", "builtins.open"])
def test_the_payloads_do_harm_where_nobody_refuses_them(name: str, form: str, tmp_path: Path) -> None:
    harm, path = tmp_path / "harm", tmp_path / "step-00000001.pt"
    written({"extra": payloads(harm)[name]}, path, form)
    found = pickle.loads(path.read_bytes()) if form == "pickle" else torch.load(path, weights_only=False)
    if name == "builtins.open":
        found["extra"].close()
    assert harm.exists()


@pytest.mark.parametrize("name", ["../../evil", "/tmp/evil", "archive/../../evil"])
def test_names_in_an_archive_write_nothing(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "in" / "here"
    folder.mkdir(parents=True)
    path = folder / "step-00000001.pt"
    path.write_bytes(checkpoint.packed(state(1)))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(name, b"evil")
    with suppress(UserError):
        checkpoint.read(path)
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == [path]
    assert not Path("/tmp/evil").exists()


@pytest.mark.parametrize("step", ["../../evil", 1.5, -1, None, [1], True])
def test_a_step_that_is_no_number_of_steps_names_no_file(step: Any, tmp_path: Path) -> None:
    path = tmp_path / "step-00000001.pt"
    path.write_bytes(checkpoint.packed({**state(1), "step": step}))
    with pytest.raises(checkpoint.Damaged, match="step"):
        checkpoint.read(path)


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda whole: b"",
    "cut off": lambda whole: whole[: len(whole) // 2],
    "zeros": lambda whole: bytes(len(whole)),
    "a hole": lambda whole: whole[:1200] + bytes(200) + whole[1400:],
    "random bytes": lambda whole: random.Random(0).randbytes(len(whole)),
    "one byte of a weight": lambda whole: whole.replace(struct.pack("<f", 3.0), struct.pack("<f", 3.25), 1),
}


@pytest.mark.parametrize("kind", DAMAGES)
def test_the_newest_that_is_whole_is_taken_where_the_last_is_damaged(kind: str, tmp_path: Path) -> None:
    for step in (1, 2, 3):
        path = checkpoint.save(tmp_path, state(step), keep=3)
    whole = path.read_bytes()
    path.write_bytes(DAMAGES[kind](whole))
    assert path.read_bytes() != whole
    with pytest.raises(checkpoint.Damaged, match="step-00000003"):
        checkpoint.read(path)
    with pytest.warns(UserWarning, match=r"step-00000003(?s:.*)step-00000002 is taken instead"):
        assert checkpoint.find(tmp_path, "last").name == "step-00000002.pt"
    assert len(names(tmp_path)) == 3  # whoever only reads renames nothing
    for older in checkpoint.steps(tmp_path):
        older.write_bytes(b"")
    with pytest.raises(UserError, match=r"no checkpoint that can be read(?s:.*)step-00000003"):
        checkpoint.newest(tmp_path)


def test_bytes_that_change_anywhere_are_seen_or_do_not_matter(tmp_path: Path) -> None:
    path = checkpoint.save(tmp_path, state(3), keep=1)
    whole, chance = path.read_bytes(), random.Random(1)
    expected = state(3)["generator_ema"]["b.weight"]
    seen = 0
    for _ in range(150):
        spoilt = bytearray(whole)
        spoilt[chance.randrange(len(whole))] ^= 1 << chance.randrange(8)
        path.write_bytes(spoilt)
        try:
            assert torch.equal(checkpoint.read(path)["generator_ema"]["b.weight"], expected)
        except UserError:
            seen += 1
    assert seen > 30


def test_a_damaged_one_is_set_aside_and_none_before_it_is_lost(tmp_path: Path) -> None:
    for content in (b"one", b"two"):
        path = tmp_path / "step-00000001.pt"
        path.write_bytes(content)
        aside = checkpoint.set_aside(path)
        assert aside.read_bytes() == content
        assert not path.exists()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["step-00000001.pt.damaged", "step-00000001.pt.damaged2"]


def test_versions_are_written_and_older_formats_are_brought_up_to_date(tmp_path: Path) -> None:
    found = checkpoint.read(checkpoint.save(tmp_path, state(1), keep=1))
    assert found["format"] == checkpoint.FORMAT
    assert found["versions"] == {"translate": __version__, "torch": torch.__version__}
    path = tmp_path / "old.pt"
    torch.save(state(1), path)  # as the first format was
    found = checkpoint.read(path)
    assert (found["format"], found["lowered"], found["step"]) == (checkpoint.FORMAT, 0, 1)
    assert sorted(checkpoint.MIGRATIONS) == list(range(1, checkpoint.FORMAT))


@pytest.mark.parametrize("form", [checkpoint.FORMAT + 1, 0, "2", None])
def test_formats_to_come_are_refused(form: Any, tmp_path: Path) -> None:
    path = tmp_path / "new.pt"
    torch.save({**state(1), "format": form}, path)
    with pytest.raises(UserError, match="newer version") as error:
        checkpoint.read(path)
    assert not isinstance(error.value, checkpoint.Damaged)  # so nobody sets it aside
    assert "pip install" in str(error.value)


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
