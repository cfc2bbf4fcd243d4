"""What the web page does, without its server: the same results as the commands, and nothing but what was allowed."""

from __future__ import annotations

import json
import os
import socket
import struct
import sys
import tempfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from translate import build
from translate.cli import main
from translate.config import validate
from translate.data.images import Unreadable
from translate.domain import Domain
from translate.errors import UserError
from translate.formats.reading import opened
from translate.inference.folder import apply
from translate.inference.model import Model
from translate.inference.sampling import Sampler
from translate.ui import curves, serving, showing
from translate.ui.browsing import PAGE, Results
from translate.ui.drawing import Wish, between, drawn, truncation_of
from translate.ui.scratch import KEPT, Scratch
from translate.ui.sentences import harmless, sentence
from translate.ui.translating import translated

RESNET = {"name": "resnet", "width": 4, "blocks": 1}
BOTH: dict[str, Any] = {"data": {"size": [16, 16]}, "networks": {"generator": RESNET}}
MANY: dict[str, Any] = {
    "data": {"size": [16, 16]},
    "networks": {"generator": RESNET, "latent": {"dimension": 4, "enter": "maps"}},
    "produce": ["b"],
    "objective": {"adversarial": {}},
}
NOISE: dict[str, Any] = {
    "data": {"size": [16, 16]},
    "networks": {"latent": 8, "generator": {"name": "dcgan", "width": 4}, "discriminator": {"name": "dcgan"}},
    "produce": ["b"],
    "objective": {"adversarial": {}},
}
MEGAPIXELS = 1.0


def model_of(tree: dict[str, Any]) -> Model:
    torch.manual_seed(0)
    config = validate({**tree, "data": {**tree["data"], "root": "photos"}}, "test")
    return Model(config, build.generators(config), checkpoint="step-00000007.pt", step=7)


@pytest.fixture(scope="module")
def both() -> Model:
    return model_of(BOTH)


@pytest.fixture(scope="module")
def many() -> Model:
    return model_of(MANY)


@pytest.fixture(scope="module")
def noise() -> Model:
    return model_of(NOISE)


def saved(path: Path, mode: str = "RGB", size: tuple[int, int] = (23, 17)) -> Path:
    rng = np.random.default_rng(len(path.name))
    if mode == "I;16":
        Image.fromarray(rng.integers(0, 65536, (size[1], size[0]), np.uint16)).save(path)
    else:
        channels = len(Image.new(mode, (1, 1)).getbands())
        pixels = rng.integers(0, 256, (size[1], size[0], channels), np.uint8)
        Image.fromarray(pixels[:, :, 0] if channels == 1 else pixels, mode).save(path)
    return path


@pytest.mark.parametrize(
    ("name", "mode"), [("a.png", "RGBA"), ("b.jpg", "RGB"), ("c.png", "I;16"), ("d.tif", "RGB"), ("e.PPM", "RGB")]
)
@pytest.mark.parametrize("to", [Domain.B, Domain.A])
def test_a_download_is_what_apply_writes_byte_for_byte(
    both: Model, tmp_path: Path, name: str, mode: str, to: Domain
) -> None:
    given = tmp_path / "given"
    given.mkdir()
    image = saved(given / name, mode)
    made = translated(both, image, tmp_path / "page", to, MEGAPIXELS)
    apply(both, given, tmp_path / "command", to)
    (file,) = made.files
    assert file.name == name
    assert file.read_bytes() == (tmp_path / "command" / name).read_bytes()
    assert made.size == made.before.size == made.after[0].size == (23, 17)


def test_a_stochastic_run_gives_the_samples_of_apply(many: Model, tmp_path: Path) -> None:
    given = tmp_path / "given"
    given.mkdir()
    image = saved(given / "a.png")
    made = translated(many, image, tmp_path / "page", Domain.B, MEGAPIXELS, samples=3, seed=5)
    apply(many, given, tmp_path / "command", Domain.B, samples=3, seed=5)
    written = [(tmp_path / "command" / str(number) / "a.png").read_bytes() for number in (1, 2, 3)]
    assert [file.read_bytes() for file in made.files] == written
    assert len(set(written)) == 3


def test_as_png_a_lossy_image_keeps_its_size_and_loses_nothing_more(both: Model, tmp_path: Path) -> None:
    image = saved(tmp_path / "a.jpg")
    (file,) = translated(both, image, tmp_path / "page", Domain.B, MEGAPIXELS, png=True).files
    assert file.name == "a.png"
    with Image.open(file) as found:
        assert (found.format, found.size) == ("PNG", (23, 17))


