"""What a run folder can do: its generators, and everything needed to call them rightly."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from translate import build, checkpoint
from translate.config import Config, load_run
from translate.device import device_of
from translate.domain import Domain
from translate.errors import UserError
from translate.inference.padding import padded


class Model:
    """The (averaged) generators of a run, on one device, in evaluation mode.

    `directions`: the domains that it can produce; `channels` and `size` (height, width) as trained; `latent`: the
    dimension of the prior of an unconditional run, else None; `checkpoint` and `step` say which weights these are.
    """

    def __init__(
        self,
        config: Config,
        generators: nn.ModuleDict,
        *,
        checkpoint: str,
        step: int,
        device: torch.device | str = "cpu",
    ) -> None:
        self.config, self.checkpoint, self.step = config, checkpoint, step
        self.device = torch.device(device)
        # Tensor cores want channels last; on a CPU instance norm copies such images at every layer.
        layout = torch.channels_last if self.device.type == "cuda" else torch.contiguous_format
        self.generators = generators.to(self.device).to(memory_format=layout).eval().requires_grad_(False)
        self.directions: tuple[Domain, ...] = tuple(config.produce)
        self.channels: dict[Domain, int] = {Domain.A: config.data.channels.a, Domain.B: config.data.channels.b}
        self.size: tuple[int, int] = config.data.size
        self.latent: int | None = config.networks.latent
        self.stride = max(int(getattr(generator, "stride", 1)) for generator in generators.values())

    @classmethod
    def load(cls, run: Path, device: str = "auto") -> Model:
        """The model in a run folder, from its newest checkpoint; UserError if `run` holds none."""
        config = load_run(run)
        path = checkpoint.newest(run)
        chosen = device_of(device)
        state = checkpoint.read(path)
        generators = build.generators(config)
        try:
            generators.load_state_dict(state["generator_ema"])
        except RuntimeError as error:
            reason = " ".join(str(error).split())[:300]
            raise UserError(
                f"its weights don't fit the networks of {run / 'config.yaml'} ({reason})",
                where=str(path),
                expected="the configuration that the run was trained with, unchanged",
            ) from None
        return cls(config, generators, checkpoint=path.name, step=int(state["step"]), device=chosen)

    @torch.inference_mode()
    def __call__(self, images: Tensor, to: Domain) -> Tensor:
        """Images of `to.other` [N, C, H, W] in [-1, 1], of any H and W, as images of `to` [N, C', H, W] in [-1, 1]."""
        images = images.to(self.device, non_blocking=True)
        # A network that was never trained on less than its size needs no larger image than that.
        height, width = (min(side, 2 * self.stride) for side in self.size)
        return padded(self.generators[to], images, self.stride, (height, width))

    @torch.inference_mode()
    def draw(self, latents: Tensor) -> Tensor:
        """Latents [N, Z] of an unconditional run as images of B [N, C, H, W] in [-1, 1]."""
        drawn: Tensor = self.generators[Domain.B](latents.to(self.device))
        return drawn
