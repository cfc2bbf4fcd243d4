"""Between image files, uint8 arrays [H, W, C] and float tensors [C, H, W] in [-1, 1]."""

from __future__ import annotations

import io
import os
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from translate.data.dataset import Picture

if TYPE_CHECKING:
    from torch import Tensor

Pixels = NDArray[np.uint8]

FORMATS = {
    ".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG", ".webp": "WEBP", ".bmp": "BMP",
    ".tif": "TIFF", ".tiff": "TIFF", ".gif": "GIF", ".ppm": "PPM", ".pgm": "PPM",
}  # fmt: skip
_LOSSY: dict[str, dict[str, Any]] = {"JPEG": {"quality": 95, "subsampling": 0}, "WEBP": {"quality": 95}}


class Unreadable(Exception):  # noqa: N818  (it is an outcome that a report lists, rarely a failure)
    """A file that is no image, is cut off, or has values that no rule says how to show."""

    def __init__(self, path: Path, reason: str) -> None:
        self.path, self.reason = Path(path), reason
        super().__init__(f"{path}: {reason}")

    def __reduce__(self) -> tuple[type[Unreadable], tuple[Path, str]]:
        return Unreadable, (self.path, self.reason)


def decode(picture: Picture | Path, channels: int, frames: int = 1) -> Pixels:
    """The picture as uint8 [H, W, channels * frames], channels 1 (ITU-R 601 luma) or 3 (RGB). A picture of several
    frames is a strip of them, the oldest left. EXIF orientation is applied, 16 bits are scaled by 1/257 (never
    clipped), transparency is laid on white, of an animation the first image counts. Raises Unreadable."""
    picture = picture if isinstance(picture, Picture) else Picture(Path(picture))
    path, half = picture.path, picture.half
    try:
        with picture.open() as file, Image.open(file) as image:
            pixels = _pixels(image, channels, path)
    except (Unreadable, MemoryError):
        raise
    except Exception as error:  # Pillow's plugins raise nearly anything on broken input
        reason = "not an image that Pillow knows" if "cannot identify" in str(error) else str(error)
        raise Unreadable(path, reason or type(error).__name__) from error
    pixels = half_of(pixels, half)
    if pixels.shape[1] % frames:
        raise Unreadable(path, f"is {pixels.shape[1]} pixels wide, which is no multiple of its {frames} frames")
    return stack(pixels, frames)


def stack(pixels: Pixels, frames: int) -> Pixels:
    """A strip [H, frames * W, C] as [H, W, frames * C]: the frames one behind the other, the oldest first."""
    if frames == 1:
        return pixels
    height, width, channels = pixels.shape
    apart = pixels.reshape(height, frames, width // frames, channels)
    return apart.transpose(0, 2, 1, 3).reshape(height, width // frames, frames * channels)


def strip(pixels: Pixels, channels: int) -> Pixels:
    """The inverse of `stack`, which any image file can hold: [H, W, frames * channels] as [H, frames * W, channels]."""
    height, width, total = pixels.shape
    apart = pixels.reshape(height, width, total // channels, channels)
    return apart.transpose(0, 2, 1, 3).reshape(height, -1, channels)


def last_frame(pixels: Pixels, channels: int) -> Pixels:
    """The newest frame [..., H, W, channels] of [..., H, W, frames * channels]; an image of one frame as it is."""
    return pixels[..., -channels:]


def half_of(pixels: Pixels, half: Literal["left", "right"] | None) -> Pixels:
    """The left or right half of [H, W, C], equally wide (an odd width's middle column is left out), or all of it."""
    middle = pixels.shape[1] // 2
    return pixels if half is None else pixels[:, :middle] if half == "left" else pixels[:, -middle:]


def _pixels(image: Image.Image, channels: int, path: Path) -> Pixels:
    image.load()
    image = ImageOps.exif_transpose(image)
    if image.mode == "F" or image.mode.startswith("I"):
        image = _eight_bits(image, path)
    if image.mode in ("LA", "PA", "RGBA", "La", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    mode = "L" if channels == 1 else "RGB"
    if image.mode not in (mode, "RGB", "L"):
        image = image.convert("RGB")  # CMYK, palettes ...: colours first, so that luma is taken of what is seen
    pixels = np.asarray(image.convert(mode))
    return pixels[:, :, None] if channels == 1 else pixels


def _eight_bits(image: Image.Image, path: Path) -> Image.Image:
    values = np.asarray(image)
    low, high = values.min(), values.max()
    if image.mode == "F":
        if low < 0 or high > 1:
            raise Unreadable(path, f"floating-point values from {low:g} to {high:g}; only 0 to 1 can be read")
        return Image.fromarray(np.rint(values * 255).astype(np.uint8))
    if low < 0 or high > 65535:
        raise Unreadable(path, f"integer values from {low} to {high}; only 8 and 16 bits can be read")
    return Image.fromarray(((values.astype(np.uint32) + 128) // 257).astype(np.uint8))


def resize(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """Pixels [H, W, C] to size (height, width) by Pillow's antialiased bicubic filter ("pillow-bicubic")."""
    height, width = size
    channels = pixels.shape[2]
    if pixels.shape[:2] == (height, width):
        return pixels
    if channels not in (1, 3):  # stacked frames; the filter treats each channel alike, whatever it is grouped with
        step = 3 if channels % 3 == 0 else 1
        return np.concatenate([resize(pixels[..., i : i + step], size) for i in range(0, channels, step)], axis=2)
    grey = channels == 1
    image = Image.fromarray(pixels[:, :, 0] if grey else pixels)
    resized = np.asarray(image.resize((width, height), Image.Resampling.BICUBIC))
    return resized[:, :, None] if grey else resized


def encode(pixels: Pixels, ending: str) -> bytes:
    """The file of uint8 [H, W, 1 or 3] in the format of an ending such as ".png"; JPEG and WebP at quality 95."""
    name = FORMATS[ending.lower()]
    buffer = io.BytesIO()
    image = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
    image.save(buffer, name, **_LOSSY.get(name, {}))
    return buffer.getvalue()


def save(pixels: Pixels, path: Path) -> None:
    """Writes uint8 [H, W, C] in the format of the path's ending; a reader never sees half a file."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    try:
        unfinished.write_bytes(encode(pixels, path.suffix))
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def to_tensor(pixels: Pixels) -> Tensor:
    """From uint8 [(N,) H, W, C] to float32 [(N,) C, H, W] in [-1, 1]: x / 127.5 - 1."""
    import torch

    # In NumPy: a loading thread that computed with torch would start a second pool of threads to fight for the cores.
    values = np.moveaxis(pixels, -1, -3).astype(np.float32, order="C")
    values /= np.float32(127.5)
    values -= np.float32(1)
    return torch.from_numpy(values)


def to_uint8(images: Tensor) -> Pixels:
    """Float [(N,) C, H, W] in [-1, 1] to uint8 [(N,) H, W, C]: round((x + 1) * 127.5), clamped."""
    import torch

    levels = images.detach().float().add(1).mul(127.5).round().clamp(0, 255).to(torch.uint8)
    return levels.movedim(-3, -1).contiguous().cpu().numpy()
