"""Weights and their schedules, who speaks to whom, and what is logged."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from translate.objective import Loss, Objective, Player, _over_pairs, weight_at
from translate.terms.adversarial import Adversarial


@pytest.mark.parametrize(
    ("points", "progress", "expected"),
    [
        (3, 0.7, 3.0),
        (0.0, 0.0, 0.0),
        ([(0.0, 10.0), (1.0, 0.0)], 0.25, 7.5),
        ([(0.2, 1.0), (0.6, 5.0)], 0.0, 1.0),
        ([(0.2, 1.0), (0.6, 5.0)], 0.2, 1.0),
        ([(0.2, 1.0), (0.6, 5.0)], 0.5, 4.0),
        ([(0.2, 1.0), (0.6, 5.0)], 0.6, 5.0),
        ([(0.2, 1.0), (0.6, 5.0)], 1.0, 5.0),
        ([(0.6, 5.0), (0.2, 1.0)], 0.5, 4.0),  # in any order
        ([(0.0, 0.0), (0.5, 1.0), (1.0, 0.5)], 0.75, 0.75),
        ([(0.5, 2.0)], 0.1, 2.0),
    ],
)
def test_weights_are_linear_between_points_and_constant_outside(points: Any, progress: float, expected: float) -> None:
    assert weight_at(points, progress) == pytest.approx(expected)


@pytest.mark.parametrize(("first", "then"), [(0.0, 10.0), (10.0, 0.0)])
def test_two_weights_at_one_point_are_a_jump(first: float, then: float) -> None:
    jump = [(0.5, first), (0.5, then)]
    assert [weight_at(jump, p) for p in (0.0, 0.49, 0.5, 1.0)] == [first, first, then, then]


class Both(nn.Module):
    """Speaks to both players."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = nn.Parameter(torch.tensor(value))
        self.heard = 0

    def for_generator(self, x: object) -> dict[str, Tensor]:
        self.heard += 1
        return {"a": self.value, "b": self.value * 2}

    def for_discriminator(self, x: object) -> dict[str, Tensor]:
        return {"b": self.value * 3}


class OneSided(nn.Module):
    """Has nothing to say to discriminators, and nothing to say for some batches."""

    def for_generator(self, x: Any) -> dict[str, Tensor]:
        return {} if x.silent else {"b": torch.tensor(7.0)}


class Penalty(nn.Module):
    """Speaks to discriminators alone."""

    def for_discriminator(self, x: Any) -> dict[str, Tensor]:
        return {"b": torch.tensor(3.0)}


def batch(silent: bool = False, conditional: bool = False, progress: float = 0.0, stochastic: bool = False) -> Any:
    """As much of a Translations as these terms look at."""
    return SimpleNamespace(silent=silent, conditional=conditional, progress=progress, stochastic=stochastic)


def speak(
    objective: Objective, player: Player, progress: float = 0.0, silent: bool = False
) -> dict[str, tuple[float, float]]:
    losses = objective(player, batch(silent, progress=progress))
    return {name: (float(loss.value.detach()), loss.weight) for name, loss in losses.items()}


def test_values_are_unweighted_and_weights_stand_beside_them() -> None:
    objective = Objective({"adversarial": Both(2.0), "cycle": OneSided()}, {"adversarial": 0.5, "cycle": 10})
    assert speak(objective, Player.GENERATOR) == {
        "adversarial/a": (2.0, 0.5),
        "adversarial/b": (4.0, 0.5),
        "cycle/b": (7.0, 10.0),
    }
    assert float(Loss(torch.tensor(7.0), 10.0).weighted) == 70.0
    assert speak(objective, Player.GENERATOR, silent=True).keys() == {"adversarial/a", "adversarial/b"}


def test_a_discriminators_loss_is_not_scaled_by_the_weight() -> None:
    objective = Objective({"adversarial": Both(2.0)}, {"adversarial": 0.01})
    assert speak(objective, Player.DISCRIMINATOR) == {"adversarial/discriminator/b": (6.0, 1.0)}


def test_a_penalty_on_discriminators_keeps_its_weight() -> None:
    objective = Objective({"adversarial": Both(2.0), "r1": Penalty()}, {"adversarial": 0.01, "r1": 5.0})
    assert speak(objective, Player.DISCRIMINATOR)["r1/discriminator/b"] == (3.0, 5.0)
    assert "r1/b" not in speak(objective, Player.GENERATOR)


def test_a_lazy_term_speaks_every_so_many_steps_and_as_much_louder() -> None:
    objective = Objective({"r1": Penalty()}, {"r1": 5.0}, {"r1": 4})
    told = [objective(Player.DISCRIMINATOR, batch(), step) for step in range(8)]
    assert [bool(losses) for losses in told] == [True, False, False, False] * 2
    assert sum(loss.weight for losses in told for loss in losses.values()) == 8 * 5.0  # on average as if it were not


def test_a_term_without_weight_is_not_computed() -> None:
    term = Both(1.0)
    objective = Objective({"late": term}, {"late": [(0.5, 0.0), (1.0, 1.0)]})
    assert speak(objective, Player.GENERATOR, 0.3) == speak(objective, Player.DISCRIMINATOR, 0.3) == {}
    assert term.heard == 0
    assert speak(objective, Player.GENERATOR, 0.75)["late/a"] == (1.0, 0.5)


def test_parameters_of_terms_are_the_objectives() -> None:
    assert [p.item() for p in Objective({"t": Both(2.0)}, {"t": 1}).parameters()] == [2.0]


def test_each_player_has_the_other_as_opponent() -> None:
    assert Player.GENERATOR.opponent is Player.DISCRIMINATOR
    assert Player.DISCRIMINATOR.opponent is Player.GENERATOR


def test_means_over_paired_rows_are_marked() -> None:
    class Pairs(OneSided):
        needs = ("pairs",)

    objective = Objective({"game": Both(1.0), "l1": Pairs(), "cycle": OneSided()}, {"game": 1, "l1": 1, "cycle": 1})
    free = objective(Player.GENERATOR, batch())
    assert {name for name, loss in free.items() if loss.paired} == {"l1/b"}
    # A conditional discriminator judges paired rows alone, and only terms that speak to it are about its judgement.
    beside = objective(Player.GENERATOR, batch(conditional=True))
    assert {name for name, loss in beside.items() if loss.paired} == {"game/a", "game/b", "l1/b"}


def test_what_is_rebuilt_beside_images_is_of_paired_rows() -> None:
    class Rebuilt(OneSided):
        needs = ("encoder",)
        needs_beside_images = ("pairs",)

    class Judged(OneSided):
        needs = ("discriminator",)

    terms = {"rebuilt": Rebuilt(), "features": Judged(), "adversarial": Adversarial(of="rebuilt")}
    assert not any(_over_pairs(term, batch()) for term in terms.values())
    assert [name for name, term in terms.items() if _over_pairs(term, batch(conditional=True))] == [
        "features",
        "adversarial",
    ]
    beside = batch(stochastic=True)
    assert [name for name, term in terms.items() if _over_pairs(term, beside)] == ["rebuilt", "adversarial"]
