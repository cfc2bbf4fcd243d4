"""PatchNCE: a patch of the output should resemble the input's patch at its place more than the other patches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from translate.computing.rows import by_rows
from translate.domain import Batch, Domain
from translate.errors import UserError
from translate.translations import Networks, Translations


class PatchNCE(nn.Module):
    """Contrastive loss over the generator's encoder (Park et al. 2020, CUT, eq. 2 and 3), averaged over `layers`.

    identity=True averages in the same loss for images of the target domain (eq. 5, halved as in the published code).
    """

    needs: tuple[str, ...] = ("features", "image_inputs", "same_channels")

    def __init__(
        self,
        *,
        layers: list[int] = [0, 4, 8, 12, 16],  # noqa: B006 - read from the source as a literal, never changed
        patches: int = 256,
        temperature: float = 0.07,
        dim: int = 256,
        heads: bool = True,
        identity: bool = True,
    ) -> None:
        super().__init__()
        self.layers, self.patches, self.temperature = list(layers), patches, temperature
        self.dim, self.wants_heads, self.identity = dim, heads, identity
        self.asks = ("same",) if identity else ()
        self.heads = nn.ModuleDict()

    def prepare(self, networks: Networks, sample: Batch) -> None:
        """Sizes a two-layer head per layer by what the generators' encoders give for `sample`."""
        if not self.wants_heads:
            return
        for name, generator in networks.generator.items():
            was_training = generator.training
            generator.eval()  # a look must not move batch norm's running statistics
            with torch.no_grad():
                maps = _encoder(generator)(sample.images[Domain(name).other][:1], self.layers)
            generator.train(was_training)
            self.heads[name] = nn.ModuleList(_head(m.shape[1], self.dim) for m in maps)

    def for_generator(self, x: Translations) -> dict[str, Tensor]:
        """The loss by the domain produced."""
        losses: dict[str, Tensor] = {}
        for domain in x.produced:
            loss = self._contrast(x, domain, x.fake(domain), x.real(domain.other))
            if self.identity:
                loss = (loss + self._contrast(x, domain, x.same(domain), x.real(domain))) / 2
            losses[domain] = loss
        return losses

    def _contrast(self, x: Translations, domain: Domain, output: Tensor, source: Tensor) -> Tensor:
        encode = _encoder(x.networks.generator[domain])

        def embed(output: Tensor, source: Tensor) -> list[tuple[Tensor, Tensor]]:
            queries = encode(output, self.layers)
            with torch.no_grad():  # the input's patches are fixed targets; no gradient through them, as published
                keys = encode(source, self.layers)
            embedded = []
            for index, (of_output, of_source) in enumerate(zip(queries, keys, strict=True)):
                places = torch.randperm(of_output.shape[2:].numel(), device=of_output.device)[: self.patches]
                query = self._embed(domain, index, of_output, places)
                with torch.no_grad():
                    embedded.append((query, self._embed(domain, index, of_source, places)))
            return embedded

        embedded = by_rows(embed, output, source)
        return torch.stack([info_nce(query, key, self.temperature) for query, key in embedded]).mean()

    def _embed(self, domain: Domain, index: int, features: Tensor, places: Tensor) -> Tensor:
        """[N, C, h, w] -> unit vectors [N, places, dim] (or C without heads)."""
        vectors = features.flatten(2)[:, :, places].transpose(1, 2)
        if self.wants_heads:
            heads: Any = self.heads[domain]
            vectors = heads[index](vectors)
        return functional.normalize(vectors.float(), dim=2, eps=1e-7)


def info_nce(query: Tensor, key: Tensor, temperature: float) -> Tensor:
    """-log softmax over an image's patches of query . key / temperature, at the query's own place; [N, P, D] twice."""
    with torch.autocast(query.device.type, enabled=False):
        logits = query @ key.transpose(1, 2) / temperature
        own = torch.arange(query.shape[1], device=query.device).expand(len(query), -1)
        return functional.cross_entropy(logits.flatten(0, 1), own.flatten())


def _encoder(generator: nn.Module) -> Callable[[Tensor, list[int]], list[Tensor]]:
    encode = getattr(generator, "features", None)
    if encode is None:
        raise UserError(
            "this generator shows no inner features",
            expected="a generator with a `features` method",
            hint="networks.generator.name=resnet",
        )
    features: Callable[[Tensor, list[int]], list[Tensor]] = encode
    return features


def _head(channels: int, dim: int) -> nn.Sequential:
    first, last = nn.Linear(channels, dim), nn.Linear(dim, dim)
    for layer in (first, last):
        nn.init.xavier_normal_(layer.weight, gain=0.02)  # the published initialisation of the heads
        nn.init.zeros_(layer.bias)
    return nn.Sequential(first, nn.ReLU(), last)
