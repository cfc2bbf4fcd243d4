"""The weighted sum of terms that two players pull at; it names no term."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from torch import Tensor, nn

from translate.translations import Translations

Weight = float | Sequence[tuple[float, float]]


class Player(StrEnum):
    """Who moves: generators make images, discriminators judge them."""

    GENERATOR = "generator"
    DISCRIMINATOR = "discriminator"

    @property
    def opponent(self) -> Player:
        """The other player."""
        return Player.DISCRIMINATOR if self is Player.GENERATOR else Player.GENERATOR


@dataclass(frozen=True)
class Loss:
    """An unweighted scalar, which is what is logged, and its weight, which is the objective's.

    `paired`: it is a mean over the batch's paired rows alone, not over all.
    """

    value: Tensor
    weight: float
    paired: bool = False

    @property
    def weighted(self) -> Tensor:
        """The scalar that is differentiated."""
        return self.value * self.weight


def weight_at(weight: Weight, progress: float) -> float:
    """A constant weight, or one linear between [progress, weight] points; progress in [0, 1]."""
    if isinstance(weight, int | float):
        return float(weight)
    (before, low), *rest = sorted(weight, key=lambda point: point[0])  # equal points keep their order: a jump
    for after, high in rest:
        if progress < after:
            share = (progress - before) / (after - before) if progress > before else 0.0
            return low + (high - low) * share
        before, low = after, high
    return low


class Objective(nn.Module):
    """Terms by name with their weights; its own parameters (heads of terms) learn with the generators.

    A term that is `every` k steps is computed in each k-th alone, and weighs k times as much there: lazy
    regularisation (Karras et al. 2020, section 3.1).
    """

    def __init__(
        self,
        terms: Mapping[str, nn.Module],
        weights: Mapping[str, Weight],
        every: Mapping[str, int] | None = None,
    ) -> None:
        super().__init__()
        self.terms = nn.ModuleDict(terms)
        self.weights, self.every = dict(weights), dict(every or {})

    def forward(self, player: Player, x: Translations, step: int = 0) -> dict[str, Loss]:
        """{"term/domain": Loss} of `player` in a step; an adversarial term speaks to both."""
        losses: dict[str, Loss] = {}
        speakers = [
            (name, term, weight, getattr(term, f"for_{player}"))
            for name, term in self.terms.items()
            if hasattr(term, f"for_{player}")
            and (weight := weight_at(self.weights[name], x.progress)) != 0
            and step % self.every.get(name, 1) == 0
        ]
        x.expected = frozenset(kind for _, term, _, _ in speakers for kind in getattr(term, "asks", ()))
        for name, term, weight, speak in speakers:
            every = self.every.get(name, 1)
            # A discriminator's task is its game, so a weight of that would only rescale its learning rate; a term
            # that speaks to the discriminator alone regularises it, and counts as much as it weighs.
            weight = 1.0 if player is Player.DISCRIMINATOR and hasattr(term, "for_generator") else weight * every
            label, paired = name if player is Player.GENERATOR else f"{name}/discriminator", _over_pairs(term, x)
            losses |= {f"{label}/{domain}": Loss(value, weight, paired) for domain, value in speak(x).items()}
        return losses


def _over_pairs(term: nn.Module, x: Translations) -> bool:
    """Whether a term's mean is over paired rows alone."""
    needs = getattr(term, "needs", ())
    beside = x.stochastic and "pairs" in getattr(term, "needs_beside_images", ())
    # A conditional discriminator judges paired rows, whichever term asks it.
    judged = "discriminator" in needs or hasattr(term, "for_discriminator")
    return "pairs" in needs or beside or (x.conditional and judged)
