"""Archives that mean harm, or arrived damaged."""

import gzip
import io
import stat
import struct
import tarfile
import zipfile
from pathlib import Path

import pytest

from translate.catalogue import unpack
from translate.errors import UserError

PICTURE = bytes(range(200))


def zipped(path: Path, files: dict[str, bytes], **options: int) -> Path:
    with zipfile.ZipFile(path, "w", **options) as archive:  # type: ignore[arg-type]
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def tarred(path: Path, files: dict[str, bytes], mode: str = "w:gz", **special: bytes) -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        for name, kind in special.items():
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
    return path


def read(path: Path) -> dict[str, bytes]:
    found = {}
    for member in unpack.members(path):
        with member.open() as file:
            found[member.name] = file.read()
        assert len(found[member.name]) == member.size
    return found


FILES = {"set/trainA/1.jpg": PICTURE, "set/trainB/2.jpg": PICTURE[::-1]}


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz", "zip"])
def test_what_was_packed_comes_out(tmp_path: Path, mode: str) -> None:
    """Whatever the file is called: people pack again what they have downloaded."""
    path = tmp_path / "set"
    made = zipped(path, FILES) if mode == "zip" else tarred(path, FILES, mode)
    assert read(made) == FILES
    assert unpack.unpacked(made) == (400 if mode == "zip" else path.stat().st_size)


@pytest.mark.parametrize(
    "name", ["../out.jpg", "a/../../out.jpg", "/out.jpg", "..\\out.jpg", "C:\\out.jpg", "C:/out.jpg"]
)
@pytest.mark.parametrize("pack", [zipped, tarred])
def test_paths_that_lead_out_are_refused(tmp_path: Path, name: str, pack: object) -> None:
    path = pack(tmp_path / "set", {"good.jpg": PICTURE, name: PICTURE})  # type: ignore[operator]
    with pytest.raises(UserError, match="leads out of the archive"):
        read(path)


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE])
def test_links_and_devices_in_a_tar_are_refused(tmp_path: Path, kind: bytes) -> None:
    with pytest.raises(UserError, match="a link or a device"):
        read(tarred(tmp_path / "set", FILES, link=kind))


def test_links_in_a_zip_are_refused_before_the_first_file(tmp_path: Path) -> None:
    path = zipped(tmp_path / "set.zip", FILES)
    with zipfile.ZipFile(path, "a") as archive:
        info = zipfile.ZipInfo("link.jpg")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(UserError, match="a link or a device"):
        next(unpack.members(path))


def test_a_zip_bomb_is_refused_before_the_first_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpack, "SMALL", 1 << 17)
    files = {f"{i}.jpg": bytes(1 << 17) for i in range(2)}
    path = zipped(tmp_path / "set.zip", files, compression=zipfile.ZIP_DEFLATED)
    with pytest.raises(UserError, match="unpacks to far more"):
        next(unpack.members(path))


def test_a_zip_that_lies_about_a_size_gives_no_byte_more(tmp_path: Path) -> None:
    path = zipped(tmp_path / "set.zip", {"1.jpg": bytes(1 << 20)}, compression=zipfile.ZIP_DEFLATED)
    content = bytearray(path.read_bytes())
    at = content.index(b"PK\x01\x02") + 24
    content[at : at + 4] = struct.pack("<I", 10)
    path.write_bytes(content)
    with pytest.raises(UserError, match="is damaged"):
        read(path)


def test_a_tar_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    """A member that nobody wants would have to be read to come to the next."""
    path = tmp_path / "set.tar.gz"
    info = tarfile.TarInfo("huge.bin")
    info.size = 1 << 40
    with gzip.open(path, "wb") as file:
        file.write(info.tobuf() + bytes(1 << 20))
    with pytest.raises(UserError, match="unpacks to far more"):
        read(path)


def test_too_many_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpack, "MOST_FILES", 3)
    for pack in (zipped, tarred):
        with pytest.raises(UserError, match="unpacks to far more"):
            read(pack(tmp_path / "set", {f"{i}.jpg": b"" for i in range(4)}))


