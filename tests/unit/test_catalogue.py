"""Every card and recipe: what they must say, and that a tiny archive of the described structure becomes a dataset."""

import io
import re
import zipfile
from pathlib import Path

import pytest
from PIL import Image
from pydantic import ValidationError
from sources import EACH, example, packed, picture, structure

from translate.catalogue import cards
from translate.catalogue.convert import Converted, convert
from translate.catalogue.recipe import Beside, Recipe, fits
from translate.cli.data.get import size
from translate.cli.data.make import MADE
from translate.data import layouts
from translate.errors import UserError

ASKED_FOR = {
    "horse2zebra", "apple2orange", "summer2winter_yosemite", "monet2photo", "vangogh2photo", "cezanne2photo",
    "ukiyoe2photo", "maps", "facades", "iphone2dslr_flower", "cityscapes", "edges2shoes", "edges2handbags",
    "night2day", "selfie2anime", "anime_faces", "afhq", "afhq_v2", "celeba", "ffhq_thumbnails",
}  # fmt: skip


# --- what they say


def rows(name: str) -> dict[str, str]:
    """The card's table."""
    lines = [line for line in cards.card(name).splitlines() if line.startswith("| ") and not line.startswith("| |")]
    return {key.strip(): value.strip() for key, value in (line.strip("| ").split(" | ", 1) for line in lines)}


def test_all_sets_of_the_field_are_there() -> None:
    assert set(cards.names()) >= ASKED_FOR
    assert {path.name for path in cards.folder().iterdir()} == {*MADE, *cards.names()}


@pytest.mark.parametrize("name", cards.names())
def test_a_card_says_what_its_recipe_says(name: str) -> None:
    recipe, card = cards.recipe(name), rows(name)
    assert {"origin", "licence", "counts", "splits", "regime", "size", "checksum", "get", "cite"} <= set(card)
    assert all(card.values())
    assert card["licence"].startswith(recipe.licence)
    assert card["regime"].startswith(recipe.regime)
    assert card["splits"].split(", ") == recipe.targets
    assert size(recipe.bytes) in card["size"]
    for target, count in recipe.counts.items():
        assert f"{count:,} {target}" in card["counts"]
    if recipe.total:
        assert f"{recipe.total:,} in all" in card["counts"]
    if not recipe.counts and not recipe.total:
        assert card["counts"] == "not stated"
    assert ("SHA-256" in card["checksum"].split(",")[0]) == any(file.sha256 for file in recipe.files)
    assert ("--accept" in card["get"]) == recipe.accept
    assert cards.card(name).startswith(f"# {name}\n")


@pytest.mark.parametrize("name", cards.names())
def test_a_recipe_can_be_followed(name: str) -> None:
    recipe = cards.recipe(name)
    assert set(recipe.counts) <= set(recipe.targets)
    assert len({file.name for file in recipe.files}) == len(recipe.files)
    for file in recipe.files:
        assert file.archive == "none" or file.name.endswith("." + file.archive)
        assert file.urls or recipe.by_hand
        assert all(file.name in url or file.name in url.partition("?")[0] for url in file.urls)
        assert file.urls or file.name in str(recipe.by_hand) or len(recipe.files) == 1
    if re.search(r"non-commercial|BY-NC|registration", recipe.licence):
        assert recipe.accept
    if recipe.total and set(recipe.counts) == set(recipe.targets):
        assert sum(recipe.counts.values()) == recipe.total


@pytest.mark.parametrize("name", sorted(MADE))
def test_what_is_drawn_has_a_card_and_no_recipe(name: str) -> None:
    assert "| licence | MIT" in cards.card(name)
    assert name not in cards.names()


def test_a_recipe_that_would_lead_elsewhere_is_none() -> None:
    good = cards.recipe("horse2zebra").model_dump()
    for change in (
        {"layout": {"kind": "folders", "take": {"../trainA": ["trainA/*"]}}},
        {"layout": {"kind": "folders", "take": {"trainA": ["/etc/*"]}}},
        {"files": [{"name": "../a.zip", "archive": "zip"}]},
        {"files": [{"name": "a.zip", "archive": "zip", "urls": ["file:///etc/passwd"]}]},
        {"files": [{"name": "a.zip", "archive": "zip", "sha256": "abc"}]},
        {"files": []},
        {"colour": "red"},
    ):
        with pytest.raises(ValidationError):
            Recipe.model_validate(good | change)


