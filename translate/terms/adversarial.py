"""The adversarial term: it speaks to both players, so that the two sides of a game can't disagree."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from translate.domain import Domain
from translate.terms.games import GAMES
from translate.terms.pool import ImagePool
from translate.translations import Translations


class Adversarial(nn.Module):
    """A game per judged domain, averaged over the discriminator's scales; `pool` images of history (50 in CycleGAN)."""

    needs: tuple[str, ...] = ()

    def __init__(
        self,
        *,
        game: Literal["least_squares", "non_saturating", "hinge"] = "least_squares",
        pool: int = 0,
    ) -> None:
        super().__init__()
        self.game = GAMES[game]
        self.pools = nn.ModuleDict({str(domain): ImagePool(pool) for domain in Domain})

    def for_generator(self, x: Translations) -> dict[str, Tensor]:
        """How far each domain's fakes are from passing for real, by the domain judged."""
        losses: dict[str, Tensor] = {}
        for domain in x.judged:
            fake, _, inputs = x.judged_pair(domain)
            if len(fake):
                logits = x.judge(domain, fake, inputs)
                losses[domain] = torch.stack([self.game.generator(scale.float()) for scale in logits]).mean()
        return losses

    def for_discriminator(self, x: Translations) -> dict[str, Tensor]:
        """How badly each domain's discriminator tells fakes, perhaps older ones, from real images."""
        losses: dict[str, Tensor] = {}
        for domain in x.judged:
            fake, real, inputs = x.judged_pair(domain)
            if len(fake):
                reals = x.judge(domain, real, inputs)
                fakes = x.judge(domain, *self._remember(domain, fake, inputs))
                scales = zip(reals, fakes, strict=True)
                losses[domain] = torch.stack([self.game.discriminator(r.float(), f.float()) for r, f in scales]).mean()
        return losses

    def _remember(self, domain: Domain, fake: Tensor, inputs: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """(fakes, inputs) out of the pool; a fake is kept together with the input that it was made from."""
        pool = self.pools[domain]
        if inputs is None:
            return pool(fake.detach()), None
        remembered = pool(torch.cat([fake.detach(), inputs], dim=1))
        return remembered[:, : fake.shape[1]], remembered[:, fake.shape[1] :]
