"""The history of generated images that keeps a discriminator from forgetting (Shrivastava et al. 2017, section 2.3)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


class ImagePool(nn.Module):
    """Keeps `size` images; once full, each new one is exchanged for a kept one every second time. Size 0 keeps none.

    Its state_dict holds the images; choices are drawn from torch's global generator: equal seeds choose equally.
    """

    images: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size
        self.register_buffer("images", torch.empty(0))

    def forward(self, fresh: Tensor) -> Tensor:
        """[N, C, H, W] -> [N, C, H, W] to judge: the fresh images themselves, or older ones in their place."""
        if self.size == 0:
            return fresh
        shown = []
        for image in fresh.detach():
            if len(self.images) < self.size:
                # grows by the image's own type and place; the buffer starts empty because no shape is known before
                self.images = torch.cat([self.images, image[None]]) if len(self.images) else image[None].clone()
            elif torch.rand(()) < 0.5:
                slot = int(torch.randint(self.size, ()))
                image, self.images[slot] = self.images[slot].clone(), image
            shown.append(image)
        return torch.stack(shown)

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        stored = state_dict.get(f"{prefix}images")
        if stored is not None:  # as many images as there were, whatever this pool holds now
            self.images = torch.empty_like(stored, device=self.images.device)
        super()._load_from_state_dict(state_dict, prefix, *rest)
