"""A generator that does nothing."""

from __future__ import annotations

import numpy as np

from translate.diagnosis import ENOUGH, Finding, Seen

OF_THE_WAY = 0.25
"""Change below this share of the change to the truth is next to nothing, where there are pairs."""
OF_THE_CONTRAST = 0.1
"""And without pairs below this share of the inputs' own standard deviation."""
NO_NEARER = 0.8
"""Outputs at more than this share of the inputs' distance from the target domain are no nearer to it."""
APART = 1.5
"""Domains differ if inputs are so many times as far from the target domain as its own images."""
COMPARED, PIXELS = 32, 2**22
"""Images whose distance to the target domain is taken, and pixels, of all images together, whose change is."""


def identity_shortcut(seen: Seen, seed: int) -> list[Finding]:
    """Outputs that hardly differ from their inputs, in domains that do differ (by sliced Wasserstein distance, against
    the target domain's own two halves), and that are hardly nearer to the target domain."""
    from translate.metrics.swd import swd

    if seen.inputs is None or min(len(seen.outputs), len(seen.reals) // 2) < ENOUGH:
        return []
    height, width = seen.outputs.shape[1:3]
    rows = min(len(seen.outputs), max(ENOUGH, PIXELS // (height * width)))
    given, made = (images[:rows].astype(np.float32) for images in (seen.shown, seen.outputs))
    change, contrast = float(np.abs(made - given).mean()), float(given.std())
    wanted = None if seen.truths is None else float(np.abs(seen.truths[:rows].astype(np.float32) - given).mean())
    if change > (OF_THE_CONTRAST * contrast if wanted is None else OF_THE_WAY * wanted):
        return []
    count = min(COMPARED, len(seen.outputs), len(seen.reals) // 2)
    target, others = seen.reals[:count], seen.reals[-count:]
    floor, before, after = (swd(x, target, seed)["swd"] for x in (others, seen.shown[:count], seen.outputs[:count]))
    if before < APART * floor or after < NO_NEARER * before:
        return []
    evidence = {"images": rows, "change": change, "wanted_change": wanted, "contrast": contrast}
    evidence |= {"swd_inputs": before, "swd_outputs": after, "swd_reals": floor}
    message = (
        f"The generator hardly does anything: outputs differ from their inputs by {change:.1f} grey levels on average"
        + (f", the truths by {wanted:.1f}" if wanted is not None else "")
        + f", and are hardly nearer to the target domain (SWD {after:.0f}, inputs {before:.0f}, its own images "
        f"{floor:.0f})."
    )
    advice = (
        "first of all more training, if it was short (the same command with more --minutes goes on); then loosen what "
        "rewards doing nothing: a smaller objective.cycle.weight and objective.identity.weight, or a larger "
        "objective.adversarial.weight."
    )
    return [Finding("identity_shortcut", "error", message, advice, evidence)]
