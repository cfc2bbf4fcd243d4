"""Reconstruction: an image that is encoded and generated anew should be what it was."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn
from torch.nn import functional

from translate.domain import Domain
from translate.translations import Translations


class Reconstruction(nn.Module):
    """E|G(E(y)) - y|, or the mean square, over all pixels (BicycleGAN, Zhu et al. 2017, section 3.2; weight 10).

    A VAE with `kl` of weight 1: the bound wants weight C H W / (2 s^2) here for l2 and pixels' noise of deviation s,
    C H W / b for l1 and Laplace noise of scale b. A generator that is fed an image too, G(x, E(y)), is asked about
    paired rows alone: elsewhere x is of another scene.
    """

    needs: tuple[str, ...] = ("encoder",)
    needs_beside_images: tuple[str, ...] = ("pairs",)

    def __init__(self, *, loss: Literal["l1", "l2"] = "l1") -> None:
        super().__init__()
        self.loss = {"l1": functional.l1_loss, "l2": functional.mse_loss}[loss]

    def for_generator(self, x: Translations) -> dict[str, Tensor]:
        """The difference, by the domain that an encoder reads; generators and encoders learn from it."""
        losses: dict[str, Tensor] = {}
        for domain in map(Domain, x.networks.encoder):
            rows = x.paired if x.stochastic else len(x.real(domain))
            if rows:
                losses[domain] = self.loss(x.rebuilt(domain)[:rows].float(), x.real(domain)[:rows])
        return losses
