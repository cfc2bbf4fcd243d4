"""Batches by position: each picture once a pass, pairs aligned, equal on any number of processes and after restarts."""

import threading
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from translate.data.images import save, to_uint8
from translate.data.layouts import Picture, Split, find
from translate.data.loader import Batches, loader
from translate.domain import Batch, Domain
from translate.errors import UserError


@dataclass
class Options:
    """As the configuration's `data`."""

    size: tuple[int, int] = (8, 8)
    load_size: tuple[int, int] | None = None
    channels: dict[str, int] = field(default_factory=lambda: {"a": 3, "b": 3})
    frames: dict[str, int] = field(default_factory=lambda: {"a": 1, "b": 1})
    paired_share: float | None = None
    transforms: list[Any] = field(default_factory=list)
    input_transforms: list[Any] = field(default_factory=list)
    cache: Any = "memory"
    cache_gb: float | None = None
    window: int = 4


CROP = Options(load_size=(12, 12), transforms=[{"RandomCrop": {"height": 8, "width": 8}}, "HorizontalFlip"])


def numbered(folder: Path, numbers: range) -> list[Picture]:
    """Pictures 12 x 12 whose red is their number, green the row and blue the column."""
    result = []
    for number in numbers:
        rows, columns = np.mgrid[:12, :12]
        save(
            np.stack([np.full((12, 12), number), rows * 20, columns * 20], -1).astype(np.uint8),
            folder / f"{number}.png",
        )
        result.append(Picture(folder / f"{number}.png"))
    return result


@pytest.fixture
def split(tmp_path: Path) -> Split:
    """4 pairs (A: 0-3, B: 100-103), 6 more of A (10-15) and 9 more of B (110-118)."""
    a, b = numbered(tmp_path / "a", range(4)), numbered(tmp_path / "b", range(100, 104))
    more_a, more_b = numbered(tmp_path / "a", range(10, 16)), numbered(tmp_path / "b", range(110, 119))
    return Split(list(zip(a, b, strict=True)), more_a, more_b)


def numbers(batch: Batch, domain: Domain) -> list[int]:
    """The pictures' numbers."""
    return [int(n) for n in to_uint8(batch.images[domain])[:, 0, 0, 0]]


def equal(one: Batch, other: Batch) -> bool:
    return one.paired == other.paired and all(torch.equal(one.images[d], other.images[d]) for d in one.images)


def unpaired(split: Split) -> Split:
    return Split([], split.only_a, split.only_b)


def test_shapes_range_and_channels(split: Split) -> None:
    options = Options(size=(6, 10), channels={"a": 1, "b": 3})
    batch = Batches(split, options, 4, 0)[0]
    assert batch.images[Domain.A].shape == (4, 1, 6, 10)
    assert batch.images[Domain.B].shape == (4, 3, 6, 10)
    assert batch.images[Domain.B].dtype == torch.float32
    assert batch.images[Domain.B].abs().max() <= 1


def test_each_picture_comes_once_a_pass(split: Split) -> None:
    batches = Batches(unpaired(split), Options(), 3, 0)
    rows = {d: [n for step in range(6) for n in numbers(batches[step], d)] for d in Domain}
    assert sorted(rows[Domain.B][:9]) == sorted(rows[Domain.B][9:]) == list(range(110, 119))
    for turn in range(3):
        assert sorted(rows[Domain.A][6 * turn : 6 * turn + 6]) == list(range(10, 16))
    assert rows[Domain.B][:9] != rows[Domain.B][9:]
    assert rows[Domain.B][:9] != sorted(rows[Domain.B][:9])


def test_supervised_rows_are_pairs_and_all_are_seen(split: Split) -> None:
    batches = Batches(Split(split.pairs), Options(), 3, 0)
    seen: Counter[int] = Counter()
    for step in range(4):
        batch = batches[step]
        assert batch.paired == 3
        assert [n + 100 for n in numbers(batch, Domain.A)] == numbers(batch, Domain.B)
        seen.update(numbers(batch, Domain.A))
    assert seen == {0: 3, 1: 3, 2: 3, 3: 3}


