"""The dataset of two futures: deterministic, a fair coin, and a judge that no average deceives."""

import csv
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray
from PIL import Image

from translate.cli import main
from translate.cli.data.make import MADE
from translate.data import check, crossroads, layouts
from translate.data.crossroads import FRAMES, futures, scene, strip, target, which
from translate.data.images import decode, last_frame
from translate.domain import Regime
from translate.errors import UserError

MANY = [scene(0, index) for index in range(30)]


def blend(one: NDArray[np.uint8], other: NDArray[np.uint8], share: float) -> NDArray[np.uint8]:
    return np.round(one * (1 - share) + other * share).astype(np.uint8)


def content(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("crossroads") / "data"
    crossroads.make(root, train=12, test=5, seed=3)
    return root


def test_the_same_seed_draws_the_same_files_on_any_number_of_threads(made: Path, tmp_path: Path) -> None:
    crossroads.make(tmp_path / "again", train=12, test=5, seed=3, workers=4)
    crossroads.make(tmp_path / "other", train=12, test=5, seed=4)
    one, again, other = content(made), content(tmp_path / "again"), content(tmp_path / "other")
    assert one == again
    assert not {data for name, data in one.items() if name.endswith("png")} & set(other.values())


def test_folders_hold_strips_and_targets_that_are_pairs(made: Path) -> None:
    found = layouts.find(made)
    assert found.regime() is Regime.SUPERVISED
    assert {name: len(split.pairs) for name, split in found.splits.items()} == {"train": 12, "test": 5}
    for split in found.splits.values():
        for a, b in split.pairs:
            assert a.path.name == b.path.name
            with Image.open(a.path) as one, Image.open(b.path) as other:
                assert (one.size, other.size) == ((FRAMES * 32, 32), (32, 32))
                assert one.format == other.format == "PNG"
    report = check.check(made)
    assert report["problems"] == []
    assert any(f"data.frames.a={FRAMES}" in advice for advice in report["advice"])


def test_scenes_can_be_drawn_again_from_the_table(made: Path) -> None:
    with (made / "scenes.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 17
    for row in rows:
        one = scene(int(row["seed"]), int(row["index"]))
        assert np.array_equal(strip(one), decode(made / f"{row['split']}A" / row["file"], 3))
        truth = decode(made / f"{row['split']}B" / row["file"], 3)
        assert np.array_equal(truth, target(one))
        assert which(truth, *futures(one)) == row["turn"] == one.turn


def test_training_and_test_scenes_differ(made: Path) -> None:
    pictures = [data for name, data in content(made).items() if name.endswith(".png")]
    assert len(set(pictures)) == len(pictures) == 2 * 17


def test_the_coin_is_fair_and_cannot_be_seen() -> None:
    """Of 4,000 coins four standard deviations are 126; nothing of a scene goes along with its turn."""
    scenes = [scene(0, index) for index in range(4000)]
    left = np.array([one.turn == "left" for one in scenes])
    assert abs(left.sum() - 2000) < 126
    for name in ("x", "y", "lane", "speed", "shirt", "skin", "hair", "grass", "asphalt"):
        values = np.array([getattr(one, name) for one in scenes])
        assert abs(np.corrcoef(values, left)[0, 1]) < 4 / 4000**0.5, name
    runs = int((left[1:] != left[:-1]).sum())
    assert abs(runs - 2000) < 126  # nor does it depend on the scene before


def test_the_strip_is_the_same_whatever_the_coin_says() -> None:
    from dataclasses import replace

    for one in MANY[:10]:
        flipped = replace(one, turn="right" if one.turn == "left" else "left")
        assert np.array_equal(strip(one), strip(flipped))
        assert futures(one)[0].tobytes() == futures(flipped)[0].tobytes()
        assert {target(one).tobytes(), target(flipped).tobytes()} == {image.tobytes() for image in futures(one)}


@pytest.mark.parametrize("size", [32, 48, 64])
def test_the_walker_walks_up_towards_the_crossing_and_out_of_it_sideways(size: int) -> None:
    """Where the walker is, from what differs between two pictures of the scene alone."""
    for one in MANY[:12]:
        frames = np.split(strip(one, size), FRAMES, axis=1)
        left, right = futures(one, size)
        assert left.shape == (size, size, 3)
        unit = size / 32

        def middle(image: NDArray[np.uint8], street: NDArray[np.uint8]) -> tuple[float, float]:
            rows, columns = np.nonzero(np.abs(image.astype(int) - street).max(-1) > 40)
            return float(rows.mean()), float(columns.mean())

        street = np.median(np.stack([*frames, left, right]), axis=0)  # each place is mostly empty
        rows, columns = zip(*(middle(frame, street) for frame in frames), strict=True)
        assert all(earlier > later for earlier, later in pairwise(rows))
        assert max(columns) - min(columns) < 1.5 * unit
        (row_left, column_left), (row_right, column_right) = middle(left, street), middle(right, street)
        assert column_left < columns[-1] - 3 * unit
        assert column_right > columns[-1] + 3 * unit
        assert abs(row_left - row_right) < unit
        assert row_left < rows[-1]


def test_how_fast_the_walker_is_can_be_seen_in_the_strip() -> None:
    """From frame to frame by the speed, which then says how far from the crossing the walker is in the future."""
    assert {one.speed for one in MANY} == {2, 3}
    widths = set()
    for one in MANY:
        frames = np.split(strip(one).astype(int), FRAMES, axis=1)
        for earlier, later in pairwise(frames):
            column = 16 + int(np.floor(one.x + one.lane))  # through the middle of the walker's head
            top = np.flatnonzero((np.abs(earlier - later).max(-1) > 50).any(axis=1))[0]
            hair = later[top + 1, column]
            first, second = (np.flatnonzero((np.abs(f[:, column] - hair) <= 1).all(-1))[0] for f in (earlier, later))
            assert first - second == one.speed
        left, right = futures(one)
        far = np.flatnonzero((left != right).any(axis=(0, 2)))
        widths.add(far[-1] - far[0] + 1 - 2 * 3 * one.speed)
    assert len(widths) == 1  # twice three steps, and a walker with a shadow
    assert 5 <= widths.pop() <= 8


@pytest.mark.parametrize("size", [32, 64])
def test_each_future_is_itself_also_with_noise(size: int) -> None:
    random = np.random.default_rng(0)
    for one in MANY[:12]:
        left, right = futures(one, size)
        for name, image in (("left", left), ("right", right)):
            assert which(image, left, right) == name
            noisy = np.clip(image + random.normal(0, 3, image.shape), 0, 255).round().astype(np.uint8)
            assert which(noisy, left, right) == name
            softer = blend(image, left if name == "right" else right, 0.2)
            assert which(softer, left, right) == name


def test_what_no_future_holds_is_neither() -> None:
    for one in MANY:
        left, right = futures(one)
        last = np.split(strip(one), FRAMES, axis=1)[-1]
        middle = one.x + 16 + int(one.lane)
        nobody = np.concatenate([right[:, : middle + 1], left[:, middle + 1 :]], axis=1)
        both = np.concatenate([left[:, : middle + 1], right[:, middle + 1 :]], axis=1)
        faded = blend(nobody, left, 0.5)
        darker = left.copy()
        darker[20:, :8] //= 2
        for name, image in {
            "average": blend(left, right, 0.5),
            "a third of the way": blend(left, right, 0.35),
            "nobody": nobody,
            "both": both,
            "faded": faded,
            "still at the crossing": last,
            "turned, and still at the crossing": np.where((last != nobody).any(-1, keepdims=True), last, left),
            "upside down": left[::-1],
            "shifted by two cells": np.roll(left, 2, axis=1),
            "right but for a dark corner": darker,
            "black": np.zeros_like(left),
        }.items():
            assert which(image, left, right) == "neither", (name, one)


def test_the_last_frame_of_the_strip_comes_before_the_future(made: Path) -> None:
    """It shows the same street: all that differs from a future is where the walker was and is."""
    for a, b in layouts.find(made).split("test").pairs:
        now, then = last_frame(decode(a, 3, FRAMES), 3), decode(b, 3)
        assert 0.02 < (np.abs(now.astype(int) - then).max(-1) > 0).mean() < 0.15


def test_nothing_is_overwritten(made: Path) -> None:
    with pytest.raises(UserError, match="not an empty folder"):
        crossroads.make(made, train=1, test=1)


def test_the_command_draws_with_the_datasets_own_defaults_and_refuses_what_it_lacks(tmp_path: Path) -> None:
    run = CliRunner().invoke
    said = run(main, ["data", "make", "crossroads", str(tmp_path / "x"), "--train", "2", "--test", "1"])
    assert said.exit_code == 0, said.output
    assert "2 training and 1 held-out scenes, 32 px, seed 0" in said.output
    refused = run(main, ["data", "make", "crossroads", str(tmp_path / "y"), "--no-pairs"])
    assert refused.exit_code == 2
    assert "crossroads: has no option --no-pairs" in refused.output
    assert "one of --train, --test, --size, --seed" in refused.output
    assert not (tmp_path / "y").exists()
    listed = run(main, ["data", "list"]).output
    assert all(name in listed for name in MADE)
