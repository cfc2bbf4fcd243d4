"""Every network of the tables, however it can be called: sizes, gradients, state, averages; new entries join."""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from translate import signatures
from translate.ema import Ema
from translate.errors import UserError
from translate.networks import DISCRIMINATORS, ENCODERS, GENERATORS
from translate.networks.initialise import initialise
from translate.networks.latent import LatentInput
from translate.translations import frozen

# Only to keep the tests quick: a network that is not named here is tested as it comes.
SMALL_GENERATORS: dict[str, dict[str, Any]] = {
    "resnet": {"width": 4, "blocks": 1},
    "unet": {"levels": 4, "width": 4},
    "fast": {"width": 8, "blocks": 1, "detail": 4},
    "dcgan": {"width": 4},
    "progan": {"width": 4, "most": 8},
    "stylegan2": {"width": 4, "most": 8, "mapping": 2},
    "r3gan": {"width": 4, "most": 8, "group": 4},
    "sngan": {"width": 4, "most": 8},
    "biggan": {"width": 4, "most": 8, "embedding": 3},
}
SMALL_DISCRIMINATORS: dict[str, dict[str, Any]] = {
    "patchgan": {"layers": 2, "width": 4},
    "multiscale": {"layers": 1, "width": 4},
    "pixel": {"width": 4},
    "dcgan": {"width": 4},
    "progan": {"width": 4, "most": 8},
    "stylegan2": {"width": 4, "most": 8},
    "r3gan": {"width": 4, "most": 8, "group": 4},
    "sngan": {"width": 4, "most": 8},
    "biggan": {"width": 4, "most": 8},
}
SMALL_ENCODERS: dict[str, dict[str, Any]] = {
    "resnet": {"width": 4},
}
SIZE = (32, 48)
LATENT = 5
CLASSES = 3
NORMS = ("instance", "batch", "group", "none")


@dataclass(frozen=True)
class Case:
    """An entry of a table and one of the ways to call it: with how many classes, with a latent beside images."""

    name: str
    classes: int = 0
    enter: str | None = None

    def __str__(self) -> str:
        return "-".join([self.name, *(["classes"] if self.classes else []), *([self.enter] if self.enter else [])])


def find(target: str) -> Any:
    module, _, name = target.partition(":")
    return getattr(import_module(module), name)


def options_of(target: str) -> set[str]:
    return set(signatures.find("network", target, {}, where="test").options)


def cases(table: dict[str, str]) -> list[Case]:
    found: list[Case] = []
    for name, target in table.items():
        found.append(Case(name))
        if getattr(find(target), "takes_classes", False):
            found.append(Case(name, classes=CLASSES))
        if getattr(find(target), "takes_latent", False):
            found += [Case(name, enter=enter) for enter in ("maps", "bottleneck", "add", "norm")]
    return found


GENERATOR_CASES, DISCRIMINATOR_CASES = cases(GENERATORS), cases(DISCRIMINATORS)
FROM_LATENTS = [name for name, target in GENERATORS.items() if find(target).latent_input]
FROM_IMAGES = [name for name in GENERATORS if name not in FROM_LATENTS]
OF_ONE_SIZE = [name for name, target in DISCRIMINATORS.items() if find(target).needs_size]


def make_generator(
    case: Case, channels: tuple[int, int] = (3, 3), size: tuple[int, int] = SIZE, **options: Any
) -> nn.Module:
    cls = find(GENERATORS[case.name])
    options = SMALL_GENERATORS.get(case.name, {}) | options
    classes = [case.classes] if getattr(cls, "takes_classes", False) else []
    beside = [LatentInput(LATENT, case.enter)] if case.enter else []  # type: ignore[arg-type]
    if cls.latent_input:
        return ready(cls(LATENT, channels[1], size, *classes, **options))
    return ready(cls(*channels, *beside, **options))


def make_discriminator(case: Case, channels: int = 3, size: tuple[int, int] = SIZE, **options: Any) -> nn.Module:
    cls = find(DISCRIMINATORS[case.name])
    options = SMALL_DISCRIMINATORS.get(case.name, {}) | options
    classes = [case.classes] if getattr(cls, "takes_classes", False) else []
    return ready(cls(channels, *([size] if cls.needs_size else []), *classes, **options))


