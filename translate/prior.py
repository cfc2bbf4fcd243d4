"""The latent prior p(z): what a generator starts from, or takes beside its image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import init


@dataclass(frozen=True)
class Prior:
    """Independent values: N(0, 1), U(-1, 1), or N(0, 1) within [-limit, limit] (truncated normal)."""

    dimension: int = 128
    kind: Literal["normal", "uniform", "truncated_normal"] = "normal"
    limit: float = 2.0

    def draw(
        self, rows: int, generator: torch.Generator | None = None, device: torch.device | str | None = None
    ) -> Tensor:
        """Latents [rows, dimension], from `generator` or torch's global one."""
        z = torch.empty(rows, self.dimension, device=device)
        if self.kind == "normal":
            return z.normal_(generator=generator)
        if self.kind == "uniform":
            return z.uniform_(-1, 1, generator=generator)
        return init.trunc_normal_(z, a=-self.limit, b=self.limit, generator=generator)
