"""Sliced Wasserstein distance between patches of two sets of images, on each level of a Laplacian pyramid."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b
from statistics import fmean
from typing import Any

import numpy as np
from numpy.typing import NDArray

from translate.errors import UserError
from translate.seeds import seed_of

PATCH = 7
PATCHES = 128
"""Of each image on each level."""
DIRECTIONS = 512
"""Random projections: 4 times 128 in the paper, whose mean is the mean over all of them."""
SMALLEST = 16
"""Pixels of the shorter side on the last level."""
LARGEST = 4096
"""At most so many images of a set are looked at, so that memory is bounded: about 1 GB for RGB."""

_TAPS = np.array([1, 4, 6, 4, 1], np.float32) / 16
_IMAGES_AT_ONCE, _DIRECTIONS_AT_ONCE = 32, 64

Levels = NDArray[np.float32]


def swd(fake: NDArray[np.uint8], real: NDArray[np.uint8], seed: int = 0) -> dict[str, float]:
    """Distance times 10^3 of two sets uint8 [N, H, W, C]: "swd_64", "swd_32", "swd_16" (the shorter side of a level, in
    pixels; the first is the finest) and "swd", their mean. 0 for equal sets; Karras et al. 2018, section 5.

    128 patches of 7x7 pixels an image and level, normalised over the set in each channel, projected on random
    directions; the mean |difference| of the sorted projections. Of the larger set as many images count as the smaller
    has. Where an image's patches lie follows from the seed and its pixels, so neither the sets' order nor that of the
    images in them matters, and equal sets score exactly 0. Raises UserError for images of different shapes, for ones
    below 16 pixels and for an empty set.
    """
    if not len(fake) or not len(real) or fake.shape[1:] != real.shape[1:]:
        shapes = " and ".join("x".join(map(str, images.shape)) for images in (fake, real))
        raise UserError(f"SWD compares sets of images of one shape, these are {shapes} (N x H x W x C)")
    height, width = fake.shape[1:3]
    if min(height, width) < SMALLEST:
        raise UserError(f"SWD needs images of {SMALLEST}x{SMALLEST} pixels or more, these have {height}x{width}")
    count = min(len(fake), len(real), LARGEST)
    ours: NDArray[Any]
    theirs: NDArray[Any]
    (ours, our_digests), (theirs, their_digests) = _chosen(fake, count), _chosen(real, count)
    found: dict[str, float] = {}
    while True:
        side = min(ours.shape[1:3])
        last = (side + 1) // 2 < SMALLEST
        coarser = (None, None) if last else (_reduced(ours), _reduced(theirs))
        one = _patches(ours, coarser[0], our_digests, seed)
        two = _patches(theirs, coarser[1], their_digests, seed)
        found[f"swd_{side}"] = 1e3 * _distance(one, two, seed, side)
        if coarser[0] is None or coarser[1] is None:
            return {"swd": fmean(found.values()), **found}
        del one, two  # the next level's take their place
        ours, theirs = coarser


def _chosen(images: NDArray[np.uint8], count: int) -> tuple[NDArray[np.uint8], list[str]]:
    """`count` images that do not depend on their order, and what stands for the content of each."""
    digests = [blake2b(image.tobytes(), digest_size=16).hexdigest() for image in images]
    order = sorted(range(len(images)), key=digests.__getitem__)[:count]
    return images[order], [digests[i] for i in order]


def _reduced(images: NDArray[Any]) -> Levels:
    """The next coarser images of a whole set, a part at a time."""
    height, width = images.shape[1:3]
    coarser = np.empty((len(images), (height + 1) // 2, (width + 1) // 2, images.shape[3]), np.float32)
    for part in _parts(images):
        coarser[part] = reduced(images[part].astype(np.float32))
    return coarser


def _patches(images: NDArray[Any], coarser: Levels | None, digests: list[str], seed: int) -> Levels:
    """Normalised patches [N * 128, 49 * C] of what `images` have and the `coarser` ones lack (a Laplacian pyramid,
    Burt and Adelson 1983); of the images themselves on the last level."""
    height, width, channels = images.shape[1:]
    patches = np.empty((len(images), PATCHES, PATCH, PATCH, channels), np.float32)
    for part in _parts(images):
        level = images[part].astype(np.float32)
        if coarser is not None:
            level -= expanded(coarser[part], (height, width))
        patches[part] = _cut(level, *positions(digests[part], (height, width), seed))
    return _normalised(patches)


def _parts(images: NDArray[Any]) -> Iterator[slice]:
    yield from (slice(first, first + _IMAGES_AT_ONCE) for first in range(0, len(images), _IMAGES_AT_ONCE))


def positions(digests: list[str], size: tuple[int, int], seed: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Top rows and left columns [N, 128] of the patches in images of `size`, from the images' digests."""
    height, width = (side - PATCH + 1 for side in size)
    generators = [np.random.default_rng(seed_of("swd", seed, *size, digest)) for digest in digests]
    drawn = [(random.integers(0, height, PATCHES), random.integers(0, width, PATCHES)) for random in generators]
    return np.stack([rows for rows, _ in drawn]), np.stack([columns for _, columns in drawn])


