"""Reconstruction: an image that is encoded and generated anew should be what it was."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn
from torch.nn import functional

from translate.domain import Domain
from translate.errors import UserError
from translate.translations import Translations


class Reconstruction(nn.Module):
    """E|G(E(y)) - y|, or the mean square, over all pixels (BicycleGAN, Zhu et al. 2017, section 3.2; weight 10).

    `noise`: the scale of the noise that pixels are believed to have, which makes this the -log p(y | z) of a VAE but
    for a constant: sum |.|^2 / (2 noise^2) for l2 (normal), sum |.| / noise for l1 (Laplace), averaged over rows; then
    it and `kl` weigh 1. A generator that is fed an image too, G(x, E(y)), is asked about paired rows alone: elsewhere x
    is of another scene. Raises UserError for noise that is not positive.
    """

    needs: tuple[str, ...] = ("encoder",)
    needs_beside_images: tuple[str, ...] = ("pairs",)

    def __init__(self, *, loss: Literal["l1", "l2"] = "l1", noise: float | None = None) -> None:
        super().__init__()
        if noise is not None and noise <= 0:
            raise UserError(f"noise of scale {noise:g}", where=".noise", expected="more than 0, or null")
        self.loss = {"l1": functional.l1_loss, "l2": functional.mse_loss}[loss]
        self.scale = None if noise is None else noise if loss == "l1" else 2 * noise**2

    def for_generator(self, x: Translations) -> dict[str, Tensor]:
        """The difference, by the domain that an encoder reads; generators and encoders learn from it."""
        losses: dict[str, Tensor] = {}
        for domain in map(Domain, x.networks.encoder):
            rows = x.paired if x.stochastic else len(x.real(domain))
            if rows:
                wanted = x.real(domain)[:rows]
                mean = self.loss(x.rebuilt(domain)[:rows].float(), wanted)
                losses[domain] = mean if self.scale is None else mean * (wanted[0].numel() / self.scale)
        return losses
