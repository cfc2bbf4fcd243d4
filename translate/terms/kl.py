"""The rate of a variational autoencoder: codes of images should be distributed as the prior is."""

from __future__ import annotations

from torch import Tensor, nn

from translate.domain import Batch, Domain
from translate.errors import UserError
from translate.translations import Networks, Translations


class KL(nn.Module):
    """KL(q(z | image) || N(0, I)), summed over z and averaged over rows (Kingma and Welling 2014, appendix B).

    BicycleGAN's weight is 0.01 (Zhu et al. 2017, section 3.2 and its code). The prior should be the normal one.
    """

    needs: tuple[str, ...] = ("encoder",)

    def prepare(self, networks: Networks, sample: Batch) -> None:
        """Refuses another prior than the normal one, which codes are not held to here."""
        if networks.prior is not None and networks.prior.kind != "normal":
            raise UserError(
                f"holds codes to the normal distribution, and the prior is {networks.prior.kind}",
                expected="networks.latent.prior: normal",
            )

    def for_generator(self, x: Translations) -> dict[str, Tensor]:
        """The divergence, by the domain that an encoder reads; encoders learn from it."""
        return {d: divergence(*x.code(d)) for d in map(Domain, x.networks.encoder)}


def divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """-1/2 sum(1 + log s^2 - m^2 - s^2) of codes [N, Z], averaged over N."""
    return -0.5 * (1 + log_variance - mean.square() - log_variance.exp()).sum(1).mean()
