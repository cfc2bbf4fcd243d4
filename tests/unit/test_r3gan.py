"""R3GAN's parts against independent references, and what a fresh network must be for a training without norms."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from translate.errors import UserError
from translate.networks.r3gan import BilinearDown, BilinearUp, R3ganDiscriminator, R3ganGenerator

TINY = {"width": 8, "most": 16, "group": 8}


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def test_resampling_is_bilinear_and_free_of_aliases() -> None:
    x = torch.randn(2, 3, 6, 10)
    torch.testing.assert_close(
        BilinearUp((6, 10))(x), functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
    )
    weights = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8
    kernel = torch.outer(weights, weights).expand(3, 1, 4, 4)
    by_hand = functional.conv2d(functional.pad(x, (1, 1, 1, 1), mode="replicate"), kernel, stride=2, groups=3)
    torch.testing.assert_close(BilinearDown((6, 10))(x), by_hand)
    checkers = (torch.arange(12)[:, None] + torch.arange(12)) % 2 * 2.0 - 1
    assert BilinearDown((12, 12))(checkers[None, None])[:, :, 1:-1, 1:-1].abs().max() < 1e-6


def test_down_is_the_adjoint_of_up() -> None:
    x, y = torch.randn(1, 2, 4, 6), torch.randn(1, 2, 8, 12)
    up, down = BilinearUp((4, 6)), BilinearDown((8, 12))
    torch.testing.assert_close((up(x) * y).sum(), 4 * (x * down(y)).sum())


def test_a_fresh_network_is_linear_but_for_tanh_and_no_louder_with_more_blocks() -> None:
    """Each block's path ends in zeros, so nothing but linear layers is left, however deep the network is."""
    z, x = torch.randn(2, 3, 8).unbind(), torch.randn(2, 3, 3, 16, 16).unbind()
    for blocks in (1, 4):
        g = R3ganGenerator(8, 3, (16, 16), blocks=blocks, **TINY).double()
        d = R3ganDiscriminator(3, (16, 16), blocks=blocks, **TINY).double()

        def drawn(latents: Tensor, g: R3ganGenerator = g) -> Tensor:
            return torch.atanh(g(latents.double()))

        def judged(images: Tensor, d: R3ganDiscriminator = d) -> Tensor:
            return d(images.double())[0]

        torch.testing.assert_close(drawn(0.1 * z[0] + 0.2 * z[1]), 0.1 * drawn(z[0]) + 0.2 * drawn(z[1]))
        torch.testing.assert_close(judged(x[0] + 2 * x[1]), judged(x[0]) + 2 * judged(x[1]))


def test_fixup_keeps_the_first_step_as_large_whatever_the_depth() -> None:
    """L blocks of 3 layers start with L^(-1/4) in the first two, so that all L together move the output as one does."""

    def deviation(blocks: int) -> float:
        network = R3ganGenerator(8, 3, (8, 8), blocks=blocks, width=64, most=64)
        paths = [module.path for module in network.modules() if hasattr(module, "path")]
        x = torch.randn(2, 64, 8, 8)
        with torch.no_grad():
            return sum(path[:-1](x).square().mean().item() for path in paths)

    assert deviation(8) == pytest.approx(deviation(1), rel=0.2)


def test_patches_leave_the_blocks_at_a_fraction_of_the_size_and_reach_every_pixel() -> None:
    seen: list[tuple[int, ...]] = []
    g = R3ganGenerator(8, 3, (32, 48), patch=2, **TINY)
    g.stages.register_forward_hook(lambda *a: seen.append(tuple(a[2].shape[2:])))
    made = g(torch.randn(2, 8))
    assert made.shape == (2, 3, 32, 48)
    assert seen == [(16, 24)]
    assert made.flatten(2).std(2).min() > 0
    x = torch.randn(1, 3, 32, 48, requires_grad=True)
    R3ganDiscriminator(3, (32, 48), patch=2, **TINY)(x)[0].backward()
    assert x.grad is not None
    assert bool((x.grad != 0).all())


def test_groups_are_of_as_many_channels_as_asked_for() -> None:
    network = R3ganGenerator(8, 3, (16, 16), width=8, most=16, expansion=2, group=4)
    grouped = [m for m in network.modules() if isinstance(m, nn.Conv2d) and m.kernel_size == (3, 3)]
    assert [m.groups * 4 for m in grouped] == [m.in_channels for m in grouped] == [32, 32, 16]


@pytest.mark.parametrize("cls", [R3ganGenerator, R3ganDiscriminator])
def test_options_that_do_not_fit_are_named(cls: type[nn.Module]) -> None:
    first = (8, 3) if cls is R3ganGenerator else (3,)
    with pytest.raises(UserError, match=r"group.*no whole groups of 5"):
        cls(*first, (16, 16), width=8, group=5)
    with pytest.raises(UserError, match="whole patches of 3"):
        cls(*first, (16, 16), patch=3)


def test_labels_are_given_exactly_where_there_are_classes() -> None:
    z, x, labels = torch.randn(2, 8), torch.randn(2, 3, 16, 16), torch.tensor([0, 1])
    with pytest.raises(ValueError, match="without classes"):
        R3ganGenerator(8, 3, (16, 16), **TINY)(z, labels)
    with pytest.raises(ValueError, match="takes labels"):
        R3ganGenerator(8, 3, (16, 16), 2, **TINY)(z)
    with pytest.raises(ValueError, match="without classes"):
        R3ganDiscriminator(3, (16, 16), **TINY)(x, labels)
    with pytest.raises(ValueError, match="takes labels"):
        R3ganDiscriminator(3, (16, 16), 2, **TINY)(x)


@pytest.mark.slow
def test_it_learns_where_bright_and_dark_images_are_equally_many() -> None:
    """Relativistic game with R1 and R2: both modes are drawn, in about the right shares, and little between them."""
    g = R3ganGenerator(4, 1, (8, 8), width=16, most=32)
    d = R3ganDiscriminator(1, (8, 8), width=16, most=32)
    players = [torch.optim.Adam(n.parameters(), lr=1e-3, betas=(0.0, 0.99)) for n in (g, d)]
    for _ in range(400):
        real = (torch.randint(0, 2, (32, 1, 1, 1)) * 1.2 - 0.6 + 0.05 * torch.randn(32, 1, 8, 8)).requires_grad_()
        fake = g(torch.randn(32, 4))
        players[0].zero_grad()
        functional.softplus(d(real)[0] - d(fake)[0]).mean().backward()
        players[0].step()
        fake = fake.detach().requires_grad_()
        players[1].zero_grad()
        judged = d(real)[0], d(fake)[0]
        slopes = torch.autograd.grad(judged[0].sum() + judged[1].sum(), (real, fake), create_graph=True)
        penalty = sum(slope.square().sum((1, 2, 3)).mean() for slope in slopes)
        (functional.softplus(judged[1] - judged[0]).mean() + 0.5 * penalty).backward()  # a tenth loses a mode
        players[1].step()
    brightness = g.eval()(torch.randn(200, 4)).mean((1, 2, 3))
    assert 0.25 < float((brightness > 0).float().mean()) < 0.75
    assert float((brightness.abs() - 0.6).abs().lt(0.25).float().mean()) > 0.7
