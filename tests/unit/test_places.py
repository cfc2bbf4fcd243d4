"""Places: what lies in a folder or behind a URL, listed as it is asked for; what is written is there whole or not."""

from __future__ import annotations

import itertools
import os
import pickle
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest

from translate.errors import UserError
from translate.inference.places import Folder, Place, place, split
from translate.inference.remote import Remote


@pytest.fixture
def bucket() -> Iterator[str]:
    """The URL of an empty folder in memory."""
    yield "memory://bucket"
    memory = fsspec.filesystem("memory")
    memory.store.clear()
    memory.pseudo_dirs[:] = [""]


@pytest.fixture(params=["local", "file", "memory"])
def root(request: pytest.FixtureRequest, tmp_path: Path, bucket: str) -> str:
    """A path or URL of each kind."""
    return {"local": str(tmp_path / "root"), "file": f"file://{tmp_path}/root", "memory": bucket}[request.param]


def put(where: Place, name: str, data: bytes = b"x") -> None:
    with where.writing(name) as file:
        file.write(data)


def read(where: Place, name: str) -> bytes:
    with where.open(name) as file:
        return file.read()


def walked(where: Place) -> set[tuple[str, str]]:
    found = list(where.walk())
    assert len(found) == len(set(found))
    return {(entry.name, entry.kind) for entry in found}


def test_what_is_written_is_listed_and_read_back(root: str) -> None:
    where = place(root)
    where.check_writable()
    names = ["a.png", "sub/deep/b 1.png", "sub/größe#?%20.png"]
    for name in names:
        put(where, name, name.encode())
    assert walked(where) == {(name, "file") for name in names}
    for name in names:
        assert read(pickle.loads(pickle.dumps(where)), name) == name.encode()
        assert where.exists(name)
        assert where.label(name).endswith(name)
    assert where.exists("sub/deep")
    assert not where.exists("sub/b 1.png")
    assert where.names_beside("sub/deep/c.png", ["b 1.png", "a.png"]) == ["b 1.png"]
    assert where.names_beside("c.png", ["b 1.png", "a.png"]) == ["a.png"]


def test_hidden_files_and_folders_count_once_and_are_not_entered(root: str) -> None:
    where = place(root)
    for name in (".a.png", ".git/a.png", ".git/b/c.png", "sub/.b.png", "sub/c.png"):
        put(where, name)
    assert walked(where) == {(".a.png", "hidden"), (".git", "hidden"), ("sub/.b.png", "hidden"), ("sub/c.png", "file")}


def test_a_file_can_be_sought_in_while_it_is_written_and_read(root: str) -> None:
    where = place(root)
    with where.writing("a.bin") as file:
        file.write(b"0123456789")
        file.seek(4)
        file.write(b"xy")
        file.seek(2)
        assert file.read(4) == b"23xy"
    with where.open("a.bin") as file:
        file.seek(-3, os.SEEK_END)
        assert file.read() == b"789"


def test_a_failure_leaves_what_was_there_and_nothing_else(root: str) -> None:
    where = place(root)
    put(where, "old.png", b"old")
    for name in ("old.png", "new.png"):
        with pytest.raises(RuntimeError), where.writing(name) as file:  # noqa: PT012 - it is the body that fails
            file.write(b"half")
            file.flush()
            assert walked(where) - {("old.png", "file")} <= {(e.name, "hidden") for e in where.walk()}
            raise RuntimeError
    assert walked(where) == {("old.png", "file")}
    assert read(where, "old.png") == b"old"
    put(where, "old.png", b"new")
    assert read(where, "old.png") == b"new"


def test_what_is_missing_is_not_found(root: str) -> None:
    where = place(root)
    put(where, "a.png")
    with pytest.raises(FileNotFoundError):
        where.open("b.png")
    for text in (f"{root}/none", f"{root}/none/b.png"):
        with pytest.raises(UserError, match="no such file"):
            split(text)


def test_an_input_is_a_folder_or_one_file(root: str) -> None:
    put(place(root), "sub/a.png", b"a")
    folder, name = split(f"{root}/sub")
    assert (name, read(folder, "a.png")) == (None, b"a")
    folder, name = split(f"{root}/sub/a.png")
    assert name == "a.png"
    assert read(folder, name) == b"a"
    assert walked(folder) == {("a.png", "file")}


