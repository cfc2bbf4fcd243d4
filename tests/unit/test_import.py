"""Published generators, built here from the papers' tables and the published numbering, and what is made of them."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from translate import build
from translate.domain import Domain
from translate.errors import UserError
from translate.exchange.importing import imported
from translate.exchange.taken import Taken

NORMS: dict[str, Callable[[int], nn.Module]] = {
    "instance": nn.InstanceNorm2d,
    "batch": nn.BatchNorm2d,
    "none": lambda channels: nn.Identity(),
}


class Shrunk(nn.Module):
    """CUT's way down: 1 2 1 across and along, then every second pixel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        line = torch.tensor([0.25, 0.5, 0.25])
        self.register_buffer("filt", torch.outer(line, line).expand(channels, 1, 3, 3).clone())

    def forward(self, x: Tensor) -> Tensor:
        means = functional.avg_pool2d(functional.pad(x, (1, 1, 1, 1), mode="reflect"), 2, 1)  # twice 1 1 is 1 2 1
        return functional.avg_pool2d(means, 2, 1)[:, :, ::2, ::2]


class Grown(nn.Module):
    """CUT's way up: 1 3 3 1 between zeros, which is bilinear interpolation."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        line = torch.tensor([0.25, 0.75, 0.75, 0.25])
        self.register_buffer("filt", torch.outer(line, line).expand(channels, 1, 4, 4).clone())

    def forward(self, x: Tensor) -> Tensor:
        return functional.interpolate(x, scale_factor=2, mode="bilinear")


class Block(nn.Module):
    def __init__(self, channels: int, norm: str, dropout: bool, zero: bool) -> None:
        super().__init__()
        pad = [] if zero else [nn.ReflectionPad2d(1)]

        def convolution() -> nn.Module:
            return nn.Conv2d(channels, channels, 3, padding=1 if zero else 0, bias=norm == "instance")

        middle = [nn.ReLU(), *([nn.Dropout(0.5)] if dropout else [])]
        first, second = (convolution(), NORMS[norm](channels)), (convolution(), NORMS[norm](channels))
        self.conv_block = nn.Sequential(*pad, *first, *middle, *pad, *second)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = x + self.conv_block(x)
        return y


def resnet(
    norm: str = "instance", dropout: bool = False, way: str = "plain", blocks: int = 2, zero: bool = False
) -> nn.Module:
    """c7s1-4, d8, d16, R16 x blocks, u8, u4, c7s1-3 (Zhu et al. 2017, appendix 7.2); `way`: of going down and up."""
    bias = norm == "instance"

    def behind(channels: int) -> list[nn.Module]:
        return [NORMS[norm](channels), nn.ReLU()]

    layers: list[nn.Module] = [nn.ReflectionPad2d(3), nn.Conv2d(3, 4, 7, bias=bias), *behind(4)]
    for channels in (8, 16):
        stride = 1 if way in ("cut", "cut down", "cut resize") else 2
        layers += [nn.Conv2d(channels // 2, channels, 3, stride, 1, bias=bias), *behind(channels)]
        layers += [Shrunk(channels)] if stride == 1 else []
    layers += [Block(16, norm, dropout, zero) for _ in range(blocks)]
    for channels in (8, 4):
        if "resize" in way:
            layers += [nn.Upsample(scale_factor=2), nn.ReflectionPad2d(1)]
            layers += [nn.Conv2d(2 * channels, channels, 3, bias=bias), *behind(channels)]
        elif way in ("cut", "cut up"):
            layers += [Grown(2 * channels), nn.Conv2d(2 * channels, channels, 3, padding=1, bias=bias)]
            layers += behind(channels)
        else:
            layers += [nn.ConvTranspose2d(2 * channels, channels, 3, 2, 1, 1, bias=bias), *behind(channels)]
    layers += [nn.ReflectionPad2d(3), nn.Conv2d(4, 3, 7), nn.Tanh()]
    return held(nn.Sequential(*layers))


class Level(nn.Module):
    """A level of the U-Net with all below it inside (Isola et al. 2017, section 6.1.1, with skip connections)."""

    def __init__(self, widths: list[int], outside: int, norm: str, dropout: bool, depth: int = 0) -> None:
        super().__init__()
        width, *below = widths
        bias, outermost = norm == "instance", depth == 0
        layers: list[nn.Module] = [] if outermost else [nn.LeakyReLU(0.2)]
        layers += [nn.Conv2d(outside, width, 4, 2, 1, bias=bias)]
        if below:
            layers += [] if outermost else [NORMS[norm](width)]
            layers += [Level(below, width, norm, dropout, depth + 1)]
        layers += [
            nn.ReLU(),
            nn.ConvTranspose2d(2 * width if below else width, outside, 4, 2, 1, bias=outermost or bias),
        ]
        layers += [nn.Tanh()] if outermost else [NORMS[norm](outside)]
        layers += [nn.Dropout(0.5)] if dropout and below and depth >= 4 else []
        self.model, self.outermost = nn.Sequential(*layers), outermost

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.model(x)
        return y if self.outermost else torch.cat([x, y], dim=1)


def unet(norm: str = "batch", dropout: bool = True, levels: int = 6) -> nn.Module:
    return held(Level([2 * min(2**n, 8) for n in range(levels)], 3, norm, dropout))


def held(layers: nn.Module) -> nn.Module:
    """As the published networks hold their layers, with weights and statistics that say something."""
    torch.manual_seed(0)
    network = nn.Sequential()
    network.add_module("model", layers)
    for value in network.parameters():
        if value.ndim == 4:
            nn.init.kaiming_normal_(value)
        else:
            nn.init.normal_(value, 1.0 if value.mean() > 0.9 else 0.0, 0.1)
    network(torch.rand(2, 3, 64, 64))
    return network.eval()


def saved(network: nn.Module, path: Path, prefix: str = "") -> Path:
    torch.save({prefix + key: value for key, value in network.state_dict().items()}, path)
    return path


def require_equal(taken: Taken, network: nn.Module, domain: str = "b") -> None:
    """Both compute the same of the same image."""
    generators = build.generators(taken.config)
    generators.load_state_dict(taken.state)
    images = torch.rand(2, 3, 64, 128) * 2 - 1
    with torch.no_grad():
        expected = network.double()(images.double())
        assert expected.std() > 0.01
        torch.testing.assert_close(generators.double().eval()[domain](images.double()), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("network", "options"),
    [
        (resnet(), {"name": "resnet", "blocks": 2, "width": 4, "norm": "instance", "dropout": False}),
        (resnet(dropout=True, blocks=3), {"blocks": 3, "norm": "instance", "dropout": True}),
        (resnet("batch"), {"norm": "batch", "dropout": False, "upsample": "transposed", "antialias": False}),
        (resnet("batch", dropout=True), {"norm": "batch", "dropout": True}),
        (resnet("none"), {"norm": "none"}),
        (resnet(zero=True), {"padding": "zero", "dropout": False}),
        (resnet("batch", zero=True, dropout=True), {"padding": "zero", "dropout": True}),
        (resnet(way="cut"), {"antialias": True, "upsample": "transposed"}),
        (resnet("batch", way="cut", dropout=True), {"antialias": True, "norm": "batch", "dropout": True}),
        (resnet(way="cut down"), {"antialias": "down", "upsample": "transposed"}),
        (resnet("batch", way="cut up"), {"antialias": "up", "upsample": "transposed"}),
        (resnet(way="resize"), {"antialias": False, "upsample": "resize"}),
        (resnet(way="cut resize"), {"antialias": True, "upsample": "resize"}),
        (unet(), {"name": "unet", "levels": 6, "width": 2, "norm": "batch", "dropout": True}),
        (unet("instance", levels=5), {"levels": 5, "norm": "instance"}),
        (unet("none", dropout=False, levels=5), {"norm": "none"}),
    ],
)
def test_an_imported_generator_computes_what_the_published_one_does(
    network: nn.Module, options: dict[str, object], tmp_path: Path
) -> None:
    taken = imported(saved(network, tmp_path / "latest_net_G.pth"))
    found = taken.config.networks.generator
    assert {"name": found.name, **found.options}.items() >= options.items()
    require_equal(taken, network)


def test_prefixes_of_wrapped_networks_are_taken_off(tmp_path: Path) -> None:
    network = resnet()
    require_equal(imported(saved(network, tmp_path / "g.pth", "module.")), network)
    require_equal(imported(saved(network, tmp_path / "g.pth", "_orig_mod.module.")), network)


def test_half_a_precision_and_the_former_format_are_read(tmp_path: Path) -> None:
    state = resnet().half().state_dict()
    torch.save({"state_dict": state}, tmp_path / "g.pth", _use_new_zipfile_serialization=False)
    taken = imported(tmp_path / "g.pth")
    assert {value.dtype for value in taken.state.values()} == {torch.float32}
    torch.testing.assert_close(taken.state["b.model.1.weight"], state["model.1.weight"].float())


def with_statistics(network: nn.Module) -> dict[str, Tensor]:
    """As PyTorch before 0.4 wrote instance norm: with running statistics that nobody asked for."""
    state = dict(network.state_dict())
    for name, layer in network.named_modules():
        if isinstance(layer, nn.InstanceNorm2d):
            channels = len(state[f"{name.rpartition('.')[0]}.{int(name.rpartition('.')[2]) - 1}.bias"])
            state |= {f"{name}.running_mean": torch.randn(channels), f"{name}.running_var": torch.rand(channels) + 0.5}
    return state


def test_statistics_of_old_instance_norms_are_left_out_and_that_is_said(tmp_path: Path) -> None:
    network = resnet()
    torch.save(with_statistics(network), tmp_path / "g.pth")
    taken = imported(tmp_path / "g.pth")
    assert "running statistics" in " ".join(taken.about["assumed"])
    require_equal(taken, network)


def test_or_they_are_applied_where_that_is_asked(tmp_path: Path) -> None:
    network = resnet()
    state = with_statistics(network)
    torch.save(state, tmp_path / "g.pth")
    taken = imported(tmp_path / "g.pth", norm="batch")
    assert taken.config.networks.generator.options["norm"] == "batch"
    for name, layer in list(network.named_modules()):
        if isinstance(layer, nn.InstanceNorm2d):
            fixed = nn.BatchNorm2d(len(state[f"{name}.running_mean"]), affine=False)
            fixed.running_mean, fixed.running_var = state[f"{name}.running_mean"], state[f"{name}.running_var"]
            parent, _, number = name.rpartition(".")
            network.get_submodule(parent)[int(number)] = fixed  # type: ignore[operator]
    require_equal(taken, network.eval())


def test_counts_that_old_batch_norms_lack_are_made_up(tmp_path: Path) -> None:
    network = unet(levels=5)
    state = {k: v for k, v in network.state_dict().items() if not k.endswith("num_batches_tracked")}
    torch.save(state, tmp_path / "g.pth")
    require_equal(imported(tmp_path / "g.pth"), network)


def test_two_files_make_a_run_that_goes_both_ways(tmp_path: Path) -> None:
    there, back = resnet(), resnet()
    nn.init.kaiming_normal_(back.model[1].weight)  # type: ignore[index,union-attr]
    taken = imported(
        saved(there, tmp_path / "latest_net_G_A.pth"), back=saved(back, tmp_path / "latest_net_G_B.pth"), size=64
    )
    assert taken.config.produce == [Domain.B, Domain.A]
    assert taken.config.data.size == (64, 64)
    require_equal(taken, there, "b")
    require_equal(taken, back, "a")
    assert taken.about["source"] == {"b": "latest_net_G_A.pth", "a": "latest_net_G_B.pth"}


def test_what_makes_a_is_imported_as_such(tmp_path: Path) -> None:
    network = resnet()
    taken = imported(saved(network, tmp_path / "latest_net_G_B.pth"), to=Domain.A)
    assert taken.config.produce == [Domain.A]
    require_equal(taken, network, "a")


def test_a_unet_is_trained_at_the_size_that_it_halves_to_one_pixel(tmp_path: Path) -> None:
    """Smaller images are padded up to the size of the training: 128 must not become 256 for unet_128."""
    assert imported(saved(unet(levels=5), tmp_path / "g.pth")).config.data.size == (32, 32)
    assert imported(saved(resnet(), tmp_path / "g.pth")).config.data.size == (256, 256)


@pytest.mark.parametrize(
    ("network", "asked", "found"),
    [(unet(levels=5), None, True), (unet("instance", levels=5), None, False), (unet(levels=5), False, False)],
)
def test_dropout_of_a_unet_is_a_guess_or_what_was_asked(
    network: nn.Module, asked: bool | None, found: bool, tmp_path: Path
) -> None:
    taken = imported(saved(network, tmp_path / "g.pth"), dropout=asked)
    assert taken.config.networks.generator.options["dropout"] is found
    assert any("dropout" in sentence for sentence in taken.about["assumed"]) == (asked is None)


def test_what_keys_tell_can_not_be_asked_otherwise(tmp_path: Path) -> None:
    path = saved(resnet("batch"), tmp_path / "g.pth")
    with pytest.raises(UserError, match=r"(?s)instance norm.*expected: batch"):
        imported(path, norm="instance")
    with pytest.raises(UserError, match="without dropout"):
        imported(path, dropout=True)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"model.4.bias": None}, r"nearest is a ResNet with 2 blocks, width 4, instance norm.*lacks model\.4\.bias"),
        ({"model.99.weight": torch.zeros(3, 3)}, r"holds model\.99\.weight, for which there is no place"),
        ({"model.4.weight": torch.zeros(8, 4, 5, 5)}, r"model\.4\.weight is \[8, 4, 5, 5\].*expected: \[8, 4, 3, 3\]"),
        ({"model.2.weight": torch.ones(4)}, "instance or group norm with parameters"),
        ({"model.4.weight": torch.full((8, 4, 3, 3), float("nan"))}, "no numbers"),
    ],
)
def test_other_keys_are_named_beside_the_nearest_architecture(
    change: dict[str, Tensor | None], said: str, tmp_path: Path
) -> None:
    from translate.exchange.taken import write_run

    state = {key: value for key, value in (resnet().state_dict() | change).items() if value is not None}
    torch.save(state, tmp_path / "g.pth")
    with pytest.raises(UserError, match=f"(?s){said}"):
        write_run(imported(tmp_path / "g.pth"), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_another_blur_is_not_taken_for_cuts(tmp_path: Path) -> None:
    network = resnet(way="cut")
    network.model[7].filt.fill_(1 / 9)  # type: ignore[index,union-attr]
    with pytest.raises(UserError, match="another blur"):
        imported(saved(network, tmp_path / "g.pth"))


def test_two_architectures_are_no_two_directions(tmp_path: Path) -> None:
    there, back = saved(resnet(), tmp_path / "a.pth"), saved(resnet(blocks=3), tmp_path / "b.pth")
    with pytest.raises(UserError, match=r"(?s)--back.*3 blocks.*2 blocks"):
        imported(there, back=back)


def test_channels_are_grey_or_rgb(tmp_path: Path) -> None:
    state = resnet().state_dict()
    torch.save(state | {"model.1.weight": torch.zeros(4, 1, 7, 7)}, tmp_path / "grey.pth")
    grey = imported(tmp_path / "grey.pth").config.data.channels
    assert (grey.a, grey.b) == (1, 3)
    grey = imported(tmp_path / "grey.pth", to=Domain.A).config.data.channels
    assert (grey.a, grey.b) == (3, 1)
    torch.save(state | {"model.1.weight": torch.zeros(4, 4, 7, 7)}, tmp_path / "four.pth")
    with pytest.raises(UserError, match=r"4 channels of A(?s:.*)1 \(grey\) or 3"):
        imported(tmp_path / "four.pth")