def directions(dimension: int, seed: int, level: int) -> Levels:
    """Random unit vectors [512, dimension]."""
    drawn = np.random.default_rng(seed_of("swd", seed, "directions", level)).standard_normal((DIRECTIONS, dimension))
    return (drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).astype(np.float32)


def reduced(images: Levels) -> Levels:
    """[N, H, W, C] blurred and halved, an odd side upwards; mirrored at the border without repeating it."""
    return _blurred(images)[:, ::2, ::2]


def expanded(images: Levels, size: tuple[int, int]) -> Levels:
    """[N, h, w, C] doubled to `size`: zeros between the pixels, then a blur that keeps the brightness."""
    wide = np.zeros((len(images), *size, images.shape[3]), np.float32)
    wide[:, ::2, ::2] = images
    return 4 * _blurred(wide)


def _blurred(images: Levels) -> Levels:
    height, width = images.shape[1:3]
    padded = np.pad(images, [(0, 0), (2, 2), (2, 2), (0, 0)], mode="reflect")
    rows = np.zeros_like(padded[:, :height])
    for tap, weight in enumerate(_TAPS):
        rows += weight * padded[:, tap : tap + height]
    blurred = np.zeros_like(images)
    for tap, weight in enumerate(_TAPS):
        blurred += weight * rows[:, :, tap : tap + width]
    return blurred


def _cut(images: Levels, rows: NDArray[Any], columns: NDArray[Any]) -> Levels:
    """Patches [N, P, 7, 7, C] whose first pixels are at `rows` and `columns` [N, P]."""
    reach = np.arange(PATCH)
    image = np.arange(len(images))[:, None, None, None]
    return images[image, rows[..., None, None] + reach[:, None], columns[..., None, None] + reach]


def _normalised(patches: Levels) -> Levels:
    """Patches [N, P, 7, 7, C] as [N * P, 49 * C], in each channel of mean 0 and standard deviation 1 over the set."""
    channels = patches.shape[-1]
    values = patches.reshape(len(patches), -1)
    # Part by part: sums in float64 of a whole set at once would take twice the memory of the set. Image by row, as
    # loops over three channels are slow.
    total = sum(values[part].astype(np.float64).sum(axis=0) for part in _parts(values))
    centres = _each_channel(total / len(values), channels)
    squares = sum(np.square(values[part] - centres).sum(axis=0) for part in _parts(values))
    deviation = np.sqrt(_each_channel(squares / len(values), channels))
    values -= centres.astype(np.float32)
    # A flat channel has nothing to compare.
    values /= np.where(deviation > 1e-6, deviation, 1).astype(np.float32)
    return patches.reshape(-1, PATCH * PATCH * channels)


def _each_channel(values: NDArray[Any], channels: int) -> NDArray[np.float64]:
    """Means over all pixels of a channel, at each of the pixels; both [pixels * C]."""
    return np.resize(values.reshape(-1, channels).mean(axis=0), len(values))


def _distance(ours: Levels, theirs: Levels, seed: int, level: int) -> float:
    """Mean over the directions of the one-dimensional Wasserstein-1 distance of two sets of equally many points."""
    total = 0.0
    drawn = directions(ours.shape[1], seed, level)
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # sorting, which takes the time, lets other threads run
        for first in range(0, DIRECTIONS, _DIRECTIONS_AT_ONCE):
            part = drawn[first : first + _DIRECTIONS_AT_ONCE]
            total += sum(pool.map(_apart, part @ ours.T, part @ theirs.T))
    return total / DIRECTIONS


def _apart(one: Levels, two: Levels) -> float:
    """Mean |difference| of two projections [M], sorted in place."""
    one.sort()
    two.sort()
    one -= two
    return float(np.abs(one, out=one).mean(dtype=np.float64))
