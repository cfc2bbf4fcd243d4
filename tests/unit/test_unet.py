"""The U-Net against the published nesting, built here by its rule."""

import pytest
import torch
from torch import Tensor, nn

from translate.errors import UserError
from translate.networks.unet import UnetGenerator, published_keys


class Nested(nn.Module):
    """One level of the published U-Net with all levels inside it: [LeakyReLU, conv, norm, inner, ReLU, conv, norm]."""

    def __init__(self, widths: list[int], outer: int, incoming: int, norm: str, outermost: bool = False) -> None:
        super().__init__()
        (width, *rest), self.outermost = widths, outermost
        bias = norm == "instance"

        def normed(channels: int) -> nn.Module:
            return nn.BatchNorm2d(channels) if norm == "batch" else nn.InstanceNorm2d(channels)

        down: list[nn.Module] = [nn.Conv2d(incoming, width, 4, 2, 1, bias=bias)]
        up: list[nn.Module] = [nn.ReLU()]
        if not outermost:
            down.insert(0, nn.LeakyReLU(0.2))
        if rest and not outermost:
            down.append(normed(width))
        inner = [Nested(rest, width, width, norm)] if rest else []
        doubled = 2 * width if rest else width
        up.append(nn.ConvTranspose2d(doubled, outer, 4, 2, 1, bias=bias or outermost))
        up.append(nn.Tanh() if outermost else normed(outer))
        self.model = nn.Sequential(*down, *inner, *up)

    def forward(self, x: Tensor) -> Tensor:
        y = self.model(x)
        return y if self.outermost else torch.cat([x, y], dim=1)


def published(levels: int, width: int, norm: str) -> nn.Module:
    network = nn.Module()
    network.model = Nested([width * min(2**n, 8) for n in range(levels)], 3, 3, norm, outermost=True)
    return network


@pytest.mark.parametrize("norm", ["batch", "instance"])
@pytest.mark.parametrize("levels", [2, 3, 5, 7, 8])
def test_published_weights_map_one_to_one(levels: int, norm: str) -> None:
    theirs = published(levels, 8, norm).state_dict()
    ours = UnetGenerator(3, 3, levels=levels, width=8, norm=norm).state_dict()  # type: ignore[arg-type]
    keys = published_keys(levels, norm)
    assert set(keys) == set(ours)
    assert sorted(keys.values()) == sorted(theirs)
    for mine, other in keys.items():
        assert ours[mine].shape == theirs[other].shape, mine


@pytest.mark.parametrize("norm", ["batch", "instance"])
def test_with_published_weights_it_computes_the_published_function(norm: str) -> None:
    torch.manual_seed(0)
    theirs = published(5, 4, norm)
    ours = UnetGenerator(3, 3, levels=5, width=4, norm=norm)  # type: ignore[arg-type]
    state = theirs.state_dict()
    ours.load_state_dict({mine: state[other] for mine, other in published_keys(5, norm).items()})
    x = torch.rand(2, 3, 32, 64) * 2 - 1
    torch.testing.assert_close(ours.eval()(x), theirs.model.eval()(x))


def test_the_published_unet_256_has_as_many_parameters() -> None:
    with torch.device("meta"):
        assert sum(p.numel() for p in UnetGenerator(3, 3).parameters()) == 54_413_955  # "54.414 M"


@pytest.mark.parametrize(("levels", "dropped"), [(8, [4, 5, 6]), (7, [4, 5]), (6, [4]), (5, [])])
def test_dropout_is_where_it_was_published(levels: int, dropped: list[int]) -> None:
    with torch.device("meta"):
        network = UnetGenerator(3, 3, levels=levels, width=4)
        without = UnetGenerator(3, 3, levels=levels, width=4, dropout=False)
    assert [level for level, up in enumerate(network.ups) if up.drop.p > 0] == dropped
    assert not any(up.drop.p for up in without.ups)


def test_a_size_that_does_not_fit_is_named_with_the_depth_that_would() -> None:
    with pytest.raises(UserError, match=r"(?s)64x64.*256.*levels=6"):
        UnetGenerator(3, 3, width=2)(torch.zeros(1, 3, 64, 64))
    with pytest.raises(UserError, match=r"(?s)48x64.*multiples of 32.*levels=4"):
        UnetGenerator(3, 3, levels=5, width=2)(torch.zeros(1, 3, 48, 64))
    with pytest.raises(UserError, match="levels"):
        UnetGenerator(3, 3, levels=1)
