"""From printing inks to screen colours."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from translate.data.images import Pixels


class Inks:
    """CMYK [h, w, 4] of 8 bits, 0 for no ink, as sRGB [h, w, 3]: by the embedded profile, or by the plain formula."""

    def __init__(self, icc: bytes | None, warnings: list[str]) -> None:
        self._transform = _transform(icc)
        how = "by its profile" if self._transform else "without a profile, so colours are approximate"
        warnings.append(f"CMYK became sRGB, {how}")

    def __call__(self, inks: NDArray[Any]) -> Pixels:
        image = Image.fromarray(np.ascontiguousarray(inks), "CMYK")
        if self._transform is None:
            return np.asarray(image.convert("RGB"))
        return np.asarray(ImageCms.applyTransform(image, self._transform))


def _transform(icc: bytes | None) -> Any:
    if not icc or icc[16:20] != b"CMYK":
        return None
    try:
        return ImageCms.buildTransform(
            ImageCms.ImageCmsProfile(io.BytesIO(icc)),
            ImageCms.createProfile("sRGB"),
            "CMYK",
            "RGB",
            ImageCms.Intent.RELATIVE_COLORIMETRIC,
            ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    except (OSError, ImageCms.PyCMSError):  # a profile that is damaged says nothing
        return None
