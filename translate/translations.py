"""What the networks make of one batch: each image is computed once, on demand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from torch import Tensor, cat, nn

from translate.domain import Batch, Domain


@dataclass
class Networks:
    """Generators by the domain they produce, discriminators by the domain they judge."""

    generator: nn.ModuleDict
    discriminator: nn.ModuleDict
    conditional: bool = False

    def modules(self) -> Iterator[tuple[str, nn.ModuleDict]]:
        """The two groups by name."""
        yield "generator", self.generator
        yield "discriminator", self.discriminator


class Translations:
    """The real, translated, cycled and identity images [N, C, H, W] of one batch."""

    def __init__(self, batch: Batch, networks: Networks) -> None:
        self.batch, self.networks = batch, networks
        self._made: dict[str, Tensor] = {}

    @property
    def produced(self) -> tuple[Domain, ...]:
        """Domains that have a generator."""
        return tuple(Domain(name) for name in self.networks.generator)

    @property
    def judged(self) -> tuple[Domain, ...]:
        """Domains that have a discriminator."""
        return tuple(Domain(name) for name in self.networks.discriminator)

    @property
    def paired(self) -> int:
        """How many leading rows of A and B show the same scene."""
        return self.batch.paired

    @property
    def conditional(self) -> bool:
        """Whether discriminators see the input beside the output."""
        return self.networks.conditional

    def real(self, domain: Domain) -> Tensor:
        """The batch's own images of `domain`."""
        return self.batch.images[domain]

    def fake(self, domain: Domain) -> Tensor:
        """The other domain's images translated to `domain`."""
        return self._once(f"fake/{domain}", lambda: self._generate(domain, self.real(domain.other)))

    def cycled(self, domain: Domain) -> Tensor:
        """Images of `domain` translated away and back."""
        return self._once(f"cycled/{domain}", lambda: self._generate(domain, self.fake(domain.other)))

    def same(self, domain: Domain) -> Tensor:
        """Images of `domain` given to the generator that already produces `domain`."""
        return self._once(f"same/{domain}", lambda: self._generate(domain, self.real(domain)))

    def judged_pair(self, domain: Domain) -> tuple[Tensor, Tensor, Tensor | None]:
        """(fake, real, inputs) to be judged; a conditional discriminator judges paired rows beside their inputs."""
        fake, real = self.fake(domain), self.real(domain)
        if not self.conditional:
            return fake, real, None
        return fake[: self.paired], real[: self.paired], self.real(domain.other)[: self.paired]

    def judge(self, domain: Domain, images: Tensor, inputs: Tensor | None = None) -> list[Tensor]:
        """Logits of `domain`'s discriminator, one map a scale."""
        return self.networks.discriminator[domain](_beside(images, inputs))

    def judge_features(self, domain: Domain, images: Tensor, inputs: Tensor | None = None) -> list[list[Tensor]]:
        """Activations of `domain`'s discriminator, a list a scale, logits last."""
        features: Callable[[Tensor], list[list[Tensor]]] = self.networks.discriminator[domain].features  # type: ignore[assignment]
        return features(_beside(images, inputs))

    def detach(self) -> None:
        """Keep the images, drop their graph."""
        self._made = {name: image.detach() for name, image in self._made.items()}

    def _generate(self, domain: Domain, images: Tensor) -> Tensor:
        return self.networks.generator[domain](images)

    def _once(self, name: str, make: Callable[[], Tensor]) -> Tensor:
        if name not in self._made:
            self._made[name] = make()
        return self._made[name]


def _beside(images: Tensor, inputs: Tensor | None) -> Tensor:
    return images if inputs is None else cat([inputs, images], dim=1)
