"""Precisions: near float32 in every game, exact where they claim to be, and a loss scale that survives a stop."""

import copy

import pytest
import torch
from torch import Tensor

from translate import build, config
from translate.computing import precision
from translate.domain import Batch
from translate.trainer import Trainer

CPU = torch.device("cpu")
TINY = ["networks.generator.width=4", "networks.discriminator.width=4", "networks.latent.dimension=8"]
TINY += ["data.size=[16, 16]", "training.batch=4"]
GAMES = {
    "smoke": [],
    "pix2pix": [TINY[3], "networks.generator={name: unet, levels: 3, width: 8}", "networks.discriminator.layers=1"],
    "wgan-gp": [*TINY, "training.discriminator_steps=1"],
    "stylegan2": [*TINY, "networks.generator.most=8", "networks.discriminator.most=8"],
}  # fmt: skip


def batch(made: config.Config, seed: int = 0) -> Batch:
    generator, blank = torch.Generator().manual_seed(seed), build.blank(made)
    images = {d: torch.rand(4, *i.shape[1:], generator=generator) * 2 - 1 for d, i in blank.images.items()}
    return Batch(images, paired=0 if made.unconditional else 4)


def trainer(name: str, kind: str, *settings: str) -> tuple[Trainer, Batch]:
    made = config.load(name, [*GAMES[name], f"training.precision={kind}", *settings])
    return build.trainer(made, batch(made), CPU), batch(made)


@pytest.mark.parametrize("name", GAMES)
def test_losses_are_near_those_of_float32(name: str) -> None:
    exact, rows = trainer(name, "fp32")
    expected = exact.step(rows)
    for kind, off in (("tf32", 0.0), ("bf16", 0.05), ("fp16", 0.02)):
        made, _ = trainer(name, kind)
        for key, value in made.step(rows).items():
            if not key.startswith("skipped/"):
                torch.testing.assert_close(value, expected[key], rtol=off, atol=off)
                assert value.dtype is torch.float32


def test_a_step_whose_gradient_overflows_is_left_out_counted_and_halves_the_scale() -> None:
    made, rows = trainer("smoke", "fp16")
    scaler = made.precision.scalers["generator"]
    scaler.load_state_dict({**scaler.state_dict(), "scale": 2.0**120})
    before = copy.deepcopy(made.networks.generator.state_dict())
    logged = made.step(rows, measure=True)
    assert (float(logged["skipped/generator"]), float(logged["skipped/discriminator"])) == (1, 0)
    assert float(logged["grad_norm/generator"]) == 0
    assert scaler.get_scale() == 2.0**119
    after = made.networks.generator.state_dict()
    assert all(torch.equal(before[key], after[key]) for key in before)


def test_clipping_sees_the_gradient_without_its_scale() -> None:
    plain, rows = trainer("smoke", "fp32", "training.clip=0.001")
    scaled, _ = trainer("smoke", "fp16", "training.clip=0.001")
    one, two = plain.step(rows), scaled.step(rows)
    for key in ("grad_norm/generator", "grad_norm/discriminator"):
        torch.testing.assert_close(one[key], two[key], rtol=0.02, atol=0)


def test_fp16_goes_on_bit_for_bit() -> None:
    straight, rows = trainer("smoke", "fp16")
    first, _ = trainer("smoke", "fp16")
    for made in (straight, first):
        for scaler in made.precision.scalers.values():
            scaler.load_state_dict({**scaler.state_dict(), "scale": 2.0**40, "growth_interval": 2})
        made.step(rows)
    second, _ = trainer("smoke", "fp16")
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    for made in (straight, second):
        for _ in range(3):
            made.step(rows)
    one, two = straight.state_dict(), second.state_dict()
    assert one["precision"] == two["precision"]
    for part in ("generator", "discriminator", "generator_ema"):
        tensors: dict[str, Tensor] = one[part]
        assert all(torch.equal(tensor, two[part][key]) for key, tensor in tensors.items())


def test_a_run_of_another_precision_can_be_continued_with_fp16_and_back() -> None:
    plain, rows = trainer("smoke", "fp32")
    half, _ = trainer("smoke", "fp16")
    half.load_state_dict(plain.state_dict())
    half.step(rows)
    plain.load_state_dict(half.state_dict())


def test_what_a_name_does_not_promise_here_is_said() -> None:
    for kind, said in (("tf32", "means fp32"), ("fp16", "slow"), ("fp32", None), ("bf16", None), ("auto", None)):
        remark = precision.remark(kind, CPU)
        assert remark is None if said is None else said in str(remark)
    assert precision.remark("tf32", torch.device("cuda")) is None


def test_rates_are_halved_as_often_as_they_were_lowered() -> None:
    made, rows = trainer("smoke", "fp32")
    made.lowered = 2
    made.step(rows)
    again, _ = trainer("smoke", "fp32")
    again.load_state_dict(made.state_dict())
    again.step(rows)
    for one in (made, again):
        assert {o.param_groups[0]["lr"] for o in one.optimizers.values()} == {one.training.learning_rate / 4}
    state = made.state_dict()
    del state["lowered"], state["precision"]  # as older checkpoints are
    again.load_state_dict(state)
    assert again.lowered == 0
