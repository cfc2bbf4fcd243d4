"""Identity: an image that is of the target domain already should be left as it is."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from translate.translations import Translations


class Identity(nn.Module):
    """E|G(y) - y| per domain (Zhu et al. 2017, section 5.2; weight 0.5 times the cycle's, so 5)."""

    needs: tuple[str, ...] = ("same_channels", "image_inputs")
    asks: tuple[str, ...] = ("same",)

    def for_generator(self, x: Translations) -> dict[str, Tensor]:
        """The mean absolute difference, by domain."""
        return {d: functional.l1_loss(x.same(d).float(), x.real(d)) for d in x.produced}
