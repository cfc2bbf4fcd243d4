"""Pairs out of two members each: resized, and put side by side."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from translate.catalogue.names import refuse_unfit
from translate.catalogue.recipe import Beside, fits
from translate.catalogue.unpack import Member, Reading
from translate.errors import UserError

if TYPE_CHECKING:
    from PIL import Image


def beside(layout: Beside, pictures: Iterator[Member], out: Path) -> tuple[Counter[str], int]:
    """Fill `out`; how many pairs each folder got, and how many members were passed over.

    Halves wait, small already, in a hidden folder until their partner comes, maybe from another archive.
    """
    from PIL import Image

    counts: Counter[str] = Counter()
    passed = 0
    waiting = out / ".halves"
    for member in pictures:
        found = _half(layout, member.name)
        if found is None:
            passed += 1
            continue
        target, side, key = found
        refuse_unfit(f"{key}.png", member.name)
        with member.open() as source:
            image = _small(member.name, source, layout.size, nearest=side == "b")
        mine, other = (waiting / one / target / f"{key}.png" for one in (side, "ba"["ab".index(side)]))
        if not other.exists():
            mine.parent.mkdir(parents=True, exist_ok=True)
            image.save(mine, compress_level=1)
            continue
        with Image.open(other) as partner:
            left, right = (image, partner) if side == "a" else (partner, image)
            both = Image.new("RGB", (2 * layout.size[0], layout.size[1]))
            both.paste(left, (0, 0))
            both.paste(right, (layout.size[0], 0))
        (out / target).mkdir(parents=True, exist_ok=True)
        both.save(out / target / f"{key}.png", compress_level=1)
        other.unlink()
        counts[target] += 1
    left_over = sorted(waiting.rglob("*.png"))
    if left_over and counts:
        raise UserError(
            f"{len(left_over)} pictures have no partner, {left_over[0].name} for one",
            where=", ".join(layout.take),
            expected="both halves of each pair in the archives",
        )
    shutil.rmtree(waiting, ignore_errors=True)
    return counts, passed


def _half(layout: Beside, name: str) -> tuple[str, str, str] | None:
    for target, halves in layout.take.items():
        for side, pattern in (("a", halves.a), ("b", halves.b)):
            if fits(name, pattern):
                before, _, after = pattern.rpartition("/")[2].rpartition("*")
                last = PurePosixPath(name).name
                return target, side, last[len(before) : len(last) - len(after)]
    return None


def _small(name: str, source: Reading, size: tuple[int, int], *, nearest: bool) -> Image.Image:
    """The picture at `size`. Labels are not interpolated: colours would arise that stand for no class."""
    from io import BytesIO

    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(BytesIO(source.read())) as image:
            return image.convert("RGB").resize(size, Image.Resampling.NEAREST if nearest else Image.Resampling.BICUBIC)
    except (UnidentifiedImageError, OSError, Image.DecompressionBombError) as error:
        raise UserError(f"can't be read: {error}", where=name, expected="a picture") from None
