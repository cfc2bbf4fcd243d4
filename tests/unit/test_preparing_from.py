"""Datasets of other libraries become a layout that a training reads; bytes stay as they are."""

import io
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from translate.cli import main
from translate.data import layouts
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
