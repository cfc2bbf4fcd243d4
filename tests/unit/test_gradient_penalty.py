"""Gradient penalties: known in closed form for a discriminator whose slope is known."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from translate.domain import Batch, Domain
from translate.errors import UserError
from translate.networks.dcgan import DcganDiscriminator
from translate.terms.gradient_penalty import GradientPenalty
from translate.translations import Beside, Networks, Translations

KINDS: Any = ("between", "around", "real", "fake")


class Plane(nn.Module):
    """D(x) = w . x, of the slope w everywhere; with labels that many times as steep. It remembers what it was shown."""

    def __init__(self, channels: int = 1) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(channels, 4, 4))
        self.shown: list[Tensor] = []
        self.labels: Tensor | None = None

    def forward(self, x: Tensor, labels: Tensor | None = None) -> list[Tensor]:
        self.shown.append(x.detach())
        self.labels = labels
        logits = torch.einsum("nchw,chw->n", x, self.weight)
        return [(logits if labels is None else logits * labels)[:, None, None, None]]


class Bowl(nn.Module):
    """D(x) = |x|^2 / 2: the slope is the image itself."""

    def forward(self, x: Tensor) -> list[Tensor]:
        return [x.square().flatten(1).sum(1)[:, None, None, None] / 2]


def penalty(
    term: GradientPenalty,
    judge: nn.Module,
    *,
    conditional: bool = False,
    labels: Tensor | None = None,
    judging: nn.Module | None = None,
    rows: int = 4,
) -> Tensor:
    """Of real rows around 0.5 and fakes (the inputs as they are) around -0.5, the first two rows paired."""
    torch.manual_seed(5)
    a, b = torch.randn(rows, 1, 4, 4) - 0.5, torch.randn(rows, 1, 4, 4) + 0.5
    networks = Networks(
        nn.ModuleDict({"b": Beside()}),
        nn.ModuleDict({"b": judge}),
        conditional,
        judging=judging or Beside(),
    )
    batch = Batch({Domain.A: a, Domain.B: b}, 2, labels)
    return term.for_discriminator(Translations(batch, networks))[Domain.B]


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


@pytest.mark.parametrize(
    ("at", "target", "expected"),
    [
        ("between", None, lambda w: (w - 1) ** 2),
        ("around", None, lambda w: (w - 1) ** 2),
        ("real", None, lambda w: w**2 / 2),
        ("fake", None, lambda w: w**2 / 2),
        ("between", 0.0, lambda w: w**2),
        ("around", 7.0, lambda w: (w - 7) ** 2),
    ],
)
def test_a_plane_pays_by_its_slope(at: Any, target: float | None, expected: Any) -> None:
    judge = Plane()
    loss = penalty(GradientPenalty(at=at, target=target), judge)
    assert loss.item() == pytest.approx(expected(judge.weight.norm().item()), rel=1e-5)


def test_the_discriminator_learns_to_be_flatter() -> None:
    judge = Plane()
    penalty(GradientPenalty(at="real"), judge).backward()
    assert judge.weight.grad is not None
    assert torch.allclose(judge.weight.grad, judge.weight)  # d/dw of 1/2 |w|^2


@pytest.mark.parametrize(("at", "other"), [("real", "fake"), ("fake", "real")])
def test_r1_and_r2_look_at_real_and_at_fake_images(at: Any, other: Any) -> None:
    judge = Plane()
    penalty(GradientPenalty(at=at), judge)
    (points,) = judge.shown
    expected = points.square().sum((1, 2, 3)).mean() / 2
    assert penalty(GradientPenalty(at=at), Bowl()).item() == pytest.approx(expected.item())
    assert penalty(GradientPenalty(at=other), Bowl()).item() != pytest.approx(expected.item())
    assert (points.mean() > 0) == (at == "real")


def test_points_between_lie_on_lines_of_a_row_each() -> None:
    ends: dict[str, Tensor] = {}
    for at in KINDS:
        judge = Plane()
        penalty(GradientPenalty(at=at), judge)
        (ends[at],) = judge.shown
    shares = ((ends["between"] - ends["fake"]) / (ends["real"] - ends["fake"])).flatten(1)
    assert (shares - shares.mean(1, keepdim=True)).abs().max() < 1e-3
    assert ((shares.mean(1) > 0) & (shares.mean(1) < 1)).all()
    assert shares.mean(1).std() > 0.05


def test_points_around_are_real_images_plus_noise_of_half_a_deviation_at_most() -> None:
    ends: dict[str, Tensor] = {}
    for at in ("real", "around"):
        judge = Plane()
        penalty(GradientPenalty(at=at), judge, rows=400)  # type: ignore[arg-type]
        (ends[at],) = judge.shown
    noise = ends["around"] - ends["real"]
    assert noise.min() >= -1e-6
    assert 0.45 * ends["real"].std() < noise.max() <= 0.5 * ends["real"].std() + 1e-6
    assert noise.flatten(1).std(1).min() > 0  # of each pixel, not of each image


def test_maps_and_scales_are_averaged() -> None:
    class Scales(Plane):
        def forward(self, x: Tensor, labels: Tensor | None = None) -> list[Tensor]:
            (logits,) = super().forward(x)
            return [logits.expand(-1, 1, 3, 5) + torch.arange(5), 4 * logits]

    judge = Scales()
    loss = penalty(GradientPenalty(at="real"), judge)
    assert loss.item() == pytest.approx(((1 + 4) / 2 * judge.weight.norm().item()) ** 2 / 2, rel=1e-5)


@pytest.mark.parametrize("at", KINDS)
def test_beside_an_input_the_slope_is_the_images_alone(at: Any) -> None:
    judge = Plane(channels=2)
    loss = penalty(GradientPenalty(at=at, target=0.0), judge, conditional=True)
    factor = 0.5 if at in ("real", "fake") else 1.0
    assert loss.item() == pytest.approx(factor * judge.weight[1].square().sum().item(), rel=1e-5)
    (shown,) = judge.shown
    torch.manual_seed(5)
    assert torch.equal(shown[:, :1], (torch.randn(4, 1, 4, 4) - 0.5)[:2])


@pytest.mark.parametrize("at", KINDS)
def test_each_row_keeps_its_class(at: Any) -> None:
    judge, labels = Plane(), torch.tensor([0, 1, 2, 3])
    loss = penalty(GradientPenalty(at=at, target=0.0), judge, labels=labels)
    factor = 0.5 if at in ("real", "fake") else 1.0
    assert judge.labels is not None
    assert torch.equal(judge.labels, labels)
    steepness = labels.square().float().mean() * judge.weight.square().sum()
    assert loss.item() == pytest.approx(factor * steepness.item(), rel=1e-5)


def test_slopes_are_taken_in_front_of_the_augmentation() -> None:
    class Twice(nn.Module):
        def forward(self, x: Tensor, inputs: Tensor | None = None) -> Tensor:
            return 2 * x

    judge = Plane()
    loss = penalty(GradientPenalty(at="real"), judge, judging=Twice())
    assert loss.item() == pytest.approx((2 * judge.weight.norm().item()) ** 2 / 2, rel=1e-5)


@pytest.mark.parametrize("at", KINDS)
def test_where_there_is_no_slope_gradients_stay_finite(at: Any) -> None:
    judge = Plane()
    nn.init.zeros_(judge.weight)
    loss = penalty(GradientPenalty(at=at), judge)
    loss.backward()
    assert loss.item() == (0 if at in ("real", "fake") else 1)
    assert judge.weight.grad is not None
    assert judge.weight.grad.isfinite().all()


@pytest.mark.parametrize("at", KINDS)
def test_mixed_precision_changes_nothing(at: Any) -> None:
    judge = nn.Sequential(nn.Conv2d(1, 4, 3), nn.SiLU(), nn.Conv2d(4, 1, 2))
    listed = nn.Module()
    listed.forward = lambda x: [judge(x)]  # type: ignore[assignment]
    plain = penalty(GradientPenalty(at=at), listed)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = penalty(GradientPenalty(at=at), listed)
    assert mixed.dtype == torch.float32
    assert torch.equal(mixed, plain)


def test_batch_norm_is_refused_where_each_image_must_be_judged_by_itself() -> None:
    judge = DcganDiscriminator(3, (16, 16), width=2)
    networks = Networks(nn.ModuleDict(), nn.ModuleDict({"b": judge}))
    with pytest.raises(UserError, match="batch norm"):
        GradientPenalty().prepare(networks, Batch({}, 0))
    GradientPenalty(at="real").prepare(networks, Batch({}, 0))
