"""Which file becomes which: names, collisions, what is passed over, and that a listing is never held."""

from __future__ import annotations

import itertools
import tracemalloc
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from translate.domain import Domain
from translate.errors import UserError
from translate.inference import plan
from translate.inference.outcome import Options, Tally
from translate.inference.places import Entry, Folder
from translate.inference.plan import Job, jobs, prepare

TO_B = Options(Domain.B)


class Listed:
    """A place that only says which names it has."""

    def __init__(self, entries: Iterable[Entry], root: str = "here") -> None:
        self.entries, self.root, self.asked = entries, root, 0

    def walk(self) -> Iterator[Entry]:
        for entry in self.entries:
            self.asked += 1
            yield entry

    def exists(self, name: str) -> bool:
        return False

    def names_beside(self, name: str, others: Iterable[str]) -> list[str]:
        return []

    def open(self, name: str) -> BinaryIO:
        raise FileNotFoundError(name)

    def writing(self, name: str) -> AbstractContextManager[BinaryIO]:
        raise PermissionError(name)

    def check_writable(self) -> None:
        pass

    def label(self, name: str = "") -> str:
        return f"listed://{self.root}/{name}"


def planned(folder: Path, **options: Any) -> dict[str, Job]:
    found = jobs(Folder(folder), Folder(folder.parent / "out"), Options(Domain.B, **options), Tally())
    return {job.name: job for job in found}


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def test_names_stay_without_a_format(tmp_path: Path) -> None:
    names = ("-x.jpg", " a b .PNG", "größe.tif", "日本/猫.JPEG", "a.b.c.webp", "--to.gif")
    found = planned(touch(tmp_path / "in", *names))
    assert {name: job.target for name, job in found.items()} == {name: name for name in names}


def test_siblings_of_one_stem_keep_their_whole_name(tmp_path: Path) -> None:
    names = ("a.jpg", "a.png", "b.jpg", "c.JPG", "c.jpg", "d.jPg", "d.JPG", "sub/b.png", "e.jpeg", "e.tiff", "f.PNG")
    found = planned(touch(tmp_path / "in", *names), format=".png")
    assert {name: job.target for name, job in found.items()} == {
        "a.jpg": "a.jpg.png",
        "a.png": "a.png",
        "b.jpg": "b.png",
        "c.JPG": "c.JPG.png",
        "c.jpg": "c.jpg.png",
        "d.jPg": "d.jPg.png",
        "d.JPG": "d.png",
        "sub/b.png": "sub/b.png",
        "e.jpeg": "e.jpeg.png",
        "e.tiff": "e.tiff.png",
        "f.PNG": "f.PNG",
    }


def test_endings_of_one_format_are_not_changed(tmp_path: Path) -> None:
    found = planned(touch(tmp_path / "in", "a.jpeg", "a.jpg", "b.JPG", "c.png"), format=".jpg")
    assert sorted(job.target for job in found.values()) == ["a.jpeg", "a.jpg", "b.JPG", "c.jpg"]


@pytest.mark.parametrize("ending", [".png", ".jpg", ".tif"])
def test_no_two_outputs_ever_have_one_name(tmp_path: Path, ending: str) -> None:
    parts = (".jpg", ".png", ".JPG", ".jPg", ".tiff", ".gif")
    names = [f"a{''.join(some)}" for n in (1, 2, 3) for some in itertools.product(parts, repeat=n)]
    found = planned(touch(tmp_path / "in", *names), format=ending)
    assert set(found) == set(names)
    made = [job.target for job in found.values() if job.refused is None]
    assert len(made) == len(set(made))
    assert len(made) > len(names) / 4
    refused = [job for job in found.values() if job.refused is not None]
    assert refused
    assert all("its output would be" in (job.refused or "") for job in refused)


def test_videos_are_counted_or_translated(tmp_path: Path) -> None:
    folder = touch(tmp_path / "in", "a.mp4", "b.AVI", "c.webm", "c.mp4", "a.png")
    tally = Tally()
    assert [job.name for job in jobs(Folder(folder), Folder(tmp_path / "out"), TO_B, tally)] == ["a.png"]
    assert tally == Tally(videos=4)
    found = planned(folder, frames=True)
    assert {name: job.target for name, job in found.items()} == {
        "a.mp4": "a.mp4",
        "b.AVI": "b.mp4",
        "c.webm": "c.webm.mp4",
        "c.mp4": "c.mp4",
        "a.png": "a.png",
    }