def make_encoder(name: str, channels: int = 3) -> nn.Module:
    return ready(find(ENCODERS[name])(channels, LATENT, SIZE, **SMALL_ENCODERS.get(name, {})))


def ready(network: nn.Module) -> nn.Module:
    """As some steps leave it: no parameter is exactly the zero that it may have started from."""
    initialise(network, gain=0.2)
    stir(network, 0.1)
    return network


def stir(network: nn.Module, strength: float) -> None:
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(strength * torch.randn_like(parameter))


def images(channels: int = 3, size: tuple[int, int] = SIZE, rows: int = 2) -> Tensor:
    return torch.rand(rows, channels, *size) * 2 - 1


def labels_of(case: Case, rows: int) -> tuple[Tensor, ...]:
    return (torch.arange(rows) % case.classes,) if case.classes else ()


def inputs_of(case: Case, channels: int = 3, rows: int = 2) -> tuple[Tensor, ...]:
    """What a generator is called with."""
    z = torch.randn(rows, LATENT)
    if case.name in FROM_LATENTS:
        return (z, *labels_of(case, rows))
    return (images(channels, rows=rows), *((z,) if case.enter else ()))


def as_it_grows(network: nn.Module) -> Iterator[nn.Module]:
    """A network at its sizes, where it grows over the training: some layers are used at one of them alone."""
    if not hasattr(network, "grow"):
        yield network
        return
    for percent in range(0, 101, 5):
        network.grow(percent / 100)
        yield network


def spectral_layers(network: nn.Module) -> list[Any]:
    return [layer for layer in network.modules() if parametrize.is_parametrized(layer, "weight")]


def used(network: nn.Module, *inputs: Tensor) -> nn.Module:
    """The network after training-mode passes that move what running statistics there are."""
    for _ in range(3):
        network(*inputs)
    return network


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
@pytest.mark.parametrize("case", GENERATOR_CASES, ids=str)
def test_generator_makes_images_of_the_size_and_range_asked_for(case: Case, channels: tuple[int, int]) -> None:
    network = make_generator(case, channels)
    made = network(*inputs_of(case, channels[0]))
    assert made.shape == (2, channels[1], *SIZE)
    assert made.dtype == torch.float32
    assert made.abs().max() <= 1
    assert made.std() > 0


@pytest.mark.parametrize("case", GENERATOR_CASES, ids=str)
def test_every_parameter_of_a_generator_learns(case: Case) -> None:
    network = make_generator(case)
    for grown in as_it_grows(network):
        made = grown(*inputs_of(case, rows=4))
        (made * torch.randn_like(made)).sum().backward()
    assert_every_parameter_learns(network)


@pytest.mark.parametrize("case", GENERATOR_CASES, ids=str)
def test_every_input_of_a_generator_matters_to_its_own_row_alone(case: Case) -> None:
    """In eval mode an image must not depend on what else is in the batch, nor on torch's random state."""
    inputs, others = inputs_of(case, rows=3), inputs_of(case, rows=3)
    network = used(make_generator(case), *inputs).eval()
    made = network(*inputs)
    torch.manual_seed(1)
    assert torch.equal(network(*inputs), made)
    alone = torch.cat([network(*(given[row : row + 1] for given in inputs)) for row in range(3)])
    torch.testing.assert_close(alone, made, atol=1e-4, rtol=0)
    for position, given in enumerate(inputs):
        other = (given + 1) % CLASSES if given.dtype == torch.int64 else others[position]
        mixed = torch.cat([given[:1], other[1:]])
        changed = network(*inputs[:position], mixed, *inputs[position + 1 :])
        torch.testing.assert_close(changed[:1], made[:1], atol=1e-4, rtol=0)
        assert (changed[1:] - made[1:]).abs().amax((1, 2, 3)).min() > 1e-3, f"input {position} does not matter"


@pytest.mark.parametrize("case", GENERATOR_CASES, ids=str)
def test_generator_state_carries_everything(case: Case) -> None:
    inputs = inputs_of(case)
    first, second = used(make_generator(case), *inputs), make_generator(case)
    second.load_state_dict(first.state_dict())
    assert torch.equal(first.eval()(*inputs), second.eval()(*inputs))


