"""JPEG, WebP, BMP, GIF and PPM, which Pillow decodes whole."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import BmpImagePlugin, GifImagePlugin, Image, JpegImagePlugin, PpmImagePlugin, WebPImagePlugin

from translate.data.images import Unreadable
from translate.formats import metadata
from translate.formats.colours import Inks
from translate.formats.form import UINT8, UINT16, Array, Form
from translate.formats.kinds import explained
from translate.formats.limits import Limits
from translate.formats.opened import Box, Opened, upright

# The plugins themselves, since Image.open has a limit of its own, the same for a whole process.
PLUGINS: dict[str, Callable[..., Image.Image]] = {
    "JPEG": JpegImagePlugin.JpegImageFile,
    "WEBP": WebPImagePlugin.WebPImageFile,
    "BMP": BmpImagePlugin.BmpImageFile,
    "GIF": GifImagePlugin.GifImageFile,
    "PPM": PpmImagePlugin.PpmImageFile,
}
_MODES = {"1": "L", "L": "L", "LA": "LA", "P": "RGB", "PA": "RGBA", "RGB": "RGB", "RGBA": "RGBA", "RGBX": "RGB"}


class Decoded:
    """A picture that is decoded at the first glance and kept."""

    def __init__(self, name: str, kind: str, decode: Callable[[], Array]) -> None:
        self.name, self.kind, self._decode = name, kind, decode
        self._pixels: Array | None = None

    def region(self, box: Box) -> Array:
        if self._pixels is None:
            with explained(self.name, self.kind):
                self._pixels = self._decode()
        top, bottom, left, right = box
        return self._pixels[top:bottom, left:right]


class PillowImage:
    """What Pillow has decoded, cut and converted piece by piece, so that there is never a second one of all of it."""

    def __init__(self, image: Image.Image, name: str, kind: str, mode: str, inks: Inks | None = None) -> None:
        self.image, self.name, self.kind, self.mode, self.inks = image, name, kind, mode, inks

    def region(self, box: Box) -> Array:
        top, bottom, left, right = box
        with explained(self.name, self.kind):
            piece = self.image.crop((left, top, right, bottom))
            pixels = self.inks(np.asarray(piece)) if self.inks else np.asarray(piece.convert(self.mode))
        return pixels[:, :, None] if pixels.ndim == 2 else pixels


def open_pillow(file: BinaryIO, name: str, kind: str, limits: Limits) -> Opened:
    """A JPEG, WebP, BMP, GIF or PPM. Raises Unreadable."""
    image = PLUGINS[kind](file, name)
    width, height = image.size
    size = file.seek(0, io.SEEK_END)
    refuse(name, limits.refuse_size(width, height, size))
    deep = _sixteen_bits(image)
    single = image.mode in ("1", "L", "P") and not deep
    refuse(name, limits.refuse_whole(width, height, width * height * (6 if deep else 1 if single else 4)))
    warnings: list[str] = []
    turned, data = metadata.read(image, warnings)
    if kind == "JPEG" and "mp" in image.info:
        kind = "MPO"
        warnings.append("holds further pictures behind the first (MPO), which is taken")
    icc = image.info.get("icc_profile") or None
    if deep:
        grey = image.mode == "I"
        form = Form(kind, UINT16, grey, icc, data)
        stored = Decoded(name, kind, lambda: _deep_ppm(image, file))
        return Opened(width, height, form, stored, warnings=warnings)
    inks = Inks(icc, warnings) if image.mode == "CMYK" else None
    mode = "L" if _grey_palette(image) else _MODES.get(image.mode, "RGB")
    alpha = mode.endswith("A")
    if "transparency" in image.info and not alpha:
        mode, alpha = ("LA" if mode == "L" else "RGBA"), True
    form = Form(kind, UINT8, mode in ("L", "LA"), None if inks else icc, data)
    stored_image = PillowImage(image, name, kind, mode, inks)
    picture = Opened(width, height, form, stored_image, alpha, _frames(image), warnings)
    return upright(picture, turned)


def refuse(name: str, reason: str | None) -> None:
    """Raise Unreadable where there is a reason to."""
    if reason is not None:
        raise Unreadable(Path(name), reason)


def _grey_palette(image: Image.Image) -> bool:
    """Whether a GIF is grey; of other formats Pillow says so itself."""
    if image.format != "GIF" or image.mode != "P" or image.palette is None:
        return False
    colours = np.frombuffer(bytes(image.palette.palette), np.uint8)
    colours = colours[: colours.size // 3 * 3].reshape(-1, 3)
    return bool((colours == colours[:, :1]).all())


def _frames(image: Image.Image) -> int:
    try:
        return int(getattr(image, "n_frames", 1))
    except Exception:  # a later frame is damaged; whoever wants them all will be told
        return 1


def _sixteen_bits(image: Image.Image) -> bool:
    """Whether a PPM has more than 8 bits; Pillow would cut those of a coloured one down."""
    return image.format == "PPM" and (image.mode == "I" or (image.mode == "RGB" and _white(image) > 255))


def _white(image: Image.Image) -> int:
    arguments = image.tile[0].args  # type: ignore[attr-defined]  # every ImageFile has tiles
    return int(arguments[-1]) if isinstance(arguments, tuple) else 65535 if arguments == "I;16B" else 255


def _deep_ppm(image: Image.Image, file: BinaryIO) -> Array:
    tile = image.tile[0]  # type: ignore[attr-defined]
    channels, white = (1 if image.mode == "I" else 3), _white(image)
    file.seek(tile.offset)
    count = image.width * image.height * channels
    if tile.codec_name == "ppm_plain":
        lines = (line.partition(b"#")[0] for line in file)
        values = np.array(b" ".join(lines).split()[:count], np.uint16)
    else:
        data = file.read(count * 2)
        values = np.frombuffer(data[: len(data) // 2 * 2], ">u2").astype(np.uint16)
    if values.size < count:
        raise EOFError(f"{values.size:,} of {count:,} values are there")
    pixels = values.reshape(image.height, image.width, channels)
    if white != 65535:
        pixels = ((np.minimum(pixels, white).astype(np.uint32) * 65535 + white // 2) // white).astype(np.uint16)
    return pixels
