"""Which pictures a folder holds: every layout of the documented table, counts of pairs, and people's mistakes."""

import os
from pathlib import Path

import pytest
from PIL import Image

from translate.data.layouts import Dataset, Picture, find
from translate.domain import Domain, Regime
from translate.errors import UserError


def picture(path: Path, size: tuple[int, int] = (4, 4)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size).save(path)
    return path


def pictures(folder: Path, count: int, size: tuple[int, int] = (4, 4), prefix: str = "") -> None:
    for i in range(count):
        picture(folder / f"{prefix}{i:03d}.png", size)


def counts(dataset: Dataset) -> dict[str, tuple[int, int, int]]:
    return {name: (len(s.pairs), len(s.only_a), len(s.only_b)) for name, s in dataset.splits.items()}


@pytest.mark.parametrize(
    "names",
    [
        ("trainA", "trainB", "testA", "testB"),
        ("train_a", "train_b", "TEST_A", "TEST_B"),
        ("train/A", "train/B", "test/A", "test/B"),
        ("Train/a", "Train/b", "test/a", "test/b"),
        ("a/train", "b/train", "a/test", "b/test"),
        ("A/train", "B/train", "A/test", "B/test"),
    ],
)
def test_every_spelling_of_unpaired_folders(tmp_path: Path, names: tuple[str, ...]) -> None:
    for name, count in zip(names, (3, 5, 1, 2), strict=True):
        pictures(tmp_path / name, count)
    found = find(tmp_path)
    assert counts(found) == {"train": (0, 3, 5), "test": (0, 1, 2)}
    assert found.regime() is Regime.UNSUPERVISED
    assert found.layout == "two folders of unpaired pictures"
    assert [p.path.name for p in found.split("train").only_a] == ["000.png", "001.png", "002.png"]


def test_side_by_side(tmp_path: Path) -> None:
    pictures(tmp_path / "train", 4, (8, 4))
    pictures(tmp_path / "valid", 2, (8, 4))
    found = find(tmp_path)
    assert counts(found) == {"train": (4, 0, 0), "val": (2, 0, 0)}
    assert found.regime() is Regime.SUPERVISED
    first = tmp_path / "train" / "000.png"
    assert found.split("train").pairs[0] == (Picture(first, "left"), Picture(first, "right"))


def test_side_by_side_without_a_split_folder(tmp_path: Path) -> None:
    pictures(tmp_path, 3, (8, 4))
    assert counts(find(tmp_path)) == {"train": (3, 0, 0)}


