"""BigGAN: which part of z goes where, attention against a reference, and where attention may be."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from translate.errors import UserError
from translate.networks.attention import SelfAttention
from translate.networks.biggan import BigganDiscriminator, BigganGenerator

TINY: dict[str, Any] = {"width": 4, "most": 8}


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def attention_sizes(network: nn.Module, *inputs: Tensor) -> list[tuple[int, ...]]:
    seen: list[tuple[int, ...]] = []
    for module in network.modules():
        if isinstance(module, SelfAttention):
            module.register_forward_hook(lambda *a: seen.append(tuple(a[2].shape[2:])))
    network(*inputs)
    return seen


@pytest.mark.parametrize("classes", [0, 3])
def test_each_part_of_z_enters_at_its_own_depth(classes: int) -> None:
    """The first part at the base, the others in the norms of one block each: earlier maps don't hear of later parts."""
    network: Any = BigganGenerator(7, 3, (32, 32), classes, **TINY).eval()
    assert network.parts == [2, 2, 2, 1]
    seen: list[Tensor] = []
    for layer in (network.enter, *network.blocks):
        layer.register_forward_hook(lambda *a: seen.append(a[2]))
    z, labels = torch.randn(1, 7), [torch.tensor([1])] if classes else []
    network(z, *labels)
    plain, place = list(seen), 0
    for depth, part in enumerate(network.parts):
        seen.clear()
        moved = z.clone()
        moved[:, place : place + part] += 1
        network(moved, *labels)
        assert [torch.equal(a, b) for a, b in zip(seen, plain, strict=True)] == [n < depth for n in range(4)]
        place += part


def test_the_class_reaches_every_block_by_one_shared_embedding() -> None:
    network: Any = BigganGenerator(8, 3, (32, 32), 4, embedding=5, **TINY)
    assert network.embed.weight.shape == (4, 5)
    assert [block.norms[0].scale.in_features for block in network.blocks] == [7, 7, 7]
    made = network(torch.randn(2, 8), torch.tensor([1, 3]))
    made.square().sum().backward()
    assert network.embed.weight.grad.abs().sum(1).gt(0).tolist() == [False, True, False, True]


def test_all_but_embedding_and_last_norm_of_the_generator_is_spectrally_normed() -> None:
    network = BigganGenerator(8, 3, (16, 16), 4, **TINY)
    for name, layer in network.named_modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            assert parametrize.is_parametrized(layer, "weight"), name


def test_attention_starts_as_nothing_and_then_is_softmax_of_queries_and_keys() -> None:
    layer, x = SelfAttention(16).eval(), torch.randn(2, 16, 4, 6)
    assert torch.equal(layer(x), x)
    with torch.no_grad():
        layer.gain.fill_(0.7)
    pool = nn.MaxPool2d(2)
    query, key, value = layer.query(x), pool(layer.key(x)), pool(layer.value(x))
    expected = torch.empty_like(x)
    for row in range(2):
        for i in range(4):
            for j in range(6):
                scores = torch.stack([query[row, :, i, j] @ key[row, :, p, q] for p in range(2) for q in range(3)])
                places = torch.stack([value[row, :, p, q] for p in range(2) for q in range(3)])
                gathered = layer.out.weight[:, :, 0, 0] @ (scores.softmax(0) @ places)
                expected[row, :, i, j] = x[row, :, i, j] + 0.7 * gathered
    torch.testing.assert_close(layer(x), expected)


def test_attention_lets_places_far_apart_speak_and_is_twice_differentiable() -> None:
    layer = SelfAttention(8).double()
    with torch.no_grad():
        layer.gain.fill_(1.0)
    x = torch.randn(1, 8, 4, 4, dtype=torch.float64, requires_grad=True)
    (far,) = torch.autograd.grad(layer(x)[0, :, 0, 0].sum(), x)
    assert far[0, :, 3, 3].abs().max() + far[0, :, 2, 3].abs().max() > 0
    small = SelfAttention(3).double().eval()
    with torch.no_grad():
        small.gain.fill_(1.0)
    assert torch.autograd.gradgradcheck(small, (torch.randn(1, 3, 2, 4, dtype=torch.float64, requires_grad=True),))


@pytest.mark.parametrize(("attention", "size"), [(2, (16, 24)), (4, (8, 12)), (8, (4, 6))])
def test_attention_is_where_it_was_asked_for_in_both(attention: int, size: tuple[int, int]) -> None:
    g = BigganGenerator(8, 3, (32, 48), attention=attention, **TINY)
    d = BigganDiscriminator(3, (32, 48), attention=attention, **TINY)
    assert attention_sizes(g, torch.randn(1, 8).expand(2, -1)) == [size]
    assert attention_sizes(d, torch.randn(1, 3, 32, 48)) == [size]


def test_no_attention_where_none_is_wanted() -> None:
    g, d = BigganGenerator(8, 3, (32, 32), attention=0, **TINY), BigganDiscriminator(3, (32, 32), attention=0, **TINY)
    assert not any(isinstance(m, SelfAttention) for n in (g, d) for m in n.modules())


def test_what_does_not_fit_is_named() -> None:
    for attention in (1, 3, 16, -2):
        with pytest.raises(UserError, match="size over"):
            BigganGenerator(8, 3, (32, 32), attention=attention, **TINY)
        with pytest.raises(UserError, match="size over"):
            BigganDiscriminator(3, (32, 32), attention=attention, **TINY)
    with pytest.raises(UserError, match="at least 4"):
        BigganGenerator(3, 3, (32, 32), **TINY)
