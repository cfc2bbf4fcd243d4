"""Edges: Canny's, as kornia finds them, alone and beside their photos."""

from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result
from kornia.filters import canny
from PIL import Image

from translate.cli import main
from translate.data import layouts
from translate.preparing.edges import Drawing, draw


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(main, ["data", "edges", *map(str, words)])


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    (folder / "train").mkdir(parents=True)
    for name, size in (("train/1.png", (32, 32)), ("train/2.jpg", (32, 32)), ("train/3.png", (24, 24))):
        square = np.full((*size, 3), 240, np.uint8)
        square[8:16, 8:16] = (200, 30, 30)
        Image.fromarray(square).save(folder / name)
    return folder


@pytest.mark.parametrize("blur", [1.0, 2.0])
def test_lines_are_those_of_kornias_hysteresis(blur: float) -> None:
    torch.manual_seed(0)
    rough = torch.rand(3, 1, 12, 12)
    images = torch.nn.functional.interpolate(rough, (60, 52), mode="bicubic").clamp(0, 1)
    width = 2 * int(3 * blur) + 1
    expected = canny(images, 0.2, 0.6, (width, width), (blur, blur))[1][:, 0].bool().numpy()
    weak = canny(images, 0.2, 0.6, (width, width), (blur, blur), hysteresis=False)[1][:, 0].numpy() > 0
    found = draw(images, Drawing(0.2, 0.6, blur))
    assert np.array_equal(found, expected)
    assert 0 < found.sum() < weak.sum()


def test_black_lines_on_white_where_the_square_ends(photos: Path, tmp_path: Path) -> None:
    said = run(photos, tmp_path / "out")
    assert said.exit_code == 0, said.output
    for name in ("1", "2", "3"):
        with Image.open(tmp_path / f"out/train/{name}.png") as image:
            assert image.mode == "L"
            lines = np.asarray(image)
        assert set(np.unique(lines)) == {0, 255}
        rows, columns = np.nonzero(lines == 0)
        assert {rows.min(), rows.max(), columns.min(), columns.max()} <= {7, 8, 15, 16}
    assert run(photos, tmp_path / "white", "--inverted").exit_code == 0
    with Image.open(tmp_path / "out/train/1.png") as one, Image.open(tmp_path / "white/train/1.png") as other:
        assert np.array_equal(np.asarray(one), 255 - np.asarray(other))


def test_pairs_hold_the_edges_left_and_the_photo_right(photos: Path, tmp_path: Path) -> None:
    (photos / "train/broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    said = run(photos, tmp_path / "out", "--pairs")
    assert said.exit_code == 1
    assert "3 drawn, 1 failed" in said.output
    assert len(layouts.find(tmp_path / "out").split("train").pairs) == 3
    pair = np.asarray(Image.open(tmp_path / "out/train/1.png").convert("RGB"))
    assert np.array_equal(pair[:, 32:], np.asarray(Image.open(photos / "train/1.png").convert("RGB")))
    assert set(np.unique(pair[:, :32])) == {0, 255}
    again = run(photos, tmp_path / "out", "--pairs")
    assert "0 drawn, 3 were there already, 1 failed" in again.output


def test_a_photo_that_is_too_small_is_named_and_the_rest_is_done(photos: Path, tmp_path: Path) -> None:
    Image.new("RGB", (2, 2)).save(photos / "train/dot.png")
    said = run(photos, tmp_path / "out", "--blur", "2")
    assert said.exit_code == 1
    assert "failed: train/dot.png" in said.output
    assert "3 drawn" in said.output


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--low", "0.5", "--high", "0.2"), "above --high"),
        (("--square", "crop"), "--pairs beside it"),
        (("--low", "2"), "2"),
    ],
)
def test_mistakes(words: tuple[str, ...], expected: str, photos: Path, tmp_path: Path) -> None:
    said = run(photos, tmp_path / "out", *words)
    assert said.exit_code == 2
    assert expected in said.output
    assert not (tmp_path / "out").exists()
