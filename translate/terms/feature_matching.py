"""Feature matching: the discriminator's activations for a translated image should be those for the real one."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from translate.domain import Domain
from translate.translations import Translations


class FeatureMatching(nn.Module):
    """Sum over layers of E|D_i(x, y) - D_i(x, G(x))| (Wang et al. 2018, pix2pixHD, eq. 4; weight 10).

    As in its published code the logits are left out and scales are averaged.
    """

    needs: tuple[str, ...] = ("pairs", "discriminator")

    def for_generator(self, x: Translations) -> dict[str, Tensor]:
        """The distance of the batch's paired rows, by the domain judged; nothing without such rows."""
        return {d: self._distance(x, d) for d in x.judged} if x.paired else {}

    def _distance(self, x: Translations, domain: Domain) -> Tensor:
        rows = slice(x.paired)
        inputs = x.real(domain.other)[rows] if x.conditional else None
        fake = x.fake(domain)[rows]
        with torch.random.fork_rng([fake.device] if fake.is_cuda else []):  # both are shown through the same draw
            fakes = x.judge_features(domain, fake, inputs)
        with torch.no_grad():
            reals = x.judge_features(domain, x.real(domain)[rows], inputs)
        distances = [
            functional.l1_loss(fake.float(), real.float())
            for of_fake, of_real in zip(fakes, reals, strict=True)
            for fake, real in zip(of_fake[:-1], of_real[:-1], strict=True)
        ]
        return torch.stack(distances).sum() / len(fakes)
