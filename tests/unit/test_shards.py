"""Sharded archives as a dataset: what names say, what members are, and that nothing in an archive is believed."""

import io
import struct
import tarfile
import uuid
import zlib
from collections.abc import Iterator
from pathlib import Path

import fsspec
import numpy as np
import pytest

from translate.data import index, layouts
from translate.data.dataset import Dataset
from translate.data.images import Unreadable, decode, encode
from translate.data.sharded import expanded
from translate.domain import Domain, Regime
from translate.errors import UserError


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRANSLATE_CACHE", str(tmp_path / "cache"))


def picture(level: int, width: int = 8) -> bytes:
    return encode(np.full((8, width, 3), level, np.uint8), ".png")


def archive(members: dict[str, bytes] | list[tuple[str, bytes]]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in members.items() if isinstance(members, dict) else members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def levels(dataset: Dataset, domain: Domain, split: str = "train") -> list[int]:
    return [int(decode(one, 3)[0, 0, 0]) for one in dataset.split(split).of(domain)]


def put(folder: Path, archives: dict[str, bytes]) -> Path:
    for name, content in archives.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture
def memory() -> Iterator[str]:
    """A folder of fsspec's memory:// that is this test's alone."""
    url = f"memory://{uuid.uuid4().hex}"
    yield url
    fsspec.filesystem("memory").rm(url, recursive=True)


PAIRS = {
    "train-000000.tar": archive({f"{i}.{d}.png": picture(i + 100 * (d == "b")) for i in range(3) for d in "ab"}),
    "train-000001.tar": archive({f"{i}.{d}.png": picture(i + 100 * (d == "b")) for i in range(3, 5) for d in "ba"}),
    "test-0.tar": archive({"0.a.png": picture(50), "0.b.png": picture(150)}),
}


def test_pairs_lie_in_one_sample(tmp_path: Path) -> None:
    dataset = layouts.find(put(tmp_path / "set", PAIRS))
    assert dataset.layout == "pairs in 3 archives"
    assert dataset.regime() is Regime.SUPERVISED
    assert levels(dataset, Domain.A) == [0, 1, 2, 3, 4]
    assert levels(dataset, Domain.B) == [100, 101, 102, 103, 104]
    assert [len(pair) for pair in dataset.split("test").pairs] == [2]
    assert str(dataset.split("train").pairs[3][1].path) == str(tmp_path / "set/train-000001.tar/3.b.png")


def test_a_url_a_pattern_and_a_folder_hold_the_same(tmp_path: Path, memory: str) -> None:
    put(tmp_path / "set", PAIRS)
    for name, content in PAIRS.items():
        fsspec.filesystem("memory").pipe_file(f"{memory}/{name}", content)
    for place in (memory, memory + "/", Path(memory), f"{memory}/train-{{000000..000001}}.tar"):
        found = layouts.find(place)
        assert levels(found, Domain.A) == [0, 1, 2, 3, 4], place
        assert [one.path.name for one in found.split("train").of(Domain.A)] == [f"{i}.a.png" for i in range(5)]
    local = layouts.find(tmp_path / "set" / "train-{000000..000001}.tar")
    assert levels(local, Domain.B) == [100, 101, 102, 103, 104]
    assert levels(layouts.find(tmp_path / "set" / "test-0.tar"), Domain.B, "test") == [150]


@pytest.mark.parametrize(
    "names",
    [("trainA-0.tar", "trainB-0.tar", "testA-0.tar", "testB-0.tar"),
     ("train/A/0.tar", "train/B/0.tar", "test/A/0.tar", "test/B/0.tar"),
     ("train_a/shard-0.tar", "train_b/shard-0.tar", "test_a/shard-0.tar", "test_b/shard-0.tar"),
     ("A/train-0.tar", "B/train-0.tar", "A/test-0.tar", "B/test-0.tar")],
)  # fmt: skip
def test_unpaired_domains_and_splits_by_the_archives_names(tmp_path: Path, names: tuple[str, ...]) -> None:
    archives = {name: archive({f"{n}/x.png": picture(n), f"{n}/y.png": picture(n)}) for n, name in enumerate(names)}
    dataset = layouts.find(put(tmp_path / "set", archives))
    assert dataset.regime() is Regime.UNSUPERVISED
    found = [levels(dataset, domain, split) for split in ("train", "test") for domain in Domain]
    assert found == [[0, 0], [1, 1], [2, 2], [3, 3]]


def test_one_domain_and_its_classes_by_folder_or_by_cls(tmp_path: Path) -> None:
    members = {"train/cat/1.png": picture(1), "train/dog/2.png": picture(2), "./3.png": picture(3), "3.cls": b"owl\n"}
    members |= {"cat/4.png": picture(4), "cat/4.cls": b"7", "cat/4.json": b"{}"}
    dataset = layouts.find(put(tmp_path / "set", {"birds.tar": archive(members)}))
    assert dataset.regime() is Regime.UNCONDITIONAL
    labels = {int(decode(one, 3)[0, 0, 0]): one.label for one in dataset.split("train").of(Domain.B)}
    assert labels == {1: "cat", 2: "dog", 3: "owl", 4: "7"}
    assert dataset.classes() == ["7", "cat", "dog", "owl"]
    assert dataset.skipped == 1


def test_pairs_side_by_side(tmp_path: Path) -> None:
    wide = np.concatenate([np.full((8, 8, 3), 10, np.uint8), np.full((8, 8, 3), 200, np.uint8)], axis=1)
    dataset = layouts.find(put(tmp_path / "set", {"train.tar": archive({"x.png": encode(wide, ".png")})}))
    assert (levels(dataset, Domain.A), levels(dataset, Domain.B)) == ([10], [200])


def test_only_some_of_the_pairs(tmp_path: Path) -> None:
    put(tmp_path / "set", PAIRS)
    train = layouts.find(tmp_path / "set", 2).split("train")
    assert (len(train.pairs), len(train.only_a), len(train.only_b)) == (2, 3, 3)
    seen = [int(decode(a, 3)[0, 0, 0]) for a in train.of(Domain.A)]
    assert sorted(seen) == [0, 1, 2, 3, 4]
    with pytest.raises(UserError, match=r"data\.pairs=6"):
        layouts.find(tmp_path / "set", 6)


def test_the_headers_are_read_once_and_again_when_an_archive_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path / "set", PAIRS)
    calls: list[tuple[int, int]] = []
    first = layouts.find(tmp_path / "set", progress=lambda done, total: calls.append((done, total)))
    assert calls == [(1, 3), (2, 3), (3, 3)]
    read: list[int] = []
    original = index.read
    monkeypatch.setattr(index, "read", lambda file, size: read.append(size) or original(file, size))
    again = layouts.find(tmp_path / "set")
    assert read == []
    assert list(again.split("train").pairs) == list(first.split("train").pairs)
    put(tmp_path / "set", {"test-0.tar": archive({"a0000.a.png": picture(7), "a0000.b.png": picture(8)})})
    assert levels(layouts.find(tmp_path / "set"), Domain.A, "test") == [7]
    assert len(read) == 1


