"""A game that one side has won, so that the other learns nothing any more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from translate.diagnosis import Finding

ROWS = 15
"""Rows of the log before which nothing is said; the last third of all, TAIL at least, is what counts."""
TAIL = 10
STEPS = 200
"""And that many steps must be done before the stretch that counts begins."""
RIGHT = 0.99
"""Separation from which on a discriminator is always right. Healthy games of images may stay there for long."""
MOSTLY = 0.8
"""Share of the stretch that must be so."""
SURE = 0.01
"""Loss of a discriminator that is not only right, but sure: in healthy games it is mostly above 0.03."""
DEAD = 0.01
"""Generator's gradient norm, as a share of that of the beginning, that is as good as none."""
FAR = 3.0
"""Outputs at so many times the distance of real images are far from real."""
SCORES = 4
STANDING = 0.95
"""Scores of which the latest best is no better than this share of the best before stand still."""
WRONG, EVEN = 0.45, 0.05

Rows = Sequence[Mapping[str, float]]


def discriminator_won(rows: Rows) -> list[Finding]:
    """Real and fake told apart without an error over the last third of the log, and one more sign that the generator
    gets nothing out of it: the discriminator's loss is next to 0, the generator's gradient has died, or the held-out
    scores stand still, far from real images. Being always right alone is no finding: many healthy games are so."""
    findings = []
    for domain in "ab":
        tail = _tail(rows, domain)
        right = [row[f"separation/{domain}"] for row in tail]
        if not tail or median(right) < RIGHT or sum(value >= RIGHT for value in right) < MOSTLY * len(right):
            continue
        signs = _sure(tail, domain) or _dead(rows, tail) or _stuck(rows, tail, domain)
        if signs is None:
            continue
        what, evidence = signs
        message = (
            f"The discriminator of {domain.upper()} has won: since step {int(tail[0]['step']):,} it has told real from "
            f"fake without an error (separation {median(right):.3f}; 0.5 is undecided), and {what}."
        )
        advice = (
            f"a weaker or smoother discriminator: --set training.discriminator_learning_rate={_rate(tail) / 4:.2g} (a "
            "quarter), --set 'objective.r1={term: gradient_penalty, at: real, weight: 0.1}', --set judging.noise=0.1, "
            "or a game whose gradient does not die: --set objective.adversarial.game=relativistic "
            "(docs/objectives.md)."
        )
        about: dict[str, Any] = {"domain": domain, "separation": median(right), "since_step": int(tail[0]["step"])}
        findings.append(Finding("discriminator_won", "warning", message, advice, about | evidence))
    return findings


def discriminator_lost(rows: Rows) -> list[Finding]:
    """Fakes taken for more real than the real images over the last third of the log; or undecided all along, while
    held-out scores stand still, far from real images. Undecided alone is what a finished game looks like."""
    findings = []
    for domain in "ab":
        tail = _tail(rows, domain)
        right = [row[f"separation/{domain}"] for row in tail]
        if not tail:
            continue
        wrong = median(right) < WRONG and sum(value < 0.5 for value in right) >= MOSTLY * len(right)
        even = sum(abs(value - 0.5) < EVEN for value in right) >= MOSTLY * len(right)
        evidence: dict[str, Any] = {"domain": domain, "separation": median(right), "since_step": int(tail[0]["step"])}
        said = f"The discriminator of {domain.upper()} has lost: since step {int(tail[0]['step']):,} it "
        if wrong:
            said += (
                f"has taken fakes for real rather than real images (separation {median(right):.2f}; 0.5 is a guess)."
            )
        elif even and (stuck := _stuck(rows, tail, domain)):
            what, more = stuck
            evidence |= more
            said += f"has only guessed (separation {median(right):.2f}; 0.5 is a guess), and {what}."
        else:
            continue
        advice = (
            f"a stronger discriminator: --set training.discriminator_learning_rate={2 * _rate(tail):.2g} (twice), "
            "--set training.discriminator_steps=2, a larger networks.discriminator.width; less judging.noise, a "
            "smaller weight of its gradient penalty, and no training.weight_clip that is too tight."
        )
        findings.append(Finding("discriminator_lost", "warning", said, advice, evidence))
    return findings


def _tail(rows: Rows, domain: str) -> Rows:
    """The last third of the rows that say how well this discriminator separates; none in the first steps."""
    told = [row for row in rows if f"separation/{domain}" in row]
    if len(told) < ROWS:
        return []
    tail = told[-max(TAIL, len(told) // 3) :]
    return tail if tail[0]["step"] >= STEPS else []


def _sure(tail: Rows, domain: str) -> tuple[str, dict[str, float]] | None:
    # A term that speaks to both players is a game; penalties speak to the discriminator alone.
    games = [
        key
        for key in tail[-1]
        if key.endswith(f"/discriminator/{domain}") and key.replace("/discriminator", "") in tail[-1]
    ]
    losses = [sum(abs(row[key]) for key in games) for row in tail if games and all(key in row for key in games)]
    if len(losses) < TAIL or median(losses) > SURE or sum(loss <= 5 * SURE for loss in losses) < MOSTLY * len(losses):
        return None
    return f"it is so sure that its loss is {median(losses):.2g}", {"discriminator_loss": median(losses)}


def _dead(rows: Rows, tail: Rows) -> tuple[str, dict[str, float]] | None:
    key = "grad_norm/generator"
    before = [row[key] for row in rows[:TAIL] if row.get(key, 0) > 0]
    now = [row[key] for row in tail if key in row]
    if len(before) < 3 or len(now) < 3 or not median(now) < DEAD * median(before):
        return None
    what = f"the generator's gradient has died (norm {median(now):.2g}, {median(before):.2g} in the beginning)"
    return what, {"gradient": median(now), "gradient_at_first": median(before)}


def _stuck(rows: Rows, tail: Rows, domain: str) -> tuple[str, dict[str, float]] | None:
    """Whether held-out scores, which may stand in rows of their own, are FAR from real images and no longer fall."""
    for direction in (f"{'a' if domain == 'b' else 'b'}2{domain}", "sample"):
        name, floor_name = f"score/{direction}/swd", f"floor/{direction}/swd"
        scored = [row for row in rows if name in row]
        floors = [row[floor_name] for row in scored if row.get(floor_name, 0) > 0]
        earlier = [row[name] for row in scored if row["step"] < tail[0]["step"]]
        late = [row[name] for row in scored if row["step"] >= tail[0]["step"]]
        if not floors or not late or len(earlier) < 2 or len(scored) < SCORES:
            continue
        if late[-1] < FAR * floors[-1] or min(late) < STANDING * min(earlier):
            continue
        what = f"the outputs no longer come nearer to real images (SWD {late[-1]:.0f}, of real images {floors[-1]:.0f})"
        return what, {"score": late[-1], "floor": floors[-1]}
    return None


def _rate(tail: Rows) -> float:
    return max((row.get("learning_rate/discriminator", 0.0) for row in tail), default=0.0) or 2e-4