def test_an_encrypted_zip_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "set.zip", FILES)
    content = bytearray(path.read_bytes())
    at = content.index(b"PK\x01\x02") + 8
    content[at] |= 1
    path.write_bytes(content)
    with pytest.raises(UserError, match="is encrypted"):
        read(path)


@pytest.mark.parametrize("pack", [zipped, tarred])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_half_an_archive_is_damaged(tmp_path: Path, pack: object, share: float) -> None:
    path = pack(tmp_path / "set", {f"{i}.jpg": PICTURE * 300 for i in range(9)})  # type: ignore[operator]
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(unpack.Damaged):
        read(path)


@pytest.mark.parametrize("packed", [True, False], ids=["deflated", "stored"])
def test_a_flipped_bit_is_noticed(tmp_path: Path, packed: bool) -> None:
    """Also where it breaks nothing but a picture: zip and gzip have checksums for that."""
    zip_ = zipped(tmp_path / "a", FILES, compression=zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED)
    tar = tarred(tmp_path / "b", FILES, "w")
    tar.write_bytes(gzip.compress(tar.read_bytes(), 9 if packed else 0))
    for path in (zip_, tar):
        content = bytearray(path.read_bytes())
        content[content.index(PICTURE[100:120]) if not packed else len(content) // 4] ^= 1
        path.write_bytes(content)
        with pytest.raises(unpack.Damaged):
            read(path)


@pytest.mark.parametrize(
    ("content", "says"), [(b"<!DOCTYPE html><html>", "is a web page"), (b"nothing", "neither"), (b"", "neither")]
)
def test_no_archive(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "set.zip"
    path.write_bytes(content)
    with pytest.raises(unpack.Damaged, match=says):
        read(path)


def test_a_header_that_would_fill_the_memory_is_refused(tmp_path: Path) -> None:
    """A header is read as a whole, of whatever length it announces, before anybody could count it."""
    path = tmp_path / "set.tar.gz"
    with tarfile.open(path, "w:gz", format=tarfile.PAX_FORMAT) as archive:
        for name in ("1.jpg", "2.jpg"):
            info = tarfile.TarInfo(name)
            info.size = len(PICTURE)
            info.pax_headers = {} if name == "1.jpg" else {"comment": "x" * (2 * unpack.HEADERS)}
            archive.addfile(info, io.BytesIO(PICTURE))
    found = unpack.members(path)
    assert next(found).name == "1.jpg"
    with pytest.raises(UserError, match="far more than pictures"):
        next(found)


def test_headers_may_be_many_where_files_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bound is for what stands between two files, not for a file, nor for all headers together."""
    monkeypatch.setattr(unpack, "HEADERS", 20_000)
    files = {f"{i}.jpg": PICTURE * (500 if i == 7 else 1) for i in range(60)}
    assert read(tarred(tmp_path / "set", files)) == files


@pytest.mark.parametrize("pack", [zipped, tarred])
def test_folders_count_too(tmp_path: Path, pack: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpack, "MOST_FILES", 3)
    path = tmp_path / "set"
    if pack is zipped:
        zipped(path, {f"{i}/": b"" for i in range(4)})
    else:
        tarred(path, {}, **{str(i): tarfile.DIRTYPE for i in range(4)})
    with pytest.raises(UserError, match="unpacks to far more"):
        read(path)


@pytest.mark.parametrize("pack", [zipped, tarred])
def test_whatever_a_damaged_header_says_a_sentence_is_the_answer(tmp_path: Path, pack: object) -> None:
    """Bytes flipped: the files, or a UserError; Damaged where zipfile or tarfile stumble over it, so that the archive
    is downloaded again. Behind gzip's checksum, a tar is packed so."""
    path, damaged = tmp_path / "set", 0
    good = (zipped(path, FILES) if pack is zipped else tarred(path, FILES, "w")).read_bytes()[:2200]
    for at in range(0, len(good), 2 if pack is zipped else 5):
        content = bytearray(good)
        content[at] ^= (0xFF, 0x80, 0x01)[at % 3]
        path.write_bytes(content if pack is zipped else gzip.compress(content, 1))
        try:
            read(path)
        except unpack.Damaged:
            damaged += 1
        except UserError:
            pass
    assert damaged > 20