# --- what must not be believed


def test_links_devices_and_names_that_lead_out(tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(picture(99))
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for number, kind in enumerate((tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE)):
            info = tarfile.TarInfo(f"{number}.png")
            info.type, info.linkname = kind, str(tmp_path / "secret.png")
            tar.addfile(info)
        for name in ("/etc/x.png", "../../y.png", "a/../../../z.png", "..\\w.png", "._v.png", ".hidden/u.png"):
            info = tarfile.TarInfo(name)
            info.size = len(picture(1))
            tar.addfile(info, io.BytesIO(picture(1)))
    dataset = layouts.find(put(tmp_path / "set", {"train.tar": buffer.getvalue()}))
    names = [str(one.path.relative_to(tmp_path / "set" / "train.tar")) for one in dataset.split("train").of(Domain.B)]
    assert names == ["etc/x.png", "y.png", "a/z.png", "w.png"]
    assert levels(dataset, Domain.B) == [1, 1, 1, 1]
    before = {path for path in tmp_path.rglob("*") if "cache" not in path.parts}
    assert before == {tmp_path / "secret.png", tmp_path / "set", tmp_path / "set" / "train.tar"}


def lying(claim: int) -> bytes:
    """An archive of one sound picture and one whose header claims a size."""
    info = tarfile.TarInfo("huge.png")
    info.size = claim
    return archive({"1.png": picture(1)})[: -(-(512 + len(picture(1))) // 512) * 512] + info.tobuf(tarfile.GNU_FORMAT)


@pytest.mark.parametrize("claim", [4096, 2**30, 2**62])
def test_sizes_that_lie(tmp_path: Path, claim: int) -> None:
    dataset = layouts.find(put(tmp_path / "set", {"train.tar": lying(claim)}))
    assert levels(dataset, Domain.B) == [1]
    ((path, reason),) = dataset.split("train").broken
    assert path.name == "huge.png"
    assert reason.startswith("cut off: 0 of its")


def test_archives_that_are_cut_off_give_what_is_before_the_cut(tmp_path: Path) -> None:
    whole = archive({f"{i}.png": picture(i) for i in range(4)})
    for length in (0, 300, 512, 600, 1024, 1536, 2300, 3584, 4096, 4608, len(whole)):
        found = layouts.find(put(tmp_path / f"{length}", {"train-0.tar": whole, "train-1.tar": whole[:length]}))
        count = min(4, (length + 1024 - 512 - len(picture(0))) // 1024)  # each is a header and less than a block
        assert levels(found, Domain.B)[4:] == list(range(count)), length
        assert bool(found.split("train").broken) == (length < 4 * 1024 + 512), length


def test_garbage_and_absurd_headers(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).bytes(4096)
    info = tarfile.TarInfo("x")
    info.type, info.size = tarfile.XHDTYPE, 2**33  # an extended header that would take all memory
    extended = info.tobuf(tarfile.GNU_FORMAT) + b"\0" * 4096
    put(tmp_path / "set", {"train-0.tar": archive({"1.png": picture(1)}), "train-1.tar": noise, "train-2.tar": b""})
    put(tmp_path / "set", {"train-3.tar": extended})
    dataset = layouts.find(tmp_path / "set")
    assert levels(dataset, Domain.B) == [1]
    assert [path.name for path, _ in dataset.split("train").broken] == [f"train-{i}.tar" for i in (1, 2, 3)]


def test_members_that_are_no_pictures_or_bombs(tmp_path: Path) -> None:
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in ((b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 1000)), (b"IEND", b""))
    )
    members = {"1.png": picture(1), "2.png": b"no picture", "3.png": b"", "4.png": bomb}
    pictures = layouts.find(put(tmp_path / "set", {"t.tar": archive(members)})).split("train")
    assert [(path.name, reason) for path, reason in pictures.broken] == [("3.png", "is empty")]
    for place in (1, 2):
        with pytest.raises(Unreadable):
            decode(pictures.only_b[place], 3)


def test_duplicate_names_and_missing_partners(tmp_path: Path) -> None:
    members = [("1.a.png", picture(1)), ("1.b.png", picture(2)), ("1.a.png", picture(3)), ("2.a.png", picture(4))]
    members += [("3.b.png", picture(5)), ("1.a.jpg", picture(6))]
    train = layouts.find(put(tmp_path / "set", {"train.tar": archive(members)})).split("train")
    assert [int(decode(one, 3)[0, 0, 0]) for pair in train.pairs for one in pair] == [1, 2]
    assert [one.path.name for one in (*train.only_a, *train.only_b)] == ["2.a.png", "3.b.png"]
    assert [path.name for path in train.unmatched] == ["2.a.png", "3.b.png"]
    assert [path.name for path, _ in train.broken] == ["1.a.png", "1.a.jpg"]


@pytest.mark.parametrize(
    ("archives", "message"),
    [
        ({"trainA-0.tar": {"1.png": b"x"}}, "pictures of A, and none of B"),
        ({"train-0.tar": {"1.txt": b"x"}}, "no pictures in 1 archives"),
        ({"train-0.tar.gz": {}}, "no pictures here"),
        ({"train-0.tar": {"1.a.png": b"x", "1.b.png": b"y"}, "test-0.tar": {"1.png": b"x"}}, "in every split"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, archives: dict[str, dict[str, bytes]], message: str) -> None:
    put(tmp_path / "set", {name: archive(members) for name, members in archives.items()})
    with pytest.raises(UserError, match=message):
        layouts.find(tmp_path / "set")


def test_places_that_are_not_there(tmp_path: Path, memory: str) -> None:
    fsspec.filesystem("memory").pipe_file(f"{memory}/x.txt", b"")
    for place, message in (
        (tmp_path / "train-{00..03}.tar", "train-00.tar: there is no such file"),
        (f"{memory}/train-{{00..03}}.tar", "there is no such file"),
        (memory, "no archives here"),
        ("nosuch://x/train.tar", "can't be reached"),
        (f"{memory}/x.tar.gz", "compressed as a whole"),
        (f"{memory}/x-{{9..1}}.tar", "stands for no name"),
    ):
        with pytest.raises(UserError, match=message):
            layouts.find(place)


def test_patterns_are_counted_out() -> None:
    assert list(expanded("s3://b/train{A,B}-{08..10}.tar")) == [
        f"s3://b/train{domain}-{number}.tar" for domain in "AB" for number in ("08", "09", "10")
    ]
    with pytest.raises(UserError):
        list(expanded("{0..99999999}.tar"))


def test_bytes_that_could_not_be_had_are_no_end_of_an_archive(tmp_path: Path) -> None:
    """Else a connection that breaks once would leave half an index for good."""
    path = tmp_path / "train-0.tar"
    with tarfile.open(path, "w") as archive:
        for number in range(40):
            member = tarfile.TarInfo(f"{number:04d}.jpg")
            member.size = 2_000
            archive.addfile(member, io.BytesIO(b"x" * 2_000))

    class Breaking(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell() > 50_000:
                raise ValueError("the server doesn't support range requests")
            return super().read(size)

    whole = path.read_bytes()
    assert len(index.read(io.BytesIO(whole), len(whole))) == 40
    with pytest.raises(OSError, match="range requests"):
        index.read(Breaking(whole), len(whole))
    short = index.read(io.BytesIO(whole[:50_000]), 50_000)  # this is one
    assert 0 < len(short) < 40
    assert short.faults
