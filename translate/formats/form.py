"""What a file holds beside its colours: format, depth, colour profile, resolution, metadata."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.uint8 | np.uint16 | np.float32]
"""Pixels [H, W, C] of one of the three depths; float32 from 0 to 1."""

Depth: TypeAlias = np.dtype[Any]
UINT8: Depth = np.dtype(np.uint8)
UINT16: Depth = np.dtype(np.uint16)
FLOAT32: Depth = np.dtype(np.float32)
DEPTHS = (UINT8, UINT16, FLOAT32)


@dataclass(frozen=True)
class Metadata:
    """What a file says about its picture. `resolution`: pixels per inch, across and down; `exif`: a TIFF structure with
    "Exif" and two zeros in front, upright and without a thumbnail; `text`: PNG's keywords and texts."""

    resolution: tuple[float, float] | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    text: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Form:
    """What a file holds beside its colours, with which the result is written, so that nothing is lost.

    `format`: Pillow's name of what it is by content; `depth`: uint8, uint16, or float32 with values from 0 to 1; `icc`:
    the profile that the colours are in as they are handed out.
    """

    format: str
    depth: Depth
    grey: bool
    icc: bytes | None = None
    metadata: Metadata = field(default_factory=Metadata)
