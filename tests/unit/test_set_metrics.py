"""Metrics of features against independent implementations and closed forms."""

import contextlib
import io

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from translate.errors import UserError
from translate.metrics import BESIDE, DISTRIBUTIONS, TABLE, bias, find, isc, kid, prdc
from translate.metrics.features import Features
from translate.metrics.fid import fid, frechet
from translate.metrics.kid import subset_size

FUNCTIONS = [fid, kid.kid, prdc.prdc, isc.inception_score]


def cloud(count: int, seed: int, width: int = 24, shift: float = 0.0, scale: float = 1.0) -> Features:
    """Features whose spread falls off as a network's do, and logits of 10 classes."""
    random = np.random.default_rng(seed)
    spread = np.arange(1, width + 1) ** -0.5
    features = shift * spread + scale * spread * random.standard_normal((count, width))
    return Features(features.astype(np.float32), (3 * random.standard_normal((count, 10))).astype(np.float32))


def tensor(features: NDArray[np.float32]) -> torch.Tensor:
    return torch.from_numpy(features)


def everything(fake: Features, real: Features) -> dict[str, float]:
    return {name: value for function in FUNCTIONS for name, value in function(fake, real, 0).items()}


@pytest.mark.parametrize(("ours", "theirs", "width"), [(300, 200, 24), (30, 40, 64), (2, 3, 8), (40, 300, 64)])
def test_fid_against_torch_fidelity(ours: int, theirs: int, width: int) -> None:
    from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric

    fake, real = cloud(ours, 0, width, shift=0.3, scale=1.2), cloud(theirs, 1, width)
    statistics = [fid_features_to_statistics(tensor(side.features)) for side in (fake, real)]
    expected = fid_statistics_to_metric(*statistics, verbose=False)["frechet_inception_distance"]
    assert fid(fake, real) == {"fid": pytest.approx(expected, rel=1e-5)}


def test_fid_of_known_normal_distributions() -> None:
    fake, real = cloud(40_000, 0, 6, shift=0.5, scale=1.5), cloud(40_000, 1, 6)
    variance = 1 / np.arange(1, 7)
    expected = (0.25 * variance + 0.25 * variance).sum()  # squared distances of the means, and of the deviations
    assert fid(fake, real)["fid"] == pytest.approx(expected, rel=0.03)


@pytest.mark.parametrize("count", [60, 400])
def test_kid_against_torch_fidelity_and_the_whole_sets(count: int) -> None:
    from torch_fidelity.metric_kid import kid_features_to_metric

    fake, real = cloud(count, 0, shift=0.4), cloud(count, 1)
    found = kid.kid(fake, real, 3)
    whole = kid_features_to_metric(
        tensor(fake.features), tensor(real.features), kid_subsets=1, kid_subset_size=count, verbose=False
    )["kernel_inception_distance_mean"]
    # The mean over random halves comes near the distance of the whole sets, by the deviation of the halves.
    assert found["kid"] == pytest.approx(whole, abs=0.3 * found["kid_std"])
    subsets = kid_features_to_metric(
        tensor(fake.features), tensor(real.features), kid_subsets=400, kid_subset_size=count // 2, verbose=False
    )
    assert found["kid_std"] == pytest.approx(subsets["kernel_inception_distance_std"], rel=0.25)


def test_kid_by_the_library_on_the_same_subsets(monkeypatch: pytest.MonkeyPatch) -> None:
    """One subset of all images leaves nothing to chance."""
    from torch_fidelity.metric_kid import kid_features_to_metric

    monkeypatch.setattr(kid, "SUBSETS", 1)
    monkeypatch.setattr(kid, "subset_size", min)
    fake, real = cloud(80, 0, shift=0.4), cloud(80, 1)
    x, y = fake.features.astype(np.float64), real.features.astype(np.float64)
    kernel = [(a @ b.T / 24 + 1) ** 3 for a, b in ((x, x), (y, y), (x, y))]
    within = sum((k.sum() - np.trace(k)) / (80 * 79) for k in kernel[:2])
    assert kid.kid(fake, real)["kid"] == pytest.approx(within - 2 * kernel[2].mean(), rel=1e-3)
    theirs = kid_features_to_metric(
        tensor(fake.features), tensor(real.features), kid_subsets=1, kid_subset_size=80, verbose=False
    )
    assert kid.kid(fake, real)["kid"] == pytest.approx(theirs["kernel_inception_distance_mean"], rel=1e-3)


def test_the_deviation_of_kid_is_its_standard_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kid, "SUBSETS", 30)  # enough for a deviation, and quicker
    repeated = [kid.kid(cloud(100, 2 * seed, shift=0.5), cloud(100, 2 * seed + 1)) for seed in range(60)]
    said = np.mean([found["kid_std"] for found in repeated])
    seen = np.std([found["kid"] for found in repeated])
    assert 0.75 < said / seen < 1.33
    assert (subset_size(100, 300), subset_size(2000, 5000), subset_size(50_000, 50_000)) == (50, 1000, 1000)


