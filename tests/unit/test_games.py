"""The games: values computed by hand, and the optimum that the theory states."""

import math

import pytest
import torch

from translate.terms.games import GAMES

ONE = torch.tensor([[[[1.0]]]])


@pytest.mark.parametrize(
    ("game", "real", "fake", "discriminator", "generator"),
    [
        ("least_squares", 1.0, 0.0, 0.0, 1.0),
        ("least_squares", 0.5, 0.5, 0.25, 0.25),
        ("least_squares", -1.0, 2.0, 4.0, 1.0),
        ("non_saturating", 0.0, 0.0, math.log(2), math.log(2)),
        ("non_saturating", 2.0, -2.0, 0.126928, 2.126928),  # log(1 + e^-2), log(1 + e^2)
        ("hinge", 0.0, 0.0, 2.0, 0.0),
        ("hinge", 1.5, -1.5, 0.0, 1.5),
        ("hinge", -0.5, 0.25, 2.75, -0.25),
    ],
)
def test_values_computed_by_hand(game: str, real: float, fake: float, discriminator: float, generator: float) -> None:
    assert GAMES[game].discriminator(real * ONE, fake * ONE).item() == pytest.approx(discriminator, abs=1e-5)
    assert GAMES[game].generator(fake * ONE).item() == pytest.approx(generator, abs=1e-5)


@pytest.mark.parametrize(("game", "best"), [("least_squares", 0.5), ("non_saturating", 0.0)])
def test_the_best_discriminator_is_undecided_where_fakes_look_real(game: str, best: float) -> None:
    logits = torch.linspace(-2, 2, 401)
    losses = torch.stack([GAMES[game].discriminator(logit * ONE, logit * ONE) for logit in logits])
    assert logits[losses.argmin()].item() == pytest.approx(best, abs=0.011)


def test_the_best_non_saturating_discriminator_is_the_log_odds() -> None:
    # 3 real for 1 fake look like this: D* = log(p_data / p_g)
    logits = torch.linspace(-2, 2, 401)
    discriminator = GAMES["non_saturating"].discriminator
    far = 1e4  # a logit that the loss of the other player's images does not feel
    losses = [3 * discriminator(x * ONE, -far * ONE) + discriminator(far * ONE, x * ONE) for x in logits]
    assert logits[torch.stack(losses).argmin()].item() == pytest.approx(math.log(3), abs=0.011)


@pytest.mark.parametrize("game", GAMES)
def test_a_generator_gains_by_raising_its_logits(game: str) -> None:
    fake = torch.zeros(2, 1, 3, 3, requires_grad=True)
    GAMES[game].generator(fake).backward()
    assert fake.grad is not None
    assert (fake.grad < 0).all()


@pytest.mark.parametrize("game", GAMES)
def test_a_discriminator_gains_by_telling_them_apart(game: str) -> None:
    real, fake = torch.full((2, 1, 3, 3), 0.1, requires_grad=True), torch.full((2, 1, 3, 3), 0.1, requires_grad=True)
    GAMES[game].discriminator(real, fake).backward()
    assert real.grad is not None
    assert fake.grad is not None
    assert (real.grad < 0).all()
    assert (fake.grad > 0).all()
