"""Mode seeking: different latents should give different images."""

from __future__ import annotations

from torch import Tensor, nn

from translate.translations import Translations

_EPSILON = 1e-5  # as in the published code: a bound for images that do not differ


class ModeSeeking(nn.Module):
    """E 1 / (|G(x, z1) - G(x, z2)| / |z1 - z2| + 1e-5), means of absolute differences of each row.

    Mao et al. 2019, eq. 2, turned into something to minimise as in their code; weight 1.
    """

    needs: tuple[str, ...] = ("latent",)

    def for_generator(self, x: Translations) -> dict[str, Tensor]:
        """How little images differ for how different their latents are, by the domain produced."""
        losses: dict[str, Tensor] = {}
        for domain in x.produced:
            images = _distance(x.fake(domain), x.fake_again(domain))
            latents = _distance(x.latent(domain), x.latent_again(domain))
            losses[domain] = (images / latents + _EPSILON).reciprocal().mean()
        return losses


def _distance(first: Tensor, second: Tensor) -> Tensor:
    """The mean absolute difference of each row, [N]."""
    return (first.float() - second.float()).abs().flatten(1).mean(1)
