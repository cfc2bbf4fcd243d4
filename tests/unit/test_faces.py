"""The embedded dataset: deterministic, known map, and no mere recolouring."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from translate.data import faces, layouts
from translate.data.images import decode
from translate.domain import Domain, Regime
from translate.errors import UserError


def drawn(count: int, style: Domain, size: int = 32, first: int = 0, seed: int = 0) -> NDArray[np.uint8]:
    return faces.render(faces.scenes(seed, first, count), style, size)


def content(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_the_same_seed_draws_the_same_files_on_any_number_of_threads(tmp_path: Path) -> None:
    options = {"size": 16, "train": 70, "test": 3}
    faces.make(tmp_path / "one", seed=3, workers=1, **options)
    faces.make(tmp_path / "two", seed=3, workers=4, **options)
    faces.make(tmp_path / "other", seed=4, **options)
    one, two, other = (content(tmp_path / name) for name in ("one", "two", "other"))
    assert one == two
    assert len(one) == 70 * 2 + 3 * 2 + 1
    assert not {one[name] for name in one if name.endswith(".png")} & set(other.values())


def test_a_face_does_not_depend_on_its_company() -> None:
    for style in Domain:
        many = drawn(9, style)
        for index in (0, 4, 8):
            assert np.array_equal(drawn(1, style, first=index)[0], many[index])


def test_images_are_distinct_and_use_the_range() -> None:
    for style in Domain:
        images = drawn(40, style)
        assert images.dtype == np.uint8
        assert images.shape == (40, 32, 32, 3)
        assert len({image.tobytes() for image in images}) == 40
        assert images.max() - images.min() > 200


def residual(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    return float(np.abs(a - b).mean())


def test_no_affine_map_of_colours_explains_the_style() -> None:
    a, b = (drawn(60, style, 48).astype(np.float64) for style in Domain)
    x, y = a.reshape(-1, 3), b.reshape(-1, 3)
    x = np.concatenate([x, x**2, x[:, :1] * x[:, 1:], np.ones((len(x), 1))], axis=1)  # even a quadratic one
    fitted = x @ np.linalg.lstsq(x, y, rcond=None)[0]
    assert residual(fitted, y) > 20
    for image_a, image_b in zip(a[:10], b[:10], strict=True):  # nor one of its own for each image
        x, y = np.c_[image_a.reshape(-1, 3), np.ones(48 * 48)], image_b.reshape(-1, 3)
        assert residual(x @ np.linalg.lstsq(x, y, rcond=None)[0], y) > 12


def test_no_table_of_colours_explains_the_style() -> None:
    a, b = drawn(120, Domain.A), drawn(120, Domain.B).astype(np.float64)
    colour = (a // 16).astype(np.int64) @ np.array([256, 16, 1])  # 4,096 colours of A, each to its mean colour in B
    seen, held_out = slice(0, 60), slice(60, 120)
    count = np.bincount(colour[seen].ravel(), minlength=4096)
    for channel in range(3):
        target = b[..., channel]
        mean = np.bincount(colour[seen].ravel(), target[seen].ravel(), 4096) / np.maximum(count, 1)
        assert residual(mean[colour[held_out]], target[held_out]) > 15


def test_the_two_styles_show_the_same_scene() -> None:
    """Edges of B lie where A has edges too, and more so than in another scene's A."""

    def edges(images: NDArray[np.uint8]) -> NDArray[np.float64]:
        grey = images.astype(np.float64).mean(-1)
        size = np.abs(np.diff(grey, axis=1))[:, :, :-1] + np.abs(np.diff(grey, axis=2))[:, :-1]
        flat = size.reshape(len(images), -1)
        flat -= flat.mean(1, keepdims=True)
        return flat / np.linalg.norm(flat, axis=1, keepdims=True)

    likeness = edges(drawn(30, Domain.A)) @ edges(drawn(30, Domain.B)).T
    others = (likeness.sum(1) - likeness.diagonal()) / 29
    assert (likeness.diagonal() > others).mean() > 0.95


def test_train_and_test_are_disjoint(unpaired: Path, paired: Path) -> None:
    for root in (unpaired, paired):
        train = [data for name, data in content(root).items() if name.startswith("train")]
        test = [data for name, data in content(root).items() if name.startswith("test")]
        assert not set(train) & set(test)
        assert len(set(train)) == 16
        assert len(set(test)) == 8


def test_with_pairs_the_folders_hold_the_same_scenes_and_without_they_do_not(unpaired: Path, paired: Path) -> None:
    assert layouts.find(paired).regime() is Regime.SUPERVISED
    assert layouts.find(unpaired).regime() is Regime.UNSUPERVISED
    for root, same in ((paired, True), (unpaired, False)):
        a = [path.name for path in sorted((root / "trainA").iterdir())]
        b = [path.name for path in sorted((root / "trainB").iterdir())]
        assert (a == b) is same
        assert bool(set(a) & set(b)) is same
    numbers = [int(path.stem) for path in sorted((unpaired / "trainB").iterdir())]
    pictures = [decode(path, 3) for path in sorted((unpaired / "trainB").iterdir())]
    for number, picture in zip(numbers, pictures, strict=True):
        assert np.array_equal(drawn(1, Domain.B, 16, first=number)[0], picture)


def test_held_out_pairs_are_the_exact_map(unpaired: Path) -> None:
    split = layouts.find(unpaired).split("test")
    assert len(split.pairs) == 4
    for a, b in split.pairs:
        assert a.path.stem == b.path.stem
        for picture, style in ((a, Domain.A), (b, Domain.B)):
            expected = drawn(1, style, 16, first=int(picture.path.stem))[0]
            assert np.array_equal(decode(picture.path, 3), expected)


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(UserError, match="not an empty folder"):
        faces.make(tmp_path, train=1, test=1, size=8)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    with pytest.raises(UserError, match=r"mine\.txt"):
        faces.make(tmp_path / "mine.txt", train=1, test=1, size=8)
