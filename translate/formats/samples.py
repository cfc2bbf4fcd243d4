"""What the samples of a TIFF page mean: colours, inks, palette indices, transparency, and which numbers are white."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from tifffile import TiffPage

from translate.data.images import Unreadable
from translate.formats.colours import Inks
from translate.formats.form import FLOAT32, UINT8, UINT16, Array
from translate.formats.segments import Samples
from translate.formats.values import WHITE, convert, straight, widen

WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, MASK, INKS, YCBCR = range(7)
COLOURS = {WHITE_IS_ZERO: 1, BLACK_IS_ZERO: 1, RGB: 3, PALETTE: 1, MASK: 1, INKS: 4, YCBCR: 3}
"""How many samples a pixel's colour has, by the tag PhotometricInterpretation."""
_PREMULTIPLIED, _STRAIGHT = 1, 2


class Layout:
    """From samples [h, w, S] as stored to pixels [h, w, 1 to 4] of `depth`, straight alpha last where there is one."""

    def __init__(self, page: TiffPage, name: str, icc: bytes | None, warnings: list[str]) -> None:
        self.name, self.photometric, self.bits = name, page.photometric, int(page.bitspersample)
        kind = None if page.dtype is None else np.dtype(page.dtype).kind
        if kind not in ("b", "u", "i", "f"):
            raise Unreadable(Path(name), f"holds numbers that are no colours ({kind or 'of an unknown kind'})")
        self.itemsize = np.dtype(page.dtype).itemsize
        self.stored_depth = FLOAT32 if kind == "f" else UINT8 if self.bits <= 8 else UINT16
        self.count = COLOURS[page.photometric]
        if page.samplesperpixel < self.count:
            raise Unreadable(Path(name), f"is a damaged TIFF ({page.samplesperpixel} samples for {self.count} colours)")
        extra = [int(kind) for kind in page.extrasamples][-(page.samplesperpixel - self.count) :]
        transparent = [i for i, kind in enumerate(extra) if kind in (_PREMULTIPLIED, _STRAIGHT)]
        self.alpha = self.count + transparent[0] if transparent and page.samplesperpixel > self.count else None
        self.premultiplied = self.alpha is not None and extra[transparent[0]] == _PREMULTIPLIED
        if others := page.samplesperpixel - self.count - (self.alpha is not None):
            warnings.append(f"{others} extra samples of every pixel, which are no transparency, are left out")
        self.palette = _palette(page, name) if self.photometric == PALETTE else None
        self.inks = Inks(icc, warnings) if self.photometric == INKS else None
        self.grey = self.photometric in (WHITE_IS_ZERO, BLACK_IS_ZERO, MASK)
        self.depth = UINT8 if self.palette is not None or self.inks else self.stored_depth
        if self.inks and self.stored_depth != UINT8:
            warnings.append("its inks of more than 8 bits became 8")
        if self.bits > 32 or (self.bits > 16 and kind != "f"):
            warnings.append(f"{self.bits} bits became {8 * self.depth.itemsize}")

    def __call__(self, samples: Samples) -> Array:
        """Raises Unreadable for values of which no rule says how to show them."""
        if self.palette is not None:
            return self._with_alpha(self.palette[samples[..., 0].astype(np.intp)], samples)
        colours = self._values(samples[..., : self.count])
        if self.photometric == WHITE_IS_ZERO:
            colours = (WHITE[colours.dtype] - colours).astype(colours.dtype)
        if self.inks:
            colours = self.inks(convert(colours, UINT8))
        return self._with_alpha(colours, samples)

    def _with_alpha(self, colours: Array, samples: Samples) -> Array:
        if self.alpha is None:
            return colours
        alpha = convert(self._values(samples[..., self.alpha : self.alpha + 1]), colours.dtype)
        return np.concatenate([straight(colours, alpha) if self.premultiplied else colours, alpha], axis=2)

    def _values(self, samples: Samples) -> Array:
        kind = samples.dtype.kind
        if kind == "b" or (kind == "u" and self.bits < 16):
            return widen(samples, self.bits)
        if kind == "u" and self.bits == 16:
            return samples.astype(UINT16, copy=False)
        low, high = samples.min(), samples.max()
        if kind == "f":
            if not (low >= 0 and high <= 1):  # nor is NaN
                self._refuse("floating-point", low, high, "0 to 1")
            return samples.astype(FLOAT32, copy=False)
        if low < 0 or high > 65535:
            self._refuse("integer", low, high, "0 to 65535")
        return samples.astype(self.stored_depth)

    def _refuse(self, kind: str, low: object, high: object, expected: str) -> None:
        raise Unreadable(Path(self.name), f"{kind} values from {low} to {high}; only {expected} can be read")


def _palette(page: TiffPage, name: str) -> Array:
    if page.colormap is None:
        raise Unreadable(Path(name), "is a damaged TIFF (its palette is missing)")
    colours = np.asarray(page.colormap).T.astype(np.uint16)
    # White is 65535 or 65280 to those who write these tables, and to some 255.
    return (colours if colours.max() < 256 else colours >> 8).astype(np.uint8)
