"""The input written into the output where nobody sees it: a CycleGAN as a steganographer (Chu et al. 2017)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from translate.diagnosis import Finding, Seen

FEWEST, MOST = 8, 32
PIXELS = 2**20
"""Images are looked at until they have so many pixels together, but FEWEST at least: networks are slow."""
NOISE = 3.0
"""Standard deviation of the noise in grey levels: hardly visible."""
LOST = 0.25
"""Share of what an output tells of its input that must be gone in the noise."""
WORSE = 1.5
"""And the reconstruction's error must rise by this factor."""
AMPLIFIED = 2.0
"""And by more grey levels than this many times the noise."""


def hidden_information(seen: Seen, seed: int) -> list[Finding]:
    """Error of the way back from the exact outputs, from these in 8 bits, and from these under noise; measured against
    the error of the way back from another input's output, which tells nothing of the input."""
    if seen.inputs is None or seen.back is None or len(seen.outputs) < FEWEST:
        return []
    height, width = seen.outputs.shape[1:3]
    count = min(len(seen.outputs), MOST, max(FEWEST, PIXELS // (height * width)))
    given = seen.inputs[:count].astype(np.float32)
    exact = seen.exact[:count] if seen.exact is not None else seen.forth(given) if seen.forth else None
    if exact is None or not np.isfinite(exact).all():
        return []
    random = np.random.default_rng(seed)
    noisy = exact + random.normal(0, NOISE, exact.shape).astype(np.float32)
    returned = seen.back(exact)
    error = _error(returned, given)
    nothing = _error(np.roll(returned, 1, axis=0), given)
    rounded = _error(seen.back(np.clip(np.round(exact), 0, 255).astype(np.float32)), given)
    shaken = _error(seen.back(np.clip(noisy, 0, 255)), given)
    worst = max(rounded, shaken)
    lost = (worst - error) / max(nothing - error, 1e-6)
    evidence = {"images": count, "error": error, "error_in_8_bits": rounded, "error_in_noise": shaken}
    evidence |= {"noise": NOISE, "error_of_another": nothing, "lost": min(lost, 1.0)}
    if nothing < WORSE * error or lost < LOST or worst < WORSE * error or worst - error < AMPLIFIED * NOISE:
        return []
    if seen.reals is not None and len(seen.reals) >= count:
        real = seen.reals[:count].astype(np.float32)
        disturbed = np.clip(real + random.normal(0, NOISE, real.shape).astype(np.float32), 0, 255)
        evidence["change_of_reals_in_noise"] = _error(seen.back(disturbed), seen.back(real))
    how = (
        f"rounding it to 8 bits raises that to {rounded:.1f}"
        if rounded - error > (shaken - error) / 2
        else f"noise of {NOISE:.0f} grey levels on it raises that to {shaken:.1f}"
    )
    message = (
        f"The output carries its input in details too faint to see: the way back misses the input by {error:.1f} grey "
        f"levels, but {how} (an unrelated output gives {nothing:.1f}). So a good cycle says little here."
    )
    advice = (
        "a smaller objective.cycle.weight, so that not every detail has to come back; one direction alone, which "
        "needs no way back (the preset cut); or pairs where there are some: --set objective.supervised.weight=10."
    )
    return [Finding("hidden_information", "warning", message, advice, evidence)]


def _error(made: NDArray[np.float32], wanted: NDArray[np.float32]) -> float:
    return float(np.abs(made - wanted).mean())
