"""A closed tour through latents: frame by frame from the image of one to that of the next, and back to the first."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

Path = Literal["linear", "spherical"]


def tour(stops: Tensor, frames: int, path: Path) -> Tensor:
    """Latents [K * frames, Z] from each of the K `stops` [K, Z] to the next, and from the last to the first: played
    over and over they move on evenly, without a jump."""
    between = linear if path == "linear" else spherical
    shares = torch.arange(frames, device=stops.device)[:, None] / frames  # the last share is the next leg's first
    legs = zip(stops, stops.roll(-1, 0), strict=True)
    return torch.cat([between(start[None], end[None], shares) for start, end in legs])


def linear(start: Tensor, end: Tensor, share: Tensor) -> Tensor:
    """(1 - share) start + share end."""
    return torch.lerp(start, end, share)


def spherical(start: Tensor, end: Tensor, share: Tensor) -> Tensor:
    """From `start` to `end` [N, Z] at a constant angular speed (Shoemake 1985): a normal latent's length is nearly
    always sqrt(Z), and halfway on the straight line it would be too short to be one (White 2016, section 2.1)."""
    # By the half angle's sine and cosine: the angle is exact also where its cosine is nearly 1 or -1.
    one, two = (z / z.norm(dim=1, keepdim=True) for z in (start, end))
    angle = 2 * torch.atan2((one - two).norm(dim=1, keepdim=True), (one + two).norm(dim=1, keepdim=True))
    sine = torch.sin(angle)
    apart = sine.abs() > 1e-4  # on one line there is no arc, or every arc
    sine = torch.where(apart, sine, 1)
    arc = (torch.sin((1 - share) * angle) * start + torch.sin(share * angle) * end) / sine
    return torch.where(apart, arc, torch.lerp(start, end, share))
