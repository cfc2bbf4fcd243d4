"""`translate data get`: from a web server on this machine to a folder that can be trained on."""

import hashlib
import io
import json
import re
import shlex
import threading
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

import pytest
from click.testing import CliRunner, Result
from PIL import Image
from sources import packed

from translate.catalogue import cards, convert, folder, getting, names
from translate.catalogue.recipe import Recipe
from translate.cli import main
from translate.data import layouts
from translate.errors import UserError

PAGE = Path(__file__).parents[2] / "docs" / "datasets.md"
PLAIN = cards.recipe


def picture(number: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), (number, 90, 9)).save(buffer, "PNG")
    return buffer.getvalue()


def archive(names: list[str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        for number, name in enumerate(names):
            made.writestr(name, picture(number))
    return buffer.getvalue()


HORSES = archive(["h/trainA/1.png", "h/trainA/2.png", "h/trainB/3.png", "h/testA/4.png", "h/testB/5.png", "h/x.py"])
TREE = ["SOURCE.json", "testA", "testB", "trainA", "trainB"]


class Source(NamedTuple):
    """The server's address, what it serves, and how often it was asked."""

    url: str
    files: dict[str, bytes]
    asked: list[str]


@pytest.fixture
def source() -> Iterator[Source]:
    files, asked = {"/horse2zebra.zip": HORSES}, []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.headers.get("Range") or "all")
            content = files.get(self.path)
            self.send_response(404 if content is None else 200)
            self.send_header("ETag", '"1"')
            self.send_header("Content-Length", str(len(content or b"")))
            self.end_headers()
            self.wfile.write(content or b"")

        def log_message(self, *_: object) -> None:
            pass

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=running.serve_forever, args=(0.01,))
    thread.start()
    yield Source(f"http://127.0.0.1:{running.server_port}", files, asked)
    running.shutdown()
    thread.join()
    running.server_close()


def horses(url: str, **change: object) -> Recipe:
    """The recipe of horse2zebra for a tiny archive at `url`."""
    recipe = PLAIN("horse2zebra")
    file = recipe.files[0].model_copy(
        update={
            "urls": (f"{url}/horse2zebra.zip",),
            "bytes": len(HORSES),
            "sha256": hashlib.sha256(HORSES).hexdigest(),
            **change,
        }
    )
    counts = {"trainA": 2, "trainB": 1, "testA": 1, "testB": 1}
    return recipe.model_copy(update={"files": (file,), "counts": counts})


Get = Callable[..., Result]