@pytest.mark.parametrize("case", GENERATOR_CASES, ids=str)
def test_an_averaged_copy_of_a_generator_follows_it(case: Case) -> None:
    inputs = inputs_of(case, rows=4)
    network = make_generator(case)
    average = Ema(network, decay=0.5)
    stir(network, 0.1)
    network(*inputs)
    for layer in 30 * spectral_layers(network):
        _ = layer.weight  # each look in training mode is one power iteration: no estimate is in the way
    average.update(network)
    halfway = average.module.eval()(*inputs)
    assert halfway.isfinite().all()
    for _ in range(30 if spectral_layers(network) else 0):
        network(*inputs)  # measures its spectral norms a little better each time
    for _ in range(20):
        average.update(network)
    near = 1e-2 if spectral_layers(network) else 1e-4  # the copy measures its weights a little better
    torch.testing.assert_close(average.module(*inputs), network.eval()(*inputs), atol=near, rtol=0)
    assert (average.module(*inputs) - halfway).abs().max() > 1e-3
    assert not any(parameter.requires_grad for parameter in average.module.parameters())


def test_averaged_spectral_norms_belong_to_the_averaged_weights() -> None:
    """Singular vectors turn as a network learns: the mean of two is too short to measure the mean weights with."""
    normed = [network for network in map(make_generator, GENERATOR_CASES) if spectral_layers(network)]
    assert normed
    for network in normed:
        average = Ema(network, decay=0.5)
        for _ in range(10):  # until an update is half the way
            average.update(network)
        initialise(network, gain=0.2)
        average.update(network)
        for layer in spectral_layers(average.module.eval()):
            assert torch.linalg.matrix_norm(layer.weight.flatten(1), ord=2) < 1.5


@pytest.mark.parametrize("case", GENERATOR_CASES, ids=str)
def test_generator_works_in_bfloat16(case: Case) -> None:
    network = make_generator(case)
    with torch.autocast("cpu", torch.bfloat16):
        made = network(*inputs_of(case))
    made.float().square().sum().backward()
    assert made.isfinite().all()
    assert all(p.grad.isfinite().all() for p in network.parameters() if p.grad is not None)


@pytest.mark.parametrize("name", [n for n in (*FROM_LATENTS, *FROM_IMAGES) if hasattr(find(GENERATORS[n]), "grow")])
def test_growing_generator_has_full_size_and_carries_how_far_it_is(name: str) -> None:
    first, second = make_generator(Case(name)).eval(), make_generator(Case(name)).eval()
    z = inputs_of(Case(name))
    grown = first(*z)
    for progress in (0.0, 0.1, 0.27, 0.4):
        first.grow(progress)
        made = first(*z)
        assert made.shape == grown.shape
        assert not torch.equal(made, grown)
        second.load_state_dict(first.state_dict())
        assert torch.equal(second(*z), made)
    first.grow(1.0)
    assert torch.equal(first(*z), grown)


@pytest.mark.parametrize("name", FROM_IMAGES)
def test_generator_keeps_any_size_that_its_stride_divides(name: str) -> None:
    network = make_generator(Case(name))
    size = (2 * network.stride, 3 * network.stride)
    assert network(images(size=size)).shape[-2:] == size


@pytest.mark.parametrize("size", [(16, 16), (64, 40), (8, 12)])
@pytest.mark.parametrize("name", FROM_LATENTS)
def test_latent_networks_take_any_size_that_halves_to_a_small_base(name: str, size: tuple[int, int]) -> None:
    made = make_generator(Case(name), size=size)(torch.randn(2, LATENT))
    assert made.shape == (2, 3, *size)


@pytest.mark.parametrize("size", [(17, 32), (62, 62), (4, 4)])
@pytest.mark.parametrize("name", FROM_LATENTS)
def test_latent_generators_refuse_sizes_that_do_not_halve(name: str, size: tuple[int, int]) -> None:
    with pytest.raises(UserError, match=f"{size[0]}x{size[1]}"):
        make_generator(Case(name), size=size)


