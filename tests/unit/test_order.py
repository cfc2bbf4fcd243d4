"""Orders by position: each once a turn, few archives at a time, and mixed nearly as well as by a full permutation."""

from itertools import pairwise

import numpy as np
import pytest

from translate.data.order import Shuffled, Windowed

SIZES = np.array([7, 1, 40, 13, 25, 30, 9, 22, 31, 16])
SHARD = np.repeat(np.arange(len(SIZES)), SIZES)


@pytest.mark.parametrize("window", [1, 3, 10, 99])
def test_each_item_comes_once_a_turn(window: int) -> None:
    order, size = Windowed(0, "a", SIZES, window), int(SIZES.sum())
    turns = [[order(turn * size + place) for place in range(size)] for turn in range(3)]
    for turn in turns:
        assert sorted(turn) == list(range(size))
    assert turns[0] != turns[1]
    assert [order(place) for place in (5, 300, 17)] == [Windowed(0, "a", SIZES, window)(p) for p in (5, 300, 17)]
    assert [Windowed(1, "a", SIZES, window)(place) for place in range(size)] != turns[0]


@pytest.mark.parametrize("window", [1, 3, 10])
def test_few_archives_are_needed_at_a_time_and_one_more_for_what_follows(window: int) -> None:
    order, size = Windowed(0, "a", SIZES, window), int(SIZES.sum())
    blocks: dict[tuple[int, int], list[int]] = {}
    for position in range(2 * size):
        block, needed = order.needed(position)
        assert SHARD[order(position)] in needed[:-1]
        assert len(needed) == window + 1
        blocks[block] = needed
    assert list(blocks) == sorted(blocks)
    for (block, needed), (after, following) in pairwise(blocks.items()):
        assert needed[-1] in following[:-1]
        if block[0] == after[0]:
            assert len(set(following[:-1]) - set(needed[:-1])) <= 1


def test_positions_are_the_only_state() -> None:
    order, size = Windowed(3, "b", SIZES, 4), int(SIZES.sum())
    sequence = [order(position) for position in range(2 * size)]
    resumed = Windowed(3, "b", SIZES, 4)
    assert [resumed(position) for position in range(size + 11, 2 * size)] == sequence[size + 11 :]


def test_a_window_of_all_archives_mixes_as_well_as_a_permutation() -> None:
    """Rank correlation of the order with the storage, and the share of neighbours of the same archive."""
    sizes = np.full(20, 100)
    shard = np.repeat(np.arange(20), 100)

    def measured(order: Shuffled | Windowed) -> tuple[float, float]:
        sequence = np.array([order(position) for position in range(2000)])
        return abs(np.corrcoef(sequence, np.arange(2000))[0, 1]), float(np.mean(np.diff(shard[sequence]) == 0))

    correlation, same = measured(Windowed(0, "a", sizes, 20))
    assert correlation < 4 / 2000**0.5
    assert abs(same - 0.05) < 0.03
    correlation, same = measured(Windowed(0, "a", sizes, 5))
    assert correlation < 0.5  # archives are permuted
    assert abs(same - 0.2) < 0.05  # a fifth of each batch, no more


def test_a_single_archive_is_permuted_whole() -> None:
    order = Windowed(0, "a", np.array([1000]), 16)
    assert abs(np.corrcoef([order(position) for position in range(1000)], np.arange(1000))[0, 1]) < 0.15
