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
    """Terms by name with their weights; its own parameters (heads of terms) learn with the generators."""

    def __init__(self, terms: Mapping[str, nn.Module], weights: Mapping[str, Weight]) -> None:
        super().__init__()
        self.terms = nn.ModuleDict(terms)
        self.weights = dict(weights)

    def forward(self, player: Player, x: Translations, progress: float) -> dict[str, Loss]:
        """{"term/domain": Loss} of `player`; an adversarial term speaks to both."""
        losses: dict[str, Loss] = {}
        for name, term in self.terms.items():
            weight = weight_at(self.weights[name], progress)
            speak = getattr(term, f"for_{player}", None)
            if speak is None or weight == 0:
                continue
            # A discriminator has no other task than its game, so a weight would only rescale its learning rate.
            weight = weight if player is Player.GENERATOR else 1.0
            paired = "pairs" in getattr(term, "needs", ()) or (x.conditional and hasattr(term, "for_discriminator"))
            label = name if player is Player.GENERATOR else f"{name}/discriminator"
            losses |= {f"{label}/{domain}": Loss(value, weight, paired) for domain, value in speak(x).items()}
        return losses
