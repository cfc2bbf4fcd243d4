"""One step of the game: who moves, by how much, and that a saved game goes on bit for bit."""

import copy
import math
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from translate import build, config
from translate.computing import precision as precisions
from translate.computing.precision import computes_in_bf16
from translate.config import Training
from translate.domain import Batch, Domain
from translate.objective import Objective, Player
from translate.trainer import Trainer, frozen, rate_factor
from translate.translations import Translations

CPU = torch.device("cpu")


def batch(rows: int = 4, paired: int = 0, seed: int = 0) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    return Batch({d: torch.rand(rows, 3, 16, 16, generator=generator) * 2 - 1 for d in Domain}, paired)


def smoke(*settings: str) -> Trainer:
    return build.trainer(config.load("smoke", settings), batch(), CPU)


def weights(module: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in module.state_dict().items()}


def equal(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


def gradients(trainer: Trainer, player: Player) -> list[Tensor]:
    return [p.grad.clone() for p in trainer.parameters[player] if p.grad is not None]


def norm(tensors: list[Tensor]) -> float:
    return math.sqrt(sum(float((t.double() ** 2).sum()) for t in tensors))


class Fools(nn.Module):
    """Speaks to generators only, through the discriminator."""

    def for_generator(self, x: Translations) -> dict[str, Tensor]:
        return {d: x.judge(d, x.fake(d))[0].mean() for d in x.judged}


class Tells(nn.Module):
    """Speaks to discriminators only, about the generators' images."""

    def for_discriminator(self, x: Translations) -> dict[str, Tensor]:
        return {d: x.judge(d, x.fake(d))[0].mean() - x.judge(d, x.real(d))[0].mean() for d in x.judged}


def with_term(term: nn.Module) -> Trainer:
    made = smoke()
    return Trainer(made.networks, Objective({"term": term}, {"term": 1.0}), Training(ema=0), CPU)


def test_generators_move_leaves_the_discriminators_untouched() -> None:
    trainer = with_term(Fools())
    generator, discriminator = weights(trainer.networks.generator), weights(trainer.networks.discriminator)
    trainer.step(batch())
    assert equal(weights(trainer.networks.discriminator), discriminator)
    assert all(p.grad is None for p in trainer.networks.discriminator.parameters())
    assert not equal(weights(trainer.networks.generator), generator)


def test_discriminators_move_leaves_the_generators_untouched() -> None:
    trainer = with_term(Tells())
    generator, discriminator = weights(trainer.networks.generator), weights(trainer.networks.discriminator)
    trainer.step(batch())
    assert equal(weights(trainer.networks.generator), generator)
    assert all(p.grad is None for p in trainer.networks.generator.parameters())
    assert not equal(weights(trainer.networks.discriminator), discriminator)


class Plays(Fools, Tells):
    """Speaks to both, and leaves it to the trainer to cut the graph between the two turns."""


def test_the_discriminators_turn_does_not_reach_back_into_the_generators() -> None:
    trainer, alone = with_term(Plays()), with_term(Fools())
    for one in (trainer, alone):
        one.step(batch())
    for mine, theirs in zip(gradients(trainer, Player.GENERATOR), gradients(alone, Player.GENERATOR), strict=True):
        assert torch.equal(mine, theirs)


def test_each_players_gradient_is_that_of_its_own_losses_before_either_moved() -> None:
    trainer = smoke()
    networks, objective = copy.deepcopy(trainer.networks), copy.deepcopy(trainer.objective)
    trainer.step(batch())
    groups = {Player.GENERATOR: networks.generator, Player.DISCRIMINATOR: networks.discriminator}
    for player, group in groups.items():
        losses = objective(player, Translations(batch(), networks)).values()
        expected = torch.autograd.grad(sum(loss.value * loss.weight for loss in losses), list(group.parameters()))
        for mine, theirs in zip(gradients(trainer, player), expected, strict=True):
            torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-6)


