"""What the networks make of one batch: each image is computed once, on demand."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from torch import Tensor, cat, exp, nn, randn_like

from translate.computing.rows import by_rows, independent
from translate.domain import Batch, Domain
from translate.prior import Prior
from translate.separation import separation

Made = Literal["fake", "rebuilt"]


class Beside(nn.Module):
    """Images [N, C, H, W] as a discriminator sees them: beside their inputs, where it sees those."""

    def forward(self, images: Tensor, inputs: Tensor | None = None) -> Tensor:
        return images if inputs is None else cat([inputs, images], dim=1)


@dataclass
class Networks:
    """Generators by the domain they produce, discriminators by the domain they judge, encoders by the one they read.

    `prior`: of the latent that generators take: as their only input where A is no image domain, else beside the image.
    `judging`: what images, real and fake alike, go through before a discriminator sees them.
    """

    generator: nn.ModuleDict
    discriminator: nn.ModuleDict
    conditional: bool = False
    encoder: nn.ModuleDict = field(default_factory=nn.ModuleDict)
    prior: Prior | None = None
    judging: nn.Module = field(default_factory=Beside)

    def modules(self) -> Iterator[tuple[str, nn.Module]]:
        """The parts by name."""
        yield "generator", self.generator
        yield "discriminator", self.discriminator
        yield "encoder", self.encoder
        yield "judging", self.judging


class Translations:
    """The real, translated, cycled, identity and rebuilt images [N, C, H, W] of one batch, and their latents [N, Z].

    `progress`: the share of the training that is done, in [0, 1]. `measure`: keep `separations`, by the domain judged.
    `expected`: names of what will be asked for in this move ("same"), which may then be made along with the rest.
    """

    def __init__(self, batch: Batch, networks: Networks, progress: float = 0.0, measure: bool = False) -> None:
        self.batch, self.networks, self.progress, self.measure = batch, networks, progress, measure
        self.expected: frozenset[str] = frozenset()
        self._made: dict[str, Tensor] = {}
        self._heard: set[Domain] = set()
        self.separations: dict[Domain, Tensor] = {}

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
    def labels(self) -> Tensor | None:
        """The classes of B's rows, int64 [N], where images have classes."""
        return self.batch.labels

    @property
    def conditional(self) -> bool:
        """Whether discriminators see the input beside the output."""
        return self.networks.conditional

    @property
    def stochastic(self) -> bool:
        """Whether generators take a latent beside an image."""
        return self.networks.prior is not None and Domain.A in self.batch.images

    def real(self, domain: Domain) -> Tensor:
        """The batch's own images of `domain`."""
        return self.batch.images[domain]

    def fake(self, domain: Domain) -> Tensor:
        """The other domain's images, or the prior's latents, translated to `domain`."""
        return self._once(f"fake/{domain}", lambda: self._translate(domain, "fake"))

    def latent(self, domain: Domain) -> Tensor:
        """The latents [N, Z] that `fake(domain)` is made with."""
        return self._drawn(domain, "fake", self._rows(domain))

    def fake_again(self, domain: Domain) -> Tensor:
        """As `fake`, of the same inputs and a second draw of the latents."""
        return self._once(f"again/{domain}", lambda: self._translate(domain, "again"))

    def latent_again(self, domain: Domain) -> Tensor:
        """The latents [N, Z] that `fake_again(domain)` is made with."""
        return self._drawn(domain, "again", self._rows(domain))

    def cycled(self, domain: Domain) -> Tensor:
        """Images of `domain` translated away and back."""
        return self._once(f"cycled/{domain}", lambda: self._generate(domain, "cycled", self.fake(domain.other)))

    def same(self, domain: Domain) -> Tensor:
        """Images of `domain` given to the generator that already produces `domain`."""
        return self._once(f"same/{domain}", lambda: self._generate(domain, "same", self.real(domain)))

    def code(self, domain: Domain) -> tuple[Tensor, Tensor]:
        """Mean and log variance [N, Z] of q(z | image) for the batch's own images of `domain`."""
        made = self._once(
            f"code/{domain}", lambda: cat(by_rows(self.networks.encoder[domain], self.real(domain)), dim=1)
        )
        mean, log_variance = made.float().chunk(2, dim=1)
        return mean, log_variance

    def encoded(self, domain: Domain) -> Tensor:
        """Z ~ q(z | image) [N, Z], reparameterised (Kingma and Welling 2014, section 2.4)."""

        def draw() -> Tensor:
            mean, log_variance = self.code(domain)
            return mean + exp(0.5 * log_variance) * randn_like(mean)

        return self._once(f"encoded/{domain}", draw)

    def rebuilt(self, domain: Domain) -> Tensor:
        """Images of `domain` from their own code; paired rows alone where the generator takes an image beside it."""

        def make() -> Tensor:
            generator, z = self.networks.generator[domain], self.encoded(domain)
            if not self.stochastic:
                return by_rows(generator, z, *self._labelled(len(z)))
            return by_rows(generator, self.real(domain.other)[: self.paired], z[: self.paired])

        return self._once(f"rebuilt/{domain}", make)

    def recovered(self, domain: Domain, teach: bool = False) -> Tensor:
        """The mean code [N, Z] of `fake(domain)`; the encoder itself learns from it only if `teach`."""
        encoder = self.networks.encoder[domain]

        def make() -> Tensor:
            if teach:
                return by_rows(encoder, self.fake(domain))[0]
            with frozen(encoder.parameters()):
                return by_rows(encoder, self.fake(domain))[0]

        return self._once(f"recovered/{domain}/{teach}", make)

    def judged_pair(self, domain: Domain, made: Made = "fake") -> tuple[Tensor, Tensor, Tensor | None]:
        """(made, real, inputs) to be judged; a conditional discriminator judges paired rows beside their inputs."""
        fake, real = self.fake(domain) if made == "fake" else self.rebuilt(domain), self.real(domain)
        if not self.conditional:
            return fake, real[: len(fake)] if made == "rebuilt" else real, None
        return fake[: self.paired], real[: self.paired], self.real(domain.other)[: self.paired]

    def judge(self, domain: Domain, images: Tensor, inputs: Tensor | None = None) -> list[Tensor]:
        """Logits of `domain`'s discriminator, one map a scale; `images` row by row of the batch's classes."""
        shown = self.networks.judging(images, inputs)
        return by_rows(self.networks.discriminator[domain], shown, *self._labelled(len(images)))

    def judge_both(
        self, domain: Domain, real: Tensor, fake: Tensor, inputs: Tensor | None, inputs_of_fake: Tensor | None
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Logits of real and of fake images, as by `judge`; in one call where rows are `independent`."""
        network = self.networks.discriminator[domain]
        if self.labels is not None or not independent(network):
            return self.judge(domain, real, inputs), self.judge(domain, fake, inputs_of_fake)
        shown = [self.networks.judging(real, inputs), self.networks.judging(fake, inputs_of_fake)]
        both = by_rows(network, cat(shown))
        return [scale[: len(real)] for scale in both], [scale[len(real) :] for scale in both]

    def judge_features(self, domain: Domain, images: Tensor, inputs: Tensor | None = None) -> list[list[Tensor]]:
        """Activations of `domain`'s discriminator, a list a scale, logits last."""
        features: Callable[..., list[list[Tensor]]] = self.networks.discriminator[domain].features  # type: ignore[assignment]
        return by_rows(features, self.networks.judging(images, inputs), *self._labelled(len(images)))

    def heard(self, domain: Domain, logits: list[Tensor]) -> None:
        """The logits of real images, 0 where undecided, for an augmentation that adapts to how sure they are.

        However many terms judge the batch's real images, they are listened to once.
        """
        listen: Callable[[list[Tensor]], None] | None = getattr(self.networks.judging, "heard", None)
        if listen is not None and domain not in self._heard:
            listen(logits)
            self._heard.add(domain)

    def told_apart(self, domain: Domain, reals: list[Tensor], fakes: list[Tensor]) -> None:
        """Keep how well `domain`'s discriminator tells these logits apart, where somebody wants to know."""
        if self.measure and domain not in self.separations:  # of several adversarial terms the first
            self.separations[domain] = separation(reals, fakes)

    def detach(self) -> None:
        """Keep the images, drop their graph."""
        self._made = {name: image.detach() for name, image in self._made.items()}

    def _translate(self, domain: Domain, name: str) -> Tensor:
        if domain.other in self.batch.images:
            if name == "fake" and "same" in self.expected and self._both_at_once(domain):
                rows = len(self.real(domain.other))
                both = by_rows(self.networks.generator[domain], cat([self.real(domain.other), self.real(domain)]))
                self._made[f"same/{domain}"] = both[rows:]
                return both[:rows]
            return self._generate(domain, name, self.real(domain.other))
        rows = self._rows(domain)
        return by_rows(self.networks.generator[domain], self._drawn(domain, name, rows), *self._labelled(rows))

    def _both_at_once(self, domain: Domain) -> bool:
        """Whether images of both domains can go through `domain`'s generator in one call."""
        alike = self.real(domain).shape[1:] == self.real(domain.other).shape[1:]
        return alike and self.networks.prior is None and independent(self.networks.generator[domain])

    def _generate(self, domain: Domain, name: str, images: Tensor) -> Tensor:
        if self.networks.prior is None:
            return by_rows(self.networks.generator[domain], images)
        return by_rows(self.networks.generator[domain], images, self._drawn(domain, name, len(images)))

    def _rows(self, domain: Domain) -> int:
        """Rows of `fake(domain)`: as many as it has inputs, or, from the prior alone, as there are real images."""
        return len(self.batch.images.get(domain.other, self.batch.images[domain]))

    def _drawn(self, domain: Domain, name: str, rows: int) -> Tensor:
        prior = self.networks.prior
        assert prior is not None, "a term that looks at latents says so in its `needs`"
        device = next(iter(self.batch.images.values())).device
        return self._once(f"latent/{name}/{domain}", lambda: prior.draw(rows, device=device))

    def _labelled(self, rows: int) -> tuple[Tensor, ...]:
        """The classes of that many rows from the front, as a further argument where there are classes."""
        return () if self.labels is None else (self.labels[:rows],)

    def _once(self, name: str, make: Callable[[], Tensor]) -> Tensor:
        if name not in self._made:
            self._made[name] = make()
        return self._made[name]


@contextmanager
def frozen(parameters: Iterable[nn.Parameter]) -> Iterator[None]:
    """What is computed here carries gradient through these parameters' networks, and none to the parameters."""
    learning = [p for p in parameters if p.requires_grad]
    for parameter in learning:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in learning:
            parameter.requires_grad_(True)
