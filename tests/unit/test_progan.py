"""ProGAN: layers with equalised learning rates, what the discriminator knows of a batch, and growing."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from translate.errors import UserError
from translate.networks.equalised import EqualisedConv2d, EqualisedLinear
from translate.networks.minibatch import MinibatchStd
from translate.networks.progan import Grow2d, Growth, PixelNorm, ProganDiscriminator, ProganGenerator, Shrink2d

SIZE = (32, 48)  # (4, 6), doubled three times
GROWN_AT = 0.6  # so each doubling takes 0.2 of the training: it waits for 0.1 and fades in for 0.1


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def make_generator(grown_at: float = GROWN_AT) -> ProganGenerator:
    return ProganGenerator(5, 3, SIZE, width=4, most=8, grown_at=grown_at)


def make_discriminator(grown_at: float = GROWN_AT) -> ProganDiscriminator:
    return ProganDiscriminator(3, SIZE, width=4, most=8, grown_at=grown_at)


def images() -> Tensor:
    return torch.rand(4, 3, *SIZE) * 2 - 1


def blocks_of(image: Tensor) -> int:
    """The side of the largest blocks, powers of two, over which an image is constant."""
    side = 1
    while side < 8:
        pooled = functional.avg_pool2d(image, 2 * side)
        if (functional.interpolate(pooled, scale_factor=2 * side) - image).abs().max() > 1e-5:
            break
        side *= 2
    return side


# Equalised layers ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layer", "x"),
    [
        (lambda: EqualisedLinear(50, 400), torch.randn(200, 50)),
        (lambda: EqualisedLinear(50, 400, rate=0.01), torch.randn(200, 50)),
        (lambda: EqualisedConv2d(12, 100, 3), torch.randn(8, 12, 20, 20)),
    ],
)
def test_weights_are_standard_normal_and_a_relu_keeps_the_second_moment(
    layer: Callable[[], EqualisedLinear | EqualisedConv2d], x: Tensor
) -> None:
    made = layer()
    assert (made.weight * getattr(made, "rate", 1)).std().item() == pytest.approx(1, rel=0.05)
    inner = made(x)[..., 1:-1, 1:-1] if x.ndim == 4 else made(x)  # zeros are around the border
    assert inner.relu().square().mean().item() == pytest.approx(1, rel=0.1)


def test_an_equalised_convolution_is_one_whose_weights_are_scaled_by_hes_constant() -> None:
    layer, x = EqualisedConv2d(3, 5, 3, stride=2), torch.randn(2, 3, 8, 8)
    nn.init.normal_(layer.bias)
    expected = functional.conv2d(x, layer.weight * math.sqrt(2 / 27), layer.bias, stride=2, padding=1)
    torch.testing.assert_close(layer(x), expected)


def test_the_rate_multiplies_what_a_step_of_adam_changes() -> None:
    def moved(rate: float) -> Tensor:
        torch.manual_seed(1)
        layer, x = EqualisedLinear(6, 4, rate=rate, bias=0.5).double(), torch.randn(3, 6).double()
        before = layer(x)
        before.sum().backward()
        with torch.no_grad():
            for parameter in layer.parameters():
                assert parameter.grad is not None
                parameter -= 1e-3 * parameter.grad.sign()  # Adam's first step
        return (layer(x) - before).detach()

    torch.testing.assert_close(moved(0.01), 0.01 * moved(1))


# The minibatch's deviation ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "of_group"), [(1, 1), (2, 2), (3, 3), (4, 4), (6, 6), (7, 7), (8, 4), (10, 5), (12, 4)]
)
def test_the_minibatchs_deviation_agrees_with_a_transcription(rows: int, of_group: int) -> None:
    x = torch.randn(rows, 3, 4, 6)
    made = MinibatchStd(4)(x)
    assert torch.equal(made[:, :3], x)
    groups = rows // of_group
    for group in range(groups):
        members = [row for row in range(rows) if row % groups == group]
        assert len(members) == of_group
        deviation = np.sqrt(np.var(x.numpy()[members].astype(np.float64), axis=0) + 1e-8).mean()
        np.testing.assert_allclose(made[members, 3].numpy(), np.full((of_group, 4, 6), deviation), rtol=1e-5)


@pytest.mark.parametrize("x", [torch.randn(1, 3, 4, 4), torch.ones(4, 3, 4, 4)])
def test_a_batch_of_one_and_one_of_equal_rows_have_finite_slopes(x: Tensor) -> None:
    x = x.clone().requires_grad_()
    (slope,) = torch.autograd.grad(MinibatchStd()(x).square().sum(), x, create_graph=True)
    slope.square().sum().backward()
    assert slope.isfinite().all()
    assert x.grad is not None
    assert x.grad.isfinite().all()


def test_a_discriminator_hears_of_a_generator_that_always_makes_the_same() -> None:
    network, x = make_discriminator(), images()
    same = x[:1].expand_as(x)
    assert (network(same)[0][0] - network(x)[0][0]).abs() > 1e-4, "its first row is the same in both"


def test_a_group_without_rows_is_refused() -> None:
    with pytest.raises(UserError, match="group"):
        MinibatchStd(0)


# Layers -------------------------------------------------------------------------------------------------------------


def test_pixel_norm_leaves_every_pixel_a_mean_square_of_one() -> None:
    x = 7 * torch.randn(2, 5, 3, 4)
    torch.testing.assert_close(PixelNorm()(x).square().mean(1), torch.ones(2, 3, 4))


def test_growing_and_shrinking_convolutions_are_those_of_resized_images() -> None:
    x = torch.randn(2, 3, 8, 6)
    up, down = Grow2d(3, 5), Shrink2d(3, 5)
    for layer in (up, down):
        nn.init.normal_(layer.bias)
    larger = functional.interpolate(x, scale_factor=2, mode="nearest")
    torch.testing.assert_close(
        up(x), functional.conv2d(larger, up.weight * up.scale, up.bias, padding=1), rtol=1e-4, atol=1e-5
    )
    full = functional.conv2d(x, down.weight * down.scale, down.bias, padding=1)
    torch.testing.assert_close(down(x), functional.avg_pool2d(full, 2), rtol=1e-4, atol=1e-5)


# Growing ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("progress", "level"),
    [(0, 0), (0.05, 0), (0.1, 0), (0.15, 0.5), (0.2, 1), (0.29, 1), (0.35, 1.5), (0.55, 2.5), (0.6, 3), (1, 3)],
)
def test_each_stage_waits_and_then_fades_in_the_next(progress: float, level: float) -> None:
    growth = Growth(3, GROWN_AT)
    assert growth.stage() == (3, 0), "fresh networks are grown"
    growth.to_progress(progress)
    assert growth.level.item() == pytest.approx(level, abs=1e-5)
    assert sum(growth.stage()) == growth.level.item()


def test_a_network_that_is_grown_from_the_start_stays_so() -> None:
    generator, discriminator = make_generator(0), make_discriminator(0)
    z, x = torch.randn(2, 5), images()
    before = generator(z), discriminator(x)[0]
    generator.grow(0)
    discriminator.grow(0)
    assert torch.equal(generator(z), before[0])
    assert torch.equal(discriminator(x)[0], before[1])
    assert len(generator.to_image) == len(discriminator.from_image) == 1, "nothing else would ever be used"


def test_images_are_of_full_size_and_as_coarse_as_the_stage() -> None:
    network, z = make_generator(), torch.randn(2, 5)
    found = []
    for progress in (0.0, 0.12, 0.2, 0.4, 0.6, 1.0):
        network.grow(progress)
        made = network(z)
        assert made.shape == (2, 3, *SIZE)
        assert made.abs().max() <= 1
        found.append(blocks_of(made))
    assert found == [8, 4, 4, 2, 1, 1]


def test_nothing_jumps_while_networks_grow() -> None:
    generator, discriminator, z, x = make_generator(), make_discriminator(), torch.randn(4, 5), images()

    def at(progress: float) -> tuple[Tensor, Tensor]:
        for network in (generator, discriminator):
            network.growth.level.zero_()  # what has grown would stay
            network.grow(progress)
        return generator(z), discriminator(x)[0]

    for border in (0.1, 0.2, 0.3, 0.4, 0.5, 0.6):
        for before, after in zip(at(border - 1e-6), at(border + 1e-6), strict=True):
            torch.testing.assert_close(before, after, rtol=0, atol=1e-3)
    for start, end in ((0.1, 0.2), (0.3, 0.4), (0.5, 0.6)):
        for before, middle, after in zip(at(start), at((start + end) / 2), at(end), strict=True):
            assert (before - after).abs().max() > 0.01
            assert (before - middle).abs().max() < (before - after).abs().max()


def test_a_fade_is_linear_in_the_images_before_tanh() -> None:
    network, z = make_generator(), torch.randn(2, 5)
    made = []
    for progress in (0.3, 0.325, 0.4):
        network.grow(progress)
        made.append(network(z).double().atanh())
    torch.testing.assert_close(made[1], 0.75 * made[0] + 0.25 * made[2], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(("progress", "side"), [(0.0, 8), (0.2, 4), (0.3, 4), (0.4, 2)])
def test_a_young_discriminator_does_not_see_what_is_finer_than_its_stage(progress: float, side: int) -> None:
    network, x = make_discriminator(), images()
    detail = torch.randn_like(x)
    detail -= functional.interpolate(functional.avg_pool2d(detail, side), scale_factor=side)
    grown = network(x)[0]
    assert (network(x + detail)[0] - grown).abs().max() > 0.01
    network.grow(progress)
    torch.testing.assert_close(network(x + detail), network(x), rtol=1e-4, atol=1e-4)
    assert (network(x + detail.roll(side // 2, 3).cumsum(3))[0] - network(x)[0]).abs().max() > 0.01


@pytest.mark.parametrize(("progress", "used"), [(0.0, 0), (0.12, 1), (0.2, 1), (0.35, 2), (0.6, 3)])
@pytest.mark.parametrize("kind", ["generator", "discriminator"])
def test_layers_that_are_not_grown_yet_are_not_computed_and_do_not_learn(kind: str, progress: float, used: int) -> None:
    network: ProganGenerator | ProganDiscriminator = make_generator() if kind == "generator" else make_discriminator()
    calls: list[int] = []
    for index, block in enumerate(network.blocks):
        block.register_forward_hook(lambda *_, index=index: calls.append(index))
    network.grow(progress)
    if kind == "generator":
        made = network(torch.randn(2, 5))
        (made * torch.randn_like(made)).sum().backward()
    else:
        network(images())[0].sum().backward()
    assert sorted(calls) == list(range(used))
    for index, block in enumerate(network.blocks):
        assert all((parameter.grad is not None) == (index < used) for parameter in block.parameters())


def test_a_checkpoint_says_how_far_a_network_has_grown() -> None:
    first, second, z = make_generator(), make_generator(), torch.randn(2, 5)
    first.grow(0.35)
    second.load_state_dict(first.state_dict())
    assert torch.equal(first(z), second(z))


def test_what_has_grown_stays_when_a_training_is_prolonged() -> None:
    growth, later = Growth(3, GROWN_AT), Growth(3, GROWN_AT)
    growth.to_progress(0.5)
    reached = growth.level.item()
    assert 0 < reached < 3
    later.load_state_dict(growth.state_dict())
    later.to_progress(0.1)
    assert later.level.item() == reached
    later.to_progress(0.9)
    assert later.stage() == (3, 0)


@pytest.mark.parametrize("progress", [0.0, 0.35, 1.0])
def test_a_gradient_penalty_is_differentiable(progress: float) -> None:
    network, x = make_discriminator(), images().requires_grad_()
    network.grow(progress)
    (slope,) = torch.autograd.grad(network(x)[0].sum(), x, create_graph=True)
    slope.square().sum().backward()
    gradients = [p.grad for p in network.parameters() if p.grad is not None]
    assert all(gradient.isfinite().all() for gradient in gradients)
    assert sum(bool(gradient.abs().max() > 0) for gradient in gradients) > 3


def test_latents_are_directions() -> None:
    network, z = make_generator(), torch.randn(2, 5)
    torch.testing.assert_close(network(z), network(3 * z), rtol=1e-4, atol=1e-5)


def test_another_size_than_the_one_built_for_is_refused() -> None:
    with pytest.raises(UserError, match=r"(?s)32x32.*32x48"):
        make_discriminator()(torch.rand(1, 3, 32, 32))


def test_a_share_of_the_training_beyond_its_end_is_refused() -> None:
    with pytest.raises(UserError, match="grown_at"):
        make_generator(1.5)
