"""Path length against Jacobians computed by another road."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from translate.domain import Batch, Domain
from translate.terms.path_length import PathLength
from translate.translations import Networks, Prior, Translations


class Painter(nn.Module):
    """Two style inputs of 3 values, painted as 2x5 pixels; curved, so that lengths differ from row to row."""

    def __init__(self) -> None:
        super().__init__()
        self.mapping, self.painting = nn.Linear(4, 6), nn.Linear(6, 10)

    def styles(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        shift = 0 if labels is None else labels[:, None, None]
        return self.mapping(z).unflatten(1, (2, 3)) + shift

    def paint(self, w: Tensor) -> Tensor:
        return self.painting(w.flatten(1)).tanh().unflatten(1, (1, 2, 5))


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def translations(painter: Painter, rows: int = 5, labels: Tensor | None = None) -> Translations:
    networks = Networks(nn.ModuleDict({"b": painter}), nn.ModuleDict(), prior=Prior(4))
    return Translations(Batch({Domain.B: torch.zeros(rows, 1, 2, 5)}, 0, labels), networks)


def reference(painter: Painter, styles: Tensor) -> Tensor:
    """|J^T y| / sqrt(2 inputs) row by row, the noise drawn as the term draws it."""
    noise = torch.randn(len(styles), 1, 2, 5) / 10**0.5
    lengths = []
    for w, y in zip(styles, noise, strict=True):
        jacobian = torch.autograd.functional.jacobian(lambda style: painter.paint(style[None])[0].flatten(), w)
        lengths.append((jacobian.flatten(1).T @ y.flatten()).norm() / 2**0.5)
    return torch.stack(lengths)


@pytest.mark.parametrize(("shrink", "rows"), [(1, 5), (2, 3), (9, 1)])
def test_lengths_agree_with_jacobians(shrink: int, rows: int) -> None:
    painter = Painter()
    x = translations(painter)
    z = x.latent(Domain.B)[:rows]
    torch.manual_seed(7)
    lengths = PathLength(shrink=shrink).lengths(x, Domain.B)
    torch.manual_seed(7)
    assert torch.allclose(lengths, reference(painter, painter.styles(z)), atol=1e-6)


def test_rows_keep_their_class() -> None:
    painter = Painter()
    labels = torch.tensor([0, 1, 2, 3, 4])
    x = translations(painter, labels=labels)
    styles = painter.styles(x.latent(Domain.B)[:3], labels[:3])
    torch.manual_seed(7)
    lengths = PathLength().lengths(x, Domain.B)
    torch.manual_seed(7)
    assert torch.allclose(lengths, reference(painter, styles), atol=1e-6)


def test_the_penalty_is_the_distance_from_a_running_mean() -> None:
    painter, term = Painter(), PathLength(shrink=1)
    mean = 0.0
    for step in range(3):
        x = translations(painter)
        x.latent(Domain.B)
        torch.manual_seed(step)
        lengths = term.lengths(x, Domain.B)
        torch.manual_seed(step)
        loss = term.for_generator(x)[Domain.B]
        mean = 0.99 * mean + 0.01 * lengths.mean().item()
        assert term.mean.item() == pytest.approx(mean)
        assert loss.item() == pytest.approx((lengths - mean).square().mean().item(), rel=1e-5)


def test_a_step_is_as_long_in_pixels_as_in_styles_where_the_generator_keeps_distances() -> None:
    class Isometry(Painter):
        def styles(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
            return z * torch.ones((), requires_grad=True)

        def paint(self, w: Tensor) -> Tensor:
            return functional.pad(w, (0, 6)).unflatten(1, (1, 2, 5))

    lengths = PathLength(shrink=1).lengths(translations(Isometry(), rows=4000), Domain.B)
    # y has 10 values of variance 1/10; the 4 that the styles reach add up
    assert lengths.square().mean().item() == pytest.approx(0.4, rel=0.05)


def test_the_penalty_reaches_styles_and_painting() -> None:
    painter = Painter()
    with torch.autocast("cpu", torch.bfloat16):
        loss = PathLength().for_generator(translations(painter))[Domain.B]
    assert loss.dtype == torch.float32
    loss.backward()
    for layer in (painter.mapping, painter.painting):
        assert layer.weight.grad is not None
        assert layer.weight.grad.abs().max() > 0
