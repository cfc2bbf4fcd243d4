"""Path length: a step of one size in the generator's styles should change its images by one amount."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from translate.computing.rows import by_rows
from translate.domain import Domain
from translate.translations import Translations

_DECAY = 0.99  # of the running mean, as published


class PathLength(nn.Module):
    """E(|J^T y| - a)^2, J = dG/dw, y ~ N(0, I / (H W)), a the running mean of |J^T y| (Karras et al. 2020, eq. 4).

    Weight 2, computed on one of `shrink` rows of the batch and in every fourth step in the published code. A length is
    the root mean square over a generator's style inputs. w and the images are made anew, in float32.
    """

    needs: tuple[str, ...] = ("styles",)
    mean: Tensor

    def __init__(self, *, shrink: int = 2) -> None:
        super().__init__()
        self.shrink = shrink
        self.register_buffer("mean", torch.zeros(()))

    def for_generator(self, x: Translations) -> dict[str, Tensor]:
        """The penalty, by the domain produced; each call moves the running mean."""
        losses: dict[str, Tensor] = {}
        for domain in x.produced:
            lengths = self.lengths(x, domain)
            self.mean.lerp_(lengths.detach().mean(), 1 - _DECAY)
            losses[domain] = (lengths - self.mean.clone()).square().mean()  # the next call must not change this one
        return losses

    def lengths(self, x: Translations, domain: Domain) -> Tensor:
        """|J^T y| of the first rows of the batch's latents, [ceil(N / shrink)]."""
        generator = x.networks.generator[domain]
        z = x.latent(domain)
        rows = -(-len(z) // self.shrink)
        labels = () if x.labels is None else (x.labels[:rows],)
        with torch.autocast(z.device.type, enabled=False):
            styles: Tensor = by_rows(generator.styles, z[:rows].float(), *labels)  # type: ignore[arg-type]
            images: Tensor = by_rows(generator.paint, styles)  # type: ignore[arg-type]
            noise = torch.randn_like(images) / images.shape[2:].numel() ** 0.5
            (slope,) = torch.autograd.grad((images * noise).sum(), styles, create_graph=True)
            inputs = slope.shape[1:-1].numel()  # 1 for w [N, W], L for w [N, L, W]
            return torch.linalg.vector_norm(slope.flatten(1), dim=1) / inputs**0.5
