"""Held-out pictures that were trained on: the same file, re-encoded, resized or mirrored."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from translate.data.images import Unreadable, decode, resize
from translate.data.layouts import Dataset, Picture
from translate.diagnosis import Finding
from translate.diagnosis.thumbnails import mirrored, thumbnails
from translate.domain import Domain

MOST_HELD_OUT, MOST_TRAINED_ON = 2000, 20_000
"""Pictures looked at, evenly spaced: decoding takes time, comparing memory."""
ALIKE = 0.93
"""Correlation of thumbnails from which on a pair is looked at closely."""
SAME_DETAIL, SAME_COLOURS = 0.7, 0.975
"""Correlations of two pictures from which on they are one: of what a blur takes away, which other pictures of a like
scene do not share, and of the colours, which drawn scenes of one layout do not share."""
CLOSE_SIDE = 128
FLAT = 2.0
"""Standard deviation in grey levels below which a picture shows nothing that could be compared."""
CHUNK = 512
SHOWN = 20

Floats = NDArray[np.float32]


def leak(dataset: Dataset) -> list[Finding]:
    """Pictures of val and test that are a training picture, also re-encoded, resized, or turned left to right: by
    correlation of thumbnails, and then of fine detail and of colours."""
    trained = _pictures(dataset, ["train"], MOST_TRAINED_ON)
    held = _pictures(dataset, [name for name in dataset.splits if name != "train"], MOST_HELD_OUT)
    if not trained or not held:
        return []
    theirs, ours = _look(trained), _look(held)
    if not theirs or not ours:
        return []
    copies = []
    for picture, candidates in _candidates(ours, theirs):
        for other in candidates:
            if _same(picture, other):
                copies.append((picture, other))
                break
    if not copies:
        return []
    examples = [
        {"file": _name(copy, dataset.root), "same_as": _name(original, dataset.root)} for copy, original in copies
    ]
    share = len(copies) / len(ours)
    message = (
        f"{len(copies)} of {len(ours)} held-out pictures ({100 * share:.1f}%) were trained on, perhaps re-encoded, "
        f"resized or mirrored, such as {examples[0]['file']} = {examples[0]['same_as']}: scores on them flatter."
    )
    advice = (
        "move or delete those held-out pictures (`translate check DIR` lists them, up to 20), then evaluate again. "
        "Pictures of one scene, patient or film belong into one split."
    )
    evidence = {"copies": len(copies), "held_out": len(ours), "trained_on": len(theirs), "share": share}
    return [Finding("leak", "error", message, advice, evidence | {"examples": examples[:SHOWN]})]


def _pictures(dataset: Dataset, splits: Iterable[str], most: int) -> list[Picture]:
    sides = [dataset.splits[name].of(domain) for name in splits if name in dataset.splits for domain in Domain]
    starts = list(accumulate(map(len, sides), initial=0))
    total = starts[-1]
    chosen = range(total) if total <= most else [i * total // most for i in range(most)]
    found = []
    for place in chosen:  # picked before they are looked up: a table may hold millions
        side = bisect_right(starts, place) - 1
        found.append(sides[side][place - starts[side]])
    return list(dict.fromkeys(found))


def _look(pictures: list[Picture]) -> list[tuple[Picture, NDArray[np.float32]]]:
    """Thumbnails of the pictures that can be read and show something."""
    with ThreadPoolExecutor(min(8, (os.cpu_count() or 1) + 1)) as pool:
        seen = pool.map(_thumbnail, pictures)
        return [(picture, small) for picture, small in zip(pictures, seen, strict=True) if small is not None]


def _thumbnail(picture: Picture) -> NDArray[np.float32] | None:
    try:
        small = thumbnails(decode(picture, channels=3)[None])[0]
    except Unreadable:  # `translate check` names those
        return None
    return small if small.std() > FLAT else None


Looked = list[tuple[Picture, Floats]]


def _candidates(ours: Looked, theirs: Looked) -> Iterable[tuple[Picture, list[Picture]]]:
    """Each held-out picture with the training pictures that look like it, the likest first."""
    known = _unit(np.stack([small for _, small in theirs]))
    for first in range(0, len(ours), CHUNK):
        part = np.stack([small for _, small in ours[first : first + CHUNK]])
        alike = np.maximum(_unit(part) @ known.T, _unit(mirrored(part)) @ known.T)
        for row, (picture, _) in zip(alike, ours[first : first + CHUNK], strict=True):
            best = np.flatnonzero(row > ALIKE)
            if len(best):
                yield picture, [theirs[i][0] for i in best[np.argsort(-row[best])][:3]]


def _unit(vectors: Floats) -> Floats:
    own = vectors - vectors.mean(axis=1, keepdims=True)
    return np.asarray(own / np.linalg.norm(own, axis=1, keepdims=True))


def _same(one: Picture, other: Picture) -> bool:
    first, second = (decode(picture, channels=3) for picture in (one, other))
    size = tuple(min(CLOSE_SIDE, *sides) for sides in zip(first.shape[:2], second.shape[:2], strict=True))
    ours, theirs = (resize(pixels, (size[0], size[1])).astype(np.float32) for pixels in (first, second))
    return any(
        _correlation(_fine(ours), _fine(turned)) > SAME_DETAIL
        and _correlation(_halved(ours), _halved(turned)) > SAME_COLOURS
        for turned in (theirs, theirs[:, ::-1])
    )


def _halved(pixels: Floats) -> Floats:
    """[H, W, 3] at half the size, which is how JPEG keeps colours."""
    height, width = (side // 2 * 2 for side in pixels.shape[:2])
    return pixels[:height, :width].reshape(height // 2, 2, width // 2, 2, 3).mean(axis=(1, 3))


def _fine(pixels: Floats) -> Floats:
    """What a blur takes away from [H, W, 3]."""
    height, width = pixels.shape[:2]
    padded = np.pad(pixels, [(1, 1), (1, 1), (0, 0)], mode="edge")
    return (
        pixels - sum(padded[row : row + height, column : column + width] for row in range(3) for column in range(3)) / 9
    )


def _correlation(ours: Floats, theirs: Floats) -> float:
    """Of all values, each channel's mean taken off: a cast of colour makes no other picture."""
    one, two = (pixels - pixels.mean(axis=(0, 1)) for pixels in (ours, theirs))
    return float((one * two).sum() / max(float(np.linalg.norm(one) * np.linalg.norm(two)), 1e-6))


def _name(picture: Picture, root: Path) -> str:
    relative = Path(os.path.relpath(picture.path, root)).as_posix()
    return relative if picture.half is None else f"{relative} ({picture.half} half)"
