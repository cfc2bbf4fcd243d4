"""The adversarial term: it speaks to both players, so that the two sides of a game can't disagree."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn

from translate.domain import Batch, Domain
from translate.errors import UserError
from translate.terms.games import GAMES
from translate.terms.pool import ImagePool
from translate.translations import Networks, Translations


class Adversarial(nn.Module):
    """A game per judged domain, averaged over the discriminator's scales.

    `pool`: images of history (50 in CycleGAN). `smoothing` in [0, 0.5): real images are wanted as 1 - smoothing, in
    games with targets (0.1 in Salimans et al. 2016, section 3.4). `top_k` in (0, 1]: the generator learns only from
    this share of its fakes, those with the highest logits, rounded up (Sinha et al. 2020); the share falls from all,
    linearly over the first half of the training. `of`: the images that are judged, made from a latent or an input, or
    rebuilt from their own code (VAE-GAN, BicycleGAN).
    """

    needs: tuple[str, ...] = ("discriminator",)

    def __init__(
        self,
        *,
        game: Literal[
            "least_squares",
            "non_saturating",
            "minimax",
            "hinge",
            "wasserstein",
            "relativistic",
            "kl",
            "reverse_kl",
            "pearson",
            "squared_hellinger",
            "jensen_shannon",
            "total_variation",
        ] = "least_squares",
        pool: int = 0,
        smoothing: float = 0.0,
        top_k: float = 1.0,
        of: Literal["fake", "rebuilt"] = "fake",
    ) -> None:
        super().__init__()
        self.game, self.pool, self.top_k, self.of = GAMES[game], pool, top_k, of
        self.needs_beside_images = ("pairs",) if of == "rebuilt" else ()
        if not 0 <= smoothing < 0.5:
            raise _mistake(
                "smoothing", f"real images can't be wanted as {1 - smoothing:g}", "at least 0, less than 0.5"
            )
        if not 0 < top_k <= 1:
            raise _mistake("top_k", f"{top_k:g} is no share of the fakes", "more than 0, at most 1")
        if pool and self.game.relativistic:
            raise _mistake("pool", f'"{game}" compares each fake with its own real image, not older ones', "0")
        self.smoothing = smoothing
        if smoothing and self.game.smoothed is None:
            games = ", ".join(name for name, other in GAMES.items() if other.smoothed)
            raise _mistake("smoothing", f'"{game}" has no target to smooth', f"0, or one of the games {games}")
        self.pools = nn.ModuleDict({str(domain): ImagePool(pool) for domain in Domain})

    def prepare(self, networks: Networks, sample: Batch) -> None:
        """Refuses what the networks or the data can't meet, before the first step."""
        if self.of == "rebuilt" and not networks.encoder:
            raise _mistake("of", "images are rebuilt from what an encoder reads", "`networks.encoder`, or of: fake")
        self._refuse_pool(sample.labels)
        if getattr(networks.judging, "adaptive", False) and self.game.undecided is None:
            raise UserError(
                "adaptive augmentation listens to the sign of logits, of which only differences count in this game",
                where="judging.probability",
                expected="a number from 0 to 1, or another game",
            )

    def for_generator(self, x: Translations) -> dict[str, Tensor]:
        """How far each domain's fakes are from passing for real, by the domain judged."""
        losses: dict[str, Tensor] = {}
        for domain in x.judged:
            fake, real, inputs = self._pair(x, domain)
            if len(fake):
                players = [x.judge(domain, fake, inputs)]
                if self.game.relativistic:
                    with torch.no_grad():
                        players.append(x.judge(domain, real, inputs))
                best = self._best(players[0], x.progress)
                scales = zip(*players, strict=True)
                each = [self.game.generator(*(_rows(logits.float(), best) for logits in scale)) for scale in scales]
                losses[domain] = torch.stack(each).mean()
        return losses

    def for_discriminator(self, x: Translations) -> dict[str, Tensor]:
        """How badly each domain's discriminator tells fakes, perhaps older ones, from real images."""
        self._refuse_pool(x.labels)
        losses: dict[str, Tensor] = {}
        for domain in x.judged:
            fake, real, inputs = self._pair(x, domain)
            if min(len(fake), len(real)):
                fake, inputs_of_fake = self._remember(domain, fake, inputs)
                reals, fakes = x.judge_both(domain, real, fake, inputs, inputs_of_fake)
                x.told_apart(domain, reals, fakes)
                scales = zip(reals, fakes, strict=True)
                losses[domain] = torch.stack([self._told_apart(r.float(), f.float()) for r, f in scales]).mean()
                if self.game.undecided is not None:
                    x.heard(domain, [scale - self.game.undecided for scale in reals])
        return losses

    def _told_apart(self, real: Tensor, fake: Tensor) -> Tensor:
        if self.smoothing and self.game.smoothed is not None:
            return self.game.smoothed(real, fake, self.smoothing)
        return self.game.discriminator(real, fake)

    def _pair(self, x: Translations, domain: Domain) -> tuple[Tensor, Tensor, Tensor | None]:
        """(fake, real, inputs) to be judged; equally many where rows are compared, as unpaired batches need not be."""
        if self.of == "rebuilt" and x.stochastic and not x.paired:  # nothing can be rebuilt of unpaired rows
            return x.real(domain)[:0], x.real(domain)[:0], None
        fake, real, inputs = x.judged_pair(domain, self.of)
        rows = min(len(fake), len(real)) if self.game.relativistic else None
        return fake[:rows], real[:rows], inputs

    def _best(self, scales: list[Tensor], progress: float) -> Tensor | None:
        """Which rows the generator learns from: those of the highest mean logit over all scales; None: all."""
        share = 1 - (1 - self.top_k) * min(1.0, 2 * progress)
        rows = len(scales[0])
        kept = math.ceil(share * rows)
        if kept >= rows:
            return None
        scores = torch.stack([logits.detach().float().flatten(1).mean(1) for logits in scales]).mean(0)
        return scores.topk(kept).indices

    def _remember(self, domain: Domain, fake: Tensor, inputs: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """(fakes, inputs) out of the pool; a fake is kept together with the input that it was made from."""
        pool = self.pools[domain]
        if inputs is None:
            return pool(fake.detach()), None
        remembered = pool(torch.cat([fake.detach(), inputs], dim=1))
        return remembered[:, : fake.shape[1]], remembered[:, fake.shape[1] :]

    def _refuse_pool(self, labels: Tensor | None) -> None:
        if self.pool and labels is not None:
            raise _mistake("pool", "an older fake would be judged by the class of another image", "0")


def _rows(logits: Tensor, chosen: Tensor | None) -> Tensor:
    return logits if chosen is None else logits[chosen]


def _mistake(option: str, what: str, expected: str) -> UserError:
    return UserError(what, where=f".{option}", expected=expected)
