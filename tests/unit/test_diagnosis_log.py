"""Faults planted in logs are found, each in five seeds; noisy logs of good games are left in peace."""

import sys
from pathlib import Path

import pytest

from translate.diagnosis import of_log

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))

import diagnosis_faults as faults

SEEDS = range(5)
PLANTED = [(name, maker) for name, makers in faults.LOG_FAULTS.items() for maker in makers]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("name", "maker"), PLANTED)
def test_a_planted_fault_is_found_and_nothing_else(name: str, maker: faults.LogMaker, seed: int) -> None:
    assert [finding.name for finding in of_log(maker(seed))] == [name]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("maker", faults.HEALTHY_LOGS)
def test_a_good_game_is_left_in_peace_at_each_of_its_steps(maker: faults.LogMaker, seed: int) -> None:
    rows = maker(seed)
    assert [finding.name for end in range(len(rows) + 1) for finding in of_log(rows[:end])] == []


def test_the_step_is_named_from_which_on_nothing_is_a_number() -> None:
    rows = faults.log(0)
    for row in rows[-7:]:
        row["loss/cycle/a"] = float("nan")
    (finding,) = of_log(rows)
    assert finding.severity == "error"
    assert finding.evidence["since_step"] == rows[-7]["step"]
    assert "loss/cycle/a is no number" in finding.message
    assert f"step {int(rows[-8]['step']):,}" in finding.advice


def test_broken_from_the_first_row_on_is_said_at_once() -> None:
    rows = [{"step": 1, "loss/adversarial/b": float("nan"), "grad_norm/generator": float("nan")}]
    assert [finding.name for finding in of_log(rows)] == ["not_a_number"]


def test_an_explosion_is_remembered_and_dated() -> None:
    rows = faults.log(1, 200)
    for row in rows[60:]:
        row["grad_norm/discriminator"] *= 1e5
    (finding,) = of_log(rows)
    assert finding.evidence["player"] == "discriminator"
    assert finding.evidence["since_step"] == rows[60]["step"]


def test_each_domain_has_its_own_discriminator() -> None:
    rows = faults.sure(0)
    for row in rows:
        row["separation/a"] = 0.8
        row["loss/adversarial/a"] = row["loss/adversarial/discriminator/a"] = 0.5
    (finding,) = of_log(rows)
    assert finding.evidence["domain"] == "b"


def test_a_penalty_next_to_nothing_does_not_make_a_discriminator_sure() -> None:
    rows = faults.always_right(0)
    for row in rows:
        row["loss/r1/discriminator/b"] = 1e-6
    assert of_log(rows) == []


def test_scores_may_stand_in_rows_of_their_own() -> None:
    rows = []
    for row in faults.standing_still(0):
        scores = {key: row.pop(key) for key in list(row) if key.startswith(("score/", "floor/"))}
        rows += [row, {"step": row["step"], **scores}] if scores else [row]
    assert [finding.name for finding in of_log(rows)] == ["discriminator_won"]


def test_an_empty_log_says_nothing() -> None:
    assert of_log([]) == []
    assert of_log([{"step": 50, "seconds": 1.0}]) == []


def test_a_game_that_has_left_all_bounds_from_the_start_is_found() -> None:
    """Nothing was ever usual there, and the gradients are dead: only the loss tells."""
    rows = [{"step": 50 * i, "loss/adversarial/b": 5e5, "grad_norm/generator": 0.0} for i in range(1, 8)]
    (finding,) = [finding for finding in of_log(rows) if finding.name == "exploding_gradients"]
    assert "5e+05" in finding.message
    critic = [{"step": 50 * i, "loss/adversarial/b": 800.0 - i, "grad_norm/generator": 3.0} for i in range(1, 30)]
    assert not [finding for finding in of_log(critic) if finding.name == "exploding_gradients"]
