"""How well a discriminator tells real from fake, against counting pairs one by one."""

import torch

from translate.separation import separation


def test_it_is_the_share_of_pairs_in_the_right_order() -> None:
    draw = torch.Generator().manual_seed(0)
    reals = [torch.randint(0, 5, (3, 1, 4, 4), generator=draw).float(), torch.randn(3, 1, 2, 2, generator=draw)]
    fakes = [torch.randint(0, 4, (2, 1, 4, 4), generator=draw).float(), torch.randn(2, 1, 2, 2, generator=draw)]
    counted = []
    for real, fake in zip(reals, fakes, strict=True):
        pairs = [(r > f) + 0.5 * (r == f) for r in real.flatten().tolist() for f in fake.flatten().tolist()]
        counted.append(sum(pairs) / len(pairs))
    assert torch.isclose(separation(reals, fakes), torch.tensor(sum(counted) / 2))


def test_undecided_is_a_half_and_always_right_is_one() -> None:
    constant = [torch.zeros(4, 1)]
    assert separation(constant, constant) == 0.5
    assert separation([torch.ones(4, 1)], constant) == 1