# --- folders on this machine


@pytest.mark.parametrize("text", ["C:\\pictures", "-x", "a:b", "s3:/x", "/a/b"])
def test_what_has_no_scheme_is_a_path(text: str) -> None:
    assert isinstance(place(text), Folder)


def test_a_misspelt_path_names_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    with pytest.raises(UserError, match='Did you mean "images"'):
        split(str(tmp_path / "imges"))


def test_links_are_followed_within_the_folder_alone(tmp_path: Path) -> None:
    for name in ("in/sub/a.png", "outside/b.png", "in-beside/c.png"):
        put(Folder(tmp_path), name)
    links = {
        "in/file.png": "in/sub/a.png",
        "in/again": "in/sub",
        "in/sub/up": "in",
        "in/sub/self": "in/sub",
        "in/out.png": "outside/b.png",
        "in/away": "outside",
        "in/beside": "in-beside",
        "in/broken.png": "in/nothing.png",
    }
    for link, to in links.items():
        (tmp_path / link).symlink_to(tmp_path / to)
    (tmp_path / "linked").symlink_to("in")
    expected = {
        ("sub/a.png", "file"),
        ("file.png", "file"),
        ("again/a.png", "file"),
        ("out.png", "outside"),
        ("away", "outside"),
        ("beside", "outside"),
        ("broken.png", "file"),
    }
    assert walked(Folder(tmp_path / "in")) == expected
    assert walked(Folder(tmp_path / "linked")) == expected
    with pytest.raises(FileNotFoundError):
        Folder(tmp_path / "in").open("broken.png")


def test_listing_reads_no_further_than_it_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for i in range(50):
        put(Folder(tmp_path), f"{i}.png")
    seen = 0
    scandir = os.scandir

    class Counted:
        def __init__(self, path: Any) -> None:
            self.listing = scandir(path)

        def __iter__(self) -> Counted:
            return self

        def __next__(self) -> os.DirEntry[str]:
            nonlocal seen
            seen += 1
            return next(self.listing)

        def close(self) -> None:
            self.listing.close()

    monkeypatch.setattr(os, "scandir", Counted)
    walk = Folder(tmp_path).walk()
    assert len(list(itertools.islice(walk, 5))) == 5
    assert seen == 5


@pytest.mark.skipif(sys.platform == "win32", reason="no such limits there")
def test_a_tree_deeper_than_files_may_be_open(tmp_path: Path) -> None:
    import resource

    deep = "/".join(["d"] * 300)
    put(Folder(tmp_path), f"{deep}/a.png")
    put(Folder(tmp_path), "d/b.png")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) + 100, hard))
    try:
        assert walked(Folder(tmp_path)) == {(f"{deep}/a.png", "file"), ("d/b.png", "file")}
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names are Unicode")
def test_names_of_any_bytes(tmp_path: Path) -> None:
    name = os.fsdecode(b"\xff\n\xe9.png")
    put(Folder(tmp_path), name, b"1")
    assert walked(Folder(tmp_path)) == {(name, "file")}
    assert read(Folder(tmp_path), name) == b"1"
    assert Folder(tmp_path).label(name).encode().endswith(rb"/\xff\n\xe9.png")


@pytest.mark.parametrize("name", ["x" * 251 + ".png", "ü" * 125 + ".png"])
def test_names_as_long_as_may_be(tmp_path: Path, name: str) -> None:
    put(Folder(tmp_path), name)
    assert os.listdir(tmp_path) == [name]


def test_a_pipe_is_no_file_and_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.png")
    os.mkdir(tmp_path / "b.png")
    assert walked(Folder(tmp_path)) == {("a.png", "file")}
    for name in ("a.png", "b.png"):
        with pytest.raises(OSError, match="is no file"):
            Folder(tmp_path).open(name)