def test_a_photograph_that_the_camera_turned_is_judged_by_its_shown_shape(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    (tmp_path / "train").mkdir()
    Image.new("RGB", (4, 8)).save(tmp_path / "train" / "a.jpg", exif=exif)
    assert counts(find(tmp_path)) == {"train": (1, 0, 0)}


def test_pairs_by_stem_are_matched_by_name_not_by_place(tmp_path: Path) -> None:
    for name in ("x", "y", "z"):
        picture(tmp_path / "train" / "A" / f"{name}.png")
    for name in ("0", "y", "z"):
        picture(tmp_path / "train" / "B" / f"{name}.jpg")
    found = find(tmp_path, "stem")
    train = found.split("train")
    assert [(a.path.name, b.path.name) for a, b in train.pairs] == [("y.png", "y.jpg"), ("z.png", "z.jpg")]
    assert [p.path.name for p in train.only_a] == ["x.png"]
    assert [p.path.name for p in train.only_b] == ["0.jpg"]
    assert {p.name for p in train.unmatched} == {"x.png", "0.jpg"}
    assert found.regime() is Regime.SEMI_SUPERVISED


def test_stems_keep_their_subfolder_and_their_dots(tmp_path: Path) -> None:
    for folder in ("A", "B"):
        picture(tmp_path / "train" / folder / "1" / "x.v1.png")
        picture(tmp_path / "train" / folder / "2" / "x.v2.png")
    pairs = find(tmp_path, "stem").split("train").pairs
    assert [a.path.relative_to(tmp_path / "train/A") for a, _ in pairs] == [Path("1/x.v1.png"), Path("2/x.v2.png")]
    assert all(a.path.name == b.path.name for a, b in pairs)


def test_without_being_asked_equal_stems_are_no_pairs(tmp_path: Path) -> None:
    pictures(tmp_path / "trainA", 3)
    pictures(tmp_path / "trainB", 3)
    assert counts(find(tmp_path)) == {"train": (0, 3, 3)}
    assert counts(find(tmp_path, 2)) == {"train": (2, 1, 1)}


@pytest.mark.parametrize(
    ("a", "b", "hint"), [(10, 9, "9 of 10 names match: --set data.pairs=stem"), (10, 8, None), (3, 10, None)]
)
def test_pairs_that_may_be_overlooked_are_hinted_at(tmp_path: Path, a: int, b: int, hint: str | None) -> None:
    pictures(tmp_path / "train/A", a)
    pictures(tmp_path / "train/B", b)
    said = find(tmp_path).hint
    assert said is None if hint is None else (said or "").startswith(hint)
    assert find(tmp_path, "stem").hint is None
    assert find(tmp_path, 0).hint is None


def test_no_hint_where_the_pairs_are_listed(tmp_path: Path) -> None:
    pictures(tmp_path / "trainA", 3)
    pictures(tmp_path / "trainB", 3)
    (tmp_path / "pairs.csv").write_text("a,b\ntrainA/000.png,trainB/001.png\n")
    assert find(tmp_path).hint is None


def test_a_number_of_pairs_makes_no_truth_of_equal_names(tmp_path: Path) -> None:
    for name in ("trainA", "trainB", "testA", "testB"):
        pictures(tmp_path / name, 3)
    assert counts(find(tmp_path, 0)) == {"train": (0, 3, 3), "test": (0, 3, 3)}
    assert counts(find(tmp_path, 2)) == {"train": (2, 1, 1), "test": (3, 0, 0)}  # the training pairs are by stem
    (tmp_path / "pairs.csv").write_text("a,b\ntrainA/000.png,trainB/001.png\n")
    assert counts(find(tmp_path, 1)) == {"train": (1, 2, 2), "test": (0, 3, 3)}  # here they are not
    (tmp_path / "pairs.csv").write_text("a,b\ntestA/000.png,testB/001.png\n")
    assert counts(find(tmp_path, 0)) == {"train": (0, 3, 3), "test": (1, 2, 2)}


def test_no_picture_lies_in_a_split(tmp_path: Path) -> None:
    pictures(tmp_path, 2)
    (tmp_path / "testA").mkdir()
    with pytest.raises(UserError, match=r"none of the 2 pictures lies in a folder of a split(?s:.*)testA/"):
        find(tmp_path)


def test_no_stem_matches(tmp_path: Path) -> None:
    pictures(tmp_path / "trainA", 4, prefix="photo")
    pictures(tmp_path / "trainB", 4, prefix="label")
    with pytest.raises(UserError, match=r"photo000.png, photo001.png, photo002.png .*label000.png"):
        find(tmp_path, "stem")


def test_two_files_of_one_stem(tmp_path: Path) -> None:
    picture(tmp_path / "trainA" / "x.png")
    picture(tmp_path / "trainA" / "x.jpg")
    picture(tmp_path / "trainB" / "x.png")
    with pytest.raises(UserError, match=r"x\.jpg and x\.png"):
        find(tmp_path, "stem")


@pytest.mark.parametrize("beside", [("trainA", "trainB"), ("trainB",), ("train/A",)])
def test_pairs_and_unpaired_beside_them(tmp_path: Path, beside: tuple[str, ...]) -> None:
    pictures(tmp_path / "train", 4, (8, 4))
    for name in beside:
        pictures(tmp_path / name, 3)
    found = find(tmp_path)
    a, b = (3 * any(name.endswith(d) for name in beside) for d in "AB")
    assert counts(found) == {"train": (4, a, b)}
    assert found.regime() is Regime.SEMI_SUPERVISED


def test_pairs_by_stem_in_train_and_unpaired_beside_them(tmp_path: Path) -> None:
    for name, count in (("train/A", 2), ("train/B", 2), ("trainA", 4), ("trainB", 3)):
        pictures(tmp_path / name, count)
    assert counts(find(tmp_path, "stem")) == {"train": (2, 4, 3)}


def test_pairs_file_with_test_rows_alone_leaves_train_unpaired(tmp_path: Path) -> None:
    for name in ("trainA", "trainB", "testA", "testB"):
        pictures(tmp_path / name, 3)
    (tmp_path / "pairs.csv").write_text("a,b\ntestA/000.png,testB/002.png\ntestA/001.png,testB/001.png\n")
    found = find(tmp_path)
    assert counts(found) == {"train": (0, 3, 3), "test": (2, 1, 1)}
    assert found.regime() is Regime.UNSUPERVISED
    assert found.split("test").pairs[0] == (
        Picture(tmp_path / "testA" / "000.png"),
        Picture(tmp_path / "testB" / "002.png"),
    )
    assert found.split("test").only_b == [Picture(tmp_path / "testB" / "000.png")]


def test_pairs_file_inside_a_split_and_with_a_byte_order_mark(tmp_path: Path) -> None:
    pictures(tmp_path / "train" / "photos", 2)
    pictures(tmp_path / "train" / "maps", 3)
    text = "B, A\nmaps/001.png, photos/000.png\n"
    (tmp_path / "train" / "pairs.csv").write_bytes(b"\xef\xbb\xbf" + text.encode())
    found = find(tmp_path)
    assert counts(found) == {"train": (1, 0, 0)}
    assert found.split("train").pairs[0][0].path.parent.name == "photos"
    assert len(found.stray) == 3  # nothing says of which domain they are


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("left,right\n", "columns a and b"),
        ("a,b\ntrainA/000.png,trainB/nope.png\n", "line 2.*nope.png"),
        ("a,b\ntrainA/000.png\n", "line 2.*column b"),
        ("a,b\ntrainB/000.png,trainA/000.png\n", "swap the two columns"),
        ("a,b\ntrainA/000.png,testB/000.png\n", "test and train"),
    ],
)
def test_mistakes_in_the_pairs_file(tmp_path: Path, text: str, message: str) -> None:
    for name in ("trainA", "trainB", "testA", "testB"):
        pictures(tmp_path / name, 1)
    (tmp_path / "pairs.csv").write_text(text)
    with pytest.raises(UserError, match=f"(?s){message}"):
        find(tmp_path)


