import torch

from translate.seeds import seed_of


def test_draws_of_torch_depend_on_every_part():
    # Planted fault this guards against: (seed << 32) + step loses the seed in torch's CPU generator.
    draws = set()
    for seed in range(4):
        for step in range(4):
            draws.add(float(torch.rand((), generator=torch.Generator().manual_seed(seed_of("step", seed, step)))))
    assert len(draws) == 16


def test_parts_do_not_run_together():
    assert seed_of("a", 12, 3) != seed_of("a", 1, 23)
    assert seed_of("a", 1) == seed_of("a", 1)
