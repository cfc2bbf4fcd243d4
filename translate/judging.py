"""What real and fake images alike go through before a discriminator sees them, so that it can't learn them by heart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn

from translate.augment import Entry, Transform, differentiable
from translate.errors import UserError
from translate.objective import Weight, weight_at

LIMIT = 0.8
"""The largest adaptive probability: up to here generators don't learn to make augmented images (Karras et al. 2020a,
section 2; they let it grow on)."""

WINDOW = 256
"""Real rows over which the adaptive probability averages before it moves: four batches of 64, as in the paper."""


class Judging(nn.Module):
    """Differentiable augmentation and instance noise, of real and fake images alike; by default nothing at no cost.

    transforms: kornia's, each applied to each row with `probability` times the entry's own p, which is 1 if not given
        (Zhao et al. 2020, DiffAugment; Karras et al. 2020a, ADA). A flip wants an own p of 0.5.
    probability: "adaptive" starts at 0, and moves up where r = E[sign(D(real))] is above `target`, down where it is
        below (Karras et al. 2020a, section 3), so fast that `speed` real images take it from 0 to 1.
    noise: the standard deviation of instance noise, or [[progress, std], ...] (Sønderby et al. 2017, section 3.2;
        Arjovsky and Bottou 2017, section 3).

    Raises UserError for unknown transforms, bad arguments, transforms that pass no gradient.
    """

    def __init__(
        self,
        transforms: Sequence[Entry] = (),
        probability: float | Literal["adaptive"] = 1.0,
        target: float = 0.6,
        speed: int = 500_000,
        noise: Weight = 0.0,
    ) -> None:
        super().__init__()
        self.transforms = differentiable(transforms, "judging.transforms")
        self.adaptive = probability == "adaptive"
        self.p = 0.0 if probability == "adaptive" else float(probability)
        self.target, self.speed, self.noise = target, speed, noise
        self.window = min(WINDOW, max(1, speed // 20))  # short runs need to move before 256 rows
        self._signs: Tensor | float = 0.0
        self._rows = 0
        if min([noise] if isinstance(noise, int | float) else [std for _, std in noise]) < 0:
            raise UserError("noise has no negative deviation", where="judging.noise", expected="0 or more")
        self.at(0.0)

    def at(self, progress: float) -> None:
        """Set the noise to what it is at `progress` in [0, 1] of the training."""
        self.std = weight_at(self.noise, progress)

    def forward(self, images: Tensor, inputs: Tensor | None = None) -> Tensor:
        """[N, C, H, W] in [-1, 1], and perhaps inputs [N, C', H, W] -> [N, C' + C, H, W]: inputs in front of images.

        What is random comes from torch's global generator; all pictures of a row go through the same draw, noise aside.
        Values may leave [-1, 1]: a clamp would stop the gradient of all beyond. (Some of kornia's colour transforms
        clamp by themselves; those with `clip_output` can be told not to.)
        """
        parts = [images] if inputs is None else [inputs, images]
        if self.transforms and self.p > 0:
            parts = self._transformed(parts)
        shown = parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)
        return shown + self.std * torch.randn_like(shown) if self.std > 0 else shown

    def heard(self, logits: Sequence[Tensor]) -> None:
        """Listen to the logits of one batch of real images, a map [N, 1, h, w] for each scale.

        They should be 0 where the discriminator is undecided. A least-squares game with targets 0 and 1 is undecided at
        1/2; a Wasserstein critic nowhere, so there the sign means little.
        """
        if not self.adaptive:
            return
        rows = len(logits[0])
        self._signs = (
            self._signs + rows * torch.stack([scale.detach().float().sign().mean() for scale in logits]).mean()
        )
        self._rows += rows
        if self._rows >= self.window:
            sure = float(self._signs) / self._rows > self.target  # the one place that waits for the device
            moved = self.p + (1 if sure else -1) * self._rows / self.speed
            self.p = min(LIMIT, max(0.0, moved))
            self._signs, self._rows = 0.0, 0

    def get_extra_state(self) -> dict[str, float]:
        """The adaptive probability and what was heard since it last moved."""
        return {"p": self.p, "signs": float(self._signs), "rows": self._rows}

    def set_extra_state(self, state: dict[str, float]) -> None:
        """What `get_extra_state` gave; a constant probability stays the configuration's."""
        if self.adaptive:
            self.p, self._signs, self._rows = state["p"], state["signs"], int(state["rows"])

    def _transformed(self, parts: Sequence[Tensor]) -> list[Tensor]:
        pictures = [picture for part in parts for picture in _pictures(part)]
        widest = max(picture.shape[1] for picture in pictures)
        with torch.autocast(pictures[0].device.type, enabled=False):
            # Grey beside colour is shown to kornia as three equal channels, so that one draw fits both.
            made = [picture.float().expand(-1, widest, -1, -1).add(1).div(2) for picture in pictures]
            for transform in self.transforms:
                made = self._sometimes(transform, made)
            narrow = [m[:, : p.shape[1]].mul(2).sub(1) for m, p in zip(made, pictures, strict=True)]
            return list(torch.cat(narrow, dim=1).split([part.shape[1] for part in parts], dim=1))

    def _sometimes(self, transform: Transform, pictures: list[Tensor]) -> list[Tensor]:
        rows = torch.rand(len(pictures[0]), 1, 1, 1, device=pictures[0].device) < self.p * transform.share
        drawn = transform.draw(pictures[0])

        def change(picture: Tensor) -> Tensor:
            return transform(picture, drawn)

        made = [
            _Warped.apply(picture, change) if transform.warps and picture.requires_grad else change(picture)
            for picture in pictures
        ]
        return [torch.where(rows, after, before) for after, before in zip(made, pictures, strict=True)]


def _pictures(part: Tensor) -> tuple[Tensor, ...]:
    """[N, C, H, W] -> its pictures (frames) of three channels, or of one where C is no multiple of three."""
    return part.split(3 if part.shape[1] % 3 == 0 else 1, dim=1)


Change = Callable[[Tensor], Tensor]


class _Warped(torch.autograd.Function):
    """change(x) for a change that is affine in x. A gradient penalty differentiates it twice, which grid_sample, that
    kornia warps with, can't be in every version of torch; the second derivative of an affine map needs only the map."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, change: Change) -> Tensor:
        with torch.enable_grad():
            before = x.detach().requires_grad_()
            after = change(before)
        ctx.change, ctx.graph = change, (before, after)
        return after.detach()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return _Unwarped.apply(gradient, ctx.change, ctx.graph), None


class _Unwarped(torch.autograd.Function):
    """The transposed Jacobian of `change` times a gradient; its own derivative is the Jacobian again."""

    @staticmethod
    def forward(ctx: Any, gradient: Tensor, change: Change, graph: tuple[Tensor, Tensor]) -> Tensor:
        before, after = graph
        ctx.change = change
        return torch.autograd.grad(after, before, gradient, retain_graph=True)[0]

    @staticmethod
    def backward(ctx: Any, direction: Tensor) -> tuple[Tensor, None, None]:
        moved = ctx.change(direction) - ctx.change(torch.zeros_like(direction))
        return moved, None, None
