"""What images go through before they are judged: gradients as by hand, rates as asked, pairs alike."""

import copy
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from translate.errors import UserError
from translate.judging import LIMIT, Judging, _Warped

FLIP: Any = "RandomHorizontalFlip"
MOVE: Any = {"RandomAffine": {"degrees": 30, "translate": [0.2, 0.2], "scale": [0.8, 1.2]}}
LIGHTER: Any = {"RandomBrightness": {"brightness": [1.1, 1.1], "clip_output": False}}  # + 0.1 of [0, 1]
CONTRAST: Any = {"RandomContrast": {"contrast": [0.5, 0.5], "clip_output": False}}
CROP: Any = {"RandomCrop": {"size": [12, 16], "padding": 3}}


def images(rows: int = 4, channels: int = 3) -> Tensor:
    return torch.rand(rows, channels, 12, 16) * 1.6 - 0.8


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def changed(judging: Judging, x: Tensor) -> Tensor:
    """Which rows came out otherwise than they went in."""
    return (judging(x) - x).abs().flatten(1).amax(1) > 1e-4


def test_by_default_it_is_nothing_at_all() -> None:
    x, state = images(), torch.get_rng_state()
    assert Judging()(x) is x
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(Judging()(x, x[:, :1]), torch.cat([x[:, :1], x], dim=1))


@pytest.mark.parametrize(
    ("entry", "forward", "backward"),
    [
        (FLIP, lambda x: x.flip(3), lambda g: g.flip(3)),
        (LIGHTER, lambda x: x + 0.2, lambda g: g),
        (CONTRAST, lambda x: 0.5 * x - 0.5, lambda g: 0.5 * g),
    ],
)
def test_images_and_gradients_go_through_as_by_hand(entry: Any, forward: Any, backward: Any) -> None:
    x, weight = images().requires_grad_(), torch.randn(4, 3, 12, 16)
    y = Judging([entry])(x)
    torch.testing.assert_close(y, forward(x))
    (y * weight).sum().backward()
    torch.testing.assert_close(x.grad, backward(weight))


def test_values_beyond_the_range_are_kept_and_carry_gradient() -> None:
    x = torch.full((2, 3, 12, 16), 0.9, requires_grad=True)
    y = Judging([LIGHTER])(x)
    torch.testing.assert_close(y, torch.full_like(y, 1.1))
    y.sum().backward()
    torch.testing.assert_close(x.grad, torch.ones_like(x))


@pytest.mark.parametrize("entry", [MOVE, CROP])
def test_gradients_of_moves_are_the_transpose_of_the_move_also_a_second_time(entry: Any) -> None:
    """With y = Ax + b, the gradient of w.y is A'w, and that of |A'w|^2 in w is 2 A A'w."""

    def moved(x: Tensor) -> Tensor:
        torch.manual_seed(5)
        return Judging([entry])(x)

    x, w, direction = (torch.randn(2, 3, 12, 16) for _ in range(3))
    x.requires_grad_()
    w.requires_grad_()
    (pulled,) = torch.autograd.grad((moved(x) * w).sum(), x, create_graph=True)
    with torch.no_grad():
        push = moved(direction) - moved(torch.zeros_like(direction))  # A direction
    torch.testing.assert_close((pulled * direction).sum(), (push * w).sum(), rtol=1e-3, atol=1e-3)
    (second,) = torch.autograd.grad(pulled.square().sum(), w)
    with torch.no_grad():
        by_hand = 2 * (moved(pulled) - moved(torch.zeros_like(pulled)))
    torch.testing.assert_close(second, by_hand, rtol=1e-3, atol=1e-3)