def test_unpaired_training_with_pairs_to_test_on(tmp_path: Path) -> None:
    pictures(tmp_path / "trainA", 3)
    pictures(tmp_path / "trainB", 2)
    pictures(tmp_path / "test", 2, (8, 4))
    found = find(tmp_path)
    assert counts(found) == {"train": (0, 3, 2), "test": (2, 0, 0)}
    assert found.layout == "two folders of unpaired pictures; test: pairs side by side"


@pytest.mark.parametrize("folder", ["", "deep/down", "faces"])
def test_one_domain(tmp_path: Path, folder: str) -> None:
    pictures(tmp_path / folder, 3)
    found = find(tmp_path)
    assert counts(found) == {"train": (0, 0, 3)}
    assert found.regime() is Regime.UNCONDITIONAL


def test_one_domain_with_splits_and_letters_for_classes(tmp_path: Path) -> None:
    for letter in "ABC":
        pictures(tmp_path / "train" / letter, 2)
    pictures(tmp_path / "test", 1)
    assert counts(find(tmp_path)) == {"train": (0, 0, 6), "test": (0, 0, 1)}


def test_endings_hidden_files_and_others(tmp_path: Path) -> None:
    for name in ("a.JPG", "b.jpeg", "c.TIFF", "d.WebP", "e.ppm", "f.gif", "g.bmp"):
        picture(tmp_path / name)
    picture(tmp_path / ".hidden.png")
    picture(tmp_path / ".thumbnails" / "x.png")
    (tmp_path / "notes.txt").write_text("x")
    found = find(tmp_path)
    assert counts(found) == {"train": (0, 0, 7)}
    assert found.skipped == 1


def test_links_are_followed_but_not_in_circles(tmp_path: Path) -> None:
    pictures(tmp_path / "elsewhere", 2)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "back").symlink_to(tmp_path / "data")
    assert counts(find(tmp_path / "data")) == {"train": (0, 0, 2)}


