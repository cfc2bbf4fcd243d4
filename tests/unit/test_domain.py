"""Batches split without losing, doubling or tearing apart a row; the regime follows from counts."""

import pytest
import torch

from translate.domain import Batch, Domain, Regime, regime_of


def numbered(rows: int, paired: int) -> Batch:
    """Rows of A are 0, 1, ..; row i of B is 1000 + i: a pair is (i, 1000 + i)."""
    column = torch.arange(rows, dtype=torch.float32)[:, None, None, None]
    return Batch({Domain.A: column, Domain.B: column + 1000}, paired)


def values(batch: Batch, domain: Domain) -> list[int]:
    return [int(v) for v in batch.images[domain].flatten()]


@pytest.mark.parametrize("parts", range(1, 6))
def test_split_covers_every_row_once_with_its_pairs_in_front(parts: int) -> None:
    for rows in range(1, 10):
        for paired in range(rows + 1):
            pieces = list(numbered(rows, paired).split(parts))
            assert len(pieces) == parts
            assert sorted(v for piece in pieces for v in values(piece, Domain.A)) == list(range(rows))
            assert sorted(v for piece in pieces for v in values(piece, Domain.B)) == list(range(1000, 1000 + rows))
            assert sum(piece.paired for piece in pieces) == paired
            for piece in pieces:
                a, b = values(piece, Domain.A), values(piece, Domain.B)
                assert len(a) == len(b)
                assert all(v < paired for v in a[: piece.paired])
                assert [v + 1000 for v in a[: piece.paired]] == b[: piece.paired]
                assert all(v >= paired for v in a[piece.paired :])


def test_parts_differ_by_at_most_one_row_of_each_kind() -> None:
    for rows, paired, parts in ((9, 4, 3), (8, 8, 3), (7, 0, 2), (16, 5, 4)):
        pieces = list(numbered(rows, paired).split(parts))
        pairs = [piece.paired for piece in pieces]
        free = [len(piece) - piece.paired for piece in pieces]
        assert max(pairs) - min(pairs) <= 1
        assert max(free) - min(free) <= 1


def test_latents_are_split_with_their_images() -> None:
    batch = Batch({Domain.A: torch.arange(12.0).reshape(6, 2), Domain.B: torch.zeros(6, 3, 4, 4)}, 0)
    assert [tuple(p.images[Domain.A].shape) for p in batch.split(3)] == [(2, 2)] * 3
    assert len(batch) == 6


@pytest.mark.parametrize(
    ("counts", "regime"),
    [
        ((5, 0, 0), Regime.SUPERVISED),
        ((5, 1, 0), Regime.SEMI_SUPERVISED),
        ((5, 0, 1), Regime.SEMI_SUPERVISED),
        ((1, 9, 9), Regime.SEMI_SUPERVISED),
        ((0, 1, 1), Regime.UNSUPERVISED),
        ((0, 0, 5), Regime.UNCONDITIONAL),
    ],
)
def test_regime_follows_from_counts(counts: tuple[int, int, int], regime: Regime) -> None:
    assert regime_of(*counts) is regime


def test_the_other_domain() -> None:
    assert Domain.A.other is Domain.B
    assert Domain.B.other is Domain.A


@pytest.mark.parametrize(("paired", "rows", "parts"), [(1, 2, 2), (1, 5, 5), (1, 4, 2), (3, 8, 4), (2, 7, 3)])
def test_no_part_is_empty_or_twice_as_long_as_another(paired: int, rows: int, parts: int) -> None:
    lengths = [len(piece) for piece in numbered(rows, paired).split(parts)]
    assert sum(lengths) == rows
    assert max(lengths) - min(lengths) <= 1
