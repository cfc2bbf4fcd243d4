"""SNGAN's residual networks, conditional batch norm and the projection head against references by hand."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrize

from translate.networks.conditional import ConditionalBatchNorm2d, ProjectionHead
from translate.networks.sngan import DownBlock, SnganDiscriminator, SnganGenerator, UpBlock, summed


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def parameters_of(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def test_layers_are_those_of_the_papers_figures() -> None:
    g: Any = SnganGenerator(128, 3, (64, 64), width=4, most=64)  # a sixteenth of the paper's widths
    d: Any = SnganDiscriminator(3, (128, 128), width=4, most=64)
    # Figure 10a: dense, 4x4x1024; ResBlocks up 512, 256, 128, 64; BN, ReLU, 3x3 conv 3, tanh.
    assert g.enter[0].weight.shape == (4 * 4 * 64, 128)
    assert [block.second.out_channels for block in g.blocks] == [32, 16, 8, 4]
    # Figure 9b: ResBlocks down 64, 128, 256, 512, 1024; ResBlock 1024; global sum pooling; dense 1.
    convolutions = [[m for m in block.path if isinstance(m, nn.Conv2d)] for block in d.blocks]
    assert [pair[-1].out_channels for pair in convolutions] == [4, 8, 16, 32, 64, 64]
    assert [len(pair) for pair in convolutions] == [2] * 6
    shapes = [activation.shape[2] for activation in d.features(torch.zeros(1, 3, 128, 128))[0]]
    assert shapes == [64, 32, 16, 8, 4, 4, 1]
    assert d.judge.psi.weight.shape == (1, 64)


def convolved(x: Tensor, layer: Any) -> Tensor:
    """The plain convolution of a layer's weights."""
    return functional.conv2d(x, layer.weight, layer.bias, padding=layer.weight.shape[2] // 2)


def test_up_block_is_the_published_one_though_computed_in_another_order() -> None:
    block, x = UpBlock(6, 4, 0), torch.randn(2, 6, 5, 7)
    up = nn.Upsample(scale_factor=2, mode="nearest")
    y = convolved(up(torch.relu(functional.batch_norm(x, None, None, training=True))), block.first)
    y = convolved(torch.relu(functional.batch_norm(y, None, None, training=True)), block.second)
    torch.testing.assert_close(block(x), y + convolved(up(x), block.skip))


def test_down_block_is_the_published_one_though_computed_in_another_order() -> None:
    x = torch.randn(2, 6, 4, 8)

    def path(x: Tensor, block: DownBlock) -> Tensor:
        return convolved(torch.relu(convolved(x, block.path[1])), block.path[3])

    block, first, flat = (
        DownBlock(6, 4, hidden=5),
        DownBlock(6, 4, hidden=5, first=True),
        DownBlock(6, 6, hidden=5, down=False),
    )
    for network in (block, first, flat):
        network.eval()
        for layer in network.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.normal_(layer.bias)
    halves = nn.AvgPool2d(2)
    torch.testing.assert_close(block(x), halves(path(x.relu(), block)) + halves(convolved(x, block.skip[1])))
    torch.testing.assert_close(first(x), halves(path(x, first)) + halves(convolved(x, first.skip[1])))
    torch.testing.assert_close(flat(x), path(x.relu(), flat) + x)


def test_every_layer_of_the_discriminator_has_a_largest_singular_value_of_1() -> None:
    network: Any = SnganDiscriminator(3, (16, 16), 3, width=4, most=8)
    for _ in range(30):
        network(torch.randn(2, 3, 16, 16), torch.tensor([0, 1]))
    network.eval()
    layers = [m for m in network.modules() if isinstance(m, nn.Conv2d | nn.Linear | nn.Embedding)]
    assert len(layers) == sum(parametrize.is_parametrized(m, "weight") for m in network.modules()) == 10
    for layer in layers:
        assert torch.linalg.matrix_norm(layer.weight.flatten(1), ord=2).item() == pytest.approx(1, abs=0.02)


def test_conditional_batch_norm_gives_each_row_its_own_scale_and_shift() -> None:
    norm = ConditionalBatchNorm2d(3, 2)
    x, told = torch.randn(4, 3, 8, 8) * 3 + 1, torch.randn(4, 2)
    plain = (x - x.mean((0, 2, 3), keepdim=True)) / (x.var((0, 2, 3), correction=0, keepdim=True) + 1e-5).sqrt()
    scale, shift = told @ norm.scale.weight.T, told @ norm.shift.weight.T
    torch.testing.assert_close(norm(x, told), plain * (1 + scale)[:, :, None, None] + shift[:, :, None, None])


def test_one_hot_classes_are_a_scale_and_a_shift_for_each_class() -> None:
    network: Any = SnganGenerator(4, 3, (8, 8), 5, width=4)
    assert network.blocks[0].norms[0].scale.weight.shape == (8, 5)
    torch.nn.init.normal_(network.blocks[0].norms[0].scale.weight)
    z = torch.randn(1, 4).expand(2, -1)
    network.eval()
    with torch.no_grad():
        before = network(z, torch.tensor([1, 2]))
        network.blocks[0].norms[0].scale.weight[:, 2] += 1
        after = network(z, torch.tensor([1, 2]))
    assert torch.equal(before[0], after[0])
    assert not torch.equal(before[1], after[1])


def test_projection_adds_the_inner_product_with_the_class() -> None:
    head, phi = ProjectionHead(6, 3), torch.randn(4, 6)
    labels = torch.tensor([2, 0, 1, 2])
    assert head.embed is not None
    expected = (
        phi @ head.psi.weight[0]
        + head.psi.bias
        + torch.stack([p @ head.embed.weight[y] for p, y in zip(phi, labels, strict=True)])
    )
    torch.testing.assert_close(head(phi, labels).flatten(), expected)
    plain = ProjectionHead(6, 0)
    torch.testing.assert_close(plain(phi).flatten(), plain.psi(phi).flatten())
    with pytest.raises(ValueError, match="takes labels"):
        head(phi)
    with pytest.raises(ValueError, match="without classes"):
        plain(phi, labels)


def test_features_are_summed_not_averaged_so_that_one_place_alone_can_tell() -> None:
    x = torch.randn(2, 3, 4, 5)
    torch.testing.assert_close(summed(x), x.clamp(min=0).mean((2, 3)) * 20)


def test_options_set_the_widths() -> None:
    sizes = [parameters_of(SnganGenerator(4, 3, (16, 16), width=w, most=m)) for w, m in ((4, 8), (4, 16), (8, 16))]
    assert sizes == sorted(set(sizes))
