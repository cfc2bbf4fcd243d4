"""What all tests share: one thread a process, and tiny datasets that are drawn once."""

import os

os.environ["OMP_NUM_THREADS"] = "1"  # before torch is imported: tests run side by side, and 16 px need no more
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")

import shutil
from pathlib import Path

import pytest

from translate.data import faces


@pytest.fixture(scope="session")
def paired(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """8 training and 4 test pairs of 16 px faces, named by pairs.csv. Read only."""
    root = tmp_path_factory.mktemp("faces") / "paired"
    faces.make(root, size=16, train=8, test=4)
    return root


@pytest.fixture(scope="session")
def unpaired(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """8 + 8 training faces of different scenes, 4 test pairs. Read only."""
    root = tmp_path_factory.mktemp("faces") / "unpaired"
    faces.make(root, size=16, train=8, test=4, pairs=False)
    return root


@pytest.fixture(scope="session")
def semi(paired: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The paired faces, of which pairs.csv names only the first 3 and the test pairs. Read only."""
    root = tmp_path_factory.mktemp("faces") / "semi"
    shutil.copytree(paired, root)
    head, *rows = (root / "pairs.csv").read_text().splitlines()
    (root / "pairs.csv").write_text("\n".join([head, *rows[:3], *rows[8:]]) + "\n")
    return root


@pytest.fixture(scope="session")
def single(paired: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One flat folder of 8 faces. Read only."""
    root = tmp_path_factory.mktemp("faces") / "single"
    shutil.copytree(paired / "trainB", root)
    return root


@pytest.fixture(scope="session")
def zoo(paired: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two class folders of 8 faces each: clay and comic. Read only."""
    root = tmp_path_factory.mktemp("faces") / "zoo"
    for side, name in (("trainA", "clay"), ("trainB", "comic")):
        shutil.copytree(paired / side, root / name)
    return root
