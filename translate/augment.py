"""Augmentation on the device: kornia transforms named in the configuration, of batches by a seed given at each call,
or, with gradients, of what a discriminator is about to judge."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import partial
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from translate.domain import Batch
from translate.errors import UserError, unknown
from translate.seeds import seed_of

Entry = str | Mapping[str, Any]


class Augmentation(Protocol):
    """Changes the images of a batch; the same seed does the same thing."""

    def __call__(self, batch: Batch, seed: int) -> Batch: ...


def build(entries: Sequence[Entry]) -> Augmentation:
    """The function `(batch, seed) -> batch` of entries such as `{"RandomAffine": {"degrees": 10}}`. Images [N, C, H, W]
    stay in [-1, 1] (kornia sees [0, 1]) and keep their size. The paired rows of A and B get the same parameters, also
    when their C differ; all other rows their own. Raises UserError for unknown names and bad arguments."""
    built = [_module(entry, f"augment[{i}]") for i, entry in enumerate(entries)]

    def augment(batch: Batch, seed: int) -> Batch:
        images = dict(batch.images)
        for domain, rows in images.items():
            if rows.ndim == 4:  # latents have no picture to change
                parts = rows[: batch.paired], rows[batch.paired :]
                made = [
                    _apply(built, part, seed, group)
                    for part, group in zip(parts, ("paired", str(domain)), strict=True)
                    if len(part)
                ]
                images[domain] = made[0] if len(made) == 1 else torch.cat(made)
        return replace(batch, images=images)

    return augment if built else lambda batch, seed: batch


@dataclass(frozen=True)
class Transform:
    """A transform that changes every row it is given and lets gradients through; `share`: the entry's own p, or 1.

    `warps`: it moves pixels without looking at them, so that its output is affine in its input.
    """

    module: nn.Module
    where: str
    share: float
    warps: bool

    def draw(self, rows: Tensor) -> dict[str, Tensor]:
        """What is random about it, for so many rows of this size, from torch's global generator."""
        return self._checked(lambda: self.module.forward_parameters(rows.shape), rows)  # type: ignore[operator]

    def __call__(self, rows: Tensor, drawn: dict[str, Tensor]) -> Tensor:
        """[N, C, H, W] in [0, 1] -> the same size, by parameters that `draw` gave; UserError for another size."""
        made: Tensor = self._checked(lambda: self.module(rows, params=drawn), rows)
        return _same_size(made, rows, self.where)

    def _checked(self, make: Callable[[], Any], rows: Tensor) -> Any:
        return _or_user_error(make, rows, self.where)


def differentiable(entries: Sequence[Entry], where: str) -> list[Transform]:
    """The transforms of entries such as `{"RandomAffine": {"degrees": 10, "p": 0.5}}`; kornia's own default p counts
    for nothing. Raises UserError for unknown names, bad arguments, and transforms that pass no gradient."""
    return [_differentiable(entry, f"{where}[{i}]") for i, entry in enumerate(entries)]


def _differentiable(entry: Entry, where: str) -> Transform:
    from kornia.augmentation import GeometricAugmentationBase2D

    module = _module(entry, where)
    options = next(iter(entry.values())) if isinstance(entry, Mapping) else {}
    # Kornia gates crops batch by batch and all else row by row, and reads both of these at each call.
    module.p = module.p_batch = 1.0  # type: ignore[assignment]
    where = f"{where}.{type(module).__name__}"
    share = (options or {}).get("p", 1.0)
    if not isinstance(share, int | float) or not 0 <= share <= 1:
        raise UserError(f"a probability of {share!r}", where=f"{where}.p", expected="a number from 0 to 1")
    made = Transform(module, where, float(share), warps=isinstance(module, GeometricAugmentationBase2D))
    _require_gradient(made)
    return made


def _require_gradient(transform: Transform) -> None:
    """A look at a small picture; one that the transform can't take says nothing, the real ones will."""
    with torch.enable_grad(), torch.random.fork_rng(devices=[]):
        picture = torch.linspace(0.1, 0.9, 3 * 32 * 32).view(1, 3, 32, 32).requires_grad_()
        try:
            output = transform(picture, transform.draw(picture))
        except UserError:
            return
        passed = output.requires_grad and bool(torch.autograd.grad(output.sum(), picture)[0].any())
    if not passed:
        raise UserError(
            "passes no gradient, so a generator would learn nothing through it",
            where=transform.where,
            expected="a differentiable transform, such as RandomAffine, RandomErasing, RandomBrightness, ColorJitter",
            hint="move it to `augment`",
        )


