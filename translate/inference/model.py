"""What a run folder can do: its generators, and everything needed to call them rightly."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor, nn

from translate import build
from translate import checkpoint as checkpoints
from translate.config import Config, load_run
from translate.device import device_of
from translate.domain import Domain
from translate.errors import UserError
from translate.exchange import opening
from translate.inference.padding import padded
from translate.prior import Prior

if TYPE_CHECKING:
    from translate.exchange.taken import Taken

Precision = Literal["fp32", "bf16"]


class Model:
    """The (averaged) generators of a run, on one device, in evaluation mode.

    `directions`: the domains that it can produce; `channels` (of a frame), `frames` and `size` (height, width) as
    trained; `checkpoint` and `step` say which weights these are. `prior`: of the latent that its generators take, None
    without one: as their only input in an unconditional run, beside the image in a stochastic one. `classes`: the
    names that its labels stand for, in their order. `discriminators` are there where they were asked for. `selected`:
    the (split, metric) that these weights were kept for, None unless they are the best ones of a run. `precision`: of
    the convolutions when images are translated; what is drawn and judged is always float32.
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
        precision: Precision = "fp32",
    ) -> None:
        self.config, self.checkpoint, self.step, self.precision = config, checkpoint, step, precision
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
        # Tensor cores want channels last, and so do a CPU's convolutions, which else reorder each image and back.
        layout = torch.contiguous_format if self.device.type == "mps" else torch.channels_last
        return networks.to(self.device).to(memory_format=layout).eval().requires_grad_(False)

    @classmethod
    def load(
        cls,
        run: Path,
        device: str = "auto",
        checkpoint: Path | None = None,
        discriminators: bool = False,
        precision: Precision = "fp32",
    ) -> Model:
        """The model in a run folder, from `checkpoint` or its newest one, or in an exported file; UserError if there is
        none, or if it does not fit the run's configuration."""
        if opening.exported(run):
            if discriminators:
                raise UserError("holds no discriminator", where=str(run), expected="a run folder")
            return opening.model(run, device, precision)
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
            config,
            generators,
            checkpoint=path.name,
            step=int(state["step"]),
            device=chosen,
            discriminators=judges,
            precision=precision,
        )
        if path.name == checkpoints.BEST:
            model.selected = state["monitor"]["split"], state["monitor"]["watched"]
        return model

    @classmethod
    def of(
        cls, taken: Taken, *, checkpoint: str | None = None, device: str = "cpu", precision: Precision = "fp32"
    ) -> Model:
        """The model of weights that fit their configuration; `checkpoint`: what they are called."""
        generators = build.generators(taken.config)
        generators.load_state_dict(taken.state)
        name = checkpoint or str(taken.about.get("checkpoint", ""))
        step = int(taken.about.get("step", 0))
        return cls(taken.config, generators, checkpoint=name, step=step, device=device_of(device), precision=precision)

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
        if self.device.type == "cuda":
            # A copy from pinned memory does not wait for what is computed meanwhile.
            images = images if images.is_cuda else images.pin_memory()
        images = images.to(self.device, non_blocking=True)
        beside = () if latents is None else (latents.to(self.device),)
        network = self._network(to)
        return padded(lambda x: network(x, *beside), images, self.stride, self.smallest)

    def network(self, to: Domain) -> Callable[..., Tensor]:
        """What makes images of `to`: [N, C, H, W], and latents [N, Z] of a stochastic run, to [N, C', H, W]; H and W
        multiples of `stride`, at least `smallest`, everything on `device`; float32, whatever the precision. UserError
        for a graph that was exported: who cuts pictures must reach the norms inside."""
        if getattr(self.generators[to], "sealed", False):
            raise UserError(
                "too large for this machine's memory in one piece, and an ONNX file can't be applied in tiles",
                hint="apply the run, or FILE.safetensors",
            )
        return self._network(to)

    def _network(self, to: Domain) -> Callable[..., Tensor]:
        generator = self.generators[to]
        if self.precision == "fp32":
            return generator

        def lowered(*inputs: Tensor) -> Tensor:
            with torch.autocast(self.device.type, torch.bfloat16):
                made: Tensor = generator(*inputs)
            return made.float()

        return lowered

    @property
    def smallest(self) -> tuple[int, int]:
        """Height and width to which smaller images are padded."""
        # A network that was never trained on less than its size needs no larger image than that.
        return min(self.size[0], 2 * self.stride), min(self.size[1], 2 * self.stride)

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
