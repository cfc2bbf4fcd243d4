"""Cycle consistency: what is translated away and back should be what it was."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from translate.translations import Translations


class Cycle(nn.Module):
    """E|F(G(x)) - x| per domain (Zhu et al. 2017, eq. 2; weight 10 in eq. 3)."""

    needs: tuple[str, ...] = ("both_directions", "image_inputs")

    def for_generator(self, x: Translations) -> dict[str, Tensor]:
        """The mean absolute difference, by the domain that is translated away and back."""
        return {d: functional.l1_loss(x.cycled(d).float(), x.real(d)) for d in x.produced}
