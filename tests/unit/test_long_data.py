"""Batches out of archives, tables and files that break: the same whoever reads them, and complete whatever is lost."""

import io
import tarfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import fsspec
import numpy as np
import pytest
import torch

from translate.data import layouts, opening
from translate.data.images import encode, save, to_uint8
from translate.data.layouts import Picture, Split
from translate.data.loader import Batches, loader
from translate.data.store import Shard, Store
from translate.domain import Batch, Domain
from translate.errors import UserError


@dataclass
class Options:
    """As the configuration's `data`."""

    size: tuple[int, int] = (4, 4)
    load_size: tuple[int, int] | None = (6, 6)
    channels: dict[str, int] = field(default_factory=lambda: {"a": 3, "b": 3})
    frames: dict[str, int] = field(default_factory=lambda: {"a": 1, "b": 1})
    paired_share: float | None = None
    transforms: list[Any] = field(default_factory=lambda: [{"RandomCrop": {"height": 4, "width": 4}}])
    input_transforms: list[Any] = field(default_factory=list)
    cache: Any = "off"
    cache_gb: float | None = None
    window: int = 2


@pytest.fixture(autouse=True)
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder of this test alone."""
    monkeypatch.setenv("TRANSLATE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def picture(number: int) -> bytes:
    rows, columns = np.mgrid[:6, :6]
    return encode(np.stack([np.full((6, 6), number), rows * 20, columns * 20], -1).astype(np.uint8), ".png")


def archive(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def pairs(broken: tuple[int, ...] = ()) -> dict[str, bytes]:
    """Three archives of four pairs each: A is 0 to 11, B is 100 more; the inputs `broken` are no pictures."""
    return {
        f"train-{shard}.tar": archive(
            {
                f"{n}.{d}.png": b"broken" if d == "a" and n in broken else picture(n + 100 * (d == "b"))
                for n in range(4 * shard, 4 * shard + 4)
                for d in "ab"
            }
        )
        for shard in range(3)
    }


def local(folder: Path, archives: dict[str, bytes]) -> Split:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in archives.items():
        (folder / name).write_bytes(content)
    return layouts.find(folder).split("train")


@pytest.fixture
def far() -> Iterator[str]:
    """A URL that holds `pairs()`."""
    url = f"memory://{uuid4().hex}"
    for name, content in pairs().items():
        fsspec.filesystem("memory").pipe_file(f"{url}/{name}", content)
    yield url
    fsspec.filesystem("memory").rm(url, recursive=True)


def numbers(batch: Batch, domain: Domain) -> list[int]:
    return [int(n) for n in to_uint8(batch.images[domain])[:, 0, 0, 0]]


def taken(batches: Batches, steps: range, workers: int = 0) -> list[Batch]:
    return list(loader(batches, steps.start, steps.stop, workers))


def equal(one: list[Batch], other: list[Batch]) -> bool:
    return len(one) == len(other) and all(
        x.paired == y.paired and all(torch.equal(x.images[d], y.images[d]) for d in x.images)
        for x, y in zip(one, other, strict=True)
    )


def test_each_pair_comes_once_a_pass(tmp_path: Path) -> None:
    batches = Batches(local(tmp_path / "set", pairs()), Options(), 3, 0)
    for turn in range(2):
        seen = [n for batch in taken(batches, range(4 * turn, 4 * turn + 4)) for n in numbers(batch, Domain.A)]
        assert sorted(seen) == list(range(12))
    batch = batches[0]
    assert [n + 100 for n in numbers(batch, Domain.A)] == numbers(batch, Domain.B)


def test_batches_do_not_depend_on_who_reads_them_or_where_it_begins(tmp_path: Path, far: str) -> None:
    split, jitter = local(tmp_path / "set", pairs()), ["RandomBrightnessContrast"]
    expected = [Batches(split, Options(input_transforms=jitter), 3, 7)[step] for step in range(9)]
    for place, workers in ((split, 0), (split, 3), (layouts.find(far).split("train"), 2)):
        assert equal(taken(Batches(place, Options(input_transforms=jitter), 3, 7), range(9), workers), expected)
    assert equal(taken(Batches(split, Options(input_transforms=jitter), 3, 7), range(5, 9), 2), expected[5:])
    ranks = [Batches(split, Options(input_transforms=jitter), 3, 7, rank=rank, world=2) for rank in range(2)]
    for step in range(9):
        rows = torch.cat([rank[step].images[Domain.A] for rank in ranks])
        assert torch.equal(rows, expected[step].images[Domain.A])


def test_a_set_that_fits_is_kept_in_memory(tmp_path: Path) -> None:
    batches = Batches(local(tmp_path / "set", pairs(broken=(5,))), Options(cache="auto"), 11, 0)
    assert not batches.decodes
    assert [path.name for path, _ in batches.unreadable] == ["5.a.png"]
    assert sorted(numbers(batches[0], Domain.A)) == [n for n in range(12) if n != 5]


# --- what breaks


@pytest.mark.parametrize("workers", [0, 2])
def test_a_broken_member_is_named_once_and_the_next_of_its_pool_comes(tmp_path: Path, workers: int) -> None:
    sound = Batches(local(tmp_path / "sound", pairs()), Options(), 3, 0)
    batches = Batches(local(tmp_path / "set", pairs(broken=(5, 6))), Options(), 3, 0)
    expected = [[{5: 7, 6: 7}.get(n, n) for n in numbers(sound[step], Domain.A)] for step in range(12)]
    made = taken(batches, range(12), workers)
    assert [numbers(batch, Domain.A) for batch in made] == expected
    assert all([n + 100 for n in numbers(b, Domain.A)] == numbers(b, Domain.B) for b in made)
    assert sorted(path.name for path, _ in batches.skipped()) == ["5.a.png", "6.a.png"]
    assert batches.skipped() == []
    assert len(batches.unreadable) == 2
    later = Batches(local(tmp_path / "set", pairs(broken=(5, 6))), Options(), 3, 0)
    assert equal(taken(later, range(7, 12)), made[7:])  # a restart knows nothing of what was found before it


def files(folder: Path, count: int) -> Split:
    paths = [folder / f"{n}.png" for n in range(count)]
    for n, path in enumerate(paths):
        save(np.full((6, 6, 3), n, np.uint8), path)
    return Split([], [Picture(path) for path in paths], [Picture(path) for path in paths])


@pytest.mark.parametrize("workers", [0, 1])
def test_a_file_that_vanishes_while_training(tmp_path: Path, workers: int) -> None:
    batches = Batches(files(tmp_path, 10), Options(), 5, 0)
    (tmp_path / "3.png").unlink()
    (tmp_path / "9.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    seen = Counter(n for batch in taken(batches, range(4), workers) for n in numbers(batch, Domain.A))
    assert seen == {0: 4, 6: 4, **dict.fromkeys((1, 2, 4, 5, 7, 8), 2)}  # 7 places on
    assert sorted(path.name for path, _ in batches.skipped()) == ["3.png", "9.png"]


@pytest.mark.parametrize("workers", [0, 1])
def test_when_all_is_gone_the_training_says_so(tmp_path: Path, workers: int) -> None:
    batches = Batches(files(tmp_path / "set", 60), Options(), 5, 0)
    (tmp_path / "set").rename(tmp_path / "elsewhere")
    with pytest.raises(UserError, match=r"[56]0 pictures in a row(?s:.*)bring them back") as caught:
        taken(batches, range(4), workers)
    assert str(tmp_path / "set") in str(caught.value)


def test_neighbours_that_can_not_be_read_do_not_stop_it(tmp_path: Path) -> None:
    dataset = files(tmp_path, 200)
    batches = Batches(dataset, Options(), 5, 0)
    for n in range(100, 190):
        (tmp_path / f"{n}.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    seen = {n for batch in taken(batches, range(80)) for n in numbers(batch, Domain.A)}
    assert seen == {*range(100), *range(190, 200)}


def test_an_archive_that_is_gone(tmp_path: Path) -> None:
    batches = Batches(local(tmp_path / "set", pairs()), Options(), 3, 0)
    for path in (tmp_path / "set").iterdir():
        path.unlink()
    with pytest.raises(UserError, match="12 pictures in a row can't be read"):
        taken(batches, range(4))


def test_a_read_that_fails_for_a_moment_is_tried_again(far: str, monkeypatch: pytest.MonkeyPatch) -> None:
    system, calls = fsspec.filesystem("memory"), []
    original = type(system).cat_file

    def flaky(self: Any, path: str, **options: Any) -> bytes:
        calls.append(path)
        if len(calls) < 3:
            raise TimeoutError("slow down")
        return bytes(original(self, path, **options))

    monkeypatch.setattr(type(system), "cat_file", flaky)
    monkeypatch.setattr(opening.time, "sleep", lambda seconds: None)
    assert len(opening.fetched(f"{far}/train-0.tar", 0, 512)) == 512
    assert len(calls) == 3


# --- copies of what lies far away


def copies(cache: Path) -> list[Path]:
    return sorted((cache / "shards").glob("*.tar"))


def test_archives_are_fetched_once_a_turn_while_they_fit(far: str, own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    system, fetched = fsspec.filesystem("memory"), Counter[str]()
    original = type(system).get_file

    def counted(self: Any, path: str, *rest: Any, **options: Any) -> Any:
        fetched[path.rpartition("/")[2]] += 1
        return original(self, path, *rest, **options)

    monkeypatch.setattr(type(system), "get_file", counted)
    split = layouts.find(far).split("train")
    assert fetched == {}  # headers are read where they are
    taken(Batches(split, Options(cache_gb=1), 3, 0), range(12))
    assert fetched == {f"train-{i}.tar": 1 for i in range(3)}
    assert len(copies(own)) == 3


def test_the_copy_asked_for_longest_ago_is_let_go(far: str, own: Path) -> None:
    members: Any = layouts.find(far).split("train").of(Domain.A)
    store = members.archives.store
    size = len(pairs()["train-0.tar"])
    store.limit = 2 * size
    sources = [members[4 * shard].source for shard in range(3)]
    for place in (0, 1, 0, 2, 0):
        sources[place].near()
    kept = {path.read_bytes() for path in copies(own)}
    assert kept == {content for name, content in pairs().items() if name != "train-1.tar"}


def test_little_room_is_said_and_none_means_requests(far: str, own: Path) -> None:
    split = layouts.find(far).split("train")
    with pytest.raises(UserError, match=r"data\.cache_gb(?s:.*)data\.cache_gb=0"):
        Batches(split, Options(cache_gb=1e-6), 3, 0)
    apart = taken(Batches(split, Options(cache_gb=0), 3, 0), range(4))
    assert copies(own) == []
    assert equal(apart, taken(Batches(split, Options(), 3, 0), range(4)))


def test_half_a_copy_is_never_taken_for_one(far: str, own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    system = fsspec.filesystem("memory")
    content = pairs()["train-0.tar"]
    monkeypatch.setattr(type(system), "get_file", lambda self, path, to, **options: Path(to).write_bytes(content[:99]))
    store = Store(own / "shards")
    with pytest.raises(OSError, match=f"99 of {len(content)} bytes arrived"):
        store.near(Shard(f"{far}/train-0.tar", len(content), ()))
    assert list((own / "shards").glob("*.tar*")) == []


def test_an_archive_that_was_replaced_by_a_shorter_one(tmp_path: Path) -> None:
    batches = Batches(local(tmp_path / "set", pairs()), Options(), 12, 0)
    (tmp_path / "set" / "train-1.tar").write_bytes(b"")
    seen = numbers(batches[0], Domain.A)
    assert set(seen) == {0, 1, 2, 3, 8, 9, 10, 11}
    assert "ends before the picture does" in batches.skipped()[0][1]