def test_what_is_passed_over_is_counted_by_kind(tmp_path: Path) -> None:
    touch(tmp_path / "elsewhere", "secret.png")
    folder = touch(tmp_path / "in", "a.png", ".hidden.png", "notes.txt", "no_ending", "sub/b.png")
    (folder / "link.png").symlink_to(tmp_path / "elsewhere/secret.png")
    (folder / "away").symlink_to(tmp_path / "elsewhere")
    (folder / "round").symlink_to(folder)
    (folder / "inner.png").symlink_to(folder / "sub/b.png")
    tally = Tally()
    found = [job.name for job in jobs(Folder(folder), Folder(tmp_path / "out"), TO_B, tally)]
    assert sorted(found) == ["a.png", "inner.png", "sub/b.png"]
    assert tally == Tally(hidden=1, other=2, outside=2)


def test_a_folder_that_cannot_be_listed_is_a_failure() -> None:
    place = Listed([Entry("locked", "unreadable"), Entry("a.png", "file")])
    found = list(jobs(place, Listed([], "there"), TO_B, Tally()))
    assert [(job.name, job.refused) for job in found] == [("locked", "this folder can't be listed"), ("a.png", None)]


def test_a_listing_is_neither_read_ahead_nor_held() -> None:
    place = Listed(Entry(f"{number % 1000}/{number}.png", "file") for number in itertools.count())
    found = jobs(place, Listed([], "there"), Options(Domain.B, format=".jpg"), Tally())
    assert next(found) == Job("0/0.png", "0/0.jpg")
    assert place.asked == 1
    for _ in itertools.islice(found, 100):
        pass
    tracemalloc.start()
    for _ in itertools.islice(found, 2_000):
        pass
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 100_000


def test_an_endless_folder_is_accepted_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = Listed(Entry(f"{number}.png", "file") for number in itertools.count())
    monkeypatch.setattr(plan.places, "split", lambda text: (place, None))
    source, _, _ = prepare("listed://here", str(tmp_path / "out"), Options(Domain.B, samples=3))
    assert source is place
    assert place.asked == 1


def test_outputs_in_the_input_folder_are_refused_one_by_one(tmp_path: Path) -> None:
    """The output folder lies around the input folder, and holds a link into it."""
    folder = touch(tmp_path / "work/in", "a.png", "in/b.png", "linked/c.png")
    (tmp_path / "work/linked").symlink_to(folder / "linked")
    source, target, options = prepare(str(folder), str(tmp_path / "work"), TO_B)
    found = {job.name: job for job in jobs(source, target, options, Tally())}
    assert found["a.png"].refused is None
    for name in ("in/b.png", "linked/c.png"):
        assert "would lie in the input folder" in (found[name].refused or "")


def test_one_image_and_what_its_output_is_called(tmp_path: Path) -> None:
    touch(tmp_path, "in/a.JPG", "in/v.avi")
    for output, format, expected in (
        ("out", None, "out/a.JPG"),
        ("out", ".png", "out/a.png"),
        ("new/b.png", None, "new/b.png"),
        ("new/b.png", ".png", "new/b.png"),
        ("folder.d", None, "folder.d/a.JPG"),
    ):
        options = Options(Domain.B, format=format)
        source, target, options = prepare(str(tmp_path / "in/a.JPG"), str(tmp_path / output), options)
        (job,) = jobs(source, target, options, Tally())
        assert (job.name, target.label(job.target)) == ("a.JPG", str(tmp_path / expected))
    with pytest.raises(UserError, match="another format"):
        prepare(str(tmp_path / "in/a.JPG"), str(tmp_path / "b.png"), Options(Domain.B, format=".webp"))
    with pytest.raises(UserError, match="--frames"):
        prepare(str(tmp_path / "in/v.avi"), str(tmp_path / "out"), TO_B)
    _, _, options = prepare(str(tmp_path / "in/v.avi"), str(tmp_path / "out"), Options(Domain.B, frames=True))
    assert options.one == ("v.avi", "v.mp4")


def test_urls_are_places_too(tmp_path: Path) -> None:
    import fsspec

    memory = fsspec.filesystem("memory")
    memory.pipe_file("/plan/in/sub/a.png", b"")
    with pytest.raises(UserError, match="inside the input"):
        prepare("memory://plan/in", "memory://plan/in/out", TO_B)
    source, target, options = prepare("memory://plan/in", "memory://plan/out", TO_B)
    assert [job.target for job in jobs(source, target, options, Tally())] == ["sub/a.png"]
    source, target, options = prepare("memory://plan/in/sub/a.png", "memory://plan/out/b.jpg", TO_B)
    assert options.one == ("a.png", "b.jpg")
    with pytest.raises(UserError, match="would be overwritten"):
        prepare("memory://plan/in/sub/a.png", "memory://plan/in/sub", TO_B)
    with pytest.raises(UserError, match="would be overwritten"):
        prepare(str(touch(tmp_path, "a.png") / "a.png"), f"file://{tmp_path}/a.png", TO_B)
