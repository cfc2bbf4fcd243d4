"""What a run folder can do: its generators, and everything needed to call them rightly."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from translate import build
from translate import checkpoint as checkpoints
from translate.config import Config, load_run
from translate.device import device_of
from translate.domain import Domain
from translate.errors import UserError
from translate.inference.padding import padded
from translate.prior import Prior


class Model:
    """The (averaged) generators of a run, on one device, in evaluation mode.

    `directions`: the domains that it can produce; `channels` (of a frame), `frames` and `size` (height, width) as
    trained; `checkpoint` and `step` say which weights these are. `prior`: of the latent that its generators take, None
    without one: as their only input in an unconditional run, beside the image in a stochastic one. `classes`: the
    names that its labels stand for, in their order. `discriminators` are there where they were asked for. `selected`:
    the (split, metric) that these weights were kept for, None unless they are the best ones of a run.
    """

    def __init__(
        self,
        config: Config,
        generators: nn.ModuleDict,
        *,
        checkpoint: str,
        step: int,
        device: torch.device | str = "cpu",
        discriminators: nn.ModuleDict | None = None,
    ) -> None:
        self.config, self.checkpoint, self.step = config, checkpoint, step
        self.device = torch.device(device)
        self.generators = self._ready(generators)
        self.discriminators = self._ready(discriminators or nn.ModuleDict())
        self.directions: tuple[Domain, ...] = tuple(config.produce)
        data = config.data
        self.channels: dict[Domain, int] = {Domain.A: data.channels.a, Domain.B: data.channels.b}
        self.frames: dict[Domain, int] = {Domain.A: data.frames.a, Domain.B: data.frames.b}
        self.size: tuple[int, int] = data.size
        self.prior: Prior | None = build.prior_of(config)
        self.unconditional, self.stochastic = config.unconditional, config.stochastic
        classes = config.networks.classes
        self.classes: tuple[str, ...] = tuple(classes) if isinstance(classes, list) else ()
        self.selected: tuple[str, str] | None = None
        self.stride = max(int(getattr(generator, "stride", 1)) for generator in generators.values())

    def _ready(self, networks: nn.ModuleDict) -> nn.ModuleDict:
        # Tensor cores want channels last; on a CPU instance norm copies such images at every layer.
        layout = torch.channels_last if self.device.type == "cuda" else torch.contiguous_format
        return networks.to(self.device).to(memory_format=layout).eval().requires_grad_(False)

    @classmethod
    def load(
        cls, run: Path, device: str = "auto", checkpoint: Path | None = None, discriminators: bool = False
    ) -> Model:
        """The model in a run folder, from `checkpoint` or its newest one; UserError if there is none, or if it does
        not fit the run's configuration."""
        config = load_run(run)
        path = checkpoint or checkpoints.newest(run)
        chosen = device_of(device)
        state = checkpoints.read(path)
        generators = build.generators(config)
        judges = build.discriminators(config) if discriminators else None
        try:
            generators.load_state_dict(state["generator_ema"])
            if judges is not None:
                judges.load_state_dict(state["discriminator"])
        except (RuntimeError, KeyError) as error:
            reason = " ".join(str(error).split())[:300]
            raise UserError(
                f"its weights don't fit the networks of {run / 'config.yaml'} ({reason})",
                where=str(path),
                expected="the configuration that the run was trained with, unchanged",
            ) from None
        model = cls(
            config, generators, checkpoint=path.name, step=int(state["step"]), device=chosen, discriminators=judges
        )
        if path.name == checkpoints.BEST:
            model.selected = state["monitor"]["split"], state["monitor"]["watched"]
        return model

    @property
    def latent(self) -> int | None:
        """The dimension of the prior."""
        return None if self.prior is None else self.prior.dimension

    @property
    def truncates(self) -> bool:
        """Whether its unconditional generator has an intermediate space to truncate in."""
        return self.unconditional and hasattr(self.generators[Domain.B], "truncated")

    @torch.inference_mode()
    def __call__(self, images: Tensor, to: Domain, latents: Tensor | None = None) -> Tensor:
        """Images of `to.other` [N, C, H, W] in [-1, 1], of any H and W, as images of `to` [N, C', H, W] in [-1, 1];
        `latents` [N, Z]: which of the many outputs of a stochastic run, which needs them."""
        if (latents is not None) != self.stochastic:
            raise ValueError("latents go with stochastic runs, and only with these")
        if latents is not None and latents.shape != (len(images), self.latent):
            raise ValueError(f"latents {list(latents.shape)} for {len(images)} images and a latent of {self.latent}")
        images = images.to(self.device, non_blocking=True)
        beside = () if latents is None else (latents.to(self.device),)
        # A network that was never trained on less than its size needs no larger image than that.
        height, width = (min(side, 2 * self.stride) for side in self.size)
        return padded(lambda x: self.generators[to](x, *beside), images, self.stride, (height, width))

    @torch.inference_mode()
    def draw(self, latents: Tensor, labels: Tensor | None = None, psi: float | None = None) -> Tensor:
        """Latents [N, Z] of an unconditional run as images of B [N, C, H, W] in [-1, 1]; `labels`: int64 [N], of a
        class-conditional one; `psi`: how far from the average style, where the generator `truncates`."""
        return self.decode(latents, labels, psi)

    def decode(self, latents: Tensor, labels: Tensor | None = None, psi: float | None = None) -> Tensor:
        """As `draw`, and gradients reach the latents. ValueError for latents of another dimension."""
        if latents.ndim != 2 or latents.shape[1] != self.latent:
            raise ValueError(f"latents {list(latents.shape)} for a run whose latent is [N, {self.latent}]")
        generator, given = self.generators[Domain.B], latents.to(self.device)
        images: Tensor
        if psi is None:
            images = generator(given, *self._told(labels))
        else:
            images = generator.truncated(given, psi, *self._told(labels))  # type: ignore[operator]
        return images

    def judge(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """The discriminator's logits [N] of images of B [N, C, H, W]: means over its maps and scales."""
        maps = self.discriminators[Domain.B](images, *self._told(labels))
        return torch.stack([logits.flatten(1).mean(1) for logits in maps]).mean(0)

    def _told(self, labels: Tensor | None) -> tuple[Tensor, ...]:
        return () if labels is None else (labels.to(self.device),)
