"""A trained model for people who script: pictures, arrays and tensors in, the same kind out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps
from torch import Tensor

from translate.domain import Domain
from translate.errors import UserError
from translate.exchange import opening
from translate.formats.form import DEPTHS, FLOAT32, UINT8, Array, Form
from translate.formats.opened import Box, Opened
from translate.formats.values import convert, from_tensor, to_tensor
from translate.inference import memory
from translate.inference.large import translate_large
from translate.inference.model import Model
from translate.inference.sampling import Sampler, latents

_SLACK = 1e-3
"""By so much values may lie outside of their range, as rounding leaves them."""


class Translator:
    """A run as a function of images: `translate.load(RUN)(image)`.

    A `PIL.Image` of any mode and size gives one of the same size: upright, RGB or grey as the model makes them, its
    transparency kept, 16-bit grey as 16-bit grey. An array [H, W], [H, W, C] or [N, H, W, C] of uint8, uint16 or
    float32 from 0 to 1 gives one of the same depth and dimensions, C as the model makes them, but a fourth channel is
    transparency, and kept. A float tensor [C, H, W] or [N, C, H, W] in [-1, 1] gives one in [-1, 1], on its device;
    it is the only kind that is neither rounded nor cut into tiles. Images that do not fit in memory go through the
    network tile by tile. `model`: what is behind it; `to`: the domain that it makes unless told otherwise.
    """

    def __init__(self, model: Model, to: Domain | str | None = None) -> None:
        self.model = model
        self.to = _direction(model, to)

    def __call__(self, image: Any, *, to: Domain | str | None = None, seed: int = 0) -> Any:
        """`image` translated to `to`. `seed`: which of the many outputs of a stochastic run; of a stack, image i takes
        the latent of (seed, i). Raises TypeError for another kind, ValueError for shapes and values that do not fit,
        UserError for a direction that the run has not learned."""
        chosen = self.to if to is None else _direction(self.model, to)
        if isinstance(image, Image.Image):
            return self._picture(image, chosen, seed)
        if isinstance(image, Tensor):
            return self._tensor(image, chosen, seed)
        if isinstance(image, np.ndarray):
            return self._array(image, chosen, seed)
        raise TypeError(f"an image is a PIL.Image, a numpy.ndarray or a torch.Tensor, not a {type(image).__name__}")

    def __repr__(self) -> str:
        model = self.model
        return f"<Translator to {self.to}: {model.checkpoint}, step {model.step}, on {model.device}>"

    def sample(self, count: int, *, seed: int = 0) -> NDArray[np.uint8]:
        """`count` new images, uint8 [N, H, W, C], of an unconditional run: image i follows from (seed, i)."""
        if not self.model.unconditional:
            raise UserError("makes images of images, not of nothing", where="sample", expected="an unconditional run")
        return np.stack(list(Sampler(self.model, seed).draw(count)))

    def _tensor(self, image: Tensor, to: Domain, seed: int) -> Tensor:
        stack = (image if image.ndim == 4 else image[None]).detach()
        channels = self.model.channels[to.other] * self.model.frames[to.other]
        if stack.ndim != 4 or stack.shape[1] != channels:
            takes = f"[{channels}, H, W] or [N, {channels}, H, W]"
            raise ValueError(f"a tensor {list(image.shape)}; this run takes {takes}")
        if not stack.is_floating_point():
            raise ValueError(f"a tensor of {stack.dtype}; expected floats in [-1, 1] (an array may hold uint8)")
        if not stack.numel():
            raise ValueError(f"a tensor {list(image.shape)} holds no image")
        low, high = float(stack.min()), float(stack.max())
        if not (low >= -1 - _SLACK and high <= 1 + _SLACK):
            raise ValueError(f"a tensor from {low:g} to {high:g}; expected -1 to 1")
        made = self.model(stack.float(), to, self._latents(len(stack), seed)).to(image.device)
        return made if image.ndim == 4 else made[0]

    def _array(self, image: NDArray[Any], to: Domain, seed: int) -> NDArray[Any]:
        if not image.size:
            raise ValueError(f"an array {list(image.shape)} holds no image")
        if image.dtype.kind == "f":
            if not (image.min() >= -_SLACK and image.max() <= 1 + _SLACK):
                raise ValueError(f"an array from {image.min():g} to {image.max():g}; expected 0 to 1")
            if image.dtype != FLOAT32:
                return self._array(image.astype(np.float32), to, seed).astype(image.dtype)
            image = image.clip(0, 1)
        if image.dtype not in DEPTHS:
            raise ValueError(f"an array of {image.dtype}; expected uint8, uint16, or floats from 0 to 1")
        if image.ndim == 4:
            z = self._latents(len(image), seed)
            made = [self._pixels(one, to, None if z is None else z[i : i + 1]) for i, one in enumerate(image)]
            return np.stack(made)
        if image.ndim not in (2, 3):
            raise ValueError(f"an array {list(image.shape)}; expected [H, W], [H, W, C] or [N, H, W, C]")
        flat = image.ndim == 2
        made_one = self._pixels(image[:, :, None] if flat else image, to, self._latents(1, seed))
        return made_one[:, :, 0] if flat and made_one.shape[2] == 1 else made_one

    def _picture(self, image: Image.Image, to: Domain, seed: int) -> Image.Image:
        image = ImageOps.exif_transpose(image)
        if image.mode == "F" or image.mode.startswith("I"):
            pixels = _deep(image)
        elif image.has_transparency_data:
            pixels = np.asarray(image.convert("LA" if image.mode in ("LA", "La") else "RGBA"))
        else:
            pixels = np.asarray(image.convert("L" if image.mode in ("1", "L") else "RGB"))
        made = self._pixels(pixels if pixels.ndim == 3 else pixels[:, :, None], to, self._latents(1, seed))
        if made.shape[2] != 1:  # Pillow knows no colours of more than 8 bits
            made = convert(made, UINT8)
        result = Image.fromarray(made[:, :, 0] if made.shape[2] == 1 else made)
        grey = image.mode in ("1", "L", "LA", "La")
        fits = image.mode != "CMYK" and grey == (result.mode in ("L", "LA"))  # a profile is of so many channels
        kept = {"dpi", "icc_profile"} if fits else {"dpi"}
        result.info.update({key: image.info[key] for key in kept & set(image.info)})
        return result

    def _pixels(self, pixels: Array, to: Domain, z: Tensor | None) -> Array:
        """[H, W, 1 to 4] to [H, W, C'], behind which comes the alpha of 2 or 4 channels."""
        model = self.model
        if model.frames[to.other] > 1 or model.frames[to] > 1:
            raise ValueError(f"this run reads {model.frames[to.other]} frames at a time: give it tensors [N, C, H, W]")
        if pixels.shape[2] not in (1, 2, 3, 4) or 0 in pixels.shape:
            takes = "[H, W, C] with 1 to 4 channels; a stack of grey ones is [N, H, W, 1]"
            raise ValueError(f"an image {list(pixels.shape)}; expected {takes}")
        picture = _in_memory(pixels)
        if picture.width * picture.height > memory.whole_limit(model, to):
            made = np.concatenate(list(translate_large(model, picture, to, None, z)))
        else:
            rows = picture.rows(0, picture.height, model.channels[to.other])
            made = from_tensor(model(to_tensor(rows[None]), to, z), pixels.dtype)[0]
        if not picture.has_alpha:
            return made
        return np.concatenate([made, picture.alpha(0, picture.height)], axis=2)

    def _latents(self, count: int, seed: int) -> Tensor | None:
        if not self.model.stochastic or self.model.prior is None:
            return None
        return latents(self.model.prior, *(("load", seed, index) for index in range(count)))


def load(
    run: str | Path, *, to: Domain | str | None = None, checkpoint: str | int = "last", device: str = "auto"
) -> Translator:
    """The model in the folder of a training run, or in a file of `translate export`, as a function of images (see
    `Translator`).

    `to`: "b" or "a", by default b, or the only one; `checkpoint`: "last", "best" or a step; `device`: "auto", "cpu",
    "cuda" or "mps". Raises UserError where there is no such run, checkpoint, direction or device.
    """
    folder = Path(run)
    return Translator(Model.load(folder, device, opening.weights_of(folder, str(checkpoint))), to)


class _Pixels:
    def __init__(self, pixels: Array) -> None:
        self._pixels = pixels

    def region(self, box: Box) -> Array:
        top, bottom, left, right = box
        return self._pixels[top:bottom, left:right]


def _in_memory(pixels: Array) -> Opened:
    height, width, channels = pixels.shape
    form = Form("array", pixels.dtype, grey=channels < 3)
    return Opened(width, height, form, _Pixels(pixels), has_alpha=channels in (2, 4))


def _deep(image: Image.Image) -> Array:
    values = np.asarray(image)
    low, high = (values.min(), values.max()) if values.size else (0, 0)
    top = 1 if image.mode == "F" else 65535
    if not (low >= 0 and high <= top):
        raise ValueError(f"a picture of mode {image.mode} with values from {low:g} to {high:g}; expected 0 to {top}")
    return values.astype(np.float32 if image.mode == "F" else np.uint16)


def _direction(model: Model, to: Domain | str | None) -> Domain:
    if to is None:
        return Domain.B if Domain.B in model.directions else model.directions[0]
    known = [str(domain) for domain in model.directions]
    if str(to).lower() not in known:
        raise UserError(f"this run makes no images of {to}", where="to", expected=" or ".join(known))
    return Domain(str(to).lower())