@pytest.fixture
def get(source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Get:
    """`translate data get horse2zebra photos`, with a recipe that may be changed."""
    monkeypatch.chdir(tmp_path)

    def run(*words: str, where: str = "photos", **change: object) -> Result:
        monkeypatch.setattr(cards, "recipe", lambda name: horses(source.url, **change))
        return CliRunner().invoke(main, ["data", "get", "horse2zebra", where, "--retries", "0", *words])

    return run


def listing(folder: str = "photos") -> list[str]:
    return sorted(path.name for path in Path(folder).iterdir())


def test_a_set_arrives_and_is_not_asked_for_again(get: Get, source: Source) -> None:
    said = get()
    assert said.exit_code == 0, said.output
    assert listing() == TREE
    assert "licence: not stated" in said.stdout
    assert "1 in testA, 1 in testB, 2 in trainA, 1 in trainB" in said.stdout
    assert "next: translate check photos" in said.stdout
    assert "warning" not in said.stderr
    kept = json.loads(Path("photos/SOURCE.json").read_text())
    (file,) = kept["files"]
    assert (file["bytes"], file["sha256"]) == (len(HORSES), hashlib.sha256(HORSES).hexdigest())
    assert file["url"] == f"{source.url}/horse2zebra.zip"
    assert file["as_published"] is True
    assert kept["licence"] == "not stated"
    assert str(layouts.find("photos").regime("train")) == "unsupervised"
    before = {path: path.stat().st_mtime_ns for path in Path("photos").rglob("*")}
    again = get()
    assert again.exit_code == 0
    assert "is complete" in again.stdout
    assert source.asked == ["all"]
    assert before == {path: path.stat().st_mtime_ns for path in Path("photos").rglob("*")}


def test_what_nobody_has_a_checksum_of_is_recorded(get: Get) -> None:
    said = get(sha256=None, bytes=None)
    assert said.exit_code == 0
    assert f"has SHA-256 {hashlib.sha256(HORSES).hexdigest()}" in said.stdout
    assert json.loads(Path("photos/SOURCE.json").read_text())["files"][0]["as_published"] is None


def test_another_file_is_refused_and_can_be_taken_all_the_same(get: Get, source: Source) -> None:
    said = get(sha256="0" * 64)
    assert said.exit_code == 2
    assert "is another file than the recipe knows" in said.stderr
    assert "--unchecked" in said.stderr
    assert listing() == [".get"]
    assert get(sha256="0" * 64).exit_code == 2
    assert len(source.asked) == 2  # set aside, so it was downloaded again
    assert get("--unchecked", sha256="0" * 64, bytes=5).exit_code == 0
    assert listing() == TREE


def test_other_counts_than_the_cards_are_a_warning(get: Get, source: Source) -> None:
    source.files["/horse2zebra.zip"] = archive(
        [f"trainA/{i}.png" for i in range(3)] + ["trainB/1.png", "testA/1.png", "testB/1.png"]
    )
    said = get(sha256=None, bytes=None)
    assert said.exit_code == 0
    assert "warning: trainA has 3, and the card says 2" in said.stderr


def test_a_folder_that_holds_something_is_refused(get: Get, source: Source) -> None:
    Path("photos").mkdir()
    Path("photos/mine.png").write_bytes(b"x")
    said = get()
    assert said.exit_code == 2
    assert "is not an empty folder" in said.stderr
    Path("note.txt").write_text("x")
    assert get(where="note.txt").exit_code == 2
    assert source.asked == []
    assert listing() == ["mine.png"]


def test_a_folder_with_another_dataset_is_refused(get: Get, monkeypatch: pytest.MonkeyPatch) -> None:
    assert get().exit_code == 0
    monkeypatch.setattr(cards, "recipe", lambda name: PLAIN("apple2orange"))
    said = CliRunner().invoke(main, ["data", "get", "apple2orange", "photos"])
    assert said.exit_code == 2
    assert "holds horse2zebra already" in said.stderr


def test_a_broken_download_leaves_no_half_set(get: Get, source: Source) -> None:
    content = source.files.pop("/horse2zebra.zip")
    said = get()
    assert said.exit_code == 2
    assert "404" in said.stderr
    assert not Path("photos").exists()
    source.files["/horse2zebra.zip"] = content
    assert get().exit_code == 0


def test_a_damaged_archive_is_downloaded_again(get: Get, source: Source) -> None:
    source.files["/horse2zebra.zip"] = HORSES[:-30]
    said = get(sha256=None, bytes=None)
    assert said.exit_code == 2
    assert "is damaged" in said.stderr
    source.files["/horse2zebra.zip"] = HORSES
    assert get(sha256=None, bytes=None).exit_code == 0
    assert listing() == TREE


@pytest.mark.parametrize("moment", ["unpacking", "placing"])
def test_killed_on_the_way_it_goes_on(get: Get, source: Source, moment: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Path.rename
    moved = []

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    def rename(self: Path, target: Path) -> Path:
        if len(moved) == 2:
            raise KeyboardInterrupt
        moved.append(target)
        return real(self, target)

    with monkeypatch.context() as patch:
        if moment == "unpacking":
            patch.setattr(convert, "_keep", stop)
        else:
            patch.setattr(Path, "rename", rename)
        said = get()
    assert said.exit_code == 130
    assert "translate data get horse2zebra photos continues" in said.stderr
    assert not Path("photos/SOURCE.json").exists()
    assert get().exit_code == 0
    assert listing() == TREE
    assert source.asked == ["all"]
    assert json.loads(Path("photos/SOURCE.json").read_text())["files"][0]["url"] == f"{source.url}/horse2zebra.zip"
    assert sum(1 for _ in Path("photos").rglob("*.png")) == 5


def test_a_full_disk_is_said_before_anything_is_fetched(
    get: Get, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 1000})())
    said = get(bytes=5_000_000_000)
    assert said.exit_code == 2
    assert "10.00 GB are needed, and 1 kB are free" in said.stderr
    assert source.asked == []
    assert not Path("photos").exists()


