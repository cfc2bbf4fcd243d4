"""Every generator and discriminator of the tables: sizes, ranges, gradients, state; new entries join by themselves."""

from importlib import import_module
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from translate import signatures
from translate.networks import DISCRIMINATORS, GENERATORS
from translate.networks.initialise import initialise

# Only to keep the tests quick: a network that is not named here is tested as it comes.
SMALL_GENERATORS: dict[str, dict[str, Any]] = {
    "resnet": {"width": 4, "blocks": 1},
    "unet": {"levels": 4, "width": 4},
    "fast": {"width": 8, "blocks": 1, "detail": 4},
    "dcgan": {"width": 4},
}
SMALL_DISCRIMINATORS: dict[str, dict[str, Any]] = {
    "patchgan": {"layers": 2, "width": 4},
    "multiscale": {"layers": 1, "width": 4},
    "pixel": {"width": 4},
    "dcgan": {"width": 4},
}
SIZE = (32, 48)
LATENT = 5
NORMS = ("instance", "batch", "group", "none")


def find(target: str) -> Any:
    module, _, name = target.partition(":")
    return getattr(import_module(module), name)


def options_of(target: str) -> set[str]:
    return set(signatures.find("network", target, {}, where="test").options)


def make_generator(name: str, channels: tuple[int, int] = (3, 3), **options: Any) -> nn.Module:
    cls = find(GENERATORS[name])
    options = SMALL_GENERATORS.get(name, {}) | options
    network = cls(LATENT, channels[1], SIZE, **options) if cls.latent_input else cls(*channels, **options)
    initialise(network, gain=0.2)
    return network


def make_discriminator(name: str, channels: int = 3, **options: Any) -> nn.Module:
    cls = find(DISCRIMINATORS[name])
    options = SMALL_DISCRIMINATORS.get(name, {}) | options
    network = cls(channels, SIZE, **options) if cls.needs_size else cls(channels, **options)
    initialise(network, gain=0.2)
    return network


def images(channels: int = 3, size: tuple[int, int] = SIZE, rows: int = 2) -> Tensor:
    return torch.rand(rows, channels, *size) * 2 - 1


def input_of(network: nn.Module, channels: int = 3) -> Tensor:
    return torch.randn(2, LATENT) if network.latent_input else images(channels)


def assert_every_parameter_learns(network: nn.Module) -> None:
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        # instance norm cancels a bias in front of it, which is there because published weights hold one
        assert name.endswith("bias") or parameter.grad.abs().max() > 0, name


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


@pytest.mark.parametrize("channels", [(3, 3), (1, 3), (3, 1)])
@pytest.mark.parametrize("name", GENERATORS)
def test_generator_makes_images_of_the_size_and_range_asked_for(name: str, channels: tuple[int, int]) -> None:
    network = make_generator(name, channels)
    made = network(input_of(network, channels[0]))
    assert made.shape == (2, channels[1], *SIZE)
    assert made.dtype == torch.float32
    assert made.abs().max() <= 1
    assert made.std() > 0


@pytest.mark.parametrize("name", GENERATORS)
def test_every_parameter_of_a_generator_learns(name: str) -> None:
    network = make_generator(name)
    made = network(input_of(network))
    (made * torch.randn_like(made)).sum().backward()
    assert_every_parameter_learns(network)


@pytest.mark.parametrize("name", GENERATORS)
def test_generator_state_carries_everything(name: str) -> None:
    first, second = make_generator(name), make_generator(name)
    x = input_of(first)
    first(x)  # moves what running statistics there are
    second.load_state_dict(first.state_dict())
    assert torch.equal(first.eval()(x), second.eval()(x))


@pytest.mark.parametrize("name", [name for name, target in GENERATORS.items() if not find(target).latent_input])
def test_generator_keeps_any_size_that_its_stride_divides(name: str) -> None:
    network = make_generator(name)
    size = (2 * network.stride, 3 * network.stride)
    assert network(images(size=size)).shape[-2:] == size