def test_kept_pairs_are_nested_spread_and_the_rest_is_unpaired(tmp_path: Path) -> None:
    pictures(tmp_path / "train", 40, (8, 4))
    pictures(tmp_path / "test", 3, (8, 4))
    before: set[Picture] = set()
    for kept in (0, 1, 5, 25, 40):
        found = find(tmp_path, kept)
        train = found.split("train")
        assert counts(found) == {"train": (kept, 40 - kept, 40 - kept), "test": (3, 0, 0)}
        chosen = {a for a, _ in train.pairs}
        assert before <= chosen
        assert all(a.path == b.path for a, b in train.pairs)
        assert chosen.isdisjoint(train.only_a)
        assert sorted(p.path for p in train.only_a) == sorted(p.path for p in train.only_b)
        before = chosen
        numbers = [int(p.path.stem) for p in sorted(chosen, key=lambda p: p.path)]
        if kept == 5:
            assert max(b - a for a, b in zip(numbers, [*numbers[1:], 40], strict=True)) <= 16
    train = find(tmp_path, 0).split("train")
    aligned = sum(a.path == b.path for a, b in zip(train.only_a, train.only_b, strict=True))
    assert aligned <= 4
    assert find(tmp_path, 5) == find(tmp_path, 5)


def test_pairs_of_a_split_and_all_pictures_of_a_domain(tmp_path: Path) -> None:
    pictures(tmp_path / "train", 2, (8, 4))
    pictures(tmp_path / "trainB", 1)
    train = find(tmp_path).split("train")
    assert [p.half for p in train.of(Domain.A)] == ["left", "left"]
    assert [p.half for p in train.of(Domain.B)] == ["right", "right", None]


def test_a_split_that_is_not_there(tmp_path: Path) -> None:
    pictures(tmp_path, 1)
    with pytest.raises(UserError, match=r'no split "test"(?s:.*)one of train'):
        find(tmp_path).split("test")


def test_a_path_that_is_not_there_names_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "horse2zebra").mkdir()
    with pytest.raises(UserError, match='Did you mean "horse2zebra"'):
        find(tmp_path / "horse2zebr")


def test_a_file_an_empty_folder_and_a_folder_of_other_things(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="this is a file"):
        find(picture(tmp_path / "x.png"))
    (tmp_path / "empty" / "sub").mkdir(parents=True)
    (tmp_path / "empty" / "movie.mp4").write_text("")
    with pytest.raises(UserError, match=r"no pictures here \(1 other files\).*sub/"):
        find(tmp_path / "empty")


def test_only_one_of_two_domains(tmp_path: Path) -> None:
    pictures(tmp_path / "trainA", 1)
    with pytest.raises(UserError, match=r"no folder of B(?s:.*)trainB"):
        find(tmp_path)
    (tmp_path / "trainB").mkdir()
    with pytest.raises(UserError, match=r"trainB/ holds no pictures"):
        find(tmp_path)


def test_some_pictures_are_double_and_others_are_not(tmp_path: Path) -> None:
    pictures(tmp_path / "train", 3, (8, 4))
    picture(tmp_path / "train" / "odd.png", (9, 7))
    with pytest.raises(UserError, match=r"3 of 4 .*odd.png is 9x7"):
        find(tmp_path)


def test_single_pictures_where_pairs_belong(tmp_path: Path) -> None:
    pictures(tmp_path / "trainA", 1)
    pictures(tmp_path / "trainB", 1)
    pictures(tmp_path / "test", 1)
    with pytest.raises(UserError, match=r"testA/ or testB/"):
        find(tmp_path)


def test_a_folder_too_high(tmp_path: Path) -> None:
    for name in ("trainA", "trainB"):
        pictures(tmp_path / "horses" / name, 1)
    with pytest.raises(UserError, match=f"--data {tmp_path / 'horses'}"):
        find(tmp_path)


@pytest.mark.parametrize("pairs", ["some", -1, True, 2.5])
def test_a_senseless_number_of_pairs(tmp_path: Path, pairs: object) -> None:
    pictures(tmp_path, 1)
    with pytest.raises(UserError, match=r"data\.pairs"):
        find(tmp_path, pairs)  # type: ignore[arg-type]


