"""Train, val and test: what belongs together stays together, and nothing ever changes sides."""

import os
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from translate.cli import main
from translate.data import layouts
from translate.domain import Domain
from translate.inference.places import Folder
from translate.preparing import split as dividing
from translate.preparing.grouping import FILMS, Member, films, groups
from translate.preparing.split import Shares


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(main, ["data", "split", *map(str, words)])


def pictures(folder: Path, names: list[str], seed: int = 0) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(seed)
    for name in names:
        Image.fromarray(random.integers(0, 256, (8, 8, 3), np.uint8)).save(folder / name)


def placed(out: Path) -> dict[str, str]:
    return {path.name: path.parent.name for path in out.rglob("*.png")}


def test_shares_are_met_on_the_average_and_seeds_differ() -> None:
    sides = [Shares(0.1, 0.2, 1).side(str(number)) for number in range(5000)]
    assert sides.count("test") / 5000 == pytest.approx(0.1, abs=0.015)
    assert sides.count("val") / 5000 == pytest.approx(0.2, abs=0.02)
    assert sides != [Shares(0.1, 0.2, 2).side(str(number)) for number in range(5000)]


def test_a_larger_test_share_keeps_what_was_held_out() -> None:
    held = {n for n in range(500) if Shares(0.1).side(str(n)) == "test"}
    assert held <= {n for n in range(500) if Shares(0.3).side(str(n)) == "test"}


def test_pictures_that_are_added_move_none(tmp_path: Path) -> None:
    names = [f"{number}.png" for number in range(40)]
    pictures(tmp_path / "in", names)
    assert run(tmp_path / "in", tmp_path / "one", "--test", "0.3").exit_code == 0
    before = placed(tmp_path / "one")
    assert set(before.values()) == {"train", "test"}
    pictures(tmp_path / "in", [f"a{number}.png" for number in range(20)], seed=1)
    # A copy of a picture, with a name that comes first: its group keeps the side that it has.
    held = next(name for name, side in before.items() if side == "test")
    (tmp_path / "in/!.png").write_bytes((tmp_path / "in" / held).read_bytes())
    assert run(tmp_path / "in", tmp_path / "one", "--test", "0.3").exit_code == 0
    after = placed(tmp_path / "one")
    assert len(after) == 61
    assert before.items() <= after.items()
    assert after["!.png"] == "test"
    assert run(tmp_path / "in", tmp_path / "two", "--test", "0.3").exit_code == 0
    fresh = placed(tmp_path / "two")
    assert all(fresh[name] == before[name] for name in names if name != held)


def test_pairs_in_two_folders_stay_pairs(paired: Path, tmp_path: Path) -> None:
    source = tmp_path / "in"
    source.mkdir()
    for side in ("A", "B"):
        os.symlink(paired / f"train{side}", source / f"train{side}")
    rows = (paired / "pairs.csv").read_text().splitlines()
    (source / "pairs.csv").write_text("\n".join(row for row in rows if "test" not in row) + "\n")
    said = run(source, tmp_path / "out", "--test", "0.4", "--val", "0.2", "--seed", "1")
    assert said.exit_code == 0, said.output
    found = layouts.find(tmp_path / "out")
    assert sum(len(split.pairs) for split in found.splits.values()) == 8
    assert set(found.splits) == {"train", "val", "test"}
    for split in found.splits.values():
        assert not split.only_a
        assert all(a.path.name == b.path.name for a, b in split.pairs)
    assert run(source, tmp_path / "out", "--test", "0.4", "--val", "0.2", "--seed", "1").exit_code == 0
    assert len((tmp_path / "out/pairs.csv").read_text().splitlines()) == 9


def test_equal_names_in_a_and_b_share_a_side(tmp_path: Path) -> None:
    names = [f"{number}.png" for number in range(12)]
    pictures(tmp_path / "in/A", names, 1)
    pictures(tmp_path / "in/B", names, 2)
    assert run(tmp_path / "in", tmp_path / "out", "--test", "0.4").exit_code == 0
    found = layouts.find(tmp_path / "out", "stem")
    assert not any(split.unmatched for split in found.splits.values())
    assert len(found.split("test").of(Domain.A)) == len(found.split("test").of(Domain.B)) > 0


def test_films_and_groups_and_copies_stay_together(tmp_path: Path) -> None:
    names = [f"{film}_{number:03}" for film in "abc" for number in range(6)]
    pictures(tmp_path, [f"{name}.png" for name in names])
    members = [Member(tmp_path / f"{name}.png", name) for name in names]
    assert films(names) == 3
    assert films(["IMG_0001", "IMG_0007", "IMG_0100", "holiday"]) == 0
    assert len(groups(members)) == 18
    assert sorted(map(len, groups(members, FILMS))) == [6, 6, 6]
    assert len(groups(members, r"_(\d+)")) == 6
    (tmp_path / "b_003.png").write_bytes((tmp_path / "a_000.png").read_bytes())
    assert sorted(map(len, groups(members, FILMS))) == [6, 12]
    assert "frames of 3 films" in run(tmp_path, tmp_path.parent / f"{tmp_path.name}-out", "--test", "0.4").output