@pytest.mark.parametrize("name", [name for name, target in GENERATORS.items() if hasattr(find(target), "features")])
def test_features_are_given_in_the_order_asked_for_and_carry_gradient(name: str) -> None:
    network = make_generator(name)
    x = images().requires_grad_()
    late, early = network.features(x, [4, 1])
    assert torch.equal(network.features(x, [1])[0], early)
    assert torch.equal(network.features(x, [4])[0], late)
    assert early.shape != late.shape
    late.sum().backward()
    assert x.grad is not None
    assert x.grad.abs().max() > 0


@pytest.mark.parametrize("channels", [1, 3, 6])
@pytest.mark.parametrize("name", DISCRIMINATORS)
def test_discriminator_gives_maps_of_finite_logits(name: str, channels: int) -> None:
    maps = make_discriminator(name, channels)(images(channels))
    assert isinstance(maps, list)
    for logits in maps:
        assert logits.shape[:2] == (2, 1)
        assert logits.ndim == 4
        assert logits.isfinite().all()
        assert logits[0].sub(logits[1]).abs().max() > 0, "it does not look at the image"


@pytest.mark.parametrize("name", DISCRIMINATORS)
def test_features_of_a_discriminator_end_with_its_logits(name: str) -> None:
    network = make_discriminator(name).eval()
    x = images()
    logits, features = network(x), network.features(x)
    assert len(features) == len(logits)
    for of_scale, final in zip(features, logits, strict=True):
        assert len(of_scale) > 1
        assert torch.equal(of_scale[-1], final)


@pytest.mark.parametrize("name", DISCRIMINATORS)
def test_every_parameter_of_a_discriminator_learns(name: str) -> None:
    network = make_discriminator(name)
    sum((logits * torch.randn_like(logits)).sum() for logits in network(images())).backward()
    assert_every_parameter_learns(network)


@pytest.mark.parametrize("name", DISCRIMINATORS)
def test_discriminator_state_carries_everything(name: str) -> None:
    first, second = make_discriminator(name), make_discriminator(name)
    x = images()
    first(x)
    second.load_state_dict(first.state_dict())
    for one, other in zip(first.eval()(x), second.eval()(x), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("name", [name for name, target in GENERATORS.items() if "norm" in options_of(target)])
def test_generator_works_with_every_norm(name: str, norm: str) -> None:
    network = make_generator(name, norm=norm)
    assert network(input_of(network)).isfinite().all()


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("name", [name for name, target in DISCRIMINATORS.items() if "norm" in options_of(target)])
def test_discriminator_works_with_every_norm(name: str, norm: str) -> None:
    assert all(logits.isfinite().all() for logits in make_discriminator(name, norm=norm)(images()))


@pytest.mark.parametrize("name", [name for name, target in GENERATORS.items() if "upsample" in options_of(target)])
def test_resize_upsampling_keeps_sizes_and_holds_no_transposed_convolution(name: str) -> None:
    network = make_generator(name, upsample="resize")
    assert network(images()).shape == (2, 3, *SIZE)
    assert not any(isinstance(layer, nn.ConvTranspose2d) for layer in network.modules())


@pytest.mark.parametrize("name", [name for name, target in DISCRIMINATORS.items() if "spectral" in options_of(target)])
def test_spectral_norm_bounds_every_convolution(name: str) -> None:
    network = make_discriminator(name, spectral=True)
    for _ in range(20):
        network(images())
    convolutions = [layer for layer in network.eval().modules() if isinstance(layer, nn.Conv2d)]
    assert convolutions
    for layer in convolutions:
        largest = torch.linalg.matrix_norm(layer.weight.flatten(1), ord=2)
        assert largest.item() == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("name", [name for name, target in GENERATORS.items() if not find(target).latent_input])
def test_generator_exports_with_free_height_and_width(name: str) -> None:
    network = make_generator(name).eval()
    height, width = (network.stride * torch.export.Dim(side, min=2, max=64) for side in ("h", "w"))
    exported = torch.export.export(network, (images(),), dynamic_shapes=({2: height, 3: width},)).module()
    other = images(size=(4 * network.stride, 5 * network.stride))
    torch.testing.assert_close(exported(other), network(other))