def test_frozen_lets_gradients_through_and_thaws_after_an_error() -> None:
    judge, image = nn.Linear(3, 1), torch.randn(2, 3, requires_grad=True)
    with frozen(judge.parameters()):
        judge(image).sum().backward()
    assert judge.weight.grad is None
    with pytest.raises(RuntimeError), frozen(judge.parameters()):
        judge(torch.zeros(2, 4))
    assert image.grad is not None
    assert all(p.requires_grad for p in judge.parameters())


@pytest.mark.parametrize("paired", [0, 4])
def test_a_batch_in_parts_has_the_gradient_of_the_whole(paired: int) -> None:
    settings = ["objective.supervised.weight=5"] if paired else []
    whole, parts = smoke(*settings), smoke(*settings, "training.accumulate=2")
    logged = [trainer.step(batch(4, paired)) for trainer in (whole, parts)]
    for player in Player:
        for one, two in zip(gradients(whole, player), gradients(parts, player), strict=True):
            torch.testing.assert_close(one, two, rtol=1e-3, atol=1e-5)
    assert logged[0].keys() == logged[1].keys()
    for name, value in logged[0].items():
        torch.testing.assert_close(value, logged[1][name], rtol=1e-5, atol=1e-5)


def test_fewer_pairs_than_parts_weigh_as_much_as_in_the_whole_batch() -> None:
    settings = ["objective.supervised.weight=5"]
    whole, parts = smoke(*settings), smoke(*settings, "training.accumulate=2")
    one, two = (trainer.step(batch(4, paired=1)) for trainer in (whole, parts))
    assert float(two["supervised/b"]) == pytest.approx(float(one["supervised/b"]), rel=1e-3)


@pytest.mark.parametrize("player", list(Player))
def test_clipping_bounds_the_norm_and_logs_what_it_was(player: Player) -> None:
    free = smoke()
    free.step(batch())
    whole = norm(gradients(free, player))
    clipped, loose = smoke(f"training.clip={whole / 10}"), smoke(f"training.clip={whole * 10}")
    logged = clipped.step(batch())
    loose.step(batch())
    assert norm(gradients(clipped, player)) <= whole / 10 * 1.0001
    assert float(logged[f"grad_norm/{player}"]) == pytest.approx(whole, rel=1e-4)
    assert norm(gradients(loose, player)) == pytest.approx(whole, rel=1e-5)


def test_gradient_norms_are_measured_when_asked() -> None:
    trainer = smoke()
    assert not any(name.startswith("grad_norm") for name in trainer.step(batch()))
    logged = trainer.step(batch(), measure=True)
    for player in Player:
        assert float(logged[f"grad_norm/{player}"]) == pytest.approx(norm(gradients(trainer, player)), rel=1e-4)


@pytest.mark.parametrize(
    ("settings", "closed_form"),
    [
        ({"schedule": "constant"}, lambda t: 1.0),
        ({"schedule": "linear", "decay_from": 0.0}, lambda t: 1 - t),
        ({"schedule": "linear", "decay_from": 0.5}, lambda t: 1.0 if t < 0.5 else 2 * (1 - t)),
        ({"schedule": "cosine", "decay_from": 0.0}, lambda t: (1 + math.cos(math.pi * t)) / 2),
        (
            {"schedule": "cosine", "decay_from": 0.5},
            lambda t: 1.0 if t < 0.5 else (1 + math.cos(math.pi * (t - 0.5) / 0.5)) / 2,
        ),
        ({"schedule": "constant", "warmup": 0.2}, lambda t: min(1.0, t / 0.2)),
        ({"schedule": "linear", "warmup": 0.1, "decay_from": 0.5}, lambda t: min(1.0, t / 0.1, 2 * (1 - t))),
    ],
)
def test_learning_rate_schedules(settings: dict[str, Any], closed_form: Any) -> None:
    training = Training(**settings)
    for hundredth in range(101):
        t = hundredth / 100
        assert rate_factor(training, t) == pytest.approx(closed_form(t), abs=1e-9), t


