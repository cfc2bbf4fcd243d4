"""Perceptual distance: a translated image should excite a network trained on ImageNet as its pair's other half does."""

from __future__ import annotations

from pathlib import Path
from pickle import UnpicklingError
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from translate.computing.rows import by_rows
from translate.errors import UserError
from translate.translations import Translations

_CONVOLUTIONS = {"vgg16": (2, 2, 3, 3, 3), "vgg19": (2, 2, 4, 4, 4)}  # in front of each max pooling
_STAGE_WEIGHTS = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1.0)  # of relu1_1 ... relu5_1
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet, for RGB in [0, 1]


class Perceptual(nn.Module):
    """Weighted sum of E|VGG_i(y) - VGG_i(G(x))| over relu1_1 ... relu5_1 (Johnson et al. 2016; Wang et al. 2018).

    `weights` is a file of torchvision's VGG weights; null: where torchvision keeps them. Nothing is ever downloaded;
    UserError when there is no such file.
    """

    needs: tuple[str, ...] = ("pairs",)
    mean: Tensor
    deviation: Tensor

    def __init__(self, *, network: Literal["vgg16", "vgg19"] = "vgg19", weights: str | None = None) -> None:
        super().__init__()
        self.convolutions = _CONVOLUTIONS[network]
        path = _find(network, weights)
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
        except (RuntimeError, EOFError, UnpicklingError) as error:
            raise UserError(f"these weights can't be read ({type(error).__name__})", where=str(path)) from None
        for name in self._names():
            for kind in ("weight", "bias"):
                key = f"features.{name}.{kind}"
                if key not in state:
                    raise UserError(
                        f'no "{key}" in it', where=str(path), expected=f"the weights of torchvision's {network}"
                    )
                # buffers outside the state: they follow the device, nobody trains them, no checkpoint repeats them
                self.register_buffer(f"{kind}_{name}", state[key].clone(), persistent=False)
        self.register_buffer("mean", torch.tensor(_MEAN).view(3, 1, 1), persistent=False)
        self.register_buffer("deviation", torch.tensor(_DEVIATION).view(3, 1, 1), persistent=False)

    def for_generator(self, x: Translations) -> dict[str, Tensor]:
        """The distance of the batch's paired rows, by the domain produced; nothing without such rows."""
        losses: dict[str, Tensor] = {}
        for domain in x.produced if x.paired else ():
            rows = by_rows(self.distances, x.fake(domain)[: x.paired], x.real(domain)[: x.paired])
            losses[domain] = rows.mean()
        return losses

    def distances(self, fakes: Tensor, reals: Tensor) -> Tensor:
        """The weighted sum of each row of [N, C, H, W], [N]."""
        made = self.features(fakes)
        with torch.no_grad():
            wanted = self.features(reals)
        total = fakes.new_zeros(len(fakes), dtype=torch.float32)
        for weight, fake, real in zip(_STAGE_WEIGHTS, made, wanted, strict=True):
            total = total + weight * (fake.float() - real.float()).abs().view(len(fakes), -1).mean(1)
        return total

    def features(self, images: Tensor) -> list[Tensor]:
        """[N, C, H, W] in [-1, 1] -> relu1_1 ... relu5_1 of its F pictures, [N F, C', H / 2**i, W / 2**i]."""
        pictures = images.unflatten(1, (-1, 3 if images.shape[1] % 3 == 0 else 1)).flatten(0, 1)
        x = ((pictures.expand(-1, 3, -1, -1) + 1) / 2 - self.mean) / self.deviation
        found: list[Tensor] = []
        names = iter(self._names())
        for stage, count in enumerate(self.convolutions):
            if stage:
                x = functional.max_pool2d(x, 2)
            for position in range(1 if stage == len(self.convolutions) - 1 else count):
                name = next(names)
                weight, bias = self.get_buffer(f"weight_{name}"), self.get_buffer(f"bias_{name}")
                x = functional.relu(functional.conv2d(x, weight, bias, padding=1))
                if position == 0:
                    found.append(x)
        return found

    def _names(self) -> list[int]:
        """Numbers of the convolutions up to conv5_1 in torchvision's `features`, where a ReLU follows each."""
        names, index = [], 0
        for count in self.convolutions:
            names += [index + 2 * position for position in range(count)]
            index += 2 * count + 1
        return names[: 1 - self.convolutions[-1]]


def _find(network: str, weights: str | None) -> Path:
    if weights is not None:
        path = Path(weights).expanduser()
        if path.is_file():
            return path
        looked = str(path)
    else:
        folder = Path(torch.hub.get_dir()) / "checkpoints"
        found = sorted(folder.glob(f"{network}-*.pth"))
        if found:
            return found[0]
        looked = str(folder / f"{network}-*.pth")
    raise UserError(
        f"the perceptual term has no {network} weights: there is no {looked}",
        where=".weights",
        expected=f"a file of torchvision's {network} weights; nothing is downloaded on its own",
        hint=f"python -c \"import torchvision; torchvision.models.{network}(weights='DEFAULT')\" to fetch them",
    )
