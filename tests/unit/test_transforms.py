"""Albumentations pipelines from the configuration: exact for pairs, a function of the seed, clear about mistakes."""

import numpy as np
import pytest

from translate.data.transforms import apply, apply_pair, build
from translate.errors import UserError

CROP = {"RandomCrop": {"height": 8, "width": 8}}


def grid(height: int = 20, width: int = 20) -> np.ndarray:
    """[H, W, 3]: the first channel holds the row, the second the column."""
    rows, columns = np.mgrid[:height, :width]
    return np.stack([rows, columns, rows + columns], axis=-1).astype(np.uint8)


def test_a_seed_says_what_is_done() -> None:
    pipeline = build([CROP, "HorizontalFlip", {"ColorJitter": {"p": 1}}])
    results = [apply(pipeline, grid(), seed) for seed in range(20)]
    assert len({r.tobytes() for r in results}) > 10
    fresh = build([CROP, "HorizontalFlip", {"ColorJitter": {"p": 1}}])
    for seed in reversed(range(20)):
        assert np.array_equal(apply(fresh, grid(), seed), results[seed])
        assert results[seed].shape == (8, 8, 3)
        assert results[seed].dtype == np.uint8


@pytest.mark.parametrize("channels", [(3, 3), (1, 3), (3, 1)])
def test_pairs_are_cut_and_flipped_alike_whatever_their_channels(channels: tuple[int, int]) -> None:
    # Noise draws once per value: with 1 and 3 channels it would shift the crop after it if they shared a stream.
    noise = {"GaussNoise": {"std_range": [0.0, 0.0], "p": 1}}
    shuffled = {"OneOf": ["HorizontalFlip", "VerticalFlip", {"Affine": {"rotate": [-20, 20]}}]}
    pipeline = build([noise, "RandomRotate90", shuffled, CROP, "HorizontalFlip"])
    whole = grid()
    a, b = whole[:, :, : channels[0]], whole[:, :, : channels[1]]
    seen = set()
    for seed in range(50):
        cut_a, cut_b = apply_pair(pipeline, a, b, seed)
        assert cut_a.shape == (8, 8, channels[0])
        assert cut_b.shape == (8, 8, channels[1])
        assert np.array_equal(cut_a[:, :, 0], cut_b[:, :, 0])
        seen.add(cut_a.tobytes())
    assert len(seen) > 25


def test_transforms_in_one_list_are_independent() -> None:
    pipeline = build(["HorizontalFlip", "VerticalFlip"])
    image = grid(2, 2)
    outcomes = [apply(pipeline, image, seed).tobytes() for seed in range(400)]
    counts = [outcomes.count(o) for o in sorted(set(outcomes))]
    assert len(counts) == 4  # none, left-right, up-down, both
    assert min(counts) > 60


def test_crops_are_spread_evenly() -> None:
    pipeline = build([{"RandomCrop": {"height": 16, "width": 20}}])
    tops = [int(apply(pipeline, grid(), seed)[0, 0, 0]) for seed in range(500)]
    counts = np.bincount(tops, minlength=5)
    assert len(counts) == 5
    assert counts.min() > 60


def test_nesting_takes_a_list_or_named_arguments() -> None:
    for entry in (
        {"OneOf": ["HorizontalFlip", "VerticalFlip"]},
        {"OneOf": {"transforms": ["HorizontalFlip", {"VerticalFlip": {"p": 0.5}}], "p": 1}},
        {"Sequential": [{"OneOf": ["HorizontalFlip", "VerticalFlip"]}, "Transpose"]},
    ):
        assert apply(build([entry]), grid(), 0).shape == (20, 20, 3)


def test_unknown_names() -> None:
    with pytest.raises(UserError, match=r'data.transforms\[1\].*RandomCropp.*Did you mean "RandomCrop"'):
        build(["HorizontalFlip", {"RandomCropp": {}}])
    with pytest.raises(UserError, match=r'data.transforms\[0\].OneOf\[1\].*"VerticalFlp"'):
        build([{"OneOf": ["HorizontalFlip", "VerticalFlp"]}])


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"RandomCrop": {"height": 8, "width": 8, "colour": 1}}, r"RandomCrop: .*colour"),
        ({"HorizontalFlip": {"colour": 1}}, r"HorizontalFlip: .*colour"),
        ({"RandomRotate90": {"colour": 1}}, r"RandomRotate90: .*colour"),
        ({"Affine": {"rotate": "far"}}, r"Affine: .*rotate"),
        ({"RandomCrop": {"height": 8}}, r"RandomCrop: .*width"),
        ({"RandomCrop": {"height": -8, "width": 8}}, r"RandomCrop: .*height"),
        ({"OneOf": {"transforms": ["HorizontalFlip"], "q": 1}}, r"OneOf: .*'q'"),
        ({"RandomCrop": 8}, "no arguments: 8"),
        ({"RandomCrop": {}, "HorizontalFlip": {}}, "no transform"),
        (3, "no transform"),
    ],
)
def test_bad_arguments_are_errors_that_name_the_entry(entry: object, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        build([entry], where="data.input_transforms")  # type: ignore[list-item]
    assert "data.input_transforms[0]" in str(caught.value)


def test_what_cannot_be_done_to_a_picture_is_said() -> None:
    with pytest.raises(UserError, match="RandomCrop failed on a picture of 20x20 with 3 channels"):
        apply(build([{"RandomCrop": {"height": 30, "width": 30}}]), grid(), 0)
    with pytest.raises(UserError, match="8-bit"):
        apply(build(["ToFloat"]), grid(), 0)
