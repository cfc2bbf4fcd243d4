"""Folders as nobody wants them, through the command line: nothing crashes, nothing is lost, everything is named."""

from __future__ import annotations

import errno
import io
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result
from damage import damaged
from PIL import Image

from translate import build, checkpoint
from translate.cli import main
from translate.config import validate
from translate.domain import Domain
from translate.errors import UserError
from translate.formats.writing import write
from translate.inference import encoding
from translate.inference.folder import work
from translate.inference.model import Model
from translate.inference.outcome import NAMED, DiskFull, Options, Summary
from translate.inference.places import Entry, Folder
from translate.inference.plan import Job, jobs

TREE = {
    "data": {"size": [16, 16]},
    "networks": {"generator": {"name": "resnet", "width": 4, "blocks": 1}},
    "produce": ["b"],
}


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder as training leaves it, with untrained weights. Read only."""
    folder = tmp_path_factory.mktemp("hostile") / "run"
    config = validate({**TREE, "data": {"size": [16, 16], "root": "none"}}, "test")
    folder.mkdir()
    (folder / "config.yaml").write_text(config.to_yaml())
    torch.manual_seed(0)
    checkpoint.save(folder, {"step": 1, "generator_ema": build.generators(config).state_dict()}, keep=1)
    return folder


def call(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["apply", *map(str, arguments)])


def pixels(seed: int, height: int = 16, width: int = 16) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def pictures(folder: Path, count: int) -> Path:
    folder.mkdir(parents=True)
    for i in range(count):
        Image.fromarray(pixels(i)).save(folder / f"{i:04}.png")
    return folder


def names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def lines(manifest: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in manifest.read_text().splitlines()]


ODD = (
    "-x.jpg", "--to.png", " led.png", "trailed .png", "a.b..png", "日本/猫.PNG", "émoji 🦓.WebP", "[red]x[/red].bmp",
    "%d %s.tiff", "new\nline.png", "quote\"'.gif", "back\\slash.png", "x" * 240 + ".png", os.fsdecode(b"\xff\xfe.png"),
)  # fmt: skip


def test_odd_names_are_translated_and_can_be_named(run: Path, tmp_path: Path) -> None:
    for i, name in enumerate(ODD):
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels(i)).save(path, {".jpg": "JPEG", ".tiff": "TIFF"}.get(path.suffix.lower()))
    result = call(run, tmp_path / "in", tmp_path / "out", "--manifest", tmp_path / "m.jsonl")
    assert result.exit_code == 0, result.output
    assert names(tmp_path / "out") == set(ODD)
    assert {line["input"] for line in lines(tmp_path / "m.jsonl")} == set(ODD)
    for name in ODD:
        (tmp_path / "in" / name).write_bytes(b"")
    result = call(run, tmp_path / "in", tmp_path / "other")
    assert result.exit_code == 1, result.output
    assert result.output.count("failed: ") == len(ODD)


def test_one_file_whose_name_begins_with_a_dash(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Image.fromarray(pixels(0)).save("-x.jpg")
    result = call(run, "--", "-x.jpg", "out")
    assert result.exit_code == 0, result.output
    assert names(tmp_path / "out") == {"-x.jpg"}


def test_equal_stems_never_collide_in_another_format(run: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for i, name in enumerate(("a.jpg", "a.png", "a.JPG", "b.webp", "c.jpg", "c.jpg.png")):
        Image.fromarray(pixels(i)).save(tmp_path / "in" / name)
    result = call(run, tmp_path / "in", tmp_path / "out", "--format", "png")
    assert result.exit_code == 0, result.output
    assert names(tmp_path / "out") == {"a.jpg.png", "a.png", "a.JPG.png", "b.png", "c.png", "c.jpg.png"}
    (tmp_path / "in/c.png").touch()  # now c.jpg must become what c.jpg.png is
    result = call(run, tmp_path / "in", tmp_path / "again", "--format", "png")
    assert result.exit_code == 1
    assert "c.jpg: its output would be c.jpg.png, as that of c.jpg.png" in result.output


def test_what_is_passed_over_is_in_the_last_line(run: Path, tmp_path: Path) -> None:
    folder = pictures(tmp_path / "in", 2)
    for name in (".hidden.png", "notes.txt", "film.mp4", "film.MOV"):
        (folder / name).touch()
    pictures(tmp_path / "elsewhere", 1)
    (folder / "away").symlink_to(tmp_path / "elsewhere")
    (folder / "round").symlink_to(folder)
    result = call(run, folder, tmp_path / "out")
    assert result.exit_code == 0, result.output
    for said in (
        "2 translated",
        "1 other file passed over",
        "1 hidden file passed over",
        "1 link that leads outside was not followed",
        "2 videos passed over (--frames translates them)",
    ):
        assert said in result.output
    assert names(tmp_path / "out") == {"0000.png", "0001.png"}


def test_what_vanishes_or_may_not_be_read_is_named(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = pictures(tmp_path / "in", 4)
    walk, opened = Folder.walk, Folder.open

    def vanishing(self: Folder) -> Iterator[Entry]:
        for entry in walk(self):
            (folder / "0001.png").unlink(missing_ok=True)
            yield entry
        yield Entry("0001.png", "file")

    def locked(self: Folder, name: str) -> BinaryIO:
        if name == "0002.png":
            raise PermissionError(errno.EACCES, "Permission denied", name)
        return opened(self, name)

    monkeypatch.setattr(Folder, "walk", vanishing)
    monkeypatch.setattr(Folder, "open", locked)
    result = call(run, folder, tmp_path / "out", "--manifest", tmp_path / "m.jsonl")
    assert result.exit_code == 1, result.output
    failed = {line["input"]: line["error"] for line in lines(tmp_path / "m.jsonl") if line["error"]}
    assert failed == {"0001.png": "is not there any more, or a link to nowhere", "0002.png": "may not be read"}
    assert names(tmp_path / "out") == {"0000.png", "0003.png"}


def test_an_output_that_cannot_be_made_is_refused_before_anything(run: Path, tmp_path: Path) -> None:
    folder = pictures(tmp_path / "in", 1)
    (tmp_path / "file").touch()
    for output in (tmp_path / "file/out", "/proc/out") if Path("/proc/self").exists() else (tmp_path / "file/out",):
        result = call(run, folder, output)
        assert result.exit_code == 2, result.output
        assert "expected: a folder" in result.output


def test_a_full_disk_is_said_once_and_leaves_nothing_half(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = pictures(tmp_path / "in", 40)
    tries = itertools.count()

    def full(file: BinaryIO, *more: Any) -> list[str]:
        if next(tries) < 10:
            return write(file, *more)
        file.write(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(encoding, "write", full)
    result = call(run, folder, tmp_path / "out", "--workers", 2)
    assert result.exit_code == 2, result.output
    assert result.output.count("the disk is full") == 1
    assert "10 images were written" in result.output
    assert "the same command again" in result.output
    assert next(tries) < 16  # nothing is tried once it is known
    assert len(list((tmp_path / "out").iterdir())) == 10
    monkeypatch.undo()
    assert call(run, folder, tmp_path / "out").exit_code == 0
    assert len(names(tmp_path / "out")) == 40


@contextmanager
def small_disk(path: Path, kilobytes: int) -> Iterator[None]:
    path.mkdir()
    mounted = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(path)]
    try:
        done = subprocess.run(mounted, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        done = False
    if not done:
        pytest.skip("nothing can be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", str(path)], check=True)


def test_a_disk_that_is_really_full(run: Path, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for i in range(8):
        Image.fromarray(pixels(i, 64, 64)).save(folder / f"{i}.png")
    with small_disk(tmp_path / "disk", 64):
        result = call(run, folder, tmp_path / "disk/out")
        assert result.exit_code == 2, result.output
        assert result.output.count("the disk is full") == 1
        there = list((tmp_path / "disk/out").iterdir())
        assert there
        for path in there:
            with Image.open(path) as image:
                image.load()


@pytest.mark.parametrize("count", [100, pytest.param(1000, marks=pytest.mark.slow)])
def test_damaged_images_are_named_and_the_good_ones_done(run: Path, tmp_path: Path, count: int) -> None:
    good = pictures(tmp_path / "in/good", 10)
    damaged(tmp_path / "in/bad", count, seed=count)
    given = {name for name in names(tmp_path / "in/bad") if not Path(name).name.startswith(".")}
    result = call(run, tmp_path / "in", tmp_path / "out", "--manifest", tmp_path / "m.jsonl")
    assert result.exit_code == 1, result.output
    found = {line["input"]: line for line in lines(tmp_path / "m.jsonl")}
    assert {name for name in found if name.startswith("bad/")} == {f"bad/{name}" for name in given}
    for name in names(good):
        assert found[f"good/{name}"]["error"] is None
    for line in found.values():
        assert (line["output"] is None) == (line["error"] is not None)
        assert line["error"] is None or line["error"].strip()
        assert "Traceback" not in (line["error"] or "")
    assert names(tmp_path / "out") == {line["output"] for line in found.values() if line["output"]}
    failures = sum(line["error"] is not None for line in found.values())
    assert result.output.count("\nfailed: ") == min(failures, NAMED) + (failures > NAMED)
    assert (f"{failures - NAMED} more; see {tmp_path / 'm.jsonl'}" in result.output) == (failures > NAMED)


def test_ctrl_c_keeps_what_is_done(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = pictures(tmp_path / "in", 30)
    translate, calls = Model.__call__, itertools.count()

    def interrupted(self: Model, *arguments: Any) -> Any:
        if next(calls) == 3:
            raise KeyboardInterrupt
        return translate(self, *arguments)

    monkeypatch.setattr(Model, "__call__", interrupted)
    result = call(run, folder, tmp_path / "out", "--batch", 4)
    assert result.exit_code == 130
    made = len(list((tmp_path / "out").iterdir()))
    assert 12 <= made < 30  # three groups, and those that were under way beside the fourth
    assert f"{made} translated" in result.output
    monkeypatch.undo()
    assert call(run, folder, tmp_path / "out").exit_code == 0
    assert len(names(tmp_path / "out")) == 30


@pytest.mark.slow
def test_a_killed_process_leaves_no_half_image_and_the_same_command_completes(run: Path, tmp_path: Path) -> None:
    folder = pictures(tmp_path / "in", 300)
    words = ("apply", str(run), str(folder), str(tmp_path / "out"), "--batch", "1")
    process = subprocess.Popen([sys.executable, "-m", "translate", *words], stderr=subprocess.PIPE)
    until = time.monotonic() + 120
    while not (tmp_path / "out").exists() or len(names(tmp_path / "out")) < 20:  # some of them half written
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < until
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    left = {name for name in names(tmp_path / "out") if not name.startswith(".")}
    assert 5 <= len(left) < 300
    for name in left:
        with Image.open(tmp_path / "out" / name) as image:
            image.load()
    again = call(*words[1:])
    assert again.exit_code == 0, again.output
    assert f"{300 - len(left)} translated, {len(left)} were there already" in again.output
    assert call(run, folder, tmp_path / "whole", "--batch", 1).exit_code == 0
    for name in names(folder):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


class Endless:
    """A place of `count` equal pictures that counts how many are asked for; what is written is dropped."""

    def __init__(self, root: str, count: int = 0, done: bool = False) -> None:
        self.root, self.count, self.done, self.asked = root, count, done, 0
        buffer = io.BytesIO()
        Image.fromarray(pixels(0, 4, 4)).save(buffer, "PPM")
        self.content = buffer.getvalue()

    def walk(self) -> Iterator[Entry]:
        for number in range(self.count):
            self.asked += 1
            yield Entry(f"{number % 100}/{number}.ppm", "file")

    def exists(self, name: str) -> bool:
        return self.done

    def names_beside(self, name: str, others: Any) -> list[str]:
        return []

    def open(self, name: str) -> BinaryIO:
        return io.BytesIO(self.content)

    def writing(self, name: str) -> Any:
        return nullcontext(io.BytesIO())

    def check_writable(self) -> None:
        pass

    def label(self, name: str = "") -> str:
        return f"{self.root}://{name}"


@pytest.mark.parametrize(
    ("count", "done"), [(10_000, True), (300, False), pytest.param(100_000, True, marks=pytest.mark.slow)]
)
def test_a_bounded_number_of_jobs_is_under_way(run: Path, count: int, done: bool) -> None:
    model = Model.load(run, "cpu")
    source, target = Endless("here", count), Endless("there", done=done)
    summary = Summary()
    options = Options(Domain.B, batch=4, workers=2)
    found = jobs(source, target, options, summary.passed)
    most = 0
    for _ in summary.gather(work(model, found, source, target, options)):
        most = max(most, source.asked - summary.finished)
    assert summary.finished == count
    assert summary.failures == 0
    assert most < 40


def test_a_full_disk_survives_a_pickle() -> None:
    import pickle

    error = pickle.loads(pickle.dumps(DiskFull("out", 3)))
    assert isinstance(error, UserError)
    assert str(error) == str(DiskFull("out", 3))
    assert "3 images were written" in str(error)


def test_refused_jobs_are_failures_with_their_reason(run: Path, tmp_path: Path) -> None:
    model, here = Model.load(run, "cpu"), Folder(tmp_path)
    (outcome,) = work(model, iter([Job("a.png", "a.png", refused="no")]), here, here, Options(Domain.B))
    assert (outcome.input, outcome.output, outcome.error) == ("a.png", None, "no")


def test_a_manifest_goes_on_and_overwrites_nothing_else(run: Path, tmp_path: Path) -> None:
    folder, manifest = pictures(tmp_path / "in", 3), tmp_path / "sub/m.jsonl"
    assert call(run, folder, tmp_path / "out", "--manifest", manifest).exit_code == 0
    assert len(lines(manifest)) == 3
    assert set(lines(manifest)[0]) == {"input", "output", "seconds", "warnings", "error"}
    (tmp_path / "out/0001.png").unlink()
    with manifest.open("a") as file:
        file.write('{"input": "killed in the mid')
    assert call(run, folder, tmp_path / "out", "--manifest", manifest).exit_code == 0
    kept = manifest.read_text().splitlines()
    assert len(kept) == 5
    assert json.loads(kept[4])["input"] == "0001.png"
    (tmp_path / "thesis.txt").write_text("years of work\n")
    result = call(run, folder, tmp_path / "out", "--manifest", tmp_path / "thesis.txt")
    assert result.exit_code == 2
    assert "is no manifest" in result.output
    assert (tmp_path / "thesis.txt").read_text() == "years of work\n"


def test_urls_go_in_and_out(run: Path, tmp_path: Path) -> None:
    import fsspec

    memory = fsspec.filesystem("memory")
    folder = pictures(tmp_path / "in", 3)
    for name in names(folder):
        memory.pipe_file(f"/hostile/in/sub/{name}", (folder / name).read_bytes())
    result = call(run, "memory://hostile/in", "memory://hostile/out")
    assert result.exit_code == 0, result.output
    assert sorted(memory.find("/hostile/out")) == [f"/hostile/out/sub/{i:04}.png" for i in range(3)]
    result = call(run, "memory://hostile/in", "memory://hostile/out")
    assert "0 translated, 3 were there already" in result.output
    assert call(run, folder, tmp_path / "out").exit_code == 0
    for name in names(folder):
        assert memory.cat_file(f"/hostile/out/sub/{name}") == (tmp_path / "out" / name).read_bytes()
