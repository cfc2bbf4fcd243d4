"""Latent recovery: an image should tell which latent it was made with."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from translate.domain import Domain
from translate.translations import Translations


class LatentRecovery(nn.Module):
    """E|z - E(G(x, z))| (BicycleGAN, Zhu et al. 2017, eq. 7; weight 0.5), E's mean taken for its code.

    Only the generator learns from it, as published: else the two would hide z in the image. `teach`: the encoder learns
    too (as in InfoGAN, Chen et al. 2016, section 5), for want of another teacher where no image is rebuilt.
    """

    needs: tuple[str, ...] = ("encoder",)

    def __init__(self, *, teach: bool = False) -> None:
        super().__init__()
        self.teach = teach

    def for_generator(self, x: Translations) -> dict[str, Tensor]:
        """The mean absolute difference, by the domain that an encoder reads."""
        losses: dict[str, Tensor] = {}
        for domain in map(Domain, x.networks.encoder):
            losses[domain] = functional.l1_loss(x.recovered(domain, teach=self.teach).float(), x.latent(domain))
        return losses