@pytest.mark.parametrize(("name", "expected"), [("photo", "photo.png"), ("photo.txt", "photo.txt.png")])
def test_a_name_that_says_no_format_gets_that_of_the_content(
    both: Model, tmp_path: Path, name: str, expected: str
) -> None:
    saved(tmp_path / "a.png").rename(tmp_path / name)
    made = translated(both, tmp_path / name, tmp_path / "page", Domain.B, MEGAPIXELS)
    assert [file.name for file in made.files] == [expected]


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes that says it holds a large picture."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 999)) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"print('hello')\n", "text file"),
        (b"<svg onload=alert(1)></svg>", "SVG"),
        (bomb(60000, 60000), "made to fill the memory"),
        (bomb(2000, 1000), "2.0 megapixels; this page takes 1"),
        (bomb(100, 100), "damaged"),
    ],
    ids=["empty", "text", "svg", "bomb", "large", "damaged"],
)
def test_what_is_no_image_or_too_large_gives_a_sentence(both: Model, tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(content)
    with pytest.raises(Unreadable) as error:
        translated(both, path, tmp_path / "page", Domain.B, MEGAPIXELS)
    told = sentence(error.value)
    assert told is not None
    assert said in told
    assert str(tmp_path) not in told


def test_sentences_neither_name_folders_nor_carry_markup() -> None:
    told = sentence(FileNotFoundError(2, "No such file", "/home/somebody/a.png"))
    assert told is not None
    assert "/home" not in told
    assert sentence(ZeroDivisionError()) is None
    assert sentence(RuntimeError("CUDA out of memory")) is not None
    shown = harmless("<img src=x onerror=alert(1)> [a](javascript:b) `c`")
    assert not set("<>[]`") & set(shown)


def test_a_picture_is_shown_as_eight_bits_not_larger_than_a_screen(tmp_path: Path) -> None:
    deep = saved(tmp_path / "deep.png", "I;16")
    with deep.open("rb") as file, opened(file, deep.name) as picture:
        values = picture.rows(0, picture.height, 3)
    shown = np.asarray(showing.picture(deep, MEGAPIXELS))
    assert np.abs(shown.astype(float) - values / 257).max() <= 0.5
    wide = saved(tmp_path / "wide.png", "L", (900, 30))
    assert showing.picture(wide, MEGAPIXELS, side=90).size == (90, 3)
    assert showing.picture(wide, MEGAPIXELS, frames=3).size == (300, 30)


def test_drawn_images_are_those_of_sample_and_a_way_leads_from_one_to_another(noise: Model, tmp_path: Path) -> None:
    paths = drawn(noise, tmp_path, seed=3, count=3, wish=Wish())
    expected = list(Sampler(noise, 3).draw(3))
    assert [path.name for path in paths] == ["00000.png", "00001.png", "00002.png"]
    for path, pixels in zip(paths, expected, strict=True):
        assert np.array_equal(np.asarray(Image.open(path)), pixels)
    first, middle, last = between(noise, (3, 4), [0.0, 0.5, 1.0], Wish())
    other = next(Sampler(noise, 4).draw(1))
    for found, wanted in ((first, expected[0]), (last, other)):
        assert np.abs(found.astype(int) - wanted).max() <= 1  # batches of other lengths round otherwise
    assert not np.array_equal(middle, first)
    assert not np.array_equal(middle, last)


def test_truncation_is_offered_where_it_means_something(noise: Model, both: Model, tmp_path: Path) -> None:
    found = truncation_of(noise)
    assert found is not None
    _, nothing = found
    plain = between(noise, (0, 1), [0.0], Wish())
    assert np.array_equal(between(noise, (0, 1), [0.0], Wish(truncation=nothing)), plain)
    assert not np.array_equal(between(noise, (0, 1), [0.0], Wish(truncation=0.2)), plain)
    with pytest.raises(UserError, match="class"):
        drawn(noise, tmp_path, 0, 1, Wish("cats"))
    with pytest.raises(UserError, match="none from noise"):
        drawn(both, tmp_path, 0, 1, Wish())


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    root = tmp_path_factory.mktemp("browse")
    results, inputs = root / "results", root / "inputs"
    for folder in (results / "1", inputs / "sub", results / ".hidden", results / "sub"):
        folder.mkdir(parents=True)
    saved(root / "secret.png")
    for number in range(PAGE + 3):
        (results / f"x{number:03d}.png").touch()
    for name in ("1/a.png", "sub/b.png", "c.jpg.png", "d.png", ".hidden/e.png", "notes.txt"):
        (results / name).touch()
    for name in ("a.jpg", "sub/b.tif", "c.jpg", "x000.png"):
        (inputs / name).touch()
    os.symlink(root / "secret.png", results / "link.png")
    return results, inputs


def test_results_are_listed_by_pages_and_nothing_else_can_be_had(folders: tuple[Path, Path]) -> None:
    found = Results(*folders)
    names = found.names()
    assert len(names) == PAGE + 7
    assert found.pages() == 2
    assert found.page(1) + found.page(2) == names
    assert found.page(99) == found.page(2)
    assert found.page(-5) == found.page(1)
    assert found.names("SUB/") == ["sub/b.png"]
    for wrong in ("link.png", "../secret.png", str(folders[0].parent / "secret.png"), ".hidden/e.png", "notes.txt"):
        with pytest.raises(UserError):
            found.path(wrong)


def test_each_result_is_shown_beside_the_input_that_it_was_made_of(folders: tuple[Path, Path]) -> None:
    results, inputs = folders
    found = Results(results, inputs)
    expected = {
        "x000.png": "x000.png",
        "1/a.png": "a.jpg",
        "sub/b.png": "sub/b.tif",
        "c.jpg.png": "c.jpg",
        "d.png": None,
        "x001.png": None,
    }
    assert {name: found.input_of(name) for name in expected} == {
        name: inputs / given if given else None for name, given in expected.items()
    }
    assert Results(results).input_of("x000.png") is None
    with pytest.raises(UserError, match="no such folder"):
        Results(results / "nowhere")


def test_what_a_visitor_left_behind_is_removed_and_what_others_use_stays() -> None:
    scratch = Scratch()
    shared, own = (scratch.path / name / "a.png" for name in ("shared", "own"))
    for path in (shared, own):
        path.parent.mkdir()
        path.touch()
    made = [scratch.folder("one", "translate") for _ in range(KEPT + 1)]
    other = scratch.folder("two", "translate")
    assert [path.exists() for path in made] == [False] + [True] * KEPT
    scratch.uploaded("one", own)
    scratch.uploaded("one", shared)
    scratch.uploaded("two", shared)
    outside = scratch.path.parent / f"{scratch.path.name}-outside"
    outside.touch()
    scratch.uploaded("one", outside)
    scratch.forget("one")
    assert not any(path.exists() for path in [*made, own])
    assert all(path.exists() for path in (other, shared, outside))
    outside.unlink()
    scratch.close()
    assert not scratch.path.exists()


def test_the_training_is_told_from_its_log_and_the_newest_previews(both: Model, tmp_path: Path) -> None:
    assert "No curves yet" in curves.curves(tmp_path)
    rows = [
        {"step": step, "loss/cycle/b": 1 / step, "images_per_second": 9.5, "learning_rate/generator": 2e-4}
        for step in (1, 2, 3)
    ]
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "previews").mkdir()
    for name in ("a2b-00000001.png", "a2b-00000012.png", "b2a-00000003.png"):
        saved(tmp_path / "previews" / name)
    assert "<svg" in curves.curves(tmp_path)
    assert [(path.name, text) for path, text in curves.previews(tmp_path)] == [
        ("a2b-00000012.png", "A → B, step 12"),
        ("b2a-00000003.png", "B → A, step 3"),
    ]
    facts = dict(curves.facts(tmp_path, both))
    assert "step 7" in facts["Weights"]
    assert "9.5 images/s" in facts["Last report"]
    assert "<b>" not in curves.table([("<b>", "<b>")])


