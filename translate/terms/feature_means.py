"""Feature means: fakes should excite the discriminator on average as real images do, whichever image is which."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from translate.domain import Domain
from translate.translations import Translations


class FeatureMeans(nn.Module):
    """Mean over features of (E f(y) - E f(G))^2, f the layer before the logits (Salimans et al. 2016, section 3.1).

    They call it feature matching; it needs no pairs. The paper sums over features; means keep the weight from depending
    on the discriminator's width. E is over the batch, each place of a map by itself; scales are averaged.
    """

    needs: tuple[str, ...] = ("discriminator",)

    def for_generator(self, x: Translations) -> dict[str, Tensor]:
        """The distance of the means, by the domain judged."""
        losses: dict[str, Tensor] = {}
        for domain in x.judged:
            fake, real, inputs = x.judged_pair(domain)
            if min(len(fake), len(real)):
                made = means(x, domain, fake, inputs)
                with torch.no_grad():
                    wanted = means(x, domain, real, inputs)
                scales = zip(made, wanted, strict=True)
                losses[domain] = torch.stack([functional.mse_loss(f, r) for f, r in scales]).mean()
        return losses


def means(x: Translations, domain: Domain, images: Tensor, inputs: Tensor | None) -> list[Tensor]:
    """For each scale, the batch's mean of the discriminator's last layer before the logits, [C, h, w] in float32."""
    return [scale[-2].float().mean(0) for scale in x.judge_features(domain, images, inputs)]
