"""Arithmetic that has broken down, or is about to."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import median, quantiles

from translate.diagnosis import Finding

LATEST = 3
"""Rows at the end of the log in which a value must be no number, since one bad step may be survived."""
BEFORE, NOW = 15, 5
"""Rows of a gradient norm before the latest, and the latest, that are needed to tell."""
FAR_OUT = 1e4
"""An adversarial loss that no healthy game has: a Wasserstein critic's, which has no upper end, stayed below 100."""
EXPLODED, EXPLODED_AT_ONCE = 100.0, 1000.0
"""So many times the usual norm; or so many times that of the first FIRST rows, since some games explode at once."""
FIRST = 3

Rows = Sequence[Mapping[str, float]]


def not_a_number(rows: Rows) -> list[Finding]:
    """Losses or gradient norms that are infinite or no number in the latest rows. Nothing learns from there on."""
    if back := [row for row in rows if "lowered" in row]:
        return [_went_back(back[-1])]
    told = [row for row in rows if any(_watched(key) for key in row)]
    broken = sorted({key for row in told[-LATEST:] for key, value in row.items() if _broken(key, value)})
    if not broken:
        return []
    since = len(told)
    while since and any(_broken(key, value) for key, value in told[since - 1].items()):
        since -= 1
    if len(told) - since < min(LATEST, len(told)) and len(told) > LATEST:
        return []
    step = int(told[since]["step"]) if since < len(told) else int(told[-1]["step"])
    before = int(told[since - 1]["step"]) if since else 0
    message = (
        f"The training has broken down: {', '.join(broken[:3])}{' and others' if len(broken) > 3 else ''} "
        f"{'is' if len(broken) == 1 else 'are'} no number since step {step:,}; what comes after is lost."
    )
    again = f"or from a checkpoint of step {before:,} or before, " if before else ""
    advice = (
        f"begin again (another --out), {again}with a lower training.learning_rate, --set training.clip=1, and "
        "--set training.precision=fp32 if it was bf16."
    )
    return [Finding("not_a_number", "error", message, advice, {"names": broken, "since_step": step})]


def _went_back(row: Mapping[str, float]) -> Finding:
    """Of a training that lost its numbers, and went back to its last checkpoint with half the rates."""
    times, step = int(row["lowered"]), int(row["lowered/at"])
    message = (
        f"Losses or weights were no numbers at step {step:,}: the training went back to step {int(row['step']):,}, and "
        f"its learning rates have been halved {'once' if times == 1 else f'{times} times'} for that."
    )
    advice = (
        "begin again (another --out) with a lower training.learning_rate, --set training.clip=1, and "
        "--set training.precision=fp32 if it was bf16 or fp16."
    )
    return Finding("not_a_number", "error", message, advice, {"since_step": step, "times": times})


def exploding_gradients(rows: Rows) -> list[Finding]:
    """A gradient norm that has been 100 times its usual value, or more, in all of the latest rows; one spike is no
    finding. Usual is the lower quartile of the earlier rows, so that it is remembered after a long explosion."""
    findings = []
    for player in ("generator", "discriminator"):
        key = f"grad_norm/{player}"
        told = [(row["step"], row[key]) for row in rows if row.get(key, 0) > 0 and math.isfinite(row[key])]
        if len(told) < BEFORE + NOW:
            continue
        earlier, now = [norm for _, norm in told[:-NOW]], [norm for _, norm in told[-NOW:]]
        usual, times = quantiles(earlier, n=4)[0], EXPLODED
        if min(now) < times * usual:
            usual, times = median(earlier[:FIRST]), EXPLODED_AT_ONCE
        if min(now) < times * usual:
            continue
        since = len(told) - NOW
        while since and told[since - 1][1] >= times * usual:
            since -= 1
        message = (
            f"The {player}'s gradients have exploded: since step {int(told[since][0]):,} their norm is about "
            f"{median(now):.3g}, and {usual:.3g} was usual."
        )
        rate = "discriminator_learning_rate" if player == "discriminator" else "learning_rate"
        advice = (
            f"--set training.clip={float(f'{10 * usual:.1g}'):g} (ten times the usual norm), a lower training.{rate}, "
            "or --set training.warmup=0.05; for a discriminator also a gradient penalty: --set "
            "'objective.r1={term: gradient_penalty, at: real, weight: 0.1}'."
        )
        evidence = {"player": player, "norm": median(now), "usual_norm": usual, "since_step": int(told[since][0])}
        findings.append(Finding("exploding_gradients", "warning", message, advice, evidence))
    return findings or _out_of_range(rows)


def _out_of_range(rows: Rows) -> list[Finding]:
    """A discriminator whose logits left all bounds before anything was usual: gradients may have died by then."""
    told = [(row, max((abs(v) for k, v in row.items() if k.startswith("loss/adversarial")), default=0)) for row in rows]
    judged = [(row["step"], value) for row, value in told if value > 0]
    if len(judged) < NOW or min(value for _, value in judged[-NOW:]) < FAR_OUT:
        return []
    value = median(value for _, value in judged[-NOW:])
    message = (
        f"The game has left all bounds: the adversarial loss is about {value:.2g}, where healthy ones stay below "
        "some hundreds. Weights this large saturate, and learn no more."
    )
    advice = (
        "begin again (another --out) with a lower --set training.learning_rate (0.0002 is common, 0.001 is much), and "
        "--set training.clip=1."
    )
    return [Finding("exploding_gradients", "warning", message, advice, {"adversarial_loss": value})]


def _watched(key: str) -> bool:
    return key.startswith(("loss/", "grad_norm/"))


def _broken(key: str, value: float) -> bool:
    return _watched(key) and not math.isfinite(value)