@pytest.mark.parametrize("name", [name for name, target in GENERATORS.items() if hasattr(find(target), "features")])
def test_features_are_given_in_the_order_asked_for_and_carry_gradient(name: str) -> None:
    network = make_generator(Case(name))
    x = images().requires_grad_()
    late, early = network.features(x, [4, 1])
    assert torch.equal(network.features(x, [1])[0], early)
    assert torch.equal(network.features(x, [4])[0], late)
    assert early.shape != late.shape
    late.sum().backward()
    assert x.grad is not None
    assert x.grad.abs().max() > 0


@pytest.mark.parametrize("channels", [1, 3, 6])
@pytest.mark.parametrize("case", DISCRIMINATOR_CASES, ids=str)
def test_discriminator_gives_maps_of_finite_logits(case: Case, channels: int) -> None:
    maps = make_discriminator(case, channels)(images(channels), *labels_of(case, 2))
    assert isinstance(maps, list)
    for logits in maps:
        assert logits.shape[:2] == (2, 1)
        assert logits.ndim == 4
        assert logits.isfinite().all()
        assert logits[0].sub(logits[1]).abs().max() > 0, "it does not look at the image"


@pytest.mark.parametrize("case", [case for case in DISCRIMINATOR_CASES if case.classes], ids=str)
def test_discriminator_judges_an_image_by_its_class(case: Case) -> None:
    network, x = make_discriminator(case).eval(), images(rows=1).expand(CLASSES, -1, -1, -1)
    for logits in network(x, torch.arange(CLASSES)):
        assert len(logits.flatten(1).mean(1).unique()) == CLASSES


@pytest.mark.parametrize("case", DISCRIMINATOR_CASES, ids=str)
def test_features_of_a_discriminator_end_with_its_logits(case: Case) -> None:
    network = make_discriminator(case).eval()
    x, labels = images(), labels_of(case, 2)
    logits, features = network(x, *labels), network.features(x, *labels)
    assert len(features) == len(logits)
    for of_scale, final in zip(features, logits, strict=True):
        assert len(of_scale) > 1
        assert torch.equal(of_scale[-1], final)


@pytest.mark.parametrize("case", DISCRIMINATOR_CASES, ids=str)
def test_every_parameter_of_a_discriminator_learns(case: Case) -> None:
    network = make_discriminator(case)
    for grown in as_it_grows(network):
        judged = grown(images(rows=4), *labels_of(case, 4))
        sum((logits * torch.randn_like(logits)).sum() for logits in judged).backward()
    assert_every_parameter_learns(network)


@pytest.mark.parametrize("case", DISCRIMINATOR_CASES, ids=str)
def test_frozen_discriminator_tells_every_pixel_of_an_image_and_learns_nothing(case: Case) -> None:
    network = make_discriminator(case)
    x = images().requires_grad_()
    with frozen(list(network.parameters())):
        sum((logits * torch.randn_like(logits)).sum() for logits in network(x, *labels_of(case, 2))).backward()
    assert x.grad is not None
    assert (x.grad != 0).float().mean() > 0.9
    assert all(parameter.grad is None for parameter in network.parameters())


@pytest.mark.parametrize("case", DISCRIMINATOR_CASES, ids=str)
def test_discriminator_is_twice_differentiable(case: Case) -> None:
    """What a gradient penalty teaches is finite, and reaches every layer that images pass through."""
    network = make_discriminator(case)
    for grown in as_it_grows(network):
        x = images(rows=4).requires_grad_()
        score = sum(logits.flatten(1).mean(1) for logits in grown(x, *labels_of(case, 4)))
        (slope,) = torch.autograd.grad(score.sum(), x, create_graph=True)
        slope.square().sum().backward()
    for name, parameter in network.named_parameters():
        if parameter.grad is not None:
            assert parameter.grad.isfinite().all(), name
        if parameter.ndim > 1:  # a bias alone moves no slope, unless it moves a kink
            assert parameter.grad is not None, name
            assert parameter.grad.abs().max() > 0, name


