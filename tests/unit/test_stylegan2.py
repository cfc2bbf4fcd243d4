"""StyleGAN2: modulated convolutions against a transcription for each row, styles, mixing, truncation, noise."""

import math

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from translate.errors import UserError
from translate.networks.layers import BlurUpsample
from translate.networks.stylegan2 import (
    Blur,
    ModulatedConv2d,
    Stylegan2Discriminator,
    Stylegan2Generator,
    ToImage,
)

SIZE = (16, 24)  # (4, 6), doubled twice
LAYERS = 6


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def make_generator(mixing: float = 0.9, mapping: int = 2) -> Stylegan2Generator:
    network = Stylegan2Generator(5, 3, SIZE, width=4, most=8, mapping=mapping, mixing=mixing)
    for name, parameter in network.named_parameters():
        if name.endswith(("strength", "bias")):  # zero at first, which would hide them
            nn.init.normal_(parameter, std=0.3)
    return network


def naive(layer: ModulatedConv2d, x: Tensor, w: Tensor) -> Tensor:
    """Equations 1 to 3 word by word: each row has weights of its own."""
    rows = []
    for image, style in zip(x, layer.style(w), strict=True):
        weights = layer.weight * style[None, :, None, None]  # eq. 1
        weights = weights / (weights.square().sum((1, 2, 3), keepdim=True) + 1e-8).sqrt()  # eq. 3
        if layer.blur is None:
            rows.append(functional.conv2d(image[None], weights, padding=1))
            continue
        apart = torch.zeros(1, len(image), 2 * image.shape[1] + 3, 2 * image.shape[2] + 3, dtype=x.dtype)
        apart[:, :, 2:-1:2, 2:-1:2] = image
        enlarged = functional.conv2d(apart, weights.flip(2, 3))
        binomial = torch.tensor([1.0, 3.0, 3.0, 1.0], dtype=x.dtype) / 4
        for shape in ((1, 1, 4, 1), (1, 1, 1, 4)):
            padding = (1, 0) if shape[2] == 4 else (0, 1)
            channels = enlarged.shape[1]
            kernel = binomial.view(shape).repeat(channels, 1, 1, 1)
            enlarged = functional.conv2d(enlarged, kernel, padding=padding, groups=channels)
        rows.append(enlarged)
    return layer.gain * torch.cat(rows) + layer.bias[:, None, None]


@pytest.mark.parametrize("up", [False, True])
def test_a_modulated_convolution_is_one_with_weights_for_each_row(up: bool) -> None:
    layer = ModulatedConv2d(6, 4, 5, up=up, gain=1.3).double()
    nn.init.normal_(layer.bias)
    x, w = torch.randn(3, 6, 4, 5).double(), 3 * torch.randn(3, 5).double()
    made, expected = layer(x, w), naive(layer, x, w)
    assert made.shape == (3, 4, 8, 10) if up else (3, 4, 4, 5)
    torch.testing.assert_close(made, expected, rtol=1e-4, atol=1e-5)  # the demodulations' small constants differ


@pytest.mark.parametrize("strength", [0.1, 1.0, 30.0])
def test_demodulated_outputs_have_a_deviation_of_one_whatever_the_style(strength: float) -> None:
    layer = ModulatedConv2d(64, 200, 5)
    x, w = torch.randn(4, 64, 10, 10), strength * torch.randn(4, 5)
    inner = layer(x, w)[..., 1:-1, 1:-1]
    assert inner.std((1, 2, 3)).tolist() == pytest.approx([1] * 4, rel=0.1)


def test_upsampling_keeps_what_is_constant() -> None:
    """Away from the border, where zeros are around: as the convolution alone has it."""
    plain, up = ModulatedConv2d(3, 4, 5), ModulatedConv2d(3, 4, 5, up=True)
    missing = up.load_state_dict(plain.state_dict(), strict=False).missing_keys
    assert missing == ["blur.filt"]
    x, w = torch.randn(2, 3, 1, 1).expand(-1, -1, 6, 6), torch.randn(2, 5)
    expected = plain(x, w)[..., 2:3, 2:3].expand(-1, -1, 6, 6)
    torch.testing.assert_close(up(x, w)[..., 3:-3, 3:-3], expected, rtol=1e-4, atol=1e-5)


