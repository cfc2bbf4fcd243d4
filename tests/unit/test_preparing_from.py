"""Datasets of other libraries become a layout that a training reads; bytes stay as they are."""

import io
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from translate.cli import main
from translate.data import layouts
from translate.inference.places import Folder
from translate.preparing import taking
from translate.preparing.taking import folder_name


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(main, ["data", "from", *map(str, words)])


def jpeg(level: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (16, 16), (level, 0, 0)).save(buffer, "JPEG")
    return buffer.getvalue()


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in the hub's format: 4 training rows and 2 test rows of two pictures and a class."""
    datasets = pytest.importorskip("datasets")
    root = tmp_path_factory.mktemp("hub")
    features = datasets.Features(
        {"photo": datasets.Image(), "sketch": datasets.Image(), "kind": datasets.ClassLabel(names=["cat", "a/b"])}
    )
    datasets.disable_progress_bars()
    for split, first, count in (("train", 0, 4), ("test", 100, 2)):
        rows = [
            {
                "photo": {"bytes": jpeg(first + n), "path": None},
                "sketch": {"bytes": jpeg(50 + first + n)},
                "kind": n % 2,
            }
            for n in range(count)
        ]
        datasets.Dataset.from_list(rows, features=features).to_parquet(root / f"{split}-0.parquet")
    return root


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))


def test_two_columns_become_pairs_of_the_very_bytes(hub: Path, tmp_path: Path) -> None:
    said = run(f"hf:{hub}", tmp_path / "out", "--a", "sketch", "--b", "photo")
    assert said.exit_code == 0, said.output
    found = layouts.find(tmp_path / "out")
    assert {name: len(split.pairs) for name, split in found.splits.items()} == {"train": 4, "test": 2}
    assert (tmp_path / "out/trainB/0000003.jpg").read_bytes() == jpeg(3)
    assert (tmp_path / "out/testA/0000001.jpg").read_bytes() == jpeg(151)
    (tmp_path / "out/trainA/0000000.jpg").unlink()
    again = run(f"hf:{hub}", tmp_path / "out", "--a", "sketch", "--b", "photo")
    assert "1 written, 11 were there already" in again.output
    assert len((tmp_path / "out/pairs.csv").read_text().splitlines()) == 7


def test_one_column_and_its_classes(hub: Path, tmp_path: Path) -> None:
    said = run(f"hf:{hub / 'train-0.parquet'}", tmp_path / "out", "--a", "photo", "--count", "3")
    assert said.exit_code == 0, said.output
    files = sorted(path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.jpg"))
    assert files == ["train/a_b/0000001.jpg", "train/cat/0000000.jpg", "train/cat/0000002.jpg"]
    assert "data split" in said.output  # there is nothing to test on


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((), "--a photo --b sketch"),
        (("--a", "fotos"), 'Did you mean "photo"?'),
        (("--b", "photo"), "--a does not"),
        (("--a", "photo", "--root", "x"), "torchvision's"),
    ],
)
def test_columns_that_are_not_there(words: tuple[str, ...], expected: str, hub: Path, tmp_path: Path) -> None:
    said = run(f"hf:{hub}", tmp_path / "out", *words)
    assert said.exit_code == 2
    assert expected in said.output
    assert not (tmp_path / "out").exists()


