"""The games: values computed by hand, the papers' own formulas, and the optimum that the theory states."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from translate.terms.games import GAMES

ONE = torch.tensor([[[[1.0]]]])


def generator_loss(game: str, fake: Tensor, real: Tensor) -> Tensor:
    return GAMES[game].generator(fake, real) if GAMES[game].relativistic else GAMES[game].generator(fake)


@pytest.mark.parametrize(
    ("game", "real", "fake", "discriminator", "generator"),
    [
        ("least_squares", 1.0, 0.0, 0.0, 1.0),
        ("least_squares", 0.5, 0.5, 0.25, 0.25),
        ("least_squares", -1.0, 2.0, 4.0, 1.0),
        ("non_saturating", 0.0, 0.0, math.log(2), math.log(2)),
        ("non_saturating", 2.0, -2.0, 0.126928, 2.126928),  # log(1 + e^-2), log(1 + e^2)
        ("minimax", 0.0, 0.0, math.log(2), -math.log(2)),
        ("minimax", 2.0, -2.0, 0.126928, -0.126928),
        ("hinge", 0.0, 0.0, 2.0, 0.0),
        ("hinge", 1.5, -1.5, 0.0, 1.5),
        ("hinge", -0.5, 0.25, 2.75, -0.25),
        ("wasserstein", 3.0, -1.0, -4.0, 1.0),
        ("relativistic", 3.0, 3.0, math.log(2), math.log(2)),
        ("relativistic", 1.0, -1.0, 0.126928, 2.126928),
        ("reverse_kl", 0.0, 2.0, 2.0, -1.0),  # (2 - 1) + e^0; 1 - 2, the paper's own generator
    ],
)
def test_values_computed_by_hand(game: str, real: float, fake: float, discriminator: float, generator: float) -> None:
    assert GAMES[game].discriminator(real * ONE, fake * ONE).item() == pytest.approx(discriminator, abs=1e-5)
    assert generator_loss(game, fake * ONE, real * ONE).item() == pytest.approx(generator, abs=1e-5)


# Nowozin et al. 2016, tables 1, 2 and 6: f(u), g_f(v), f*(t), and f'(1), the T of a discriminator that is undecided.
F_GANS: dict[str, tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor], Callable[[Tensor], Tensor], float]] = {
    "kl": (lambda u: u * u.log(), lambda v: v, lambda t: (t - 1).exp(), 1.0),
    "reverse_kl": (lambda u: -u.log(), lambda v: -(-v).exp(), lambda t: -1 - (-t).log(), -1.0),
    "pearson": (lambda u: (u - 1) ** 2, lambda v: v, lambda t: t**2 / 4 + t, 0.0),
    "squared_hellinger": (lambda u: (u.sqrt() - 1) ** 2, lambda v: 1 - (-v).exp(), lambda t: t / (1 - t), 0.0),
    "jensen_shannon": (
        lambda u: -(u + 1) * ((1 + u) / 2).log() + u * u.log(),
        lambda v: math.log(2) - (1 + (-v).exp()).log(),
        lambda t: -(2 - t.exp()).log(),
        0.0,
    ),
    "total_variation": (lambda u: (u - 1).abs() / 2, lambda v: v.tanh() / 2, lambda t: t, 0.0),
}


@pytest.mark.parametrize("game", F_GANS)
def test_f_gans_are_the_papers_formulas_simplified(game: str) -> None:
    _, activation, conjugate, _ = F_GANS[game]
    real, fake = torch.linspace(-4, 4, 33), torch.linspace(-3, 5, 33)
    expected = conjugate(activation(fake.double())).mean() - activation(real.double()).mean()
    assert GAMES[game].discriminator(real, fake).item() == pytest.approx(expected.item(), rel=1e-5)
    expected = -activation(fake.double()).mean()  # section 3.2
    if game == "reverse_kl":  # the original, eq. 6
        expected = -conjugate(activation(fake.double())).mean()
    assert GAMES[game].generator(fake).item() == pytest.approx(expected.item(), rel=1e-5)


@pytest.mark.parametrize("game", F_GANS)
def test_conjugates_belong_to_their_divergence(game: str) -> None:
    # f*(t) = sup over u of u t - f(u): against the table itself, which a slip of the pen would not survive
    f, activation, conjugate, undecided = F_GANS[game]
    u = torch.logspace(-6, 4, 400_001, dtype=torch.float64)
    for t in activation(torch.tensor([-1.5, -0.5, 0.3, 1.2], dtype=torch.float64)):
        assert conjugate(t).item() == pytest.approx((u * t - f(u)).max().item(), abs=1e-4)
    one = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)
    if game != "total_variation":  # its f has a kink at 1
        (slope,) = torch.autograd.grad(f(one), one)
        assert slope.item() == pytest.approx(undecided, abs=1e-9)


@pytest.mark.parametrize("game", GAMES)
def test_logits_of_any_size_leave_losses_and_gradients_finite(game: str) -> None:
    for real_logit, fake_logit in ((300.0, -300.0), (-300.0, 300.0), (300.0, 300.0), (-300.0, -300.0)):
        real, fake = (torch.full((2, 1, 2, 2), logit, requires_grad=True) for logit in (real_logit, fake_logit))
        (GAMES[game].discriminator(real, fake) + generator_loss(game, fake, real)).backward()
        for logits in (real, fake):
            assert logits.grad is not None
            assert logits.grad.isfinite().all()


@pytest.mark.parametrize("game", ["kl", "reverse_kl", "squared_hellinger"])
def test_beyond_what_float32_holds_a_wrong_discriminator_still_learns(game: str) -> None:
    real, fake = torch.full((1,), -100.0, requires_grad=True), torch.full((1,), 100.0, requires_grad=True)
    GAMES[game].discriminator(real, fake).backward()
    assert real.grad is not None
    assert fake.grad is not None
    assert real.grad.item() < 0 < fake.grad.item()


@pytest.mark.parametrize(
    ("game", "best"), [("least_squares", 0.5), ("non_saturating", 0.0), ("kl", 1.0), ("reverse_kl", 0.0)]
)
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
    generator_loss(game, fake, torch.zeros(2, 1, 3, 3)).backward()
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


@pytest.mark.parametrize(
    ("game", "dies"), [("minimax", True), ("total_variation", True), ("non_saturating", False), ("hinge", False),
                       ("wasserstein", False), ("relativistic", False), ("kl", False), ("reverse_kl", False),
                       ("pearson", False), ("squared_hellinger", False), ("jensen_shannon", False),
                       ("least_squares", False)]
)  # fmt: skip
def test_where_a_fake_is_surely_recognised_only_some_generators_still_learn(game: str, dies: bool) -> None:
    fake = torch.tensor([-8.0], requires_grad=True)
    generator_loss(game, fake, torch.tensor([8.0])).backward()
    assert fake.grad is not None
    assert (abs(fake.grad.item()) < 1e-3) == dies


def test_relativistic_logits_are_compared_row_by_row() -> None:
    real, fake = torch.tensor([5.0, -5.0]), torch.tensor([4.0, -6.0])
    expected = math.log1p(math.exp(-1))
    assert GAMES["relativistic"].discriminator(real, fake).item() == pytest.approx(expected)
    assert GAMES["relativistic"].discriminator(real, fake.flip(0)).item() > 4
    assert GAMES["relativistic"].generator(fake, real).item() == pytest.approx(math.log1p(math.exp(1)))


@pytest.mark.parametrize("game", ["least_squares", "non_saturating", "minimax"])
def test_smoothing_asks_for_less_than_certainty_of_real_images_alone(game: str) -> None:
    smoothed = GAMES[game].smoothed
    assert smoothed is not None
    logits = torch.linspace(-4, 6, 1001)
    sure = logits if game == "least_squares" else logits.sigmoid()
    far = -1e4 * ONE if game != "least_squares" else 0 * ONE
    losses = torch.stack([smoothed(logit * ONE, far, 0.1) for logit in logits])
    assert sure[losses.argmin()].item() == pytest.approx(0.9, abs=0.006)
    fake = ONE.clone().requires_grad_()
    slopes = [torch.autograd.grad(smoothed(ONE, fake, smoothing), fake)[0] for smoothing in (0.0, 0.1)]
    assert torch.equal(*slopes)
    assert torch.equal(smoothed(2 * ONE, ONE, 0.0), GAMES[game].discriminator(2 * ONE, ONE))


def test_smoothed_cross_entropy_is_that_of_the_target() -> None:
    from torch.nn import functional

    real = torch.linspace(-5, 5, 21)
    smoothed = GAMES["non_saturating"].smoothed
    assert smoothed is not None
    expected = functional.binary_cross_entropy_with_logits(real, torch.full_like(real, 0.9))
    fake = torch.full_like(real, -1e4)
    assert 2 * smoothed(real, fake, 0.1).item() == pytest.approx(expected.item(), rel=1e-5)


@pytest.mark.parametrize("game", [name for name, game in GAMES.items() if game.undecided is not None])
def test_an_undecided_discriminator_does_best_where_fakes_are_as_real_images(game: str) -> None:
    logits = torch.linspace(-3, 3, 601)
    losses = torch.stack([GAMES[game].discriminator(x * ONE, x * ONE) for x in logits])
    undecided = GAMES[game].undecided * ONE
    assert GAMES[game].discriminator(undecided, undecided) <= losses.min() + 1e-6
