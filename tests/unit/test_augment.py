"""Augmentation on the device: pairs alike, the rest apart, a function of the seed, the global random state kept."""

import pytest
import torch

from translate.augment import build
from translate.domain import Batch, Domain
from translate.errors import UserError

MOVES = [
    {"RandomGaussianNoise": {"std": 0.0, "p": 1.0}},  # draws per value: must not shift what follows
    {"RandomAffine": {"degrees": [-30, 30], "translate": [0.2, 0.2], "p": 1.0}},
    "RandomHorizontalFlip",
]


def batch(paired: int, channels: tuple[int, int] = (3, 3), rows: int = 6) -> Batch:
    """All rows of A and B show the same scene (a gradient), whatever `paired` says."""
    scene = torch.linspace(-1, 1, 16 * 16).view(1, 1, 16, 16)
    a, b = (scene.expand(rows, c, 16, 16).clone() for c in channels)
    return Batch({Domain.A: a, Domain.B: b}, paired)


@pytest.mark.parametrize("channels", [(3, 3), (1, 3), (3, 1)])
def test_paired_rows_move_alike_and_the_others_apart(channels: tuple[int, int]) -> None:
    result = build(MOVES)(batch(3, channels), seed=1)
    assert result.paired == 3
    a, b = (result.images[d][:, 0] for d in Domain)
    assert result.images[Domain.A].shape[1] == channels[0]
    for row in range(6):
        assert torch.allclose(a[row], b[row], atol=1e-5) == (row < 3)
    assert len({row.numpy().tobytes() for row in a}) == 6


def test_a_seed_says_what_is_done() -> None:
    augment = build(MOVES)
    first = augment(batch(2), 5)
    augment(batch(2), 6)
    for again in (augment(batch(2), 5), build(MOVES)(batch(2), 5)):
        assert all(torch.equal(first.images[d], again.images[d]) for d in Domain)
    assert not torch.equal(first.images[Domain.A], augment(batch(2), 6).images[Domain.A])


def test_the_global_random_state_neither_matters_nor_changes() -> None:
    augment = build([{"RandomGaussianNoise": {"std": 0.3, "p": 1.0}}, "RandomErasing"])
    torch.manual_seed(1)
    first = augment(batch(0), 0)
    torch.manual_seed(2)
    state = torch.get_rng_state()
    second = augment(batch(0), 0)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(first.images[Domain.A], second.images[Domain.A])


def test_values_stay_in_range_and_kornia_sees_0_to_1() -> None:
    inverted = build([{"RandomInvert": {"p": 1.0}}])(batch(0), 0)  # 1 - x of [0, 1] is -x of [-1, 1]
    assert torch.allclose(inverted.images[Domain.A], -batch(0).images[Domain.A], atol=1e-6)
    noisy = build([{"RandomGaussianNoise": {"std": 5.0, "p": 1.0}}])(batch(0), 0)
    assert noisy.images[Domain.A].abs().max() == 1


def test_labels_come_along() -> None:
    given = batch(2)
    labels = torch.arange(6)
    assert build(MOVES)(Batch(given.images, 2, labels), 0).labels is labels


def test_nothing_asked_nothing_done_and_latents_are_left_alone() -> None:
    given = batch(2)
    assert build([])(given, 0) is given
    latent = Batch({Domain.A: torch.randn(4, 7), Domain.B: torch.rand(4, 3, 8, 8)}, 0)
    result = build(MOVES)(latent, 0)
    assert torch.equal(result.images[Domain.A], latent.images[Domain.A])
    assert not torch.equal(result.images[Domain.B], latent.images[Domain.B])


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("RandomAffin", 'augment.0.: .*Did you mean "RandomAffine"'),
        ({"RandomAffine": {"degrees": 10, "angle": 3}}, r"augment.0..RandomAffine: .*angle"),
        ({"RandomAffine": {"degrees": "many"}}, r"augment.0..RandomAffine"),
        ({"RandomAffine": 10}, "no arguments: 10"),
        ({"RandomAffine": {}, "RandomErasing": {}}, "no transform"),
    ],
)
def test_mistakes_are_named(entry: object, message: str) -> None:
    with pytest.raises(UserError, match=message):
        build([entry])  # type: ignore[list-item]


def test_what_a_transform_cannot_take_is_said() -> None:
    with pytest.raises(UserError, match=r"augment.0..ColorJitter: failed on pictures with 1 channel"):
        build([{"ColorJitter": {"hue": 0.2, "p": 1.0}}])(batch(0, (1, 3)), 0)
    with pytest.raises(UserError, match=r"RandomCrop: made pictures of \(3, 8, 8\)"):
        build([{"RandomCrop": {"size": [8, 8]}}])(batch(0), 0)
