"""Broken files: each is read whole or refused with a reason, without an end to the program or to the memory."""

from __future__ import annotations

import logging
import resource
from pathlib import Path

import pytest
from damage import damaged

from translate.data.images import Unreadable
from translate.formats.reading import opened

# Pillow's remarks on broken files are not shown to people; pytest would make errors of them.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")


def refusal(path: Path) -> Unreadable | None:
    """Why it can't be read; None after it was read whole."""
    try:
        read_all(path)
    except Unreadable as error:
        return error
    return None


def read_all(path: Path) -> None:
    with path.open("rb") as file, opened(file, path.name) as picture:
        for top in range(0, picture.height, 512):
            bottom = min(top + 512, picture.height)
            assert picture.rows(top, bottom, 3).shape == (bottom - top, picture.width, 3)
            if picture.has_alpha:
                assert picture.alpha(top, bottom).shape == (bottom - top, picture.width, 1)


def check(folder: Path, count: int, seed: int) -> None:
    files = damaged(folder, count, seed)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    refused = 0
    for path in files:
        if (error := refusal(path)) is not None:
            refused += 1
            assert error.path.name == path.name
            assert 8 < len(error.reason) < 400, path
            assert "Error" not in error.reason.split("(")[0], path
    assert refused > count / 2
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 500_000  # kB


def test_each_damaged_file_is_read_or_refused(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.CRITICAL):
        check(tmp_path, 160, seed=1)
    said = capfd.readouterr()
    assert (said.out, said.err) == ("", "")


@pytest.mark.slow
def test_thousands_of_damaged_files(tmp_path: Path) -> None:
    for seed in range(2, 12):
        check(tmp_path / str(seed), 1000, seed)


def test_the_same_seed_damages_alike(tmp_path: Path) -> None:
    first, again = damaged(tmp_path / "1", 20, 3), damaged(tmp_path / "2", 30, 3)
    assert [(p.name, p.read_bytes()) for p in first] == [(p.name, p.read_bytes()) for p in again[:20]]
