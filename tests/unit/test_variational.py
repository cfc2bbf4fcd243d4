"""kl, reconstruction and latent_recovery: together VAE and BicycleGAN; against torch.distributions and by hand."""

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Laplace, Normal, kl_divergence

from translate.domain import Batch, Domain
from translate.errors import UserError
from translate.terms.kl import KL
from translate.terms.latent_recovery import LatentRecovery
from translate.terms.reconstruction import Reconstruction
from translate.translations import Networks, Prior, Translations


class Decoder(nn.Module):
    """z [N, 4] as 2x2 pixels times a gain; beside an image added to it."""

    def __init__(self, gain: float = 1.0) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.tensor(gain))

    def forward(self, *inputs: Tensor) -> Tensor:
        painted = self.gain * inputs[-1].view(-1, 1, 2, 2)
        return painted + inputs[0] if len(inputs) == 2 else painted


class Encoder(nn.Module):
    """Reads the pixels times a gain, with a spread of its own."""

    def __init__(self, gain: float = 1.0, log_variance: float = -60.0) -> None:
        super().__init__()
        self.gain, self.log_variance = nn.Parameter(torch.tensor(gain)), nn.Parameter(torch.tensor(log_variance))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        mean = self.gain * images.flatten(1)
        return mean, self.log_variance.expand_as(mean)


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def translations(decoder: Decoder, encoder: Encoder, a: Tensor | None = None, paired: int = 0) -> Translations:
    images = {Domain.B: torch.randn(5, 1, 2, 2)} | ({} if a is None else {Domain.A: a})
    networks = Networks(
        nn.ModuleDict({"b": decoder}), nn.ModuleDict(), encoder=nn.ModuleDict({"b": encoder}), prior=Prior(4)
    )
    return Translations(Batch(images, paired), networks)


def test_kl_agrees_with_torch_distributions() -> None:
    x = translations(Decoder(), Encoder(gain=0.7, log_variance=-1.3))
    loss = KL().for_generator(x)[Domain.B]
    codes = Normal(0.7 * x.real(Domain.B).flatten(1), torch.tensor(-1.3).exp().sqrt())
    assert loss.item() == pytest.approx(kl_divergence(codes, Normal(0.0, 1.0)).sum(1).mean().item(), rel=1e-5)


def test_kl_is_least_for_the_prior_itself() -> None:
    best = KL().for_generator(translations(Decoder(), Encoder(gain=0.0, log_variance=0.0)))[Domain.B]
    assert best.item() == pytest.approx(0, abs=1e-7)
    for gain, log_variance in ((0.1, 0.0), (0.0, 0.1), (0.0, -0.1)):
        assert KL().for_generator(translations(Decoder(), Encoder(gain, log_variance)))[Domain.B] > 1e-4


@pytest.mark.parametrize(("loss", "power"), [("l1", 1), ("l2", 2)])
def test_all_images_are_rebuilt_where_a_latent_is_all(loss: str, power: int) -> None:
    x = translations(Decoder(gain=3.0), Encoder(gain=0.5))
    value = Reconstruction(loss=loss).for_generator(x)[Domain.B]  # type: ignore[arg-type]
    assert value.item() == pytest.approx((0.5 * x.real(Domain.B)).abs().pow(power).mean().item(), rel=1e-5)


def test_beside_an_image_only_paired_rows_are_rebuilt() -> None:
    a = torch.randn(5, 1, 2, 2)
    x = translations(Decoder(), Encoder(gain=0.0), a, paired=2)
    expected = (a - x.real(Domain.B))[:2].abs().mean().item()  # nothing of B passes the encoder: G gives A back
    assert Reconstruction().for_generator(x)[Domain.B].item() == pytest.approx(expected, rel=1e-5)
    assert Reconstruction().for_generator(translations(Decoder(), Encoder(), a, paired=0)) == {}


@pytest.mark.parametrize(("loss", "distribution"), [("l1", Laplace), ("l2", Normal)])
def test_with_noise_it_is_the_likelihood(loss: str, distribution: type[Normal] | type[Laplace]) -> None:
    x = translations(Decoder(gain=1.2), Encoder())
    value = Reconstruction(loss=loss, noise=0.3).for_generator(x)[Domain.B].item()  # type: ignore[arg-type]
    noise = distribution(x.rebuilt(Domain.B), 0.3)
    constant = noise.log_prob(noise.mean).flatten(1).sum(1).mean()
    bound = noise.log_prob(x.real(Domain.B)).flatten(1).sum(1).mean()
    assert value == pytest.approx((constant - bound).item(), rel=1e-4)
    with pytest.raises(UserError, match="noise"):
        Reconstruction(noise=0)


def test_rebuilding_teaches_both_networks() -> None:
    decoder, encoder = Decoder(0.5), Encoder(0.5, log_variance=-1.0)
    Reconstruction().for_generator(translations(decoder, encoder))[Domain.B].backward()
    for parameter in (decoder.gain, encoder.gain, encoder.log_variance):
        assert parameter.grad is not None
        assert parameter.grad != 0


@pytest.mark.parametrize("beside", [False, True])
def test_a_latent_is_recovered_from_the_image_it_made(beside: bool) -> None:
    a = torch.randn(5, 1, 2, 2) if beside else None
    x = translations(Decoder(gain=2.0), Encoder(gain=1.0), a)
    expected = x.latent(Domain.B) + (0 if a is None else a.flatten(1))  # 2 z (+ a) - z
    assert LatentRecovery().for_generator(x)[Domain.B].item() == pytest.approx(expected.abs().mean().item(), rel=1e-5)


@pytest.mark.parametrize("teach", [False, True])
def test_the_encoder_learns_from_recovery_only_when_taught(teach: bool) -> None:
    decoder, encoder = Decoder(2.0), Encoder(1.5)
    LatentRecovery(teach=teach).for_generator(translations(decoder, encoder))[Domain.B].backward()
    assert decoder.gain.grad is not None
    assert decoder.gain.grad > 0  # 3 z is too much
    assert (encoder.gain.grad is not None) == teach
    assert encoder.gain.requires_grad
