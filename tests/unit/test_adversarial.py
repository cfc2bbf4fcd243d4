"""The adversarial term's options: which game, which images, which rows; what can't go together is refused."""

import math
from typing import Any, get_args, get_type_hints

import pytest
import torch
from torch import Tensor, nn

from translate.domain import Batch, Domain
from translate.errors import UserError
from translate.signatures import find
from translate.terms import TABLE
from translate.terms.adversarial import Adversarial
from translate.terms.games import GAMES
from translate.translations import Networks, Translations


class Mean(nn.Module):
    """D(image) = scale * its mean (times its class), learnable; it remembers what it was shown."""

    def __init__(self, scale: float = 1.0) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(scale))
        self.shown: list[Tensor] = []

    def forward(self, x: Tensor, labels: Tensor | None = None) -> list[Tensor]:
        self.shown.append(x.detach())
        logits = self.scale * x.mean((1, 2, 3), keepdim=True)
        return [logits if labels is None else logits * labels.view(-1, 1, 1, 1)]


class Shift(nn.Module):
    """G(x) = x + shift, learnable."""

    def __init__(self) -> None:
        super().__init__()
        self.shift = nn.Parameter(torch.tensor(0.0))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.shift


class Listening(Translations):
    """Notes what an adaptive augmentation would hear."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.told: list[tuple[str, list[Tensor]]] = []

    def heard(self, domain: Domain, logits: list[Tensor]) -> None:
        self.told.append((domain, logits))


def rows(*values: float) -> Tensor:
    return torch.tensor(values).view(-1, 1, 1, 1).expand(-1, 1, 2, 2).clone()


def world(fakes: Tensor, reals: Tensor, *, paired: int = 0, progress: float = 0.0, **more: Any) -> Translations:
    """Fakes are the inputs as they are."""
    networks = Networks(nn.ModuleDict({"b": Shift()}), nn.ModuleDict({"b": Mean()}), **more)
    return Translations(Batch({Domain.A: fakes, Domain.B: reals}, paired), networks, progress)


def test_every_game_can_be_named() -> None:
    annotation = find("term", "adversarial", TABLE, where="test").options["game"].annotation
    assert [name for name in GAMES if f"'{name}'" not in annotation] == []
    assert set(get_args(get_type_hints(Adversarial.__init__)["game"])) == set(GAMES)


@pytest.mark.parametrize("game", GAMES)
def test_each_player_gets_the_games_own_loss(game: Any) -> None:
    x = world(rows(0.5, -1.0, 2.0), rows(1.0, 0.0, 3.0))
    fake, real = torch.tensor([0.5, -1.0, 2.0]), torch.tensor([1.0, 0.0, 3.0])
    term = Adversarial(game=game)
    asked = (fake, real) if GAMES[game].relativistic else (fake,)
    assert term.for_generator(x)["b"].item() == pytest.approx(GAMES[game].generator(*asked).item())
    assert term.for_discriminator(x)["b"].item() == pytest.approx(GAMES[game].discriminator(real, fake).item())


def test_unpaired_batches_of_different_lengths_are_compared_as_far_as_both_go() -> None:
    x = world(rows(0.0, 1.0, 50.0), rows(3.0, 3.0))
    term = Adversarial(game="relativistic")
    expected = torch.nn.functional.softplus(torch.tensor([3.0, 2.0])).mean().item()
    assert term.for_generator(x)["b"].item() == pytest.approx(expected)
    assert term.for_discriminator(x)["b"].item() == pytest.approx(
        torch.nn.functional.softplus(torch.tensor([-3.0, -2.0])).mean().item()
    )


def test_beside_an_input_relativistic_rows_keep_their_pairs() -> None:
    class Difference(Mean):
        def forward(self, x: Tensor, labels: Tensor | None = None) -> list[Tensor]:
            self.shown.append(x)
            return [x[:, 1:].mean((1, 2, 3), keepdim=True)]

    x = world(rows(1.0, 2.0, 3.0), rows(10.0, 20.0, 30.0), paired=2, conditional=True)
    x.networks.discriminator["b"] = judge = Difference()
    Adversarial(game="relativistic").for_generator(x)
    fake, real = judge.shown
    assert torch.equal(fake[:, 0], rows(1.0, 2.0)[:, 0])
    assert torch.equal(real[:, 0], rows(1.0, 2.0)[:, 0])
    assert torch.equal(real[:, 1], rows(10.0, 20.0)[:, 0])


def test_in_a_relativistic_game_only_the_generator_learns_in_its_turn() -> None:
    x = world(rows(0.0, 1.0), rows(2.0, 3.0))
    x.networks.discriminator.requires_grad_(False)
    reals = x.real(Domain.B).requires_grad_()
    Adversarial(game="relativistic").for_generator(x)["b"].backward()
    shift: Tensor = x.networks.generator["b"].shift  # type: ignore[assignment]
    assert shift.grad is not None
    assert shift.grad < 0
    assert reals.grad is None


@pytest.mark.parametrize(
    ("progress", "learning"), [(0.0, [0, 1, 2, 3]), (0.25, [1, 2, 3]), (0.5, [1, 3]), (1.0, [1, 3])]
)
def test_the_share_that_the_generator_learns_from_falls_to_the_best_fakes(progress: float, learning: list[int]) -> None:
    fakes = rows(0.0, 5.0, 1.0, 2.0).requires_grad_()
    Adversarial(game="hinge", top_k=0.5).for_generator(world(fakes, rows(0.0), progress=progress))["b"].backward()
    assert fakes.grad is not None
    assert fakes.grad.sum((1, 2, 3)).nonzero().flatten().tolist() == learning
    assert fakes.grad.sum().item() == pytest.approx(-1)  # the mean is over those that are left


def test_the_best_fakes_are_judged_over_all_scales_and_keep_their_real_rows() -> None:
    class TwoScales(nn.Module):
        def forward(self, x: Tensor) -> list[Tensor]:
            mean = x.mean((1, 2, 3), keepdim=True)
            return [mean.expand(-1, 1, 3, 3), -3 * mean]  # the second, smaller, scale decides

    x = world(rows(0.0, 5.0), rows(1.0, 7.0), progress=1.0)
    x.networks.discriminator["b"] = TwoScales()
    loss = Adversarial(game="relativistic", top_k=0.5).for_generator(x)["b"].item()
    assert loss == pytest.approx((math.log1p(math.e) + math.log1p(math.exp(-3))) / 2)


def test_one_fake_is_always_left_to_learn_from() -> None:
    x = world(rows(0.0), rows(0.0), progress=1.0)
    assert Adversarial(game="hinge", top_k=0.01).for_generator(x)["b"].isfinite()


def test_the_discriminator_sees_all_fakes() -> None:
    x = world(rows(0.0, 5.0), rows(1.0, 1.0), progress=1.0)
    chosen, all_of_them = Adversarial(game="wasserstein", top_k=0.5), Adversarial(game="wasserstein")
    assert torch.equal(chosen.for_discriminator(x)["b"], all_of_them.for_discriminator(x)["b"])


def test_smoothing_is_the_discriminators_alone() -> None:
    x = world(rows(0.5), rows(1.0))
    plain, smoothed = Adversarial(), Adversarial(smoothing=0.1)
    assert torch.equal(plain.for_generator(x)["b"], smoothed.for_generator(x)["b"])
    assert smoothed.for_discriminator(x)["b"].item() == pytest.approx(0.5 * (0.1**2 + 0.5**2))


def test_rebuilt_images_are_judged_in_place_of_fakes() -> None:
    class Encoder(nn.Module):
        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            return x.mean((2, 3)), torch.full((len(x), 1), -60.0)

    class Paint(nn.Module):
        def forward(self, z: Tensor) -> Tensor:
            return 2 * z[:, :, None, None].expand(-1, -1, 2, 2)

    networks = Networks(
        nn.ModuleDict({"b": Paint()}), nn.ModuleDict({"b": Mean()}), encoder=nn.ModuleDict({"b": Encoder()})
    )
    x = Translations(Batch({Domain.B: rows(1.0, 2.0)}, 0), networks)
    term = Adversarial(game="wasserstein", of="rebuilt")
    term.prepare(networks, x.batch)
    assert term.for_generator(x)["b"].item() == pytest.approx(-3)
    assert term.for_discriminator(x)["b"].item() == pytest.approx(3 - 1.5)


def test_augmentation_hears_the_logits_of_real_images_after_the_discriminators_turn() -> None:
    x = world(rows(0.0, 0.0), rows(1.0, -2.0))
    x = Listening(x.batch, x.networks)
    Adversarial().for_generator(x)
    assert x.told == []
    Adversarial().for_discriminator(x)
    ((domain, (logits,)),) = x.told
    assert domain == Domain.B
    assert logits.flatten().tolist() == [0.5, -2.5]  # least squares is undecided at 1/2


def test_each_row_is_judged_as_of_its_class() -> None:
    x = world(rows(1.0, 1.0), rows(3.0, 3.0))
    x = Translations(Batch(x.batch.images, 0, torch.tensor([1, 2])), x.networks)
    assert Adversarial(game="relativistic").for_generator(x)["b"].item() == pytest.approx(
        torch.nn.functional.softplus(torch.tensor([2.0, 4.0])).mean().item()
    )


def test_a_part_of_a_batch_without_real_images_teaches_the_discriminator_nothing() -> None:
    x = world(rows(1.0), torch.empty(0, 1, 2, 2))
    assert Adversarial().for_discriminator(x) == {}
    assert Adversarial(game="relativistic").for_generator(x) == {}
    assert set(Adversarial().for_generator(x)) == {"b"}


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"game": "hinge", "smoothing": 0.1}, "no target to smooth"),
        ({"game": "wasserstein", "smoothing": 0.1}, "no target to smooth"),
        ({"game": "relativistic", "smoothing": 0.1}, "no target to smooth"),
        ({"game": "kl", "smoothing": 0.1}, "no target to smooth"),
        ({"smoothing": 0.5}, "wanted as 0.5"),
        ({"smoothing": -0.1}, "wanted as 1.1"),
        ({"top_k": 0.0}, "no share"),
        ({"top_k": 1.5}, "no share"),
        ({"game": "relativistic", "pool": 50}, "own real image"),
    ],
)
def test_what_has_no_meaning_is_refused(options: dict[str, Any], what: str) -> None:
    with pytest.raises(UserError, match=what) as caught:
        Adversarial(**options)
    assert caught.value.where is not None
    assert caught.value.where is not None
    assert caught.value.where.startswith(".")
    assert caught.value.expected


def test_a_pool_of_labelled_images_is_refused_before_and_in_the_training() -> None:
    x = world(rows(1.0), rows(2.0))
    labelled = Batch(x.batch.images, 0, torch.tensor([1]))
    with pytest.raises(UserError, match="class"):
        Adversarial(pool=5).prepare(x.networks, labelled)
    with pytest.raises(UserError, match="class"):
        Adversarial(pool=5).for_discriminator(Translations(labelled, x.networks))
    Adversarial(pool=5).prepare(x.networks, x.batch)


def test_rebuilt_images_without_an_encoder_are_refused() -> None:
    x = world(rows(1.0), rows(2.0))
    with pytest.raises(UserError, match="encoder"):
        Adversarial(of="rebuilt").prepare(x.networks, x.batch)
