"""How large pictures are, from their files' headers alone: nothing is decoded."""

from __future__ import annotations

import os
from collections.abc import Sequence
from statistics import median_low
from typing import TYPE_CHECKING, Any

from translate.errors import UserError

if TYPE_CHECKING:
    from translate.data.dataset import Picture

LOOKED_AT = 300
"""At most so many headers of one folder are opened to tell what its pictures are like."""


def shape(picture: Picture) -> tuple[int, int] | None:
    """(width, height) of its whole file as shown, from the header; None for a broken file (it is named when it is
    decoded)."""
    from PIL import Image

    try:
        with picture.open() as file, Image.open(file) as image:
            width, height = image.size
            turned = image.format in ("JPEG", "MPO") and image.getexif().get(0x0112, 1) >= 5
    except Exception:  # Pillow's plugins raise nearly anything on a broken header
        return None
    return (height, width) if turned else (width, height)


def spread(items: Sequence[Any], count: int = LOOKED_AT) -> list[Any]:
    """At most `count` of the items, evenly spread, the first and the last among them."""
    if len(items) <= count:
        return list(items)
    return [items[i * (len(items) - 1) // (count - 1)] for i in range(count)]


def refuse_small(pictures: Sequence[Picture], size: tuple[int, int], frames: int = 1) -> None:
    """Raise UserError where the median picture, or each of its frames, is less high or less wide than `size` (height,
    width): a network that is taught enlarged pictures makes blurred ones. Single small ones are let pass."""
    found = []
    for picture in spread(pictures):
        if (seen := shape(picture)) is not None:
            width, height = seen
            found.append((height, width // (2 if picture.half else 1) // frames, picture))
    if not found:
        return  # said by whoever decodes them
    high, wide = median_low(height for height, _, _ in found), median_low(width for _, width, _ in found)
    if high >= size[0] and wide >= size[1]:
        return
    small = [(height, width, picture) for height, width, picture in found if height < size[0] or width < size[1]]
    height, width, picture = small[len(small) // 2]
    sides = min(high, size[0]), min(wide, size[1])
    unit = 2 ** max(0, (max(min(sides), 4) // 4).bit_length() - 1)  # what is left can be halved down to a small base
    offer = ",".join(str(max(side // unit, 1) * unit) for side in sides)
    raise UserError(
        f"is {width}x{height}, smaller than data.size ({size[1]}x{size[0]}); so are {len(small)} of the {len(found)} "
        "pictures looked at, and new images would be as blurred as these enlarged",
        where=os.fspath(picture.path),
        expected=f"pictures at least {size[1]} wide and {size[0]} high, or a smaller data.size (height, width)",
        hint=f"--set data.size=[{offer}]",
    )
