"""What is made of a batch when latents, classes and encoders play: each thing once, from the right source."""

import torch
from torch import Tensor, nn

from translate.domain import Batch, Domain
from translate.prior import Prior
from translate.translations import Networks, Translations

A, B = Domain.A, Domain.B


class Draws(nn.Module):
    """G(z[, labels]): images that spell their latent, and their class in the last column."""

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        image = z[:, None, None, :].expand(-1, 3, 4, 4).clone()
        if labels is not None:
            image[..., -1] = labels[:, None, None]
        return image


class Tints(nn.Module):
    """G(x, z): the image plus the latent's mean."""

    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(()))

    def forward(self, x: Tensor, z: Tensor) -> Tensor:
        return x + self.gain * z.mean(1)[:, None, None, None]


class Reads(nn.Module):
    """E(y): mean and log variance of a code; the mean of the image in every place."""

    def __init__(self, spread: float) -> None:
        super().__init__()
        self.gain, self.spread = nn.Parameter(torch.ones(())), spread

    def forward(self, y: Tensor) -> tuple[Tensor, Tensor]:
        mean = self.gain * y.mean((1, 2, 3))[:, None].expand(-1, 4)
        return mean, torch.full_like(mean, self.spread)


class Judges(nn.Module):
    """D(y[, labels]): the logits of a row are its class."""

    def forward(self, y: Tensor, labels: Tensor) -> list[Tensor]:
        return [y.mean((1, 2, 3), keepdim=True) * 0 + labels[:, None, None, None]]


def of(**modules: nn.Module) -> dict[str, nn.ModuleDict]:
    return {name: nn.ModuleDict({"b": module}) for name, module in modules.items()}


def drawing(labels: Tensor | None = None) -> Translations:
    torch.manual_seed(0)
    networks = Networks(**of(generator=Draws(), discriminator=Judges()), prior=Prior(4))
    return Translations(Batch({B: torch.zeros(3, 3, 4, 4)}, 0, labels), networks)


def tinting(spread: float = -20.0, paired: int = 2, rows_of_a: int = 3) -> Translations:
    torch.manual_seed(0)
    networks = Networks(**of(generator=Tints(), discriminator=Judges(), encoder=Reads(spread)), prior=Prior(4))
    return Translations(Batch({A: torch.rand(rows_of_a, 3, 4, 4), B: torch.rand(3, 3, 4, 4)}, paired), networks)


def test_without_images_of_a_a_latent_is_all_that_a_generator_gets() -> None:
    x = drawing()
    assert not x.stochastic
    assert x.latent(B).shape == (3, 4)
    assert torch.equal(x.fake(B)[:, 0, 0], x.latent(B))


def test_a_second_draw_is_of_the_same_inputs_and_another_latent() -> None:
    x = tinting()
    assert x.stochastic
    tint = x.fake(B) - x.real(A)
    torch.testing.assert_close(tint[:, 0, 0, 0], x.latent(B).mean(1))
    assert not torch.equal(x.latent(B), x.latent_again(B))
    torch.testing.assert_close((x.fake_again(B) - x.real(A))[:, 0, 0, 0], x.latent_again(B).mean(1))
    assert x.fake(B) is x.fake(B)


def test_classes_reach_generator_and_discriminator_row_by_row() -> None:
    labels = torch.tensor([2, 0, 1])
    x = drawing(labels)
    assert torch.equal(x.fake(B)[:, 0, 0, -1], labels.float())
    assert torch.equal(x.judge(B, x.fake(B))[0].flatten(), labels.float())
    assert torch.equal(x.judge(B, x.fake(B)[:2])[0].flatten(), labels[:2].float())


def test_an_adaptive_augmentation_hears_a_batch_once_however_many_terms_judge_it() -> None:
    told: list[list[Tensor]] = []

    class Listener(nn.Module):
        def heard(self, logits: list[Tensor]) -> None:
            told.append(logits)

    x = drawing(torch.tensor([2, 0, 1]))
    x.networks.judging = Listener()
    first, second = [torch.zeros(3, 1, 1, 1)], [torch.ones(3, 1, 1, 1)]
    x.heard(B, first)
    x.heard(B, second)
    x.heard(A, second)
    assert told == [first, second]


def test_codes_are_reparameterised_and_rebuilt_images_come_from_them() -> None:
    sharp, wide = tinting(spread=-20.0), tinting(spread=0.0)
    torch.testing.assert_close(sharp.encoded(B), sharp.code(B)[0], atol=1e-3, rtol=0)
    noise = wide.encoded(B) - wide.code(B)[0]
    assert 0.5 < noise.std() < 1.6
    expected = sharp.real(A) + sharp.encoded(B).mean(1)[:, None, None, None]
    torch.testing.assert_close(sharp.rebuilt(B), expected[:2])  # the third row's A shows another scene


def test_rebuilt_rows_are_the_paired_ones_when_the_domains_have_unequal_rows() -> None:
    x = tinting(paired=2, rows_of_a=5)
    assert len(x.rebuilt(B)) == 2
    fake, real, _ = x.judged_pair(B, "rebuilt")
    assert len(fake) == len(real) == 2


def test_what_is_recovered_teaches_the_generator_and_only_if_asked_the_encoder() -> None:
    for teach in (False, True):
        x = tinting()
        x.recovered(B, teach=teach).sum().backward()
        encoder, generator = x.networks.encoder["b"], x.networks.generator["b"]
        assert generator.gain.grad is not None
        assert generator.gain.grad.abs() > 0
        assert (encoder.gain.grad is not None) == teach
        assert encoder.gain.requires_grad
