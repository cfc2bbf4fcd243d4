"""Two folders become pairs that a training knows: what matches, what is kept, what is said."""

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from translate.cli import main
from translate.data import layouts
from translate.errors import UserError
from translate.preparing.folders import natural, png_names
from translate.preparing.partners import partners


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(main, ["data", "combine", *map(str, words)])


def picture(path: Path, colour: object, size: tuple[int, int] = (16, 16), mode: str = "RGB") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, colour).save(path)  # type: ignore[arg-type]


def test_pairs_are_read_back_as_such_and_what_is_left_over_is_named(tmp_path: Path) -> None:
    a, b, out = tmp_path / "A", tmp_path / "B", tmp_path / "out"
    for split in ("train", "test"):
        for name in ("1", "2"):
            picture(a / split / f"{name}.png", (200, 0, 0))
            picture(b / split / f"{name}.bmp", (0, 0, 200))
    picture(a / "train/alone.png", 0)
    picture(b / "test/lonely.bmp", 0)
    (a / "train/2.png").write_text("no picture")
    said = run(a, b, out)
    assert said.exit_code == 1
    for word in ("A: train/alone.png", "B: test/lonely.bmp", "train/2.png: is no image", "3 combined, 3 failed"):
        assert word in said.output
    found = layouts.find(out)
    assert {name: len(split.pairs) for name, split in found.splits.items()} == {"train": 1, "test": 2}
    pixels = np.asarray(Image.open(out / "train/1.png"))
    assert (pixels[:, :16] == (200, 0, 0)).all()
    assert (pixels[:, 16:] == (0, 0, 200)).all()


def test_what_is_there_stays(tmp_path: Path) -> None:
    picture(tmp_path / "A/1.png", 1)
    picture(tmp_path / "B/1.png", 2)
    (tmp_path / "out").mkdir()
    (tmp_path / "out/1.png").write_bytes(b"mine")
    said = run(tmp_path / "A", tmp_path / "B", tmp_path / "out")
    assert said.exit_code == 0
    assert "1 was there already" in said.output
    assert (tmp_path / "out/1.png").read_bytes() == b"mine"


def test_sixteen_bits_and_grey_stay_where_both_are(tmp_path: Path) -> None:
    deep = np.arange(256, dtype=np.uint16).reshape(16, 16) * 200 + 3
    for side, values in (("A", deep), ("B", deep[::-1])):
        (tmp_path / side).mkdir()
        Image.fromarray(values).save(tmp_path / side / "1.png")
    assert run(tmp_path / "A", tmp_path / "B", tmp_path / "out").exit_code == 0
    found = np.asarray(Image.open(tmp_path / "out/1.png")).astype(np.uint16)
    assert np.array_equal(found, np.concatenate([deep, deep[::-1]], axis=1))


def test_b_gets_the_size_of_a_and_nearest_keeps_a_maps_colours(tmp_path: Path) -> None:
    picture(tmp_path / "A/1.png", 0, (32, 32))
    (tmp_path / "B").mkdir()
    labels = np.zeros((12, 12, 3), np.uint8)
    labels[:, 5:] = (255, 128, 7)
    Image.fromarray(labels).save(tmp_path / "B/1.png")
    said = run(tmp_path / "A", tmp_path / "B", tmp_path / "out", "--filter", "nearest")
    assert "B was resized to the size of A" in said.output
    found = np.asarray(Image.open(tmp_path / "out/1.png"))[:, 32:]
    assert {tuple(colour) for colour in found.reshape(-1, 3).tolist()} == {(0, 0, 0), (255, 128, 7)}


@pytest.mark.parametrize(
    ("square", "size"), [("crop", (24, 12)), ("stretch", (24, 12)), ("keep", (40, 12))], ids=lambda value: str(value)
)
def test_oblong_pictures_are_refused_until_something_is_said(
    square: str, size: tuple[int, int], tmp_path: Path
) -> None:
    picture(tmp_path / "A/1.png", 9, (20, 12))
    picture(tmp_path / "B/1.png", 9, (20, 12))
    refused = run(tmp_path / "A", tmp_path / "B", tmp_path / "out")
    assert refused.exit_code == 2
    assert "--square crop" in refused.output
    assert not (tmp_path / "out").exists()
    said = run(tmp_path / "A", tmp_path / "B", tmp_path / "out", "--square", square)
    assert said.exit_code == 0
    assert ("train pix2pix" in said.output) == (square != "keep")  # which would not know them as pairs
    with Image.open(tmp_path / "out/1.png") as found:
        assert found.size == size


def test_another_shape_is_refused_rather_than_bent(tmp_path: Path) -> None:
    picture(tmp_path / "A/1.png", 0, (16, 16))
    picture(tmp_path / "B/1.png", 0, (16, 20))
    said = run(tmp_path / "A", tmp_path / "B", tmp_path / "out", "--square", "keep")
    assert said.exit_code == 1
    assert "of another shape" in said.output


@pytest.mark.parametrize(("a", "expected"), [("a", "no such folder"), ("B/1.png", "is a file"), ("C", "no pictures")])
def test_inputs_that_are_none(a: str, expected: str, tmp_path: Path) -> None:
    picture(tmp_path / "B/1.png", 0)
    (tmp_path / "C").mkdir()
    said = run(tmp_path / a, tmp_path / "B", tmp_path / "out")
    assert said.exit_code == 2
    assert expected in said.output


@pytest.mark.parametrize("out", ["A/out", "A", "."])
def test_outputs_never_mingle_with_inputs(out: str, tmp_path: Path) -> None:
    picture(tmp_path / "A/1.png", 0)
    picture(tmp_path / "B/1.png", 0)
    said = run(tmp_path / "A", tmp_path / "B", tmp_path / out)
    assert said.exit_code == 2
    assert "mingle" in said.output


def test_order_counts_numbers_as_numbers_and_refuses_gaps() -> None:
    names = sorted(["f10.png", "f9.png", "f1.png"], key=natural)
    assert names == ["f1.png", "f9.png", "f10.png"]
    assert partners(names, ["x.jpg", "y.jpg", "z.jpg"], "order").pairs[2] == ("f10.png", "z.jpg")
    with pytest.raises(UserError, match="3 pictures of A and 2 of B"):
        partners(names, ["x.jpg", "y.jpg"], "order")


def test_a_name_that_two_files_have_is_no_partner() -> None:
    found = partners(["1.png", "1.jpg", "2.png"], ["1.png", "2.jpg"], "stem")
    assert found.pairs == [("2.png", "2.jpg")]
    assert set(found.alone) == {"A: 1.png", "A: 1.jpg", "B: 1.png"}
    assert found.alone["B: 1.png"] == "has 2 partners in A: 1.png, 1.jpg"
    with pytest.raises(UserError, match="of the same stem"):
        partners(["a.png"], ["b.png"], "stem")


def test_png_names_never_collide() -> None:
    assert png_names(["a.jpg", "a.bmp", "b.jpg"]) == ["a.jpg.png", "a.bmp.png", "b.png"]