def test_an_unknown_dataset_names_the_nearest() -> None:
    with pytest.raises(UserError, match='Did you mean "horse2zebra"'):
        cards.recipe("horses2zebras")
    with pytest.raises(UserError, match='Did you mean "faces"'):
        cards.card("face")


# --- what becomes of an archive


def converted(recipe: Recipe, folder: Path) -> Converted:
    return convert(recipe, packed(recipe, folder), folder / "out")


@pytest.mark.parametrize("name", cards.names())
def test_what_the_recipe_makes_is_found_with_the_regime_it_states(name: str, tmp_path: Path) -> None:
    recipe = cards.recipe(name)
    done = converted(recipe, tmp_path)
    found = layouts.find(tmp_path / "out")
    assert str(found.regime("train")) == recipe.regime
    assert dict(done.counts) == dict.fromkeys(recipe.targets, EACH)
    assert sum(len(split.pairs) + len(split.only_a) + len(split.only_b) for split in found.splits.values()) == sum(
        done.counts.values()
    )
    assert not found.stray
    assert found.skipped == 0
    assert set(found.splits) == {re.match("train|val|test", target)[0] for target in recipe.targets}  # type: ignore[index]
    assert not list((tmp_path / "out").rglob("*.py"))


def test_bytes_stay_what_they_were(tmp_path: Path) -> None:
    recipe = cards.recipe("facades")
    converted(recipe, tmp_path)
    for path, data in structure(recipe)["facades.tar.gz"].items():
        if path.endswith(".jpg") and "MACOSX" not in path:
            assert (tmp_path / "out" / path.removeprefix("top/")).read_bytes() == data


def test_photo_and_labels_of_a_street_meet_on_the_right_sides(tmp_path: Path) -> None:
    """Two archives, in whichever order: the photo left, as A, the labels right, none of them interpolated."""
    recipe = cards.recipe("cityscapes")
    names = [file.name for file in recipe.files]
    files = {}
    for name, side, colours in (
        (names[0], "a", [(9, 9, 9)] * 3),
        (names[1], "b", [(0, 0, 200), (0, 200, 0), (90, 0, 0)]),
    ):
        assert isinstance(recipe.layout, Beside)
        files[name] = tmp_path / name
        with zipfile.ZipFile(files[name], "w") as archive:
            for target, halves in recipe.layout.take.items():
                image = Image.new("RGB", (300, 150))
                for at, colour in enumerate(colours):
                    image.paste(colour, (at * 100, 0, at * 100 + 100, 150))
                buffer = io.BytesIO()
                image.save(buffer, "PNG")
                archive.writestr(example(getattr(halves, side), 3), buffer.getvalue())
                assert target in ("train", "test")
    for turned in (False, True):
        ordered = recipe.model_copy(update={"files": recipe.files[::-1] if turned else recipe.files})
        out = tmp_path / f"out{turned}"
        convert(ordered, files, out)
        (made,) = (out / "train").iterdir()
        with Image.open(made) as image:
            assert image.size == (512, 256)
            left, right = image.crop((0, 0, 256, 256)), image.crop((256, 0, 512, 256))
        assert left.getcolors() == [(256 * 256, (9, 9, 9))]
        assert {colour for _, colour in right.getcolors() or ()} == {(0, 0, 200), (0, 200, 0), (90, 0, 0)}
        assert [path.name for path in sorted(out.iterdir())] == ["test", "train"]


def test_a_photo_without_labels_is_named(tmp_path: Path) -> None:
    recipe = cards.recipe("cityscapes")
    files = packed(recipe, tmp_path)
    with zipfile.ZipFile(files[recipe.files[0].name], "a") as archive:
        archive.writestr("leftImg8bit/train/city/alone_leftImg8bit.png", picture(1))
    with pytest.raises(UserError, match=r"1 pictures have no partner, alone\.png"):
        convert(recipe, files, tmp_path / "out")