def test_a_folder_that_cannot_be_listed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(Folder(tmp_path), "in/closed/a.png")
    put(Folder(tmp_path), "in/b.png")
    scandir = os.scandir

    def refused(path: Any) -> Any:
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refused)
    assert walked(Folder(tmp_path / "in")) == {("closed", "unreadable"), ("b.png", "file")}
    with pytest.raises(UserError, match="Permission denied"):
        next(Folder(tmp_path / "in/closed").walk())
    with pytest.raises(UserError, match="can't be listed"):
        next(Folder(tmp_path / "gone").walk())


def test_where_nothing_can_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("text")
    for name in ("file", "file/sub"):
        with pytest.raises(UserError, match="this is a file"):
            Folder(tmp_path / name).check_writable()
    Folder(tmp_path / "new/sub").check_writable()
    assert not list((tmp_path / "new/sub").iterdir())


def test_what_is_written_has_the_rights_of_any_new_file(tmp_path: Path) -> None:
    put(Folder(tmp_path), "a.png")
    (tmp_path / "b.png").write_bytes(b"")
    assert (tmp_path / "a.png").stat().st_mode == (tmp_path / "b.png").stat().st_mode


# --- URLs


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(UserError, match="pip install s3fs"):
        place("s3://bucket/folder")
    with pytest.raises(UserError, match="nowhere"):
        place("nowhere://bucket/folder")


def test_passwords_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "paramiko", None)
    with pytest.raises(UserError, match=r"sftp://me:\*\*\*@host/in.*(\n.*)*pip install paramiko"):
        place("sftp://me:secret@host/in")


class RefusalError(Exception):
    """As packages of stores have them: no OSError."""


def test_a_store_that_refuses_is_said_with_its_reason(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    where = place(bucket)
    put(where, "sub/a.png")

    def refuse(*arguments: object, **options: object) -> None:
        raise RefusalError("no credentials")

    system = type(fsspec.filesystem("memory"))
    for name in ("ls", "info", "put_file", "cat_file"):
        monkeypatch.setattr(system, name, refuse)
    with pytest.raises(UserError, match="no credentials"):
        next(where.walk())
    with pytest.raises(UserError, match="no credentials"):
        split(bucket)
    with pytest.raises(UserError, match="no credentials"):
        where.check_writable()
    with pytest.raises(OSError, match="no credentials"):
        where.open("sub/a.png")


def test_a_large_file_is_read_piece_by_piece(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    where = place(bucket)
    put(where, "a.bin", bytes(range(200)))
    monkeypatch.setattr("translate.inference.remote.IN_MEMORY", 100)
    with where.open("a.bin") as file:
        file.seek(150)
        assert file.read(2) == bytes([150, 151])


def test_what_cannot_be_sought_in_is_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("in/sub/a.png", bytes(range(200)))
    where, name = split(f"zip://in::{tmp_path}/a.zip")
    assert name is None
    assert walked(where) == {("sub/a.png", "file")}
    monkeypatch.setattr("translate.inference.remote.IN_MEMORY", 100)
    monkeypatch.setattr(zipfile.ZipExtFile, "seekable", lambda self: False)
    with where.open("sub/a.png") as file:
        file.seek(150)
        assert file.read(2) == bytes([150, 151])
    with pytest.raises(UserError, match="can't be written"):
        where.check_writable()


def test_servers_with_renaming_never_show_half_a_file(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    where = place(bucket)
    assert isinstance(where, Remote)
    monkeypatch.setattr(type(where), "_renames", True)
    put(where, "sub/a.png", b"old")
    put(where, "sub/a.png", b"new")
    assert (walked(where), read(where, "sub/a.png")) == ({("sub/a.png", "file")}, b"new")
    seen: list[set[tuple[str, str]]] = []

    def broken(system: Any, local: str, target: str) -> None:
        system.pipe_file(target, b"ha")
        seen.append(walked(where))
        raise ConnectionError("lost")

    monkeypatch.setattr(type(fsspec.filesystem("memory")), "put_file", broken)
    with pytest.raises(OSError, match="lost"):
        put(where, "sub/b.png")
    assert {kind for found in seen for name, kind in found if "b.png" in name} == {"hidden"}
    assert walked(where) == {("sub/a.png", "file")}
