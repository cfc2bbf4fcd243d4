"""Tables of pictures: what each row may say, where names lead, and mistakes by line."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import fsspec
import numpy as np
import pytest

from translate.data import layouts
from translate.data.dataset import Dataset
from translate.data.images import Unreadable, decode, encode
from translate.domain import Domain, Regime
from translate.errors import UserError


def picture(level: int, width: int = 4) -> bytes:
    return encode(np.full((4, width, 3), level, np.uint8), ".png")


def levels(dataset: Dataset, domain: Domain, split: str = "train") -> list[int]:
    return [int(decode(one, 3)[0, 0, 0]) for one in dataset.split(split).of(domain)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "sub").mkdir()
    for level in range(8):
        (tmp_path / "sub" / f"{level}.png").write_bytes(picture(level))
    return tmp_path


@pytest.fixture
def memory() -> Iterator[str]:
    url = f"memory://{uuid4().hex}"
    yield url
    fsspec.filesystem("memory").rm(url, recursive=True)


def test_pairs_unpaired_pictures_and_splits(folder: Path) -> None:
    rows = "split, a, b\ntrain, sub/0.png, sub/1.png\n, sub/2.png,\ntrain,,sub/3.png\nvalid,sub/4.png,sub/5.png\n"
    (folder / "set.csv").write_text("\ufeff" + rows, encoding="utf-8")
    dataset = layouts.find(folder / "set.csv")
    assert dataset.layout == "pairs and unpaired pictures in a table"
    assert dataset.regime() is Regime.SEMI_SUPERVISED
    assert (levels(dataset, Domain.A), levels(dataset, Domain.B)) == ([0, 2], [1, 3])
    assert levels(dataset, Domain.B, "val") == [5]
    assert dataset.split("train").pairs[0][0].path == folder / "sub/0.png"


def test_one_domain_with_labels_as_lines_of_json(folder: Path) -> None:
    rows = [{"image": "sub/0.png", "label": "cat"}, {"image": str(folder / "sub/1.png"), "label": 3, "split": "test"}]
    rows += [{"image": "sub/2.png", "label": "dog"}, {"image": "sub/3.png", "label": 3}]
    (folder / "set.jsonl").write_text("\n\n".join(map(json.dumps, rows)))
    dataset = layouts.find(folder / "set.jsonl")
    assert dataset.regime() is Regime.UNCONDITIONAL
    assert dataset.classes() == ["3", "cat", "dog"]
    assert [one.label for one in dataset.split("train").of(Domain.B)] == ["cat", "dog", "3"]
    assert (levels(dataset, Domain.B), levels(dataset, Domain.B, "test")) == ([0, 2, 3], [1])


def test_names_of_a_table_behind_a_url_are_relative_to_it(memory: str, folder: Path) -> None:
    system = fsspec.filesystem("memory")
    wide = np.concatenate([np.full((4, 4, 3), 10, np.uint8), np.full((4, 4, 3), 20, np.uint8)], axis=1)
    system.pipe_file(f"{memory}/sub/x.png", encode(wide, ".png"))
    table = f"image,side_by_side\nsub/x.png,true\n{memory}/sub/x.png,TRUE\n"
    system.pipe_file(f"{memory}/set.csv", table.encode())
    (folder / "set.csv").write_text(table)
    dataset = layouts.find(f"{memory}/set.csv")
    assert (levels(dataset, Domain.A), levels(dataset, Domain.B)) == ([10, 10], [20, 20])
    local = layouts.find(folder / "set.csv").split("train").of(Domain.A)
    assert decode(local[1], 3)[0, 0, 0] == 10
    with pytest.raises(Unreadable, match="No such file"):
        decode(local[0], 3)


def test_some_of_the_pairs(folder: Path) -> None:
    (folder / "set.csv").write_text("a,b\n" + "".join(f"sub/{i}.png,sub/{i}.png\n" for i in range(8)))
    train = layouts.find(folder / "set.csv", 4).split("train")
    assert (len(train.pairs), len(train.only_a), len(train.only_b)) == (4, 4, 4)
    whole = list(layouts.find(folder / "set.csv", 8).split("train").of(Domain.A))
    assert sorted(train.of(Domain.A), key=str) == whole


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("s.csv", "a,b,splt\n", r'line 1: unknown column "splt"\. Did you mean "split"'),
        ("s.csv", "a,b\n", "names no pictures"),
        ("s.csv", "", "names no pictures"),
        ("s.csv", "a,b\nx.png,y.png\n,\n", "line 3: names no picture"),
        ("s.csv", "a,image\nx.png,y.png\n", "line 2: names x.png, y.png"),
        ("s.csv", "a,split\nx.png,trian\n", r'line 2: names the split "trian"\. Did you mean "train"'),
        ("s.csv", "image,side_by_side\nx.png,maybe\n", 'side_by_side is "maybe"'),
        ("s.csv", "a,b,image\nx.png,y.png,\n,,z.png\n", "holds pairs and one domain"),
        ("s.jsonl", '{"a": "x.png"}\n{"a": \n', "line 2: is no JSON"),
        ("s.jsonl", "[1]\n", "line 1: is no object"),
        ("s.jsonl", "\xff\xfe", "is no"),
    ],
)
def test_mistakes_are_named_by_line(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text, encoding="latin-1")
    with pytest.raises(UserError, match=message):
        layouts.find(tmp_path / name)


def test_a_table_that_is_not_there(tmp_path: Path, memory: str) -> None:
    fsspec.filesystem("memory").pipe_file(f"{memory}/x", b"")
    for place in (tmp_path / "s.csv", f"{memory}/s.jsonl"):
        with pytest.raises(UserError, match="there is no such file"):
            layouts.find(place)


def test_a_picture_is_some_twenty_bytes_and_its_name(folder: Path) -> None:
    table = io.StringIO()
    table.write("a,b\n")
    for i in range(2000):
        table.write(f"{i:06},{i:06}\n")
    (folder / "set.csv").write_text(table.getvalue())
    import tracemalloc

    tracemalloc.start()
    found = layouts.find(folder / "set.csv")
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert len(found.split("train").pairs) == 2000
    assert held / 4000 < 60