@pytest.mark.parametrize(("splits", "close"), [(1, 1e-6), (10, 0.02)])  # which image is in which split is chance
def test_inception_score_against_torch_fidelity(splits: int, close: float, monkeypatch: pytest.MonkeyPatch) -> None:
    from torch_fidelity.metric_isc import isc_features_to_metric

    monkeypatch.setattr(isc, "SPLITS", splits)
    fake = cloud(600, 0)
    assert fake.logits is not None
    found = isc.inception_score(fake, fake)
    theirs = isc_features_to_metric(tensor(fake.logits), splits=splits, shuffle=False)
    assert found["inception_score"] == pytest.approx(theirs["inception_score_mean"], rel=close)


def test_the_parts_of_the_inception_score() -> None:
    fake = cloud(3000, 0)
    assert fake.logits is not None
    found = isc.inception_score(fake, fake)
    classes = np.exp(fake.logits.astype(np.float64))
    classes /= classes.sum(axis=1, keepdims=True)
    mean = classes.mean(axis=0)
    assert found["class_entropy"] == pytest.approx(-(mean * np.log(mean)).sum(), rel=1e-6)
    assert found["image_entropy"] == pytest.approx(-(classes * np.log(classes)).sum(axis=1).mean(), rel=1e-6)
    # log IS is their difference, but for the splits.
    assert np.log(found["inception_score"]) == pytest.approx(found["class_entropy"] - found["image_entropy"], abs=0.01)


def test_inception_score_of_certain_images_is_the_number_of_classes() -> None:
    logits = np.full((1000, 8), -1e4, np.float32)
    logits[np.arange(1000), np.arange(1000) % 8] = 1e4
    certain = Features(np.random.default_rng(0).standard_normal((1000, 4)).astype(np.float32), logits)
    found = isc.inception_score(certain, certain)
    assert found["inception_score"] == pytest.approx(8, rel=0.05)
    assert found["class_entropy"] == pytest.approx(np.log(8))
    assert found["image_entropy"] == pytest.approx(0, abs=1e-12)
    one = Features(certain.features, logits[np.zeros(1000, int)])
    assert isc.inception_score(one, one)["inception_score"] == pytest.approx(1)


def compute_prdc(real: NDArray[np.float32], fake: NDArray[np.float32]) -> dict[str, float]:
    from prdc import compute_prdc

    with contextlib.redirect_stdout(io.StringIO()):
        return {name: float(value) for name, value in compute_prdc(real, fake, 5).items()}


@pytest.mark.parametrize(("ours", "theirs", "shift"), [(150, 150, 0.0), (90, 200, 1.0), (200, 90, 2.0)])
def test_prdc_against_the_authors_package(ours: int, theirs: int, shift: float) -> None:
    fake, real = cloud(ours, 0, 8, shift), cloud(theirs, 1, 8)
    assert prdc.prdc(fake, real) == pytest.approx(compute_prdc(real.features, fake.features), abs=1e-12)


def test_precision_and_recall_against_torch_fidelity() -> None:
    """Its balls hold their edge, ours don't, as in the authors' package: without ties that is the same."""
    from torch_fidelity.metric_prc import prc_features_to_metric

    fake, real = cloud(120, 0, 8, shift=1.0), cloud(180, 1, 8)
    theirs = prc_features_to_metric(tensor(fake.features), tensor(real.features), prc_neighborhood=5, verbose=False)
    found = prdc.prdc(fake, real)
    assert found["precision"] == pytest.approx(theirs["precision"], rel=1e-3)
    assert found["recall"] == pytest.approx(theirs["recall"], rel=1e-3)


def test_prdc_of_what_is_known() -> None:
    real = cloud(200, 0, 8)
    copies = Features(real.features[:1].repeat(100, axis=0))
    assert prdc.prdc(real, real) == {"precision": 1, "recall": 1, "density": 1, "coverage": 1}
    assert set(prdc.prdc(cloud(200, 1, 8, shift=100), real).values()) == {0}
    collapsed = prdc.prdc(copies, real)
    assert collapsed["precision"] == 1
    assert collapsed["recall"] == 0
    assert collapsed["coverage"] < 0.2
    # Distances far from the origin lose digits, and still the same points are near one another.
    far = [Features(side.features + 1000) for side in (cloud(90, 1, 8, 0.5), real)]
    near = [Features(side.features - 1000) for side in far]
    assert prdc.prdc(far[0], far[1]) == prdc.prdc(near[0], near[1])


def test_prdc_part_by_part(monkeypatch: pytest.MonkeyPatch) -> None:
    fake, real = cloud(90, 0, 8, 0.5), cloud(70, 1, 8)
    whole = prdc.prdc(fake, real)
    monkeypatch.setattr(prdc, "AT_ONCE", 1000)
    assert prdc.prdc(fake, real) == whole


def test_equal_sets_score_best() -> None:
    real = cloud(300, 0)
    best = everything(real, real)
    assert best["fid"] < 1e-6
    for other in (cloud(300, 1, shift=0.5), cloud(300, 1, scale=2), cloud(300, 1, scale=0.3)):
        worse = everything(other, real)
        for name in ("fid", "kid"):
            assert best[name] < worse[name]
        for name in ("precision", "recall", "coverage"):
            assert best[name] == 1 >= worse[name]


