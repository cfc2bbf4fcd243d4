"""Compiled networks: the same game, and a plain sentence where the compiler fails."""

import shutil
from typing import Any

import pytest
import torch
from torch import nn

from translate import build, config
from translate.computing import compiling

CPU = torch.device("cpu")


def fails(self: nn.Module, *args: Any, **options: Any) -> None:
    def broken(*inputs: Any) -> None:
        raise RuntimeError("no compiler\nand a long story")

    self._compiled_call_impl = broken


def test_a_compiler_that_fails_is_named_and_nothing_has_moved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nn.Module, "compile", fails)
    said: list[str] = []
    made = config.load("smoke", ["training.compile=true"])
    tried = build.trainer(made, build.blank(made), CPU, said.append)
    plain = build.trainer(config.load("smoke"), build.blank(made), CPU)
    assert len(said) == 1
    assert "RuntimeError: no compiler)" in said[0]
    for _ in range(2):
        one, two = tried.step(build.blank(made)), plain.step(build.blank(made))
        assert all(torch.equal(one[key], two[key]) for key in one)


def test_discriminators_that_are_differentiated_twice_and_networks_that_grow_are_left_alone() -> None:
    def chosen(name: str, *settings: str) -> set[str]:
        made = config.load(name, ["data.size=[16, 16]", *settings])
        trainer = build.trainer(made, build.blank(made), CPU)
        groups = dict(trainer.networks.modules())
        found = list(compiling._compilable(trainer))
        return {kind for kind, group in groups.items() if any(n in found for n in group.children())}

    assert chosen("smoke") == {"generator", "discriminator"}
    assert chosen("wgan-gp", "networks.generator.width=4", "networks.discriminator.width=4") == {"generator"}
    assert chosen("progan", "networks.generator.most=8", "networks.discriminator.most=8") == set()


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("g++"), reason="no compiler")
@pytest.mark.filterwarnings("ignore")
def test_compiled_losses_and_keys_are_those_of_plain_networks() -> None:
    said: list[str] = []
    made = config.load("smoke", ["training.compile=true"])
    compiled = build.trainer(made, build.blank(made), CPU, said.append)
    plain = build.trainer(config.load("smoke"), build.blank(made), CPU)
    assert said == []
    assert compiled.networks.generator.state_dict().keys() == plain.networks.generator.state_dict().keys()
    one, two = compiled.step(build.blank(made)), plain.step(build.blank(made))
    for key, value in one.items():
        torch.testing.assert_close(value, two[key], rtol=1e-3, atol=1e-5)