def test_the_optimisers_run_at_the_scheduled_rates() -> None:
    trainer = smoke("training.learning_rate=0.01", "training.discriminator_learning_rate=0.04")
    for progress, factor in ((0.0, 1.0), (0.75, 0.5), (0.25, 1.0)):
        trainer.step(batch(), progress)
        rates = {player: trainer.optimizers[player].param_groups[0]["lr"] for player in Player}
        assert rates == {
            Player.GENERATOR: pytest.approx(0.01 * factor),
            Player.DISCRIMINATOR: pytest.approx(0.04 * factor),
        }
    before = weights(trainer.networks.generator)
    trainer.step(batch(), 1.0)
    assert equal(weights(trainer.networks.generator), before)


def test_the_first_move_of_adam_is_one_learning_rate() -> None:
    trainer = smoke("training.learning_rate=0.01")
    before = [p.detach().clone() for p in trainer.parameters[Player.GENERATOR]]
    trainer.step(batch())
    moves = [(p.detach() - b).abs() for p, b in zip(trainer.parameters[Player.GENERATOR], before, strict=True)]
    felt = [m[g.abs() > 1e-4] for m, g in zip(moves, gradients(trainer, Player.GENERATOR), strict=True)]
    torch.testing.assert_close(torch.cat(felt), torch.full_like(torch.cat(felt), 0.01), rtol=1e-3, atol=0)


def test_the_average_moves_with_every_step() -> None:
    trainer = smoke("training.ema=0.5")
    before = weights(trainer.networks.generator)
    trainer.step(batch())
    after, share = weights(trainer.networks.generator), 2 / 11  # (1 + n) / (10 + n) for n = 1
    for name, tensor in weights(trainer.ema.module).items():
        torch.testing.assert_close(tensor, share * before[name] + (1 - share) * after[name])


def test_heads_of_terms_learn_with_the_generators() -> None:
    settings = ["networks.generator={name: resnet, width: 4, blocks: 1}", "objective.patch_nce.layers=[0, 4]"]
    settings += ["objective.patch_nce.patches=8", "objective.patch_nce.dim=4"]
    trainer = smoke(*settings)
    before = weights(trainer.objective)
    assert before
    trainer.step(batch())
    assert all(not torch.equal(before[n], t) for n, t in weights(trainer.objective).items() if n.endswith("weight"))


def test_precision_auto_is_bf16_only_where_the_device_computes_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for native in (True, False):
        monkeypatch.setattr(precisions, "computes_in_bf16", lambda device, native=native: native)
        assert smoke("training.precision=auto").precision.half is (torch.bfloat16 if native else None)
        assert smoke("training.precision=fp32").precision.half is None
        assert smoke("training.precision=bf16").precision.half is torch.bfloat16


@pytest.mark.skipif(sys.platform != "linux", reason="the reference is the kernel's list of the processor's features")
def test_bf16_of_this_processor() -> None:
    flags = Path("/proc/cpuinfo").read_text().split()
    assert computes_in_bf16(CPU) == ("avx512_bf16" in flags or "amx_tile" in flags)
    assert computes_in_bf16(torch.device("mps")) is False


def test_bf16_keeps_weights_and_losses_in_float32_and_near_those_of_fp32() -> None:
    half, full = smoke("training.precision=bf16"), smoke()
    for (name, value), reference in zip(half.step(batch()).items(), full.step(batch()).values(), strict=True):
        assert value.dtype is torch.float32, name
        assert float(value) == pytest.approx(float(reference), rel=0.05, abs=0.02), name
    assert {p.dtype for p in half.networks.generator.parameters()} == {torch.float32}


def test_a_step_depends_on_seed_and_number_only() -> None:
    settings = ["networks.generator={name: unet, levels: 3, width: 4, dropout: true}"]
    one, two, other = smoke(*settings), smoke(*settings), smoke(*settings, "training.seed=1")
    torch.manual_seed(123)
    one.step(batch())
    torch.rand(7)
    two.step(batch())
    assert equal(weights(one.networks.generator), weights(two.networks.generator))
    other.step(batch())
    assert not equal(weights(one.networks.generator), weights(other.networks.generator))