def test_the_images_layer_is_a_modulated_convolution_of_one_pixel() -> None:
    layer = ToImage(6, 3, 5, gain=0.5)
    nn.init.normal_(layer.bias)
    x, w = torch.randn(2, 6, 4, 5), torch.randn(2, 5)
    for row in range(2):
        weights = 0.5 * layer.weight * layer.style(w)[row] / math.sqrt(6)
        expected = functional.conv2d(x[row], weights[:, :, None, None], layer.bias[:, 0])
        torch.testing.assert_close(layer(x, w)[row], expected)


def test_blurs_keep_the_mean_and_drop_the_finest_pattern() -> None:
    stripes = (-1.0) ** torch.arange(8).expand(1, 2, 8, 8)
    for stride, side in ((1, 7), (2, 4)):
        blur = Blur(2, stride=stride)
        made = blur(stripes + 5)
        assert made.shape == (1, 2, side, side)
        torch.testing.assert_close(made[..., 1:-1, 1:-1], torch.full((1, 2, side - 2, side - 2), 5.0))


def test_images_are_enlarged_by_the_same_filter() -> None:
    x = torch.randn(1, 3, 6, 6)
    expected = functional.interpolate(
        x, scale_factor=2, mode="bilinear"
    )  # which is what [1, 3, 3, 1] does between zeros
    torch.testing.assert_close(BlurUpsample(3)(x), expected)


def test_styles_differ_by_row_and_not_by_layer() -> None:
    w = make_generator().styles(torch.randn(3, 5))
    assert w.shape == (3, LAYERS, 5)
    assert torch.equal(w[:, :1].expand_as(w), w)
    assert (w[0] - w[1]).abs().max() > 0.01


def test_each_layer_listens_to_a_style_of_its_own() -> None:
    network = make_generator().eval()
    w = network.styles(torch.randn(2, 5))
    painted = network.paint(w)
    for layer in range(LAYERS):
        other = w.clone()
        other[:, layer] += 1
        assert (network.paint(other) - painted).abs().max() > 1e-3, layer


def test_in_evaluation_images_are_a_function_of_z_alone() -> None:
    network, z = make_generator().eval(), torch.randn(3, 5)
    made = network(z)
    torch.testing.assert_close(network(z.flip(0)).flip(0), made)
    torch.testing.assert_close(network(z), network.paint(network.styles(z)))
    torch.testing.assert_close(network(z[:1]), made[:1])
    assert (made[0] - made[1]).abs().max() > 0.01


def test_noise_is_fresh_in_training_alone() -> None:
    network, z = make_generator(mixing=0), torch.randn(1, 5).expand(2, -1)
    one, other = network(z)
    assert (one - other).abs().max() > 0.01, "each row has noise of its own"
    assert (network(z) - network(z)).abs().max() > 0.01
    one, other = network.eval()(z)
    torch.testing.assert_close(one, other)
    for name, parameter in network.named_parameters():
        if name.endswith("strength"):
            nn.init.zeros_(parameter)
    network.train()
    torch.testing.assert_close(network(z), network.eval()(z))