@pytest.mark.parametrize("case", DISCRIMINATOR_CASES, ids=str)
def test_discriminator_state_carries_everything(case: Case) -> None:
    inputs = (images(), *labels_of(case, 2))
    first, second = used(make_discriminator(case), *inputs), make_discriminator(case)
    second.load_state_dict(first.state_dict())
    for one, other in zip(first.eval()(*inputs), second.eval()(*inputs), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("case", DISCRIMINATOR_CASES, ids=str)
def test_discriminator_works_in_bfloat16(case: Case) -> None:
    network = make_discriminator(case)
    with torch.autocast("cpu", torch.bfloat16):
        judged = network(images(), *labels_of(case, 2))
    sum(logits.float().square().sum() for logits in judged).backward()
    assert all(logits.isfinite().all() for logits in judged)
    assert all(p.grad.isfinite().all() for p in network.parameters() if p.grad is not None)


@pytest.mark.parametrize("name", OF_ONE_SIZE)
def test_discriminator_of_one_size_refuses_others(name: str) -> None:
    with pytest.raises(UserError, match="64x48"):
        make_discriminator(Case(name))(images(size=(64, 48)))
    with pytest.raises(UserError, match="62x62"):
        make_discriminator(Case(name), size=(62, 62))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", ENCODERS)
def test_encoder_gives_mean_and_log_variance_of_a_latent(name: str, channels: int) -> None:
    mean, log_variance = make_encoder(name, channels)(images(channels))
    for part in (mean, log_variance):
        assert part.shape == (2, LATENT)
        assert part.isfinite().all()
        assert part[0].sub(part[1]).abs().max() > 0, "it does not look at the image"
    assert not torch.equal(mean, log_variance)


@pytest.mark.parametrize("name", ENCODERS)
def test_every_parameter_of_an_encoder_learns(name: str) -> None:
    network = make_encoder(name)
    sum((part * torch.randn_like(part)).sum() for part in network(images())).backward()
    assert_every_parameter_learns(network)


@pytest.mark.parametrize("name", ENCODERS)
def test_encoder_reads_each_image_by_itself_and_its_state_carries_everything(name: str) -> None:
    x = images(rows=3)
    first, second = used(make_encoder(name), x).eval(), make_encoder(name).eval()
    second.load_state_dict(first.state_dict())
    for part, (one, other) in enumerate(zip(first(x), second(x), strict=True)):
        assert torch.equal(one, other)
        alone = torch.cat([first(x[row : row + 1])[part] for row in range(3)])
        torch.testing.assert_close(alone, one, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("name", [name for name, target in GENERATORS.items() if "norm" in options_of(target)])
def test_generator_works_with_every_norm(name: str, norm: str) -> None:
    assert make_generator(Case(name), norm=norm)(*inputs_of(Case(name))).isfinite().all()


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("name", [name for name, target in DISCRIMINATORS.items() if "norm" in options_of(target)])
def test_discriminator_works_with_every_norm(name: str, norm: str) -> None:
    assert all(logits.isfinite().all() for logits in make_discriminator(Case(name), norm=norm)(images()))


@pytest.mark.parametrize("name", [name for name, target in GENERATORS.items() if "upsample" in options_of(target)])
def test_resize_upsampling_keeps_sizes_and_holds_no_transposed_convolution(name: str) -> None:
    network = make_generator(Case(name), upsample="resize")
    assert network(images()).shape == (2, 3, *SIZE)
    assert not any(isinstance(layer, nn.ConvTranspose2d) for layer in network.modules())


@pytest.mark.parametrize("name", [name for name, target in DISCRIMINATORS.items() if "spectral" in options_of(target)])
def test_spectral_norm_bounds_every_convolution(name: str) -> None:
    network = make_discriminator(Case(name), spectral=True)
    for _ in range(20):
        network(images())
    convolutions = [layer for layer in network.eval().modules() if isinstance(layer, nn.Conv2d)]
    assert convolutions
    for layer in convolutions:
        largest = torch.linalg.matrix_norm(layer.weight.flatten(1), ord=2)
        assert largest.item() == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("name", FROM_IMAGES)
def test_generator_exports_with_free_height_and_width(name: str) -> None:
    network = make_generator(Case(name)).eval()
    height, width = (network.stride * torch.export.Dim(side, min=2, max=64) for side in ("h", "w"))
    exported = torch.export.export(network, (images(),), dynamic_shapes=({2: height, 3: width},)).module()
    other = images(size=(4 * network.stride, 5 * network.stride))
    torch.testing.assert_close(exported(other), network(other))