def test_more_pairs_than_there_are(tmp_path: Path) -> None:
    pictures(tmp_path / "train", 3, (8, 4))
    with pytest.raises(UserError, match="has 3 pairs"):
        find(tmp_path, 4)
    pictures(tmp_path / "other", 3)
    with pytest.raises(UserError, match=r"0 pairs(?s:.*)equal stems"):
        find(tmp_path / "other", 1)


def test_a_relative_path_gives_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pictures(tmp_path / "d" / "trainA", 2)
    pictures(tmp_path / "d" / "trainB", 2)
    (tmp_path / "d" / "pairs.csv").write_text("a,b\ntrainA/000.png,trainB/001.png\n")
    monkeypatch.chdir(tmp_path / "d")
    assert counts(find(Path("."))) == counts(find(Path("../d"))) == counts(find(tmp_path / "d")) == {"train": (1, 1, 1)}
    assert os.path.samefile(find(Path(".")).split("train").pairs[0][0].path, tmp_path / "d/trainA/000.png")


@pytest.mark.parametrize("layout", ["{name}", "train/{name}", "trainB/{name}", "train/B/{name}", "b/train/{name}"])
def test_classes_are_the_folders_below_that_of_the_split(tmp_path: Path, layout: str) -> None:
    for name, deeper in (("dog", "poodles/small"), ("cat", "")):
        pictures(tmp_path / layout.format(name=name) / deeper, 2)
    if "B" in layout or layout.startswith("b"):
        pictures(tmp_path / layout.replace("B", "A").replace("b/", "a/").format(name=""), 2)
    found = find(tmp_path)
    assert found.classes() == ["cat", "dog"]
    assert {(p.path.relative_to(tmp_path).parts[layout.count("/")], p.label) for p in found.split("train").only_b} == {
        ("cat", "cat"),
        ("dog", "dog"),
    }
    assert {p.label for p in found.split("train").only_a} <= {None}


def test_classes_of_listed_pairs_and_by_a_relative_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("trainA/x", "trainB/cat", "trainB/dog"):
        pictures(tmp_path / name, 1)
    (tmp_path / "pairs.csv").write_text("a,b\ntrainA/x/000.png,trainB/dog/000.png\n")
    monkeypatch.chdir(tmp_path)
    (a, b) = find(Path(".")).split("train").pairs[0]
    assert (a.label, b.label) == ("x", "dog")
    assert find(Path(".")).classes() == ["cat", "dog"]


@pytest.mark.parametrize(
    ("folders", "message"),
    [
        (["train/cat"], r"train: found cat/.*at least two"),
        (["train"], r"train: found no folders; 2 pictures outside of them: train/000.png"),
        (["train/cat", "train/dog", "train"], r"found cat/, dog/; 2 pictures outside of them: train/000.png"),
        (["train/cat", "train/dog", "test/cat", "test/owl"], r"test has pictures of owl, and train has none"),
        (["train/cat", "train/dog", "test"], r"test: found no folders; 2 pictures outside"),
    ],
)
def test_folders_that_are_no_classes(tmp_path: Path, folders: list[str], message: str) -> None:
    for name in folders:
        pictures(tmp_path / name, 2)
    with pytest.raises(UserError, match=f"(?s){message}"):
        find(tmp_path).classes()


def test_a_class_may_be_missing_in_the_other_splits(tmp_path: Path) -> None:
    for name in ("train/cat", "train/dog", "test/cat"):
        pictures(tmp_path / name, 2)
    assert find(tmp_path).classes() == ["cat", "dog"]
    assert find(tmp_path).classes("test") == ["cat"]


def test_strips_of_two_frames_in_folders_of_a_and_b_are_no_pairs_side_by_side(tmp_path: Path) -> None:
    pictures(tmp_path / "trainA", 3, (8, 4))
    pictures(tmp_path / "trainB", 3)
    assert counts(find(tmp_path)) == {"train": (0, 3, 3)}
    (tmp_path / "pairs.csv").write_text("a,b\n" + "".join(f"trainA/00{i}.png,trainB/00{i}.png\n" for i in range(3)))
    found = find(tmp_path)
    assert counts(found) == {"train": (3, 0, 0)}
    assert all(picture.half is None for pair in found.split("train").pairs for picture in pair)