def _apply(modules: Sequence[nn.Module], rows: Tensor, seed: int, group: str) -> Tensor:
    """Rows [N, C, H, W] in [-1, 1]. Each transform starts from a state of its own, so that one that draws more for
    three channels than for one (noise) does not shift those after it. The global random state is left as it was."""
    x = rows.add(1).div(2)
    cuda = [x.device] if x.device.type == "cuda" else []
    with torch.no_grad(), torch.random.fork_rng(devices=cuda):
        for i, module in enumerate(modules):
            _seed(x.device, seed_of("augment", seed, group, i))
            where = f"augment[{i}].{type(module).__name__}"
            x = _same_size(_or_user_error(partial(module, x), x, where), x, where)
    return x.mul(2).sub(1).clamp(-1, 1)


def _or_user_error(make: Callable[[], Any], x: Tensor, where: str) -> Any:
    try:
        return make()
    except (ValueError, TypeError, RuntimeError) as error:
        raise UserError(
            f"failed on pictures with {x.shape[1]} channels: {str(error).strip().splitlines()[0]}",
            where=where,
            expected="a transform that accepts pictures of this number of channels and this size",
            hint="take it away, or change data.channels",
        ) from error


def _same_size(made: Tensor, x: Tensor, where: str) -> Tensor:
    if made.shape != x.shape:
        raise UserError(
            f"made pictures of {tuple(made.shape[1:])} of pictures of {tuple(x.shape[1:])} (C, H, W)",
            where=where,
            expected="a transform that keeps the size; sizes are changed in data.transforms",
            hint=f"move the change of size to data.transforms, or give it the size {tuple(x.shape[2:])}",
        )
    return made


def _seed(device: torch.device, seed: int) -> None:
    """Only the two generators that may be drawn from here (torch.manual_seed would change every device's)."""
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        with torch.cuda.device(device):
            torch.cuda.manual_seed(seed)
    elif device.type != "cpu":
        torch.get_device_module(device).manual_seed(seed)


def _module(entry: Entry, where: str) -> nn.Module:
    if not isinstance(entry, str) and not (isinstance(entry, Mapping) and len(entry) == 1):
        raise UserError(
            f"this is no transform: {entry!r}",
            where=where,
            expected="a name, or one name with its arguments, as in - RandomAffine: {degrees: 10}",
            hint="start each transform with its own dash",
        )
    name, options = (entry, {}) if isinstance(entry, str) else next(iter(entry.items()))
    known = _known()
    if name not in known:
        close = get_close_matches(name, known, n=12, cutoff=0.4) or known
        raise unknown("kornia augmentation", name, close, where=where)
    if not isinstance(options or {}, Mapping):
        raise UserError(
            f"these are no arguments: {options!r}",
            where=f"{where}.{name}",
            expected="names and values, as in {degrees: 10}",
            hint=f"- {name}: {{}}",
        )
    try:
        module: nn.Module = known[name](**{key: _tuples(value) for key, value in (options or {}).items()})
    except Exception as error:  # kornia checks some arguments itself and leaves others to torch
        raise UserError(
            " ".join(str(error).split()),
            where=f"{where}.{name}",
            expected=f"arguments of kornia's {name}: {', '.join(inspect.signature(known[name]).parameters)}",
            hint="mend or remove the argument that is named",
        ) from error
    return module


def _known() -> dict[str, Callable[..., nn.Module]]:
    """Kornia's transforms of single pictures by name."""
    import kornia.augmentation as library

    return {
        name: thing
        for name, thing in vars(library).items()
        if inspect.isclass(thing) and issubclass(thing, library.AugmentationBase2D) and not inspect.isabstract(thing)
        and "Base" not in name
    }  # fmt: skip


def _tuples(value: Any) -> Any:
    """YAML has lists only, kornia expects tuples."""
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value
