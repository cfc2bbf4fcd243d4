"""The pool of generated images: what it shows, what it keeps, and that it can be taken up where it was left."""

import pytest
import torch
from torch import Tensor, nn

from translate.domain import Batch, Domain
from translate.terms.adversarial import Adversarial
from translate.terms.pool import ImagePool
from translate.translations import Networks, Translations


def numbered(first: int, count: int) -> Tensor:
    return torch.arange(first, first + count, dtype=torch.float32).view(-1, 1, 1, 1).expand(-1, 2, 3, 4).clone()


def test_an_empty_pool_shows_what_comes_in() -> None:
    pool = ImagePool(10)
    for start in (0, 4):
        assert torch.equal(pool(numbered(start, 4)), numbered(start, 4))
    assert torch.equal(pool.images, numbered(0, 8))


def test_no_pool_keeps_nothing() -> None:
    pool = ImagePool(0)
    assert torch.equal(pool(numbered(0, 4)), numbered(0, 4))
    assert pool.images.numel() == 0


def test_a_full_pool_exchanges_about_every_second_image() -> None:
    torch.manual_seed(0)
    pool = ImagePool(20)
    pool(numbered(0, 20))
    shown = torch.cat([pool(numbered(start, 4)) for start in range(20, 1020, 4)])[:, 0, 0, 0]
    older = shown != torch.arange(20, 1020)
    assert 0.45 < older.float().mean() < 0.55
    assert len(pool.images) == 20
    # nothing is lost or doubled: what was not shown is what is kept
    kept = pool.images[:, 0, 0, 0]
    assert sorted(torch.cat([shown, kept]).tolist()) == list(range(1020))


def test_history_comes_without_gradient() -> None:
    pool = ImagePool(1)
    assert not pool(numbered(0, 2).requires_grad_()).requires_grad


def test_taken_up_from_its_state_it_chooses_the_same() -> None:
    torch.manual_seed(0)
    pool = ImagePool(6)
    pool(numbered(0, 9))
    copy = ImagePool(6)
    copy.load_state_dict(pool.state_dict())
    shown = []
    for each in (pool, copy):
        torch.manual_seed(7)
        shown.append(torch.cat([each(numbered(start, 4)) for start in (9, 13, 17)]))
    assert torch.equal(shown[0], shown[1])
    assert torch.equal(pool.images, copy.images)


class Recorder(nn.Module):
    """Notes what it is asked to judge."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Tensor] = []

    def forward(self, x: Tensor) -> list[Tensor]:
        self.seen.append(x)
        return [x.mean((1, 2, 3), keepdim=True)]


def test_a_remembered_image_is_judged_beside_the_input_it_was_made_from() -> None:
    torch.manual_seed(0)
    recorder = Recorder()
    double = nn.Conv2d(1, 1, 1, bias=False).requires_grad_(False)
    double.weight.fill_(2.0)
    networks = Networks(nn.ModuleDict({"b": double}), nn.ModuleDict({"b": recorder}), conditional=True)
    term = Adversarial(pool=3)
    older = 0
    for step in range(30):
        a = torch.full((2, 1, 4, 4), float(step))
        term.for_discriminator(Translations(Batch({Domain.A: a, Domain.B: a}, paired=2), networks))
        inputs, fakes = recorder.seen[-1].split(1, dim=1)
        assert torch.equal(2 * inputs, fakes)
        older += int((inputs.amax((1, 2, 3)) < step).sum())
    assert older > 10


def test_an_adversarial_term_is_the_mean_over_scales() -> None:
    class TwoScales(nn.Module):
        def forward(self, x: Tensor) -> list[Tensor]:
            return [x.new_zeros(2, 1, 4, 4), x.new_full((2, 1, 2, 2), 3.0)]

    networks = Networks(nn.ModuleDict({"b": nn.Identity()}), nn.ModuleDict({"b": TwoScales()}))
    a = torch.zeros(2, 3, 8, 8)
    x = Translations(Batch({Domain.A: a, Domain.B: a}, paired=0), networks)
    assert Adversarial().for_generator(x)[Domain.B].item() == pytest.approx((1 + 4) / 2)
    assert Adversarial().for_discriminator(x)[Domain.B].item() == pytest.approx((0.5 + (4 + 9) / 2) / 2)


def test_a_conditional_game_is_silent_without_pairs() -> None:
    networks = Networks(nn.ModuleDict({"b": nn.Identity()}), nn.ModuleDict({"b": Recorder()}), conditional=True)
    a = torch.zeros(2, 3, 8, 8)
    x = Translations(Batch({Domain.A: a, Domain.B: a}, paired=0), networks)
    assert Adversarial().for_generator(x) == {}
    assert Adversarial().for_discriminator(x) == {}