def test_unpaired_sides_of_pairs_are_not_aligned(split: Split) -> None:
    batches = Batches(Split(split.pairs), Options(paired_share=0.0), 4, 0)
    rows = [(a, b) for s in range(50) for a, b in zip(*(numbers(batches[s], d) for d in Domain), strict=True)]
    assert all(batches[step].paired == 0 for step in range(50))
    assert sum(a + 100 == b for a, b in rows) < 100  # by chance a quarter of 200


@pytest.mark.parametrize("share", [None, 0.0, 0.3, 0.5, 1.0])
@pytest.mark.parametrize("rows", [1, 4])
def test_the_share_of_paired_rows_is_met_over_time(split: Split, share: float | None, rows: int) -> None:
    batches = Batches(split, Options(paired_share=share), rows, 0)
    expected = 4 / 13 if share is None else share
    paired = 0
    for step in range(40):
        batch = batches[step]
        paired += batch.paired
        assert abs(paired - expected * rows * (step + 1)) < 1
        a, b = numbers(batch, Domain.A), numbers(batch, Domain.B)
        assert [n + 100 for n in a[: batch.paired]] == b[: batch.paired]
        if share != 0:
            assert all(n >= 10 for n in a[batch.paired :])
            assert all(n >= 110 for n in b[batch.paired :])


def test_with_a_share_of_none_the_pairs_still_are_seen_as_unpaired(split: Split) -> None:
    batches = Batches(split, Options(paired_share=0.0), 5, 0)
    seen = {n for step in range(2) for n in numbers(batches[step], Domain.A)}
    assert seen == {0, 1, 2, 3, *range(10, 16)}


def test_more_of_one_domain_only(split: Split) -> None:
    batches = Batches(Split(split.pairs, [], split.only_b), Options(), 13, 0)
    batch = batches[0]
    assert batch.paired == 4
    assert sorted(numbers(batch, Domain.B)[4:]) == list(range(110, 119))
    assert set(numbers(batch, Domain.A)) == {0, 1, 2, 3}


def test_a_position_gives_the_same_batch_in_a_fresh_process_and_any_order(split: Split) -> None:
    first = [Batches(split, CROP, 4, 7)[step] for step in range(6)]
    batches = Batches(split, CROP, 4, 7)
    for step in reversed(range(6)):
        assert equal(batches[step], first[step])
    other = Batches(split, CROP, 4, 8)
    assert not any(equal(other[step], first[step]) for step in range(6))


