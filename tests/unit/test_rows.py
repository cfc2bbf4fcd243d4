"""One call for two purposes gives what two calls give, and is made only where rows are independent."""

from typing import Any

import pytest
import torch
from tiny import PRESETS, SMALL
from torch import Tensor, nn

from translate import build, config, translations
from translate.computing.rows import Share, drawn, independent, own, summed, whole
from translate.domain import Batch, Domain

CPU = torch.device("cpu")


def one_step(preset: str, monkeypatch: pytest.MonkeyPatch, together: bool) -> tuple[dict[str, Tensor], dict[str, int]]:
    """Losses and gradient norms of one step, and how often each network was called."""
    settings = ["networks.classes=[cat, dog]"] if preset == "biggan" else []
    made = config.load(preset, [*SMALL, *PRESETS[preset][1], *settings, "training.batch=4", "training.accumulate=1"])
    torch.manual_seed(0)
    rows = 4 * made.training.discriminator_steps
    domains = [Domain.B] if made.unconditional else list(Domain)
    images = {domain: torch.rand(rows, 3, 16, 16) * 2 - 1 for domain in domains}
    labels = torch.arange(rows) % 2 if made.networks.classes else None
    batch = Batch(images, paired=rows if PRESETS[preset][0] == "paired" else 0, labels=labels)
    trainer = build.trainer(made, batch, CPU)
    calls = {"generator": 0, "discriminator": 0}

    def count(name: str) -> Any:
        def hook(*_: object) -> None:
            calls[name] += 1

        return hook

    for name, group in trainer.networks.modules():
        for network in group.children() if name in calls else ():
            network.register_forward_pre_hook(count(name))
    with monkeypatch.context() as patched:
        if not together:
            patched.setattr(translations, "independent", lambda network: False)
        return trainer.step(batch, measure=True), calls


@pytest.mark.parametrize("preset", ["cyclegan", "cut", "fast", "wgan-gp", "r3gan", "sngan", "stylegan2", "biggan"])
def test_the_numbers_are_those_of_separate_calls(preset: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (one, fewer), (two, more) = (one_step(preset, monkeypatch, together) for together in (True, False))
    assert one.keys() == two.keys()
    for name, value in two.items():
        assert float(one[name]) == pytest.approx(float(value), rel=1e-3, abs=1e-5), name
    if preset in ("sngan", "stylegan2", "biggan"):  # spectral norm, minibatch deviation
        assert fewer == more
    else:
        assert fewer["discriminator"] < more["discriminator"]
    if preset in ("cyclegan", "cut"):  # fake and same
        assert fewer["generator"] < more["generator"]


class Said(nn.Sequential):
    independent_rows = True


def test_layers_may_object_to_what_a_network_says() -> None:
    assert not independent(nn.Sequential(nn.Conv2d(3, 3, 1)))  # a stranger says nothing
    assert independent(Said(nn.Conv2d(3, 3, 1), nn.InstanceNorm2d(3)))
    for layer in (nn.BatchNorm2d(3), nn.Dropout(0.5), nn.utils.parametrizations.spectral_norm(nn.Conv2d(3, 3, 1))):
        assert not independent(Said(nn.Conv2d(3, 3, 1), layer))


def test_alone_everything_is_left_as_it_is() -> None:
    rows = torch.rand(3, 2)
    assert whole(rows) is rows
    assert own(rows) is rows
    assert summed(rows) is rows
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    assert torch.equal(drawn(torch.rand, 3), expected)


def test_shares_cover_each_row_once() -> None:
    for total in range(1, 20):
        for world in range(1, 8):
            shares = [Share(total, rank, world) for rank in range(world)]
            assert [row for share in shares for row in range(share.start, share.stop)] == list(range(total))
            assert max(map(len, shares)) - min(map(len, shares)) <= 1
