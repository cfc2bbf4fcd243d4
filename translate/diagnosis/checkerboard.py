"""A regular pattern of two or four pixels over the outputs (Odena et al. 2016)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from translate.diagnosis import ENOUGH, Finding, Seen
from translate.diagnosis.luma import luma

COMPARED, PIXELS = 128, 2**23
"""Images looked at, at most, and their pixels together."""
VISIBLE = 1.5
"""Grey levels (root mean square) from which on a pattern is one."""
ABOVE = 10.0
"""Decibels that a peak stands above its surroundings, at least, and ..."""
BEYOND = 9.0
"""... above the same peak of the real images."""
SMALLEST = 32


def checkerboard(seen: Seen, seed: int) -> list[Finding]:
    """Peaks of the mean power spectrum at 1/2 and 1/4 of the sampling frequency, along the axes and between them, over
    their surroundings; the same peaks of held-out images (JPEG blocks, halftones, weaves) are taken off."""
    height, width = seen.outputs.shape[1:3]
    if min(height, width) < SMALLEST or min(len(seen.outputs), len(seen.reals)) < ENOUGH:
        return []
    count = min(COMPARED, max(ENOUGH, PIXELS // (height * width)))
    ours, theirs = (_spectrum(images[:count]) for images in (seen.outputs, seen.reals))
    found = []
    for period, place in _places():
        above, level = _peak(ours, place)
        usual, _ = _peak(theirs, place)
        if level > VISIBLE and above > ABOVE and above - max(usual, 0) > BEYOND:
            found.append((level, period, above, usual))
    if not found:
        return []
    level, period, above, usual = max(found)
    evidence = {"period": period, "grey_levels": level, "decibels": above, "decibels_of_reals": usual}
    evidence |= {"peaks": len(found), "images": min(len(seen.outputs), count)}
    message = (
        f"A checkerboard lies over the outputs: a pattern that repeats every {period} pixels, {level:.1f} grey levels "
        f"strong (its peak in the spectrum stands {above:.0f} dB above its surroundings; in held-out images "
        f"{max(usual, 0):.0f} dB)."
    )
    advice = (
        "a generator that doubles sizes without transposed convolutions: the preset stylegan2 or r3gan; more training "
        "fades it too."
        if seen.inputs is None
        else "a generator that doubles sizes without transposed convolutions: --set networks.generator=fast, or "
        "--set networks.generator.upsample=resize (resnet, unet), or --set networks.generator.antialias=true (resnet); "
        "more training fades it too."
    )
    return [Finding("checkerboard", "warning", message, advice, evidence)]


def _spectrum(images: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Mean power [H, W] of the luma under a Hann window, so that a pattern's variance is the sum around its peak."""
    light = luma(images)
    height, width = light.shape[1:]
    window = np.hanning(height + 1)[:-1, None] * np.hanning(width + 1)[:-1]
    light = (light - light.mean(axis=(1, 2), keepdims=True)) * window
    power = np.square(np.abs(np.fft.fft2(light))).mean(axis=0)
    return np.asarray(power / (height * width * np.square(window).sum()))


def _places() -> list[tuple[int, tuple[float, float]]]:
    """Periods in pixels and frequencies (down, across) in cycles a pixel; half of the plane, as the rest mirrors it."""
    quarter = [(0.0, 0.25), (0.25, 0.0), (0.25, 0.25), (0.25, -0.25), (0.5, 0.25), (0.25, 0.5)]
    return [(2, (0.0, 0.5)), (2, (0.5, 0.0)), (2, (0.5, 0.5))] + [(4, place) for place in quarter]


def _peak(spectrum: NDArray[np.float64], place: tuple[float, float]) -> tuple[float, float]:
    """How far the peak stands above the median of its surroundings, in dB, and its strength in grey levels."""
    height, width = spectrum.shape
    row, column = round(place[0] * height), round(place[1] * width)
    reach = max(1, min(height, width) // 64)  # what follows the content of the image is no sharp line
    near = np.arange(-5 * reach, 5 * reach + 1)
    around = spectrum[np.ix_((row + near) % height, (column + near) % width)]
    distance = np.maximum(np.abs(near)[:, None], np.abs(near))
    inside, background = around[distance <= reach], float(np.median(around[distance >= 3 * reach]))
    # Frequencies that are not their own mirror image have half of their power there.
    mirrored = 1 if all(frequency % 0.5 == 0 for frequency in place) else 2
    excess = max(0.0, float(inside.sum()) - inside.size * background) * mirrored
    return 10 * float(np.log10((inside.max() + 1e-12) / (background + 1e-12))), excess**0.5