@pytest.mark.parametrize(("world", "unconditional"), [(2, False), (3, False), (4, False), (2, True)])
def test_ranks_together_see_what_one_process_sees(split: Split, world: int, unconditional: bool) -> None:
    options = Options(
        load_size=(12, 12), transforms=CROP.transforms, input_transforms=["RandomBrightnessContrast"], paired_share=0.4
    )
    if unconditional:
        options.paired_share = None
    whole = Batches(split, options, 6, 3, unconditional=unconditional)
    ranks = [Batches(split, options, 6, 3, rank=r, world=world, unconditional=unconditional) for r in range(world)]
    whole_shares = [ranks[-1].shares(step) for step in range(8)]
    for step in range(8):
        one, parts = whole[step], [rank[step] for rank in ranks]
        assert sum(part.paired for part in parts) == one.paired
        assert set(one.images) == ({Domain.B} if unconditional else set(Domain))
        for domain in one.images:
            rows = [part.images[domain] for part in parts]
            assert {len(r) for r in rows} <= {6 // world, -(-6 // world)}
            assert [(p.paired, len(r) - p.paired) for r, p in zip(rows, parts, strict=True)] == whole_shares[step]
            leading = [r[: p.paired] for r, p in zip(rows, parts, strict=True)]
            rest = [r[p.paired :] for r, p in zip(rows, parts, strict=True)]
            assert torch.equal(torch.cat(leading + rest), one.images[domain])


@pytest.mark.parametrize("share", [0.0, 0.3, 0.875, 1.0])
def test_shares_are_even_for_any_number_of_processes(split: Split, share: float) -> None:
    batches = [Batches(split, Options(paired_share=share), 8, 0, world=world) for world in range(1, 9)]
    for world, ranks in enumerate(batches, 1):
        for step in range(10):
            shares = ranks.shares(step)
            assert len(shares) == world
            assert [sum(part) for part in zip(*shares, strict=True)] == list(batches[0].shares(step)[0])
            assert min(min(both) for both in shares) >= 0
            assert max(map(sum, shares)) - min(map(sum, shares)) <= 1


@pytest.mark.parametrize("channels", [{"a": 3, "b": 3}, {"a": 1, "b": 3}])
def test_pairs_are_cropped_alike_and_unpaired_rows_on_their_own(tmp_path: Path, channels: dict[str, int]) -> None:
    rows, columns = np.mgrid[:12, :12]
    place = np.repeat((rows * 12 + columns).astype(np.uint8)[:, :, None], 3, axis=2)
    save(place, tmp_path / "a.png")
    save(place, tmp_path / "b.png")
    a, b = Picture(tmp_path / "a.png"), Picture(tmp_path / "b.png")
    options = Options(load_size=(12, 12), transforms=CROP.transforms, channels=channels)
    paired = Batches(Split([(a, b)]), options, 8, 0)[0]
    assert torch.equal(paired.images[Domain.A][:, 0], paired.images[Domain.B][:, 0])
    assert len({row.numpy().tobytes() for row in paired.images[Domain.A]}) > 4
    free = Batches(Split([], [a], [b]), options, 8, 0)[0]
    same = [torch.equal(x, y) for x, y in zip(free.images[Domain.A][:, 0], free.images[Domain.B][:, 0], strict=True)]
    assert sum(same) < 3


def test_all_frames_of_a_strip_and_their_target_are_changed_alike(tmp_path: Path) -> None:
    """Each frame is the same picture of places, so that crops and flips of one are seen by comparing it with another;
    ColorJitter, which knows one or three channels, must not meet twelve."""
    rows, columns = np.mgrid[:12, :12]
    place = np.repeat((rows * 12 + columns).astype(np.uint8)[:, :, None], 3, axis=2)
    save(np.concatenate([place] * 4, axis=1), tmp_path / "a.png")
    save(place, tmp_path / "b.png")
    a, b = Picture(tmp_path / "a.png"), Picture(tmp_path / "b.png")
    options = Options(load_size=(12, 12), transforms=CROP.transforms, frames={"a": 4, "b": 1})
    batch = Batches(Split([(a, b)]), options, 8, 0)[0]
    assert batch.images[Domain.A].shape == (8, 12, 8, 8)
    for frame in batch.images[Domain.A].split(3, dim=1):
        assert torch.equal(frame, batch.images[Domain.B])
    assert len({row.numpy().tobytes() for row in batch.images[Domain.A]}) > 4
    options.input_transforms = [{"ColorJitter": {"brightness": [0.5, 0.5], "p": 1}}]
    jittered = Batches(Split([(a, b)]), options, 8, 0)[0]
    for frame in jittered.images[Domain.A].split(3, dim=1):
        assert (frame + 1).mean() < 0.6 * (batch.images[Domain.B] + 1).mean()
    assert torch.equal(jittered.images[Domain.B], batch.images[Domain.B])


def test_jitter_of_the_input_leaves_the_target_alone(split: Split) -> None:
    jitter = Options(input_transforms=[{"InvertImg": {"p": 1}}])
    plain, changed = (Batches(Split(split.pairs), options, 4, 0)[0] for options in (Options(), jitter))
    assert torch.equal(plain.images[Domain.B], changed.images[Domain.B])
    assert torch.allclose(plain.images[Domain.A], -changed.images[Domain.A], atol=1e-6)


def test_jitter_is_of_the_domain_that_is_the_input(split: Split) -> None:
    jitter = Options(input_transforms=[{"InvertImg": {"p": 1}}])
    one, other = (Batches(Split(split.pairs), o, 4, 0, inputs=Domain.B)[0] for o in (Options(), jitter))
    assert torch.equal(one.images[Domain.A], other.images[Domain.A])
    assert torch.allclose(one.images[Domain.B], -other.images[Domain.B], atol=1e-6)


def test_an_unconditional_batch_is_all_of_b_and_nothing_else(split: Split) -> None:
    batch = Batches(split, Options(), 13, 0, unconditional=True)[0]
    assert set(batch.images) == {Domain.B}
    assert batch.paired == 0
    assert batch.labels is None
    assert sorted(numbers(batch, Domain.B)) == [*range(100, 104), *range(110, 119)]


@pytest.fixture
def zoo(tmp_path: Path) -> Path:
    """Folders of three classes: the pictures' numbers are 0-2, 50-55 and 90-99."""
    for name, of in (("cat", range(3)), ("dog", range(50, 56)), ("owl", range(90, 100))):
        (tmp_path / "zoo" / name).mkdir(parents=True)
        numbered(tmp_path / "zoo" / name, of)
    return tmp_path / "zoo"


def test_labels_are_the_places_of_the_rows_class_folders(zoo: Path, tmp_path: Path) -> None:
    found = find(zoo)
    (zoo / "dog" / "52.png").write_text("broken")  # what is left out must not shift the labels
    assert found.classes() == ["cat", "dog", "owl"]
    for names in (["cat", "dog", "owl"], ["owl", "cat", "dog"]):
        batches = Batches(found.split("train"), Options(), 9, 0, unconditional=True, classes=names)
        seen: Counter[str] = Counter()
        for step in range(2):
            batch = batches[step]
            assert batch.labels is not None
            assert batch.labels.dtype == torch.int64
            said = [names[i] for i in batch.labels.tolist()]
            assert said == [["cat", "dog", "owl"][(n >= 50) + (n >= 90)] for n in numbers(batch, Domain.B)]
            seen.update(said)
        assert seen == {"cat": 3, "dog": 5, "owl": 10}  # as in the data


def test_labels_of_pairs_and_of_unpaired_rows(tmp_path: Path) -> None:
    """Also where an unreadable input shifts the pairs' places of A against those of B."""
    targets = [*labelled(tmp_path / "x", range(100, 102)), *labelled(tmp_path / "y", range(110, 113))]
    pairs = list(zip(numbered(tmp_path, range(5)), targets, strict=True))
    (tmp_path / "0.png").write_text("broken")
    split = Split(pairs, numbered(tmp_path, range(5, 9)), targets[3:])
    batches = Batches(split, Options(), 4, 0, classes=["x", "y"])
    for step in range(4):
        batch = batches[step]
        assert batch.labels is not None
        assert batch.paired == 2
        assert batch.labels.tolist() == [int(n >= 110) for n in numbers(batch, Domain.B)]


def labelled(folder: Path, of: range) -> list[Picture]:
    folder.mkdir()
    return [Picture(picture.path, label=folder.name) for picture in numbered(folder, of)]


def test_labels_on_any_number_of_processes(zoo: Path) -> None:
    train = find(zoo).split("train")
    names = ["cat", "dog", "owl"]
    whole = Batches(train, Options(), 6, 0, unconditional=True, classes=names)
    ranks = [Batches(train, Options(), 6, 0, r, 2, unconditional=True, classes=names) for r in range(2)]
    for step in range(3):
        parts = [rank[step].labels for rank in ranks]
        assert torch.equal(torch.cat([part for part in parts if part is not None]), whole[step].labels)


def test_a_class_that_was_not_named(zoo: Path) -> None:
    with pytest.raises(UserError, match=r'owl/90\.png: is of class "owl"(?s:.*)cat, dog'):
        Batches(find(zoo).split("train"), Options(), 4, 0, unconditional=True, classes=["cat", "dog"])


def test_pictures_smaller_than_what_is_to_be_made_are_refused(split: Split) -> None:
    with pytest.raises(UserError, match=r"is 12x12, smaller than data\.size \(16x32\)(?s:.*)data\.size=\[12,12\]"):
        Batches(split, Options(size=(32, 16)), 4, 0, unconditional=True)
    with pytest.raises(UserError, match=r"is 12x12, smaller than data\.size \(8x16\)"):
        Batches(split, Options(size=(16, 8)), 4, 0, unconditional=True)
    with pytest.raises(UserError, match=r"is 12x12, smaller than data\.size \(16x8\)"):
        Batches(split, Options(size=(8, 16)), 4, 0, unconditional=True)
    Batches(split, Options(size=(32, 16)), 4, 0)  # a translation may work on enlarged pictures


def test_single_small_pictures_among_larger_ones_are_let_pass(split: Split, tmp_path: Path) -> None:
    save(np.zeros((4, 4, 3), np.uint8), tmp_path / "tiny.png")
    few = Split([], [], [*split.only_b, Picture(tmp_path / "tiny.png")])
    assert Batches(few, Options(size=(12, 12)), 4, 0, unconditional=True)[0].images[Domain.B].shape == (4, 3, 12, 12)


@pytest.mark.parametrize("cache", ["memory", "off", "disk"])
def test_an_unreadable_half_takes_its_partner_along(
    split: Split, tmp_path: Path, cache: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRANSLATE_CACHE", str(tmp_path / "cache"))
    (tmp_path / "b" / "101.png").write_text("broken")
    (tmp_path / "a" / "12.png").write_text("broken")
    batches = Batches(split, Options(cache=cache), 13, 0)
    assert sorted(path.name for path, _ in batches.unreadable) == ["101.png", "12.png"]
    seen: dict[Domain, set[int]] = {d: set() for d in Domain}
    for step in range(8):
        batch = batches[step]
        assert [n + 100 for n in numbers(batch, Domain.A)[: batch.paired]] == numbers(batch, Domain.B)[: batch.paired]
        for domain in Domain:
            seen[domain].update(numbers(batch, domain))
    assert seen[Domain.A] == {0, 2, 3, 10, 11, 13, 14, 15}
    assert seen[Domain.B] == {100, 102, 103, *range(110, 119)}


def test_transforms_that_miss_the_size(split: Split) -> None:
    options = Options(load_size=(12, 12), transforms=["HorizontalFlip"])
    with pytest.raises(UserError, match=r"HorizontalFlip made a picture 12 high and 12 wide(?s:.*)height: 8, width: 8"):
        Batches(split, options, 2, 0)[0]


@pytest.mark.parametrize("share", [0.5, 1.0])
def test_a_share_of_pairs_that_are_not_there(split: Split, share: float) -> None:
    with pytest.raises(UserError, match="paired_share"):
        Batches(unpaired(split), Options(paired_share=share), 2, 0)


def test_one_domain_without_a_latent(split: Split) -> None:
    with pytest.raises(UserError, match="no pictures of domain A"):
        Batches(Split([], [], split.only_b), Options(), 2, 0)


def test_progress_runs_over_both_domains(split: Split) -> None:
    calls: list[tuple[int, int]] = []
    Batches(split, Options(), 2, 0, progress=lambda done, total: calls.append((done, total)))
    assert calls == [(i, 23) for i in range(1, 24)]


@pytest.mark.parametrize("workers", [0, 1])
def test_the_loader_hands_out_positions_in_order_and_leaves_the_global_random_state(split: Split, workers: int) -> None:
    batches = Batches(split, CROP, 3, 0)
    torch.manual_seed(5)
    state = torch.get_rng_state()
    handed = list(loader(batches, 2, 9, workers))
    assert torch.equal(torch.get_rng_state(), state)
    assert len(handed) == 7
    assert all(equal(batch, batches[step]) for step, batch in enumerate(handed, 2))


def test_closing_the_loader_early_ends_its_thread(split: Split) -> None:
    before = threading.active_count()
    stream = loader(Batches(split, CROP, 3, 0), 0)
    for _ in range(3):
        next(stream)
    assert threading.active_count() > before
    stream.close()
    assert threading.active_count() == before


@pytest.mark.parametrize("workers", [0, 1])
def test_mistakes_found_while_loading_reach_the_reader(split: Split, workers: int) -> None:
    batches = Batches(split, Options(load_size=(12, 12), transforms=["HorizontalFlip"]), 2, 0)
    with pytest.raises(UserError, match="HorizontalFlip made") as caught:
        next(loader(batches, 0, 4, workers))
    assert "Traceback" not in str(caught.value)


def test_any_other_failure_reaches_the_reader_too(split: Split, monkeypatch: pytest.MonkeyPatch) -> None:
    batches = Batches(split, Options(), 2, 0)

    def fail(self: Batches, step: int) -> Batch:
        raise ZeroDivisionError("in a thread")

    monkeypatch.setattr(Batches, "__getitem__", fail)
    with pytest.raises(ZeroDivisionError, match="in a thread"):
        next(loader(batches, 0, 2))
