"""When who reached what: read off curves whose answers are known."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))

import quality_curves as curves
import time_to_quality as race

from translate import config, run
from translate.data import images
from translate.domain import Domain
from translate.trainer import rate_factor

L1 = curves.MEASURES["L1, mean of both ways"]


def lane(name: str, who: str, *curve: tuple[float, float]) -> curves.Lane:
    """A lane whose mean L1 at some seconds is as given: a2b is 2 above it, b2a 2 below."""
    points = [curves.Point(second, int(second), (value + 2, value - 2), (0.4, 0.6)) for second, value in curve]
    return curves.Lane(name, who, {"images": 10}, 1, points, pairs=100, done=True)


def test_reached_is_when_it_stays() -> None:
    points = lane("", "ours", (10, 30), (20, 19), (30, 21), (40, 20), (50, 15)).points
    assert curves.reached(points, L1, 20) == 40
    assert curves.reached(points, L1, 30) == 10
    assert curves.reached(points, L1, 14) is None
    assert curves.reached(points[:3], L1, 20) is None  # it was there, and left


def test_the_original_is_given_its_best_lane_and_moment_and_ours_only_what_stays() -> None:
    theirs = [
        lane("slow", "original", (100, 40), (300, 22)),
        lane("quick", "original", (50, 33), (100, 24), (300, 26)),
    ]
    ours = [lane("one", "ours", (10, 21), (20, 23), (30, 20)), lane("two", "ours", (25, 23.5), (40, 22))]
    found = {(a.measure, round(a.level, 2)): a for a in curves.answers(theirs, ours)}
    best = found["L1, mean of both ways", 22]
    assert (best.theirs, best.their_lane, best.ours, best.our_lane) == (300, "slow", 30, "one")
    assert best.ratio == 10
    coarse = found["L1, mean of both ways", 24.2]  # a visit at 100 s, though it left again
    assert (coarse.theirs, coarse.their_lane, coarse.ours) == (100, "quick", 10)
    assert found["L1, a2b", 24].theirs == 300
    missed = next(iter(curves.answers(theirs, [lane("worse", "ours", (10, 50))])))
    assert (missed.ours, missed.ratio) == (None, None)
    assert "not reached" in curves.table([*theirs, lane("worse", "ours", (10, 50))])


def test_lanes_are_read_as_they_were_saved(tmp_path: Path) -> None:
    made = lane("a", "ours", (1, 2), (3, 4))
    made.save(tmp_path)
    assert curves.read(tmp_path / "a.json") == made
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
    assert json.loads((tmp_path / "a.json").read_text())["points"][0]["seconds"] == 1


def test_lanes_of_other_threads_are_not_compared() -> None:
    one, two = lane("one", "ours", (1, 1)), lane("two", "original", (1, 1))
    assert curves.unlike([one, two]) == ""
    two.threads = 2
    assert "two has 2 threads" in curves.unlike([one, two])


def test_both_rates_fall_alike() -> None:
    published = config.load("cyclegan", []).training
    for share in (0, 0.3, 0.5, 0.6, 0.9, 1):
        assert race.rate_share(share, "linear") == pytest.approx(rate_factor(published, share))
        assert race.rate_share(share, "constant") == 1


def test_a_score_is_of_the_right_way_and_truth(unpaired: Path) -> None:
    a, b = race.held_out(unpaired, 4)
    truth = {images.to_tensor(x).numpy().tobytes(): images.to_tensor(y) for x, y in ((a, b), (b, a))}

    def perfect(inputs: Tensor) -> Tensor:
        return truth[inputs.numpy().tobytes()]

    assert race.score({Domain.A: perfect, Domain.B: perfect}, (a, b)) == {"l1": (0.0, 0.0), "ssim": (1.0, 1.0)}
    black = {Domain.A: perfect, Domain.B: lambda inputs: torch.full_like(inputs, -1)}
    assert race.score(black, (a, b))["l1"] == (pytest.approx(b.mean()), 0.0)


def test_ours_is_trained_and_scored_at_the_end_too(
    tmp_path: Path, unpaired: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "Monitor", run.Monitor)  # the lane puts its own there: put back after it
    (tmp_path / "data").symlink_to(unpaired)
    chosen = SimpleNamespace(
        out=tmp_path, config="smoke", name=None, minutes=0.004, images=4, look=0.1, seed=0,
        set=["data.size=[16, 16]"],
    )  # fmt: skip
    made = race.train_ours(chosen)  # type: ignore[arg-type]
    assert made.done
    assert len(made.points) >= 2
    assert made.points[-1].seconds >= 0.24 > made.points[-2].seconds
    assert curves.read(tmp_path / "ours-smoke-0.004min.json") == made
    with pytest.raises(SystemExit, match="is there already"):
        race.train_ours(chosen)  # type: ignore[arg-type]