def test_without_its_table_a_set_is_all_for_training(tmp_path: Path) -> None:
    recipe = cards.recipe("celeba")
    files = packed(recipe, tmp_path)
    del files["list_eval_partition.txt"]
    assert dict(convert(recipe, files, tmp_path / "out").counts) == {"train": 3 * EACH}


def test_a_table_that_is_none_is_named(tmp_path: Path) -> None:
    recipe = cards.recipe("celeba")
    files = packed(recipe, tmp_path)
    files["list_eval_partition.txt"].write_text("some_1.jpg 0\nsome_2.jpg 7\n")
    with pytest.raises(UserError, match=r"partition\.txt, line 2"):
        convert(recipe, files, tmp_path / "out")


def test_two_classes_are_a_translation(tmp_path: Path) -> None:
    recipe = cards.recipe("afhq").narrowed(["dog", "cat"])
    done = converted(recipe, tmp_path)
    assert dict(done.counts) == dict.fromkeys(("trainA", "trainB", "testA", "testB"), EACH)
    whole = tmp_path / "whole"
    whole.mkdir()
    converted(cards.recipe("afhq"), whole)
    a = {path.read_bytes() for path in (whole / "out" / "train" / "dog").iterdir()}
    assert len(a) == EACH
    assert str(layouts.find(tmp_path / "out").regime("train")) == "unsupervised" == recipe.regime
    assert recipe.counts == {"testA": 500, "testB": 500}
    lone = cards.recipe("afhq").narrowed(["wild"])
    assert (lone.targets, lone.regime, lone.counts) == (["test", "train"], "unconditional", {"test": 500})


@pytest.mark.parametrize("classes", [["cat", "lion"], ["cat", "cat"], ["cat", "dog", "wild"], [""]])
def test_other_classes_are_refused(classes: list[str]) -> None:
    with pytest.raises(UserError, match="one or two of cat, dog, wild"):
        cards.recipe("afhq").narrowed(classes)
    with pytest.raises(UserError, match="a dataset with classes"):
        cards.recipe("facades").narrowed(["cat"])


def test_a_picture_that_is_there_twice_is_taken_once_and_two_of_a_name_are_refused(tmp_path: Path) -> None:
    recipe = cards.recipe("anime_faces")
    path = tmp_path / "data.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("data/1.png", "data/data/1.png", "data/2.png"):
            archive.writestr(name, picture(int(name[-5])))
    done = convert(recipe, {"data.zip": path}, tmp_path / "out")
    assert (dict(done.counts), done.twice) == ({"train": 2}, 1)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("other/1.png", picture(3))
    with pytest.raises(UserError, match=r'two pictures "1\.png"'):
        convert(recipe, {"data.zip": path}, tmp_path / "again")


def test_another_archive_is_refused_by_what_it_lacks(tmp_path: Path) -> None:
    path = tmp_path / "horse2zebra.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("trainA/1.jpg", picture(1))
    with pytest.raises(UserError, match="holds no pictures for testA, testB, trainB"):
        convert(cards.recipe("horse2zebra"), {path.name: path}, tmp_path / "out")


def test_patterns_are_of_the_last_parts_of_a_path() -> None:
    assert fits("a/b/trainA/1.jpg", "trainA/*")
    assert fits("trainA/1.jpg", "trainA/*")
    assert not fits("trainA/more/1.jpg", "trainA/*")
    assert not fits("xtrainA/1.jpg", "trainA/*")
    assert not fits("1.jpg", "trainA/*")
    assert fits("00000/00005.png", "[0-5]????.png")
    assert not fits("66000/60005.png", "[0-5]????.png")


def test_the_table_of_the_docs_is_the_recipes() -> None:
    page = (Path(__file__).parents[2] / "docs" / "datasets.md").read_text(encoding="utf-8")
    for name in cards.names():
        recipe = cards.recipe(name)
        (line,) = [line for line in page.splitlines() if line.startswith(f"| `{name}` |")]
        assert f"| {recipe.stated} |" in line
        assert f"| {size(recipe.bytes)} |" in line
        assert recipe.licence in line
        assert ("accept" in line.rpartition("|")[0].rpartition("|")[2]) == recipe.accept