def test_a_warp_that_torch_differentiates_once_is_differentiated_twice() -> None:
    """As grid_sample is in some versions of torch."""

    class Once(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Tensor:
            return 3 * x.flip(3) + 1

        @staticmethod
        @once_differentiable  # type: ignore[untyped-decorator]
        def backward(ctx: Any, gradient: Tensor) -> Tensor:
            return 3 * gradient.flip(3)

    x, w = images().requires_grad_(), torch.randn(4, 3, 12, 16, requires_grad=True)
    plain, warped = (
        torch.autograd.grad((y * w).sum(), x, create_graph=True)[0]
        for y in (Once.apply(x), _Warped.apply(x, Once.apply))
    )
    assert torch.equal(plain, warped)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        plain.square().sum().backward()
    warped.square().sum().backward()
    torch.testing.assert_close(w.grad, 18 * w.detach())


@pytest.mark.parametrize("entry", [MOVE, LIGHTER])
def test_a_penalty_on_slopes_reaches_the_discriminator(entry: Any) -> None:
    """R1 in front of the transforms, against the same graph with the transform of one draw written as a matrix."""
    judging, weight = Judging([entry]), torch.randn(48, requires_grad=True)
    x = images(1)[:, :1, :6, :8].requires_grad_()

    def transformed(picture: Tensor) -> Tensor:
        torch.manual_seed(7)
        return judging(picture)

    score = (transformed(x).flatten(1) @ weight).square().sum()
    (slope,) = torch.autograd.grad(score, x, create_graph=True)
    slope.square().sum().backward()
    matrix = torch.stack([transformed(e.view(1, 1, 6, 8)).flatten() for e in torch.eye(48)], dim=1)
    offset = transformed(torch.zeros(1, 1, 6, 8)).flatten()
    matrix = (matrix - offset[:, None]).detach()
    again = weight.detach().clone().requires_grad_()
    out = matrix @ x.detach().flatten() + offset.detach()
    (2 * (out @ again) * (matrix.T @ again)).square().sum().backward()
    torch.testing.assert_close(weight.grad, again.grad, rtol=1e-3, atol=1e-2)


@pytest.mark.parametrize("entry", [FLIP, CROP, LIGHTER])
@pytest.mark.parametrize("probability", [0.0, 0.25, 0.8, 1.0])
def test_each_row_is_changed_as_often_as_asked_and_by_itself(entry: Any, probability: float) -> None:
    x = images(1).expand(600, -1, -1, -1)
    share = changed(Judging([entry], probability), x).float().mean()
    # five standard deviations; a crop of 7 x 7 places leaves one in 49 where it was
    assert abs(share - probability * (48 / 49 if entry is CROP else 1)) <= 5 * (0.25 / 600) ** 0.5 * (
        0 < probability < 1 or entry is CROP
    )


def test_transforms_are_drawn_apart_and_an_entrys_own_p_multiplies() -> None:
    x = images(1).expand(1000, -1, -1, -1)
    judging = Judging([{"RandomHorizontalFlip": {"p": 0.5}}, LIGHTER], 0.5)
    y = judging(x)
    flipped = (y.mean((1, 2)) - x.mean((1, 2))).std(1) > 1e-4
    lighter = y.mean((1, 2, 3)) - x.mean((1, 2, 3)) > 0.1
    assert flipped.float().mean() == pytest.approx(0.25, abs=0.07)
    assert lighter.float().mean() == pytest.approx(0.5, abs=0.08)
    assert (flipped & lighter).float().mean() == pytest.approx(0.125, abs=0.055)


def test_no_probability_is_the_identity_to_the_bit() -> None:
    x = images()
    assert Judging([MOVE, LIGHTER], 0.0)(x) is x


@pytest.mark.parametrize("channels", [(3, 3), (1, 1), (1, 3), (3, 1), (9, 3)])
def test_input_and_output_of_a_row_get_one_draw(channels: tuple[int, int]) -> None:
    scene = images(8, 1)
    inputs, outputs = (scene.expand(-1, c, -1, -1) for c in channels)
    colour = [{"ColorJitter": {"brightness": 0.3, "hue": 0.1, "p": 0.5}}] if 3 in channels else []
    made = Judging([MOVE, CROP, *colour, FLIP], 0.7)(outputs, inputs)
    assert made.shape == (8, sum(channels), 12, 16)
    torch.testing.assert_close(made, made[:, :1].expand_as(made), atol=1e-5, rtol=1e-5)
    assert (made[:, :1] - scene).abs().flatten(1).amax(1).gt(1e-3).sum() > 4
    assert len({row.numpy().tobytes() for row in made}) == 8


def test_instance_noise_falls_on_each_value_by_itself() -> None:
    scene = images(2)
    made = Judging(noise=0.2)(scene, scene)
    assert (made[:, :3] - made[:, 3:]).abs().mean() > 0.1


def test_the_global_generator_says_what_is_done() -> None:
    judging, x = Judging([MOVE, "RandomErasing"], 0.5, noise=0.1), images()
    made = []
    for seed in (1, 2, 1):
        torch.manual_seed(seed)
        made.append(judging(x))
    assert torch.equal(made[0], made[2])
    assert not torch.equal(made[0], made[1])


def test_noise_is_as_strong_as_planned_and_anneals() -> None:
    judging, x = Judging(noise=[(0.0, 0.4), (0.5, 0.0)]), torch.zeros(8, 3, 32, 32)
    for progress, std in ((0.0, 0.4), (0.25, 0.2), (0.5, 0.0), (1.0, 0.0)):
        judging.at(progress)
        assert judging(x).std() == pytest.approx(std, rel=0.05)
    assert judging(x) is x
    with pytest.raises(UserError, match=r"judging\.noise"):
        Judging(noise=[(0.0, 0.4), (1.0, -0.1)])


SURE, UNSURE = torch.ones(4, 1, 3, 3), torch.cat([torch.ones(2, 1, 3, 3), -torch.ones(2, 1, 3, 3)])


def test_adaptive_probability_follows_how_sure_the_discriminator_is() -> None:
    judging = Judging([FLIP], "adaptive", speed=1000)
    assert judging.p == 0
    x = images()
    assert judging(x) is x
    seen = 0
    for _ in range(100):
        judging.heard([SURE])
        seen += 4
        assert judging.p == pytest.approx(seen / 1000, abs=judging.window / 1000)
    assert judging.p == pytest.approx(0.4, abs=0.05)
    assert changed(judging, images(1).expand(600, -1, -1, -1)).float().mean() == pytest.approx(judging.p, abs=0.1)
    for _ in range(200):
        judging.heard([SURE])
    assert judging.p == LIMIT
    for _ in range(50):
        judging.heard([UNSURE])
    assert judging.p == pytest.approx(LIMIT - 0.2, abs=0.06)
    for _ in range(300):
        judging.heard([-SURE])
    assert judging.p == 0


def test_it_averages_over_rows_before_it_moves() -> None:
    """One row in four unsure: r = 0.5, below the target, though most single batches of one row say 1."""
    judging = Judging([FLIP], "adaptive", speed=1000)
    judging.p = 0.5
    for row in (SURE[:1], SURE[:1], SURE[:1], -SURE[:1]) * 50:
        judging.heard([row])
    assert judging.p < 0.35
    patient = Judging([FLIP], "adaptive")
    for _ in range(63):
        patient.heard([SURE])
    assert patient.p == 0
    patient.heard([SURE])
    assert patient.p == pytest.approx(256 / 500_000)


def test_scales_share_their_rows_and_the_size_of_logits_says_nothing() -> None:
    one, two = (Judging([FLIP], "adaptive", speed=100) for _ in range(2))
    for _ in range(10):
        one.heard([SURE])
        two.heard([SURE * 1e-3, SURE * 1e3])
    assert one.p == two.p > 0
    undecided = Judging([FLIP], "adaptive", target=0.1, speed=100)
    undecided.p = 0.4
    for _ in range(10):
        undecided.heard([SURE * 1e3, -SURE * 1e-3])
    assert undecided.p < 0.4


def test_what_was_heard_round_trips() -> None:
    first = Judging([FLIP], "adaptive", speed=1000)
    for _ in range(15):
        first.heard([SURE])
    second = Judging([FLIP], "adaptive", speed=1000)
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    for _ in range(30):
        first.heard([SURE])
        second.heard([SURE])
        assert second.p == first.p > 0
    fixed = Judging([FLIP], 0.3)
    fixed.heard([SURE] * 300)
    fixed.load_state_dict(first.state_dict())
    assert fixed.p == 0.3


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("RandomAffin", r'judging.transforms\[0\].*Did you mean "RandomAffine"'),
        ({"RandomAffine": {"degrees": "many"}}, r"judging.transforms\[0\].RandomAffine"),
        ({"RandomPosterize": {"bits": 3}}, r"judging.transforms\[0\].RandomPosterize: passes no gradient"),
        ({"RandomHorizontalFlip": {"p": "half"}}, r"judging.transforms\[0\].RandomHorizontalFlip"),
        ({"RandomHorizontalFlip": {"p": 3}}, r"judging.transforms\[0\].RandomHorizontalFlip"),
    ],
)
def test_mistakes_are_named(entry: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        Judging([entry])


def test_what_a_transform_cannot_take_is_said() -> None:
    with pytest.raises(UserError, match=r"judging.transforms\[0\].ColorJitter: failed on pictures with 1 channel"):
        Judging([{"ColorJitter": {"hue": 0.2}}])(images(channels=1))
    with pytest.raises(UserError, match=r"judging.transforms\[0\].RandomCrop: made pictures of \(3, 8, 8\)"):
        Judging([{"RandomCrop": {"size": [8, 8]}}])(images())


def test_making_it_leaves_the_global_generator_alone() -> None:
    state = torch.get_rng_state()
    Judging([MOVE, CROP, "RandomErasing"])
    assert torch.equal(torch.get_rng_state(), state)


def test_under_autocast_transforms_stay_in_float32() -> None:
    x = images().bfloat16().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        y = Judging([MOVE, LIGHTER])(x)
    assert y.dtype == torch.float32
    y.sum().backward()
    assert x.grad is not None
    assert x.grad.isfinite().all()
