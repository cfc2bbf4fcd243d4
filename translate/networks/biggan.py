"""BigGAN (Brock et al. 2019, appendix B, figure 15): the class and a share of z reach every block of the generator."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from translate.errors import UserError
from translate.networks.across import BatchNorm2d
from translate.networks.attention import SelfAttention
from translate.networks.conditional import ProjectionHead, require_labels
from translate.networks.halving import halve, require_exactly, widths_of
from translate.networks.layers import spectral
from translate.networks.sngan import DownBlock, UpBlock, summed


class BigganGenerator(nn.Module):
    """[N, latent][, labels [N]] -> [N, Cout, H, W] in [-1, 1]; UserError for a size that doesn't halve to a small base.

    z is cut into as many near equal parts as there are blocks and one more: the first enters at the base, each other
    joins the class's shared embedding of `embedding` numbers in the norms of its block. `width`: channels at full size;
    each halving doubles them, up to `most`. `attention`: self-attention where maps are the image's size over this, a
    power of two; 0: none.
    """

    latent_input = True
    takes_classes = True

    def __init__(
        self,
        latent: int,
        out_channels: int,
        size: tuple[int, int],
        classes: int = 0,
        *,
        width: int = 32,
        most: int = 256,
        embedding: int = 64,
        attention: int = 2,
    ) -> None:
        super().__init__()
        base, halvings = halve(size)
        if latent <= halvings:
            raise UserError(
                f"a latent of {latent} can't be cut into {halvings + 1} parts, one for each size of the generator",
                where="networks.latent",
                expected=f"at least {halvings + 1}",
            )
        widths = widths_of(width, most, halvings)
        attended = halvings - _depth_of(attention, halvings)
        self.embed = nn.Embedding(classes, embedding) if classes else None
        self.parts = [len(part) for part in torch.arange(latent).tensor_split(halvings + 1)]
        self.enter = nn.Sequential(
            spectral(nn.Linear(self.parts[0], widths[0] * base[0] * base[1]), True),
            nn.Unflatten(1, (widths[0], *base)),
        )
        known = embedding if classes else 0
        self.blocks = nn.ModuleList(
            UpBlock(inner, outer, known + part, spectral_norm=True)
            for inner, outer, part in zip(widths[:-1], widths[1:], self.parts[1:], strict=True)
        )
        self.attention = nn.ModuleList(
            SelfAttention(channels) if attention and level == attended else nn.Identity()
            for level, channels in enumerate(widths)
        )
        self.to_image = nn.Sequential(
            BatchNorm2d(widths[-1]),
            nn.ReLU(),
            spectral(nn.Conv2d(widths[-1], out_channels, 3, padding=1), True),
            nn.Tanh(),
        )

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        require_labels(self.embed is not None, labels)
        first, *parts = z.split(self.parts, dim=1)
        if self.embed is not None:
            known = self.embed(labels)
            parts = [torch.cat([known, part], dim=1) for part in parts]
        x: Tensor = self.attention[0](self.enter(first))
        for block, attention, told in zip(self.blocks, self.attention[1:], parts, strict=True):
            x = attention(block(x, told))
        image: Tensor = self.to_image(x)
        return image


class BigganDiscriminator(nn.Module):
    """[N, Cin, H, W] of the one size (H, W) it was built for[, labels [N]] -> one logit per image, [N, 1, 1, 1].

    `width`: channels at half the size; each halving doubles them, up to `most`. `attention` as the generator's. Every
    layer's largest singular value is 1.
    """

    needs_size = True
    takes_classes = True

    def __init__(
        self,
        in_channels: int,
        size: tuple[int, int],
        classes: int = 0,
        *,
        width: int = 32,
        most: int = 256,
        attention: int = 2,
    ) -> None:
        super().__init__()
        _, halvings = halve(size)
        attended = _depth_of(attention, halvings)
        widths = widths_of(width, most, halvings - 1)[::-1]
        blocks: list[nn.Module] = [DownBlock(in_channels, widths[0], hidden=widths[0], first=True)]
        blocks += [DownBlock(outer, inner, hidden=inner) for outer, inner in pairwise(widths)]
        if attended:
            blocks[attended - 1] = nn.Sequential(blocks[attended - 1], SelfAttention(widths[attended - 1]))
        self.stages = nn.ModuleList(blocks)
        self.stages.append(DownBlock(widths[-1], widths[-1], hidden=widths[-1], down=False))
        self.judge = ProjectionHead(widths[-1], classes, spectral_norm=True)
        self.size = (size[0], size[1])

    def forward(self, x: Tensor, labels: Tensor | None = None) -> list[Tensor]:
        return [self.features(x, labels)[0][-1]]

    def features(self, x: Tensor, labels: Tensor | None = None) -> list[list[Tensor]]:
        """For the one scale, the activations [N, C, h, w] of each size, the logits last."""
        require_exactly(x, self.size)
        activations: list[Tensor] = []
        for stage in self.stages:
            x = stage(x)
            activations.append(x)
        return [[*activations, self.judge(summed(x), labels)]]


def _depth_of(attention: int, halvings: int) -> int:
    """8 -> 3: how many halvings below the image attention is; 0 -> 0, none."""
    choices = [2**depth for depth in range(1, halvings + 1)]
    if attention and attention not in choices:
        raise UserError(
            f"no feature maps are of the image's size over {attention}",
            where=".attention",
            expected="0 for none, or one of " + ", ".join(str(n) for n in choices),
        )
    return attention.bit_length() - 1 if attention else 0