def test_a_port_is_free_or_the_next_one_is_or_the_user_is_told() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(UserError, match="is taken"):
            serving.free_port("127.0.0.1", taken.getsockname()[1])
    assert serving.free_port("127.0.0.1", None) in range(serving.PORT, serving.PORT + serving.PORTS)
    with pytest.raises(UserError, match="can't be listened on"):
        serving.free_port("203.0.113.7", None)
    local = {host: serving.is_local(host) for host in ("127.0.0.1", "localhost", "::1", "0.0.0.0", "example.org")}
    assert local == {"127.0.0.1": True, "localhost": True, "::1": True, "0.0.0.0": False, "example.org": False}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere"], "is not a run folder"),
        (["nowhere", "--inputs", "x"], "--inputs without --results"),
        (["nowhere", "--port", "0"], "--port"),
        (["nowhere", "--max-megapixels", "0"], "--max-megapixels"),
    ],
)
def test_mistakes_on_the_command_line_are_said_at_once(arguments: list[str], said: str) -> None:
    result = CliRunner().invoke(main, ["ui", *arguments])
    assert result.exit_code == 2
    assert said in result.output


def test_without_its_library_the_command_says_how_to_have_it_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, temporary = tmp_path / "run", tmp_path / "temporary"
    run.mkdir()
    temporary.mkdir()
    (run / "config.yaml").write_text(validate(BOTH, "test").to_yaml())
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    monkeypatch.setitem(sys.modules, "gradio", None)
    for name in ("GRADIO_TEMP_DIR", "GRADIO_ANALYTICS_ENABLED", "HF_HUB_DISABLE_TELEMETRY", "NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "")  # put back afterwards
    result = CliRunner().invoke(main, ["ui", str(run)])
    assert result.exit_code == 2
    assert "pip install 'translate-gan[ui]'" in result.output
    assert list(temporary.iterdir()) == []