def test_truncation_draws_images_to_that_of_the_average_style() -> None:
    network, z = make_generator().eval(), torch.randn(3, 5)
    network.w_average.normal_()
    average = network.paint(network.w_average.expand(1, LAYERS, -1))
    torch.testing.assert_close(network.truncated(z, 0.0), average.expand(3, -1, -1, -1), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(network.truncated(z, 1.0), network(z), rtol=1e-4, atol=1e-5)
    halfway = network.paint(0.5 * network.styles(z) + 0.5 * network.w_average)
    torch.testing.assert_close(network.truncated(z, 0.5), halfway, rtol=1e-4, atol=1e-5)


def mixtures(network: Stylegan2Generator, z: Tensor, monkeypatch: pytest.MonkeyPatch) -> Tensor:
    """The w that `forward` paints, [N, L, latent]."""
    seen: list[Tensor] = []
    paint = network.paint
    monkeypatch.setattr(network, "paint", lambda w: seen.append(w) or paint(w))
    network(z)
    return seen[0]


def test_mixing_takes_fine_styles_from_another_row(monkeypatch: pytest.MonkeyPatch) -> None:
    network, z = make_generator(mixing=0.7), torch.randn(300, 5)
    w, mixed = network.styles(z), mixtures(network, z, monkeypatch)
    own = (mixed == w).all(2)
    others = (mixed == w.roll(1, 0)).all(2)
    assert (own ^ others).all()
    assert own[:, 0].all(), "the coarsest style is the row's own"
    assert (own[:, 1:] <= own[:, :-1]).all(), "one crossover"
    share = others.any(1).float().mean().item()
    assert share == pytest.approx(0.7, abs=0.1)
    assert set(others.sum(1).tolist()) == set(range(LAYERS)), "at any layer"


def test_there_is_no_mixing_in_evaluation_nor_of_a_single_row(monkeypatch: pytest.MonkeyPatch) -> None:
    network, z = make_generator(mixing=1.0), torch.randn(8, 5)
    assert torch.equal(mixtures(network, z[:1], monkeypatch), network.styles(z[:1]))
    monkeypatch.undo()
    assert torch.equal(mixtures(network.eval(), z, monkeypatch), network.styles(z))


def test_the_average_style_follows_in_training_alone() -> None:
    network, z = make_generator(), torch.randn(64, 5)
    mean = network.styles(z)[:, 0].mean(0)
    network.eval()(z)
    assert not network.w_average.any()
    network.train()(z)
    torch.testing.assert_close(network.w_average, 0.005 * mean)
    for _ in range(500):
        network._remember(network.styles(z))
    torch.testing.assert_close(network.w_average, (1 - 0.995**501) * mean, rtol=1e-3, atol=1e-5)
    assert not network.w_average.requires_grad


def test_the_path_length_teaches_all_but_what_it_does_not_depend_on() -> None:
    network = make_generator()
    w = network.styles(torch.randn(3, 5))
    painted = network.paint(w)
    (slope,) = torch.autograd.grad((painted * torch.randn_like(painted)).sum(), w, create_graph=True)
    slope.square().sum(2).mean(1).sqrt().sub(0.1).square().mean().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert name.endswith("bias") or parameter.grad.abs().max() > 0, name


def test_a_gradient_penalty_teaches_the_discriminator() -> None:
    network, x = Stylegan2Discriminator(3, SIZE, width=4, most=8), torch.rand(3, 3, *SIZE).requires_grad_()
    (slope,) = torch.autograd.grad(network(x)[0].sum(), x, create_graph=True)
    slope.square().sum().backward()
    for name, parameter in network.named_parameters():
        if not name.endswith("bias"):
            assert parameter.grad is not None, name
            assert parameter.grad.isfinite().all(), name
            assert parameter.grad.abs().max() > 0, name


def test_a_discriminator_keeps_the_deviation_of_smooth_images() -> None:
    network = Stylegan2Discriminator(3, (64, 64), width=32, most=64)
    smooth = functional.interpolate(torch.randn(8, 3, 4, 4), size=64, mode="bicubic")
    *activations, logits = network.features(smooth / smooth.std())[0]
    moments = [activation.square().mean().item() for activation in activations[:4]]  # the last is nearly all border
    assert all(0.4 < moment < 1.4 for moment in moments), moments
    assert logits.abs().max() < 5


def test_the_mapping_learns_a_hundredth_as_fast() -> None:
    network = make_generator()
    assert all(layer.rate == 0.01 for layer in network.mapping if hasattr(layer, "rate"))
    assert torch.equal(make_generator(mapping=0).styles(torch.ones(1, 5)), torch.ones(1, LAYERS, 5))


def test_another_size_than_the_one_built_for_is_refused() -> None:
    with pytest.raises(UserError, match=r"(?s)32x32.*16x24"):
        Stylegan2Discriminator(3, SIZE, width=4)(torch.rand(1, 3, 32, 32))