def test_the_order_of_images_does_not_matter() -> None:
    fake, real = cloud(70, 0, shift=0.3), cloud(60, 1)
    shuffled = np.random.default_rng(2)
    assert everything(fake[shuffled.permutation(70)], real[shuffled.permutation(60)]) == everything(fake, real)


def test_rounding_moves_a_score_by_rounding() -> None:
    """What another batch size does to features."""
    fake, real = cloud(200, 0, shift=0.3), cloud(200, 1)
    noise = np.random.default_rng(2).standard_normal(fake.features.shape) * 1e-7
    moved = Features((fake.features * (1 + noise)).astype(np.float32), fake.logits)
    assert everything(moved, real) == pytest.approx(everything(fake, real), rel=1e-4)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_too_few_images_and_no_numbers_are_named(function) -> None:  # type: ignore[no-untyped-def]
    good, bad = cloud(40, 0), cloud(40, 1)
    bad.features[3, 2] = np.nan
    for few in (good[:1], good[:0]):
        with pytest.raises(UserError, match="images or more"):
            function(few, few, 0)
    with pytest.raises(UserError, match="1 of 40 images of the first set are not finite"):
        function(bad, good, 0)
    with pytest.raises(UserError, match="24 and 8 values" if function is not isc.inception_score else "classes"):
        function(Features(good.features), cloud(40, 0, 8), 0)


def test_what_has_no_classes_has_no_inception_score() -> None:
    with pytest.raises(UserError, match="classes"):
        isc.inception_score(Features(cloud(40, 0).features), cloud(40, 1))


@pytest.mark.parametrize("least", [(fid, 2), (kid.kid, 4), (prdc.prdc, 6), (isc.inception_score, 20)])
def test_as_few_images_as_are_allowed(least) -> None:  # type: ignore[no-untyped-def]
    function, count = least
    found = function(cloud(count, 0, 300), cloud(count, 1, 300), 0)
    assert all(isinstance(value, float) and np.isfinite(value) for value in found.values())


@pytest.mark.parametrize("count", [100, 400])
@pytest.mark.parametrize(("shift", "scale"), [(0.0, 1.0), (0.3, 1.0), (0.0, 0.6)])
def test_the_bias_of_fid_is_about_what_it_is(count: int, shift: float, scale: float) -> None:
    width = 512
    fake, real = cloud(count, 0, width, shift, scale), cloud(count, 1, width)
    variance = 1 / np.arange(1, width + 1)
    truth = ((shift**2 + (1 - scale) ** 2) * variance).sum()
    measured = fid(fake, real)["fid"] - truth
    assert bias.fid_bias(fake, real) == pytest.approx(measured, rel=0.3)


def test_the_bias_is_small_for_many_images_and_refuses_very_few() -> None:
    fake, real = cloud(4000, 0, 8), cloud(4000, 1, 8)
    assert bias.fid_bias(fake, real) < 0.02
    with pytest.raises(UserError, match="32 images"):
        bias.fid_bias(fake[:20], real)
    flat = Features(np.ones((50, 8), np.float32))
    assert bias.fid_bias(flat, flat) == 0


def test_a_caution_says_how_large_the_bias_is() -> None:
    said = bias.caution("fid", 200, 41.2, 17.26)
    assert said is not None
    assert "200 images" in said
    assert "17 of 41.2" in said
    assert "kid" in said
    assert "kid_dino" in (bias.caution("fid_dino", 200, 41.2) or "")
    assert bias.caution("fid", 2048, 41.2, 1.0) is None
    assert bias.caution("kid", 20, 0.1) is None
    assert "can't score more than 50" in (bias.caution("inception_score", 500, 7.0) or "")


def test_every_value_has_a_label() -> None:
    named = [name for name in everything(cloud(40, 0), cloud(40, 1)) if find(name) is None]
    assert named == []
    for name, entry in {**TABLE, **DISTRIBUTIONS, **BESIDE}.items():
        assert find(name) == entry


@pytest.mark.parametrize("base", ["fid", "kid", "kid_std", "precision", "recall", "density", "coverage"])
@pytest.mark.parametrize("suffix", ["clip", "dino", "my.module:Mine"])
def test_a_suffix_means_other_features(base: str, suffix: str) -> None:
    entry, plain = find(f"{base}_{suffix}"), find(base)
    assert entry is not None
    assert plain is not None
    assert (entry.function, entry.better, entry.features) == (plain.function, plain.better, suffix)
    assert suffix in entry.label
    assert plain.features == "inception"


@pytest.mark.parametrize(
    "name", ["fid_inception", "fid_dinosaur", "inception_score_clip", "class_entropy_dino", "fid_"]
)
def test_a_suffix_that_means_nothing_is_not_found(name: str) -> None:
    assert find(name) is None


def test_the_distance_of_two_points_is_that_of_their_means() -> None:
    same = np.ones((5, 3), np.float32)
    assert frechet(same, same + 2) == pytest.approx(12)