def test_links_take_no_space(tmp_path: Path) -> None:
    pictures(tmp_path / "in", ["1.png", "2.png", "3.png", "4.png"])
    assert run(tmp_path / "in", tmp_path / "out", "--test", "0.5", "--link").exit_code == 0
    for name, side in placed(tmp_path / "out").items():
        assert os.path.samefile(tmp_path / "in" / name, tmp_path / "out" / side / name)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--test", "0.6", "--val", "0.4"), "leave nothing to train on"),
        (("--test", "0"), "leave nothing to divide"),
        (("--group", "("), "no regular expression"),
        (("--films", "--group", "x"), "one of the two"),
        (("--test", "0.3", "--val", "0.3"), "2 groups that stay together, too few for train, val, test"),
    ],
)
def test_mistakes_are_said_before_anything_is_written(words: tuple[str, ...], expected: str, tmp_path: Path) -> None:
    pictures(tmp_path / "in", ["1.png", "2.png"])
    said = run(tmp_path / "in", tmp_path / "out", *words)
    assert said.exit_code == 2
    assert expected in said.output
    assert not (tmp_path / "out").exists()


def test_few_pictures_fill_every_part(tmp_path: Path) -> None:
    pictures(tmp_path / "in", ["1.png", "2.png", "3.png"])
    for seed in range(4):
        out = tmp_path / str(seed)
        assert run(tmp_path / "in", out, "--test", "0.01", "--val", "0.01", "--seed", str(seed)).exit_code == 0
        assert sorted(placed(out).values()) == ["test", "train", "val"]


def test_what_is_divided_is_refused(unpaired: Path, tmp_path: Path) -> None:
    said = run(unpaired, tmp_path / "out")
    assert said.exit_code == 2
    assert "divided already: train, test" in said.output


def test_frames_that_come_before_a_films_first_move_no_film(tmp_path: Path) -> None:
    films = [f"film{chr(97 + number)}" for number in range(10)]
    pictures(tmp_path / "in", [f"{film}_{frame:04}.png" for film in films for frame in (5, 6)])
    words = ("--films", "--test", "0.4")
    assert run(tmp_path / "in", tmp_path / "one", *words).exit_code == 0
    pictures(tmp_path / "in", [f"{film}_0001.png" for film in films], seed=1)
    assert run(tmp_path / "in", tmp_path / "two", *words).exit_code == 0
    before, after = placed(tmp_path / "one"), placed(tmp_path / "two")
    assert set(before.values()) == {"train", "test"}
    assert before.items() <= after.items()
    assert len({(name[:5], side) for name, side in after.items()}) == 10


def test_pairs_of_which_one_can_not_be_copied_are_not_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pictures(tmp_path / "in/trainA", [f"{n}.png" for n in range(6)], 1)
    pictures(tmp_path / "in/trainB", [f"{n}.png" for n in range(6)], 2)
    rows = [f"trainA/{n}.png,trainB/{n}.png" for n in range(6)]
    (tmp_path / "in/pairs.csv").write_text("\n".join(["a,b", *rows]) + "\n")
    real = dividing._copy

    def copy(path: Path, target: Folder, to: str) -> list[str]:
        if to.endswith("B/3.png"):
            raise OSError("unreadable")
        return real(path, target, to)

    monkeypatch.setattr(dividing, "_copy", copy)
    said = run(tmp_path / "in", tmp_path / "out", "--test", "0.3")
    assert said.exit_code == 1
    assert sum(len(part.pairs) for part in layouts.find(tmp_path / "out").splits.values()) == 5


def test_what_was_reached_and_what_finds_nothing_is_said(tmp_path: Path) -> None:
    pictures(tmp_path / "in", [f"{film}_{number}.png" for film in "ab" for number in range(10)])
    said = run(tmp_path / "in", tmp_path / "films", "--films", "--test", "0.1")
    assert "test got 50.0% of the pictures, and 10.0% were asked for" in said.output
    said = run(tmp_path / "in", tmp_path / "zzz", "--group", "zzz")
    assert "warning: --group zzz finds nothing" in said.output
    assert "warning" not in run(tmp_path / "in", tmp_path / "fine", "--group", "_(.)").output
    said = run(tmp_path / "in", tmp_path / "fine", "--group", "_(.)", "--test", "0.5")
    assert "--test was 0.1" in said.output


def test_one_picture_is_too_few(tmp_path: Path) -> None:
    pictures(tmp_path / "in", ["1.png"])
    said = run(tmp_path / "in", tmp_path / "out")
    assert "1 file makes 1 group" in said.output
    assert "--group" not in said.output


def test_a_part_that_is_not_asked_for_any_more_keeps_what_it_has(tmp_path: Path) -> None:
    """Or its pictures would be copied to a second side."""
    pictures(tmp_path / "in", [f"{number}.png" for number in range(12)])
    assert run(tmp_path / "in", tmp_path / "out", "--test", "0.3", "--val", "0.3").exit_code == 0
    before = placed(tmp_path / "out")
    assert "val" in before.values()
    assert "0 copied" in run(tmp_path / "in", tmp_path / "out", "--test", "0.5").output
    assert len(list((tmp_path / "out").rglob("*.png"))) == 12