def test_without_the_library_it_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Also where a folder called datasets/ lies in the working directory, which Python would import."""
    from importlib import metadata

    def missing(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    (tmp_path / "datasets").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(metadata, "version", missing)
    said = run("hf:somebody/photos", tmp_path / "out")
    assert said.exit_code == 2
    assert "pip install 'translate-gan[hub]'" in said.output


def test_classes_of_torchvision(tmp_path: Path) -> None:
    said = run("torchvision:FakeData", tmp_path / "out", "--set", "size=5", "--set", "image_size=[3, 8, 8]")
    assert said.exit_code == 0, said.output
    assert "5 written" in said.output
    assert all(path.parent.name.isdigit() for path in (tmp_path / "out").rglob("*.png"))


def test_splits_of_torchvision_from_files_that_are_here(tmp_path: Path) -> None:
    raw = tmp_path / "files/MNIST/raw"
    raw.mkdir(parents=True)
    for name, count in (("train", 4), ("t10k", 2)):
        digits = np.arange(count * 28 * 28, dtype=np.uint32).astype(np.uint8)
        header = np.array([0x803, count, 28, 28], ">u4").tobytes()
        (raw / f"{name}-images-idx3-ubyte").write_bytes(header + digits.tobytes())
        labels = np.array([0x801, count], ">u4").tobytes() + bytes(range(count))
        (raw / f"{name}-labels-idx1-ubyte").write_bytes(labels)
    said = run("torchvision:MNIST", tmp_path / "out", "--root", tmp_path / "files", "--flat")
    assert said.exit_code == 0, said.output
    found = layouts.find(tmp_path / "out")
    assert {name: len(split.only_b) for name, split in found.splits.items()} == {"train": 4, "test": 2}


def test_a_picture_as_target_is_a_pair(tmp_path: Path) -> None:
    base = tmp_path / "files/VOCdevkit/VOC2012"
    for folder in ("ImageSets/Segmentation", "JPEGImages", "SegmentationClass"):
        (base / folder).mkdir(parents=True)
    for split, name in (("train", "one"), ("val", "two"), ("trainval", "one")):
        (base / f"ImageSets/Segmentation/{split}.txt").write_text(f"{name}\n")
        (base / f"JPEGImages/{name}.jpg").write_bytes(jpeg(9))
        Image.new("P", (16, 16), 3).save(base / f"SegmentationClass/{name}.png")
    said = run("torchvision:VOCSegmentation", tmp_path / "out", "--root", tmp_path / "files")
    assert said.exit_code == 0, said.output
    found = layouts.find(tmp_path / "out")
    assert {name: len(split.pairs) for name, split in found.splits.items()} == {"train": 1, "val": 1}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("photos",), "hf:photos"),
        (("torchvision:Fakedata",), 'Did you mean "FakeData"?'),
        (("torchvision:FakeData", "--set", "sise=3"), 'Did you mean "size"?'),
        (("torchvision:FakeData", "--set", "size"), "KEY=VALUE"),
        (("torchvision:FakeData", "--a", "image"), "column of hf"),
    ],
)
def test_mistakes(words: tuple[str, ...], expected: str, tmp_path: Path) -> None:
    said = run(words[0], tmp_path / "out", *words[1:])
    assert said.exit_code == 2
    assert expected in said.output
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("label", "name"), [("../x", "_x"), ("0 - zero", "0 - zero"), ("a/b", "a_b"), ("..", "_")])
def test_no_class_leads_elsewhere(label: str, name: str) -> None:
    assert folder_name(label) == name


# --- what rows name instead of holding it


def png(level: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), (level, 0, 0)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize("packed", [False, True], ids=["folder", "zip"])
def test_folders_of_pictures_and_zips(packed: bool, tmp_path: Path) -> None:
    pytest.importorskip("datasets")
    (tmp_path / "in").mkdir()
    if packed:
        with zipfile.ZipFile(tmp_path / "in/train.zip", "w") as archive:
            for n in range(3):
                archive.writestr(f"{n}.png", png(n))
    else:
        for n in range(3):
            (tmp_path / f"in/{n}.png").write_bytes(png(n))
    said = run(f"hf:{tmp_path / 'in'}", tmp_path / "out")
    assert said.exit_code == 0, said.output
    assert {path.read_bytes() for path in (tmp_path / "out").rglob("*.png")} == {png(n) for n in range(3)}


def test_a_table_names_files_of_its_own_folder_alone_and_a_bad_row_fails_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("datasets")
    pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    (tmp_path / "in").mkdir()
    (tmp_path / "private.png").write_bytes(png(200))
    with zipfile.ZipFile(tmp_path / "private.zip", "w") as archive:
        archive.writestr("0.png", png(201))
    (tmp_path / "in/link.png").symlink_to(tmp_path / "private.png")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in/mine.png").write_bytes(png(1))
    named = ["mine.png", str(tmp_path / "in/mine.png"), str(tmp_path / "private.png"), "../private.png", "link.png",
             f"zip://0.png::{tmp_path}/private.zip", "zip://0.png::private.zip", f"file://{tmp_path}/private.png", "http://127.0.0.1:9/x.png",
             f"file://{tmp_path}/private.png::{tmp_path}/in/mine.png", "gone.png", None]  # fmt: skip
    rows = [{"image": {"bytes": None, "path": path}} for path in named] + [{"image": {"bytes": png(2), "path": None}}]
    parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "in/train.parquet")
    said = run(f"hf:{tmp_path / 'in/train.parquet'}", tmp_path / "out", "--a", "image")
    assert said.exit_code == 1, said.output
    assert "3 written, 10 failed" in said.output
    assert "which is none of the dataset" in said.output
    assert [path.read_bytes() for path in sorted((tmp_path / "out").rglob("*.png"))] == [png(1), png(1), png(2)]


@pytest.mark.parametrize(
    ("url", "fine"),
    [
        ("hf://datasets/somebody/photos@main/1.png", True),
        ("zip://a/1.png::hf://datasets/somebody/photos@main/all.zip", True),
        ("hf://datasets/somebody/photos-private@main/1.png", False),
        ("hf://datasets/other/photos@main/1.png", False),
        ("/home/me/1.png", False),
        ("zip://1.png::/home/me/all.zip", False),
        ("file:///home/me/1.png::hf://datasets/somebody/photos@main/1.png", False),
        ("simplecache::hf://datasets/somebody/photos@main/1.png", False),
        ("https://elsewhere.org/1.png", False),
    ],
)
def test_rows_of_the_hub_lead_to_the_hub(url: str, fine: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    from translate.preparing.hub_files import origin

    class Library:
        """Stands for the datasets library: says what would be opened."""

        DownloadConfig = staticmethod(lambda token: token)
        xopen = staticmethod(lambda path, mode, download_config: io.BytesIO(path.encode()))

    monkeypatch.setattr("translate.preparing.hub_files.import_module", lambda name: Library)
    place = origin("somebody/photos:config", {})
    if fine:
        assert place.read(url) == url.encode()
    else:
        with pytest.raises(PermissionError, match="none of the dataset"):
            place.read(url)


def test_columns_of_text_and_files_that_are_not_there(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    datasets.disable_progress_bars()
    table = tmp_path / "train.parquet"
    datasets.Dataset.from_dict({"id": ["one", "two"], "n": [1, 2]}).to_parquet(table)
    for column in ("id", "n"):
        said = run(f"hf:{table}", tmp_path / "out", "--a", column)
        assert said.exit_code == 2
        assert f"the column {column} holds no pictures" in said.output
    said = run(f"hf:{tmp_path / 'trane.parquet'}", tmp_path / "out")
    assert said.exit_code == 2
    assert 'no such file or folder. Did you mean "train.parquet"?' in said.output


def test_a_pair_of_which_one_can_not_be_written_is_no_pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = taking._put

    def put(target: Folder, name: str, data: Callable[[], bytes]) -> list[str]:
        if name == "trainB/0000001.jpg":
            raise OSError("unwritable")
        return real(target, name, data)

    monkeypatch.setattr(taking, "_put", put)
    rows = [taking.Row("train", n, {"A": jpeg(n), "B": jpeg(50 + n)}) for n in range(3)]
    held: Counter[str] = Counter()
    outcomes = list(taking.taken(rows, Folder(tmp_path), True, held))
    assert [outcome.error is None for outcome in outcomes] == [True, True, True, False, True, True]
    assert held == {"trainA": 3, "trainB": 2}
    assert len(layouts.find(tmp_path).split("train").pairs) == 2


def test_another_source_does_not_mix_in(tmp_path: Path) -> None:
    words = ("--set", "size=3", "--set", "image_size=[3, 8, 8]")
    (tmp_path / "out").mkdir()
    assert run("torchvision:FakeData", tmp_path / "out", *words, "--count", "2").exit_code == 0
    assert "1 written, 2 were there already" in run("torchvision:FakeData", tmp_path / "out", *words).output
    said = run("torchvision:FakeData", tmp_path / "out", *words, "--set", "random_offset=7")
    assert said.exit_code == 2
    assert "--set was image_size=[3, 8, 8], size=3" in said.output
    said = run("torchvision:FakeData", tmp_path / "out", *words, "--flat")
    assert "--flat was not given" in said.output
