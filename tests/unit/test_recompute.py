"""Activations that are computed again: every bit as without, in every preset that has generators to recompute."""

import copy

import pytest
import torch
from torch import Tensor, nn

from translate import build, config, translations
from translate.computing.recompute import recompute
from translate.domain import Batch
from translate.trainer import Trainer

CPU = torch.device("cpu")
RESNET = ["networks.generator={name: resnet, width: 4, blocks: 2, dropout: true}", "data.size=[16, 16]"]
SMALL = ["networks.generator.width=4", "networks.discriminator.width=4", "data.size=[16, 16]", "training.batch=4"]
UNET = [*SMALL, "networks.generator.levels=3", "networks.discriminator={name: patchgan, layers: 1, width: 4}"]
LATENT = [*SMALL, "networks.latent.dimension=8", "training.discriminator_steps=1"]
MOST = ["networks.generator.most=8", "networks.discriminator.most=8"]
GAMES = {
    "smoke": [*RESNET, "training.precision=bf16"],
    "pix2pix": UNET,
    "wgan-gp": LATENT,
    "sngan": LATENT,
    "stylegan2": [*LATENT, *MOST],
    "biggan": [*LATENT, "networks.classes=[cat, dog]"],
    "progan": [*LATENT, *MOST],
}


def trained(name: str, again: bool, judges: bool = False) -> tuple[Trainer, dict[str, Tensor]]:
    made = config.load(name, [*GAMES[name], f"training.activation_checkpointing={again}".lower()])
    blank = build.blank(made)
    random = torch.Generator().manual_seed(0)
    images = {d: torch.rand(4, *i.shape[1:], generator=random) * 2 - 1 for d, i in blank.images.items()}
    labels = None if blank.labels is None else torch.arange(4) % 2
    rows = Batch(images, paired=4 if blank.paired else 0, labels=labels)
    trainer = build.trainer(made, rows, CPU)
    if judges:
        for network in trainer.networks.discriminator.children():
            recompute(network)
    trainer.step(rows)
    return trainer, trainer.step(rows)


@pytest.fixture(autouse=True)
def separate_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is recomputed is never called for two purposes at once: so are its equals here."""
    monkeypatch.setattr(translations, "independent", lambda network: False)


@pytest.mark.parametrize("name", GAMES)
def test_steps_are_the_same_bits(name: str) -> None:
    (plain, expected), (again, losses) = trained(name, False), trained(name, True)
    assert losses.keys() == expected.keys()
    assert all(torch.equal(losses[key], expected[key]) for key in losses)
    for part in ("generator", "discriminator", "generator_ema"):
        one, two = plain.state_dict()[part], again.state_dict()[part]
        assert one.keys() == two.keys()
        assert all(torch.equal(one[key], two[key]) for key in one if isinstance(one[key], Tensor))


def test_second_derivatives_pass_through_spectral_norm_too() -> None:
    (_, expected), (_, losses) = trained("wgan-gp", False), trained("wgan-gp", True, judges=True)
    assert all(torch.equal(losses[key], expected[key]) for key in losses)


def test_less_is_kept_and_copies_are_recomputed_too() -> None:
    def kept(network: nn.Module) -> int:
        sizes: list[int] = []
        with torch.autograd.graph.saved_tensors_hooks(lambda t: (sizes.append(t.nbytes), t)[1], lambda t: t):
            network(torch.rand(2, 4, requires_grad=True))
        return sum(sizes)

    plain = nn.Sequential(nn.Linear(4, 64), nn.Tanh(), nn.Linear(64, 4))
    again = copy.deepcopy(plain)
    recompute(again)
    assert isinstance(again, nn.Sequential)
    assert again.state_dict().keys() == plain.state_dict().keys()
    assert kept(copy.deepcopy(again)) == kept(again) < kept(plain)
