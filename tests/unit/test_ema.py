"""The moving average against the recurrence written out in numpy."""

import numpy as np
import pytest
import torch
from torch import nn

from translate.ema import Ema


@pytest.mark.parametrize("decay", [0.15, 0.5, 0.999])
def test_average_follows_the_recurrence(decay: float) -> None:
    torch.manual_seed(0)
    module = nn.Linear(3, 2)
    ema = Ema(module, decay)
    expected = {name: p.detach().double().numpy().copy() for name, p in module.named_parameters()}
    for n in range(1, 30):
        with torch.no_grad():
            for p in module.parameters():
                p.add_(torch.randn_like(p))
        ema.update(module)
        d = min(decay, (1 + n) / (10 + n))
        for name, p in module.named_parameters():
            expected[name] = d * expected[name] + (1 - d) * p.detach().double().numpy()
    assert ema.updates == 29
    for name, p in ema.module.named_parameters():
        np.testing.assert_allclose(p.detach().numpy(), expected[name], rtol=1e-5, atol=1e-6)


def test_running_statistics_are_averaged_and_counts_taken_over() -> None:
    module = nn.BatchNorm2d(2)
    ema = Ema(module, 0.999)
    module(torch.randn(8, 2, 4, 4) + 3)
    ema.update(module)
    # The copy began at a mean of 0; the first update's decay is (1 + 1) / (10 + 1).
    torch.testing.assert_close(ema.module.running_mean, module.running_mean * (1 - 2 / 11))
    assert int(ema.module.num_batches_tracked) == 1


def test_the_average_is_a_copy_that_nobody_trains() -> None:
    module = nn.Linear(2, 2)
    ema = Ema(module, 0.9)
    assert not any(p.requires_grad for p in ema.module.parameters())
    assert all(p.requires_grad for p in module.parameters())
    before = module.weight.detach().clone()
    with torch.no_grad():
        module.weight.add_(1)
    assert torch.equal(ema.module.weight, before)


def test_without_decay_there_is_no_second_copy() -> None:
    module = nn.Linear(2, 2)
    ema = Ema(module, 0.0)
    ema.update(module)
    assert ema.module is module
    assert ema.updates == 0
    assert all(p.requires_grad for p in module.parameters())
