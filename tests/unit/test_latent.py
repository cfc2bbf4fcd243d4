"""z beside an image: it enters where it should, matters from the start, and is not lost in the norms."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from translate.errors import UserError
from translate.networks import latent as layers
from translate.networks.fast import FastGenerator
from translate.networks.initialise import initialise
from translate.networks.latent import AdaptiveNorm, Added, Beside, Chain, LatentInput, Mixed
from translate.networks.resnet import ResnetGenerator
from translate.networks.unet import UnetGenerator

Z = 8
SMALL: dict[Any, dict[str, Any]] = {
    ResnetGenerator: {"width": 8, "blocks": 2},
    UnetGenerator: {"levels": 4, "width": 8, "dropout": False},
    FastGenerator: {"width": 16, "blocks": 2, "detail": 8},
}
ENTRIES = ("maps", "bottleneck", "add", "norm")


def make(cls: Any, enter: str | None, channels: tuple[int, int] = (3, 3), **options: Any) -> nn.Module:
    torch.manual_seed(0)
    latent = () if enter is None else (LatentInput(Z, enter),)  # type: ignore[arg-type]
    network = cls(*channels, *latent, **SMALL[cls] | options)
    initialise(network)
    return network


def scenes(rows: int) -> Tensor:
    return functional.interpolate(torch.randn(rows, 3, 6, 6), size=(32, 32), mode="bilinear").tanh()


def spreads(network: nn.Module) -> tuple[float, float]:
    """How far outputs of one image with many z differ, and those of many images with one z."""
    z, x = torch.randn(12, Z), scenes(12)
    with torch.no_grad():
        over_z = network(x[:1].expand(12, -1, -1, -1), z).std(0).mean()
        over_x = network(x, z[:1].expand(12, -1)).std(0).mean()
    return float(over_z), float(over_x)


@pytest.mark.parametrize("norm", ["instance", "batch"])
@pytest.mark.parametrize("enter", ENTRIES)
@pytest.mark.parametrize("cls", SMALL)
def test_z_matters_from_the_start_and_every_parameter_learns(cls: Any, enter: str, norm: str) -> None:
    network = make(cls, enter, norm=norm)
    if cls is FastGenerator:
        nn.init.zeros_(network.carry)  # what it draws itself, not the input's colours that it carries around
    over_z, over_x = spreads(network)
    assert over_z > 0.01 * over_x
    z = torch.randn(4, Z, requires_grad=True)
    made = network(scenes(4), z)
    assert made.shape == (4, 3, 32, 32)
    (made * torch.randn_like(made)).sum().backward()
    for name, parameter in network.named_parameters():
        # a norm cancels a bias in front of it
        assert parameter.grad is not None, name
        assert name.endswith("bias") or parameter.grad.abs().max() > 0, name
    assert z.grad is not None
    assert bool((z.grad.abs().sum(0) > 0).all())


def test_instance_norm_would_swallow_z_without_the_nonlinearity(monkeypatch: pytest.MonkeyPatch) -> None:
    """The planted fault that the bound above must catch: z added evenly right in front of an instance norm."""
    network = make(ResnetGenerator, "add", upsample="resize")
    monkeypatch.setattr(layers, "functional", SimpleNamespace(relu=lambda x: x))
    over_z, over_x = spreads(network)
    assert over_z < 1e-4 * over_x
    network = make(ResnetGenerator, "maps")
    network.model[3] = nn.InstanceNorm2d(8)  # type: ignore[index, operator]
    over_z, over_x = spreads(network)
    assert over_z < 1e-4 * over_x


@pytest.mark.parametrize("cls", SMALL)
def test_without_a_latent_only_what_was_there_is_made(cls: Any) -> None:
    plain = make(cls, None)
    assert cls.takes_latent is True
    assert not any(isinstance(module, Beside | Mixed | Added | AdaptiveNorm) for module in plain.modules())


def test_a_chain_keeps_the_keys_of_a_sequence_and_hands_z_to_those_who_take_it() -> None:
    inner = Chain(nn.Conv2d(3, 4, 1), Added(4, Z), nn.ReLU())
    chain, sequence = Chain(inner, nn.Conv2d(4, 2, 1)), nn.Sequential(nn.Sequential(*inner), nn.Conv2d(4, 2, 1))
    assert list(chain.state_dict()) == list(sequence.state_dict())
    x, z = torch.randn(2, 3, 4, 4), torch.randn(2, Z)
    by_hand = chain[1](torch.relu(inner[0](x) + inner[1].project(z)[:, :, None, None]))  # type: ignore[operator]
    torch.testing.assert_close(chain(x, z), by_hand)


@pytest.mark.parametrize("cls", SMALL)
def test_adaptive_norm_at_z_0_is_the_plain_network_and_keeps_its_weights(cls: Any) -> None:
    x = scenes(2)
    plain, told = make(cls, None, norm="instance"), make(cls, "norm", norm="instance")
    missing, unexpected = told.load_state_dict(plain.state_dict(), strict=False)
    assert not unexpected
    assert all(".style." in key for key in missing)
    torch.testing.assert_close(told(x, torch.zeros(2, Z)), plain(x))


def test_adaptive_norm_sets_scale_and_shift_of_each_row_and_map() -> None:
    norm = AdaptiveNorm(nn.InstanceNorm2d(3), 3, Z)
    nn.init.normal_(norm.style.weight)
    nn.init.normal_(norm.style.bias)
    z = torch.randn(2, Z)
    y = norm(torch.randn(2, 3, 64, 64) * 5 + 2, z)
    style = z @ norm.style.weight.T + norm.style.bias
    torch.testing.assert_close(y.std((2, 3), correction=0), (1 + style[:, :3]).abs(), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(y.mean((2, 3)), style[:, 3:], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("cls", SMALL)
def test_rows_keep_to_their_own_z(cls: Any) -> None:
    for enter in ENTRIES:
        network = make(cls, enter, norm="instance").eval()
        x, z = scenes(3), torch.randn(3, Z)
        alone = torch.cat([network(x[i : i + 1], z[i : i + 1]) for i in range(3)])
        torch.testing.assert_close(network(x, z), alone, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(
    ("cls", "enter"),
    [
        pytest.param(cls, enter, marks=[] if (cls, enter) == (UnetGenerator, "norm") else pytest.mark.slow)
        for cls in SMALL
        for enter in ENTRIES
    ],
)
def test_a_generator_with_z_exports_with_free_sizes(cls: Any, enter: str) -> None:
    network = make(cls, enter, **{"levels": 2} if cls is UnetGenerator else {}).eval()
    height, width = (network.stride * torch.export.Dim(side, min=2, max=64) for side in ("h", "w"))
    example = (scenes(2), torch.randn(2, Z))
    exported = torch.export.export(network, example, dynamic_shapes=({2: height, 3: width}, {})).module()
    x, z = torch.rand(2, 3, 48, 64), torch.randn(2, Z)
    torch.testing.assert_close(exported(x, z), network(x, z))


@pytest.mark.parametrize("cls", SMALL)
def test_norms_that_are_not_there_are_refused(cls: Any) -> None:
    with pytest.raises(UserError, match=r"(?s)networks.latent.enter.*without them"):
        make(cls, "norm", norm="none")
    for enter in ("maps", "bottleneck", "add"):
        assert make(cls, enter, norm="none")(scenes(1), torch.randn(1, Z)).isfinite().all()


@pytest.mark.parametrize("cls", SMALL)
def test_a_latent_missing_in_excess_or_of_another_size_is_said(cls: Any) -> None:
    with pytest.raises(ValueError, match="without a latent"):
        make(cls, None)(scenes(1), torch.randn(1, Z))
    network = make(cls, "add")
    with pytest.raises(ValueError, match=r"\[N, 8\].*none"):
        network(scenes(1))
    with pytest.raises(ValueError, match=r"\[N, 8\].*\(1, 7\)"):
        network(scenes(1), torch.randn(1, 7))


@pytest.mark.parametrize("enter", ENTRIES)
def test_features_without_z_are_those_of_z_0(enter: str) -> None:
    network = make(ResnetGenerator, enter)
    x, z = scenes(2), torch.randn(2, Z)
    last = len(network.model) - 1  # type: ignore[arg-type]
    (without,), (zero,), (drawn,) = (network.features(x, [last], *z) for z in ((), (torch.zeros(2, Z),), (z,)))
    assert torch.equal(without, zero)
    assert torch.equal(drawn, network(x, z))
    assert not torch.equal(without, drawn)