def test_state_goes_into_a_fresh_trainer_and_on_bit_for_bit() -> None:
    settings = ["objective.adversarial.pool=3", "training.accumulate=2"]
    straight, first, second = smoke(*settings), smoke(*settings), smoke(*settings, "training.seed=0")
    for number in range(4):
        straight.step(batch(seed=number), number / 8)
    for number in range(2):
        first.step(batch(seed=number), number / 8)
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    for number in range(2, 4):
        second.step(batch(seed=number), number / 8)
    assert (straight.step_count, straight.ema.updates) == (second.step_count, second.ema.updates) == (4, 4)
    for mine, theirs in (
        (straight.networks.generator, second.networks.generator),
        (straight.networks.discriminator, second.networks.discriminator),
        (straight.ema.module, second.ema.module),
        (straight.objective, second.objective),
    ):
        assert equal(weights(mine), weights(theirs))


def test_a_batch_that_leaves_a_player_nothing_to_say_moves_nothing() -> None:
    trainer = smoke("networks.conditional=true", "objective={adversarial: {weight: 1}}")
    before = weights(trainer.networks.discriminator), weights(trainer.networks.generator)
    assert not [name for name in trainer.step(batch(4, paired=0), measure=True) if not name.startswith("grad_norm")]
    assert equal(weights(trainer.networks.discriminator), before[0])
    assert equal(weights(trainer.networks.generator), before[1])


class Counts(nn.Module):
    """Speaks to both, and remembers which rows it was shown."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: dict[str, list[Tensor]] = {"generator": [], "discriminator": []}

    def for_generator(self, x: Translations) -> dict[str, Tensor]:
        self.seen["generator"].append(x.real(Domain.B))
        return {d: x.judge(d, x.fake(d))[0].mean() for d in x.judged}

    def for_discriminator(self, x: Translations) -> dict[str, Tensor]:
        self.seen["discriminator"].append(x.real(Domain.B))
        return {d: x.judge(d, x.fake(d))[0].square().mean() for d in x.judged}


def test_several_moves_of_the_discriminator_see_rows_of_their_own() -> None:
    networks, term = smoke().networks, Counts()
    training = Training(discriminator_steps=3, batch=2, ema=0)
    trainer = Trainer(networks, Objective({"game": term}, {"game": 1}), training, CPU)
    given = batch(6)
    logged = trainer.step(given)
    assert [len(rows) for rows in term.seen["generator"]] == [2]
    assert [len(rows) for rows in term.seen["discriminator"]] == [2, 2, 2]
    assert torch.equal(torch.cat(term.seen["discriminator"]), given.images[Domain.B])
    states = trainer.optimizers[Player.DISCRIMINATOR].state.values()
    assert {int(state["step"]) for state in states} == {3}
    assert {int(state["step"]) for state in trainer.optimizers[Player.GENERATOR].state.values()} == {1}
    assert all(value.isfinite() for value in logged.values())


def test_weights_of_discriminators_are_clipped_and_no_others() -> None:
    trainer = smoke("training.weight_clip=0.001", "networks.gain=1.0", "training.optimizer=rmsprop")
    assert isinstance(trainer.optimizers[Player.GENERATOR], torch.optim.RMSprop)
    trainer.step(batch())
    assert max(p.abs().max() for p in trainer.networks.discriminator.parameters()) <= 0.001
    assert max(p.abs().max() for p in trainer.networks.generator.parameters()) > 0.001


def test_networks_and_what_they_are_judged_through_hear_the_progress() -> None:
    class Grows(nn.Identity):
        heard = -1.0

        def grow(self, progress: float) -> None:
            self.heard = progress

    trainer = smoke("judging.noise=[[0, 1], [1, 0]]")
    for group in (trainer.networks.generator, trainer.networks.discriminator, trainer.ema.module):
        group.eval()
        group["b"].grow = Grows.grow.__get__(group["b"])
    trainer.step(batch(), progress=0.25)
    assert trainer.networks.generator["b"].heard == trainer.networks.discriminator["b"].heard == 0.25
    assert trainer.ema.module["b"].heard == 0.25
    assert trainer.networks.judging.std == pytest.approx(0.75)
