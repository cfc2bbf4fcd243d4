"""Tiles cover a picture wherever a network's grid allows, and their shares sum to one."""

import numpy as np
import pytest

from translate.inference.tiles import Grid, axis

CASES = [
    (1024, 512, 64, 4),
    (20000, 512, 64, 4),
    (2048, 1024, 256, 256),
    (260, 256, 128, 4),
    (96, 32, 16, 16),
    (7, 4, 0, 1),
]


@pytest.mark.parametrize(("length", "size", "overlap", "stride"), CASES)
def test_tiles_cover_the_axis_on_the_networks_grid(length: int, size: int, overlap: int, stride: int) -> None:
    line = axis(length, size, overlap, stride)
    assert line.size <= size
    assert (line.starts[0], line.starts[-1] + line.size) == (0, length)
    assert all(start % stride == 0 for start in line.starts)
    assert all(a < b <= a + line.size - overlap for a, b in zip(line.starts, line.starts[1:], strict=False))


@pytest.mark.parametrize(("length", "size", "overlap", "stride"), CASES)
def test_shares_sum_to_one_and_cores_part_the_axis(length: int, size: int, overlap: int, stride: int) -> None:
    line = axis(length, size, overlap, stride)
    shares, cores = np.zeros(length, np.float64), np.zeros(length)
    for tile, start in enumerate(line.starts):
        place = slice(start, start + line.size)
        shares[place] += line.weights(tile)
        cores[place] += line.core(tile)
        outside = np.ones(line.size, bool)
        outside[line.extent(tile)[0] - start : line.extent(tile)[1] - start] = False
        assert not line.weights(tile)[outside].any()
    np.testing.assert_allclose(shares, 1, atol=1e-6)
    np.testing.assert_array_equal(cores, 1)


def test_a_tiles_cut_border_counts_nowhere_and_the_pictures_own_does() -> None:
    line = axis(1024, 512, 128, 4)
    for tile in range(len(line)):
        weights = line.weights(tile)
        assert weights[:48].any() == (tile == 0)
        assert weights[-48:].any() == (tile == len(line) - 1)


def test_shares_change_smoothly() -> None:
    line = axis(1024, 512, 128, 4)
    assert max(np.abs(np.diff(line.weights(tile))).max() for tile in range(len(line))) < 1.6 / line.ramp


def test_no_more_is_computed_than_must_be() -> None:
    """Three tiles of 512 would pass 1024 pixels half as often again."""
    line = axis(1024, 512, 64, 4)
    assert len(line) * line.size <= 1024 + 2 * 64 + 3 * 4


def test_what_is_no_longer_than_a_tile_is_one_tile() -> None:
    line = axis(300, 512, 64, 4)
    assert (line.size, line.starts, line.seams) == (300, (0,), ())
    np.testing.assert_array_equal(line.weights(0), 1)


@pytest.mark.parametrize("wrong", [(1022, 512, 64, 4), (1024, 510, 64, 4), (1024, 512, 66, 4), (1024, 512, 260, 4)])
def test_what_would_shift_the_networks_grid_is_refused(wrong: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError, match="stride"):
        axis(*wrong)


def test_the_first_tiles_of_a_spread_lie_everywhere() -> None:
    grid = Grid(axis(4096, 256, 0, 4), axis(8192, 256, 0, 4))
    few = grid.spread(32)
    assert few == grid.spread(200)[:32]
    assert {(row // 8, column // 8) for row, column in few} == {(i, j) for i in range(2) for j in range(4)}
    assert sorted(grid.spread(10**9)) == [(row, column) for row in range(16) for column in range(32)]