def test_terms_must_be_accepted(get: Get, source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    strict = horses(source.url).model_copy(update={"accept": True, "licence": "research only"})
    monkeypatch.setattr(cards, "recipe", lambda name: strict)
    said = CliRunner().invoke(main, ["data", "get", "horse2zebra", "my photos"])
    assert said.exit_code == 2
    assert "research only" in said.stderr
    assert "try: translate data get horse2zebra 'my photos' --accept" in said.stderr
    assert source.asked == []
    assert CliRunner().invoke(main, ["data", "get", "horse2zebra", "my photos", "--accept"]).exit_code == 0


def test_a_file_that_was_downloaded_by_hand(get: Get, source: Source) -> None:
    Path("downloads").mkdir()
    mine = Path("downloads/horse2zebra (1).zip")
    mine.write_bytes(HORSES)
    said = get("--file", str(mine))
    assert said.exit_code == 0, said.output
    assert listing() == TREE
    assert mine.read_bytes() == HORSES
    assert source.asked == []
    kept = json.loads(Path("photos/SOURCE.json").read_text())["files"][0]
    assert (kept["url"], kept["by_hand"]) == (None, "horse2zebra (1).zip")
    mine.write_bytes(HORSES[:-9])
    said = get("--file", str(mine), where="others", sha256=None)
    assert said.exit_code == 2
    assert "is damaged" in said.stderr
    assert mine.exists()  # it is the user's
    assert not Path("others").exists()


def test_what_no_program_can_fetch_says_how(tmp_path: Path) -> None:
    out = tmp_path / "out"
    said = CliRunner().invoke(main, ["data", "get", "cityscapes", str(out), "--accept"])
    assert said.exit_code == 2
    assert "Register at https://www.cityscapes-dataset.com" in said.stderr
    assert "--file leftImg8bit_trainvaltest.zip" in said.stderr
    assert not out.exists()
    other = tmp_path / "other.zip"
    other.write_bytes(HORSES)
    said = CliRunner().invoke(main, ["data", "get", "cityscapes", str(out), "--accept", "--file", str(other)])
    assert said.exit_code == 2
    assert '"other.zip" is not one of its files' in said.stderr


def test_archives_are_kept_if_asked(get: Get) -> None:
    assert get("--keep").exit_code == 0
    assert Path("photos/.get/horse2zebra.zip").read_bytes() == HORSES
    assert layouts.find("photos").skipped == 1  # SOURCE.json


def test_two_processes_do_not_fill_one_folder(get: Get) -> None:
    from filelock import FileLock

    Path("photos/.get").mkdir(parents=True)
    with FileLock("photos/.get/lock"):
        said = get()
    assert said.exit_code == 2
    assert "another process fills it" in said.stderr


def refused(*words: str) -> str:
    said = CliRunner().invoke(main, ["data", *words])
    assert said.exit_code == 2, said.output
    assert "Traceback" not in said.output
    return said.stderr


def test_mistakes(tmp_path: Path) -> None:
    assert 'Did you mean "horse2zebra"' in refused("get", "horse2zebras", str(tmp_path / "x"))
    assert "translate data make faces DIR" in refused("get", "faces", str(tmp_path / "x"))
    assert "no folder is named" in refused("get", "horse2zebra")
    assert "a dataset with classes" in refused("get", "horse2zebra", str(tmp_path / "x"), "--classes", "horse")
    assert "one or two of cat, dog, wild" in refused("get", "afhq", str(tmp_path / "x"), "--classes", "cat,lion")
    assert "does not exist" in refused("get", "horse2zebra", str(tmp_path / "x"), "--file", str(tmp_path / "no.zip"))
    assert 'Did you mean "get"' in refused("gett", "horse2zebra")


def test_quiet_keeps_licence_and_result(get: Get, source: Source) -> None:
    said = get("--quiet")
    assert said.stdout.splitlines() == [
        "licence: not stated",
        "photos: 1 in testA, 1 in testB, 2 in trainA, 1 in trainB",
    ]


def test_cards_and_lists_are_printed() -> None:
    card = CliRunner().invoke(main, ["data", "get", "celeba", "--card"])
    assert card.stdout == cards.card("celeba")
    assert "# faces" in CliRunner().invoke(main, ["data", "get", "faces", "--card"]).stdout
    listed = CliRunner().invoke(main, ["data", "list"]).stdout
    assert all(name in listed for name in cards.names())
    found = {one["name"]: one for one in json.loads(CliRunner().invoke(main, ["data", "list", "--json"]).stdout)}
    assert found["faces"]["how"] == "make"
    assert found["celeba"]["how"] == "file"
    assert found["horse2zebra"]["bytes"] == 116867962
    assert found["facades"]["images"] == 606
    assert (found["celeba"]["by_hand"], found["facades"]["by_hand"]) == (True, False)
    assert (found["edges2handbags"]["images"], found["edges2handbags"]["count"]) == (None, "138,567 train")


def test_the_page_s_commands_run(source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each on tiny archives of the recipe's structure, training apart."""
    monkeypatch.chdir(tmp_path)

    def tiny(name: str) -> Recipe:
        recipe = PLAIN(name)
        for path in packed(recipe, tmp_path).values():
            source.files[f"/{path.name}"] = path.read_bytes()
        files = [
            f.model_copy(update={"bytes": None, "sha256": None, "urls": f.urls and (f"{source.url}/{f.name}",)})
            for f in recipe.files
        ]
        return recipe.model_copy(update={"files": tuple(files)})

    monkeypatch.setattr(cards, "recipe", tiny)
    lines = [
        line
        for block in re.findall(r"```sh\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)
        for line in block.splitlines()
    ]
    assert len(lines) > 6
    for number, line in enumerate(lines):
        words = shlex.split(line)[1:]
        if words[0] == "train":
            continue
        if words[:2] == ["data", "get"] and "--card" not in words:
            place = words[3]
            Path(place).exists() and Path(place).rename(f"before{number}")
        said = CliRunner().invoke(main, words)
        assert said.exit_code in ((0, 1) if words[0] == "check" else (0,)), (line, said.output)
        if words[:2] == ["data", "get"] and "--card" not in words:
            assert str(layouts.find(place).regime("train"))


# --- classes, leftovers, and what is not there any more


CATS = archive(["afhq/train/cat/1.png", "afhq/train/dog/2.png", "afhq/val/cat/3.png", "afhq/val/dog/4.png"])


def test_other_classes_or_their_other_order_are_another_dataset(
    source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    source.files["/afhq.zip"] = CATS
    recipe = PLAIN("afhq")
    file = recipe.files[0].model_copy(update={"urls": (f"{source.url}/afhq.zip",), "bytes": None, "sha256": None})
    monkeypatch.setattr(cards, "recipe", lambda name: recipe.model_copy(update={"files": (file,)}))

    def get(classes: str, where: str = "photos") -> Result:
        return CliRunner().invoke(main, ["data", "get", "afhq", where, "--accept", "--classes", classes])

    assert get("cat").exit_code == 0, get("cat").output
    assert "is complete" in get("cat").stdout
    said = get("dog")
    assert said.exit_code == 2
    assert "holds afhq already" in said.stderr
    assert "of the classes cat" in said.stderr
    assert get("cat,dog", "two").exit_code == 0
    assert get("dog,cat", "two").exit_code == 2
    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        assert get("cat,dog", "three").exit_code == 130
    said = get("dog,cat", "three")
    assert said.exit_code == 2
    assert "is being filled with" in said.stderr
    assert get("cat,dog", "three").exit_code == 0


def test_pictures_that_are_gone_are_said(get: Get) -> None:
    assert get("--keep").exit_code == 0
    Path("photos/trainA/1.png").unlink()
    said = get("--keep")
    assert said.exit_code == 0
    assert "is complete" not in said.stdout
    assert "1 in trainA" in said.stdout
    assert "trainA has 1 of 2" in said.stderr
    command = said.stderr.split("new folder: ")[1].strip().replace(" DIR ", " anew ")
    assert CliRunner().invoke(main, shlex.split(command)[1:]).exit_code == 0
    assert len(list(Path("anew/trainA").iterdir())) == 2


def test_killed_while_it_cleans_up_the_archive_does_not_stay(get: Get, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(getting, "_clean", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        assert get().exit_code == 130
    assert Path("photos/.get/horse2zebra.zip").exists()
    assert "is complete" in get().stdout
    assert listing() == TREE
    assert get("--keep", where="kept").exit_code == 0
    assert get(where="kept").exit_code == 0
    assert Path("kept/.get/horse2zebra.zip").exists()  # it was asked for


def test_what_is_no_picture_is_left_out_and_named(get: Get, source: Source) -> None:
    content = io.BytesIO(HORSES)
    with zipfile.ZipFile(content, "a") as made:
        made.writestr("h/trainA/broken.jpg", "no picture")
    source.files["/horse2zebra.zip"] = content.getvalue()
    said = get(sha256=None, bytes=None)
    assert said.exit_code == 0
    assert "no pictures: h/trainA/broken.jpg" in said.stderr
    assert "2 in trainA" in said.stdout
    assert not Path("photos/trainA/broken.jpg").exists()


def test_a_refused_archive_leaves_no_half_a_set(get: Get, source: Source) -> None:
    source.files["/horse2zebra.zip"] = archive(["trainA/1.png", "x/trainA/1.png"])
    assert get(sha256=None, bytes=None).exit_code == 2
    assert Path("photos/.get/horse2zebra.zip").exists()
    assert not Path("photos/.get/out").exists()


def test_an_archive_is_closed_before_it_is_set_aside(get: Get, source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a file is open, Windows does not rename it."""
    opened: list[zipfile.ZipFile] = []
    real, aside = zipfile.ZipFile.__init__, getting._set_aside

    def made(self: zipfile.ZipFile, *words: object, **options: object) -> None:
        real(self, *words, **options)  # type: ignore[arg-type]
        opened.append(self)

    monkeypatch.setattr(zipfile.ZipFile, "__init__", made)
    states: list[bool] = []
    monkeypatch.setattr(
        getting, "_set_aside", lambda path: (states.extend(one.fp is None for one in opened), aside(path))[1]
    )
    damaged = bytearray(HORSES)
    damaged[HORSES.index(b"IDAT")] ^= 1
    source.files["/horse2zebra.zip"] = bytes(damaged)
    assert "is damaged" in get(sha256=None, bytes=None).stderr
    assert states
    assert all(states)


def test_an_interruption_says_the_whole_command(get: Get, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("big one.zip").write_bytes(HORSES)
    monkeypatch.setattr(convert, "_keep", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    said = get("--file", "big one.zip", "--unchecked")
    assert "translate data get horse2zebra photos --file 'big one.zip' --unchecked" in said.stderr
    monkeypatch.setattr(getting, "_download", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    said = get(where="others")
    assert "nothing has arrived" in said.stderr
    assert "is kept" not in said.stderr


def test_a_file_by_another_name_is_not_called_trustworthy(get: Get) -> None:
    Path("facades.tar.gz").write_bytes(b"something else")
    said = get("--file", "facades.tar.gz")
    assert said.exit_code == 2
    assert "--unchecked" not in said.stderr
    assert "--file horse2zebra.zip" in said.stderr


@pytest.mark.parametrize("name", ["NUL.png", "com1.tar.png", "a:b.jpg", "a?.png", "end .png ", "dot."])
def test_names_that_windows_takes_for_something_else(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    names.refuse_unfit(name, "a.zip")
    monkeypatch.setattr(names, "_WINDOWS", True)
    with pytest.raises(UserError, match="on Windows"):
        names.refuse_unfit(name, "a.zip")
    for fine in ("1.png", "console.png", "a b.jpg", ".png"):
        names.refuse_unfit(fine, "a.zip")
