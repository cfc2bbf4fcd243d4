"""Large pictures take little memory where their format allows it: each in a process of its own, which is measured."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SIDE = 14_000  # 588 MB of pixels
MEASURED = """
import sys
import numpy as np
import tifffile
from translate.formats.form import UINT8, Form
from translate.formats.reading import opened
from translate.formats.writing import write

way, path, side = sys.argv[1], sys.argv[2], int(sys.argv[3])
rows = np.cumsum(np.random.default_rng(0).integers(0, 16, (512, side, 3), np.uint8), axis=1, dtype=np.uint8)

def tiles():
    for y in range(0, side, 512):
        for x in range(0, side, 512):
            tile = np.zeros((512, 512, 3), np.uint8)
            part = rows[: min(512, side - y), x : x + 512]
            tile[: part.shape[0], : part.shape[1]] = part
            yield tile

if way == "write":
    with open(path, "w+b") as file:
        strips = (rows[: min(512, side - y)] for y in range(0, side, 512))
        write(file, ".tif", Form("TIFF", UINT8, False), (side, side), 3, strips)
elif way == "tiles":
    tifffile.imwrite(path, tiles(), shape=(side, side, 3), dtype=np.uint8, tile=(512, 512), compression="zlib",
                     photometric="rgb", maxworkers=1)
else:
    with open(path, "rb") as file, opened(file, path) as picture:
        for y in range(0, side, 512):
            found = picture.rows(max(0, y - 32), min(side, y + 544), 3)[min(y, 32) :][:512]
            assert (found == rows[: len(found)]).all(), y
with open("/proc/self/status") as status:  # getrusage would tell of the process that started this one, too
    print(next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) // 1000)
"""


def megabytes(*arguments: object) -> int:
    words = [sys.executable, "-c", MEASURED, *map(str, arguments)]
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=600)
    assert not done.stderr
    return int(done.stdout)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="where a process's own peak is known")
def test_tiffs_are_written_and_read_in_strips(tmp_path: Path) -> None:
    assert megabytes("write", tmp_path / "strips.tif", SIDE) < 300
    assert megabytes("read", tmp_path / "strips.tif", SIDE) < 300
    megabytes("tiles", tmp_path / "tiles.tif", SIDE)
    assert megabytes("read", tmp_path / "tiles.tif", SIDE) < 300
