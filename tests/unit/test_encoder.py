"""The encoder: q(z | image) of any size from 16 pixels, well behaved from the start."""

from typing import Any

import pytest
import torch
from torch import nn

from translate.errors import UserError
from translate.networks import ENCODERS
from translate.networks.encoder import ResnetEncoder
from translate.networks.initialise import initialise
from translate.signatures import find, resolve

Z = 6


def make(size: tuple[int, int] = (32, 48), channels: int = 3, **options: Any) -> ResnetEncoder:
    torch.manual_seed(0)
    return ResnetEncoder(channels, Z, size, **{"width": 8} | options)


@pytest.mark.parametrize("pooled", [True, False])
@pytest.mark.parametrize("size", [(16, 16), (17, 31), (32, 48), (96, 64), (256, 16)])
def test_any_size_from_16_gives_a_mean_and_a_log_variance(size: tuple[int, int], pooled: bool) -> None:
    mean, log_variance = make(size, 1, pooled=pooled)(torch.rand(2, 1, *size))
    assert mean.shape == log_variance.shape == (2, Z)
    assert mean.isfinite().all()
    assert log_variance.isfinite().all()


@pytest.mark.parametrize(
    ("size", "blocks"), [((16, 16), 1), ((31, 64), 1), ((32, 32), 2), ((64, 128), 3), ((512, 256), 4)]
)
def test_as_many_blocks_as_leave_four_pixels(size: tuple[int, int], blocks: int) -> None:
    encoder = make(size)
    assert len(encoder.blocks) == blocks
    left = encoder.blocks(encoder.first(torch.zeros(1, 3, *size)))
    assert min(left.shape[2:]) >= 3  # 31 -> 15 -> 7; what halves evenly keeps 4
    assert left.shape[1] == 8 * min(4, blocks + 1)


def test_too_small_images_and_too_many_blocks_are_refused() -> None:
    with pytest.raises(UserError, match=r"(?s)data.size.*15x64.*16 pixels"):
        make((15, 64))
    with pytest.raises(UserError, match=r"(?s)blocks: 3 blocks.*1 to 2"):
        make((32, 48), blocks=3)
    assert len(make((32, 48), blocks=1).blocks) == 1


@pytest.mark.parametrize("norm", ["instance", "batch", "group", "none"])
def test_every_parameter_learns(norm: str) -> None:
    encoder = make(norm=norm)
    initialise(encoder)
    mean, log_variance = encoder(torch.rand(2, 3, 32, 48) * 2 - 1)
    (mean * torch.randn_like(mean) + log_variance * torch.randn_like(mean)).sum().backward()
    for name, parameter in encoder.named_parameters():
        assert parameter.grad is not None, name
        assert name.endswith("bias") or parameter.grad.abs().max() > 0, name


def test_it_starts_near_the_prior_and_sees_colours_in_spite_of_instance_norm() -> None:
    encoder = make((32, 32))
    scene = torch.rand(1, 3, 32, 32) - 0.5
    shades = torch.cat([scene - 0.4, scene + 0.4])
    darker, lighter = encoder(shades)[0]
    assert (darker - lighter).norm() > 0.3 * darker.norm()
    for block in encoder.blocks:
        nn.init.zeros_(block.shortcut[1].weight)  # the way around the norms
    darker, lighter = encoder(shades)[0]
    assert (darker - lighter).norm() < 0.1 * darker.norm()
    initialise(encoder)
    mean, log_variance = encoder(shades)
    assert mean.abs().max() < 0.5
    assert log_variance.abs().max() < 0.5


def test_unpooled_it_tells_where_things_are_and_pooled_it_takes_other_sizes() -> None:
    x = torch.zeros(1, 3, 32, 32)
    x[:, :, 4:12, 4:12] = 1
    for pooled in (True, False):
        encoder = make((32, 32), pooled=pooled, norm="none")
        (here, _), (there, _) = encoder(x), encoder(x.flip(2, 3))
        # flipped, the borders' padding still makes some difference, but places make far more
        assert ((here - there).norm() > 0.1 * here.norm()) == (not pooled)
    make((32, 32))(torch.rand(1, 3, 64, 48))
    with pytest.raises(UserError, match=r"64x48.*place by place"):
        make((32, 32), pooled=False)(torch.rand(1, 3, 64, 48))


def test_the_log_variance_stays_within_bounds_and_finds_back_from_beyond() -> None:
    encoder = make((16, 16))
    nn.init.constant_(encoder.log_variance.bias, 25.0)
    _, log_variance = encoder(torch.rand(2, 3, 16, 16))
    assert log_variance.max() < 10
    assert log_variance.min() > 9
    (log_variance.exp() - log_variance).sum().backward()  # what the KL divergence asks of it
    assert encoder.log_variance.bias.grad is not None
    assert bool((encoder.log_variance.bias.grad > 0).all())
    nn.init.constant_(encoder.log_variance.bias, 0.5)
    nn.init.zeros_(encoder.log_variance.weight)
    middle = encoder(torch.rand(1, 3, 16, 16))[1]
    torch.testing.assert_close(middle, torch.full_like(middle, 0.5), atol=1e-3, rtol=0)  # there it is left alone


def test_the_configuration_reads_its_options() -> None:
    options = resolve(find("encoder", "resnet", ENCODERS, where="test"), {"blocks": 2}, where="test")
    assert options == {"width": 64, "blocks": 2, "norm": "instance", "pooled": True}
