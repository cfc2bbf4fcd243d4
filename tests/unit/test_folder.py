"""Folder to folder: names, sizes and formats stay; what fails is named; nothing is done twice."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile
import torch
from PIL import Image
from torch import Tensor, nn

from translate.config import Channels, Config, Data
from translate.domain import Domain
from translate.errors import UserError
from translate.formats.reading import Opened
from translate.formats.values import to_tensor
from translate.inference import decoding, encoding, large, memory
from translate.inference.folder import apply, work
from translate.inference.model import Model
from translate.inference.outcome import Options, Outcome, Summary, Tally
from translate.inference.plan import Job, jobs, prepare


class Negative(nn.Module):
    stride = 4

    def forward(self, x: Tensor) -> Tensor:
        return -x


class Normalised(nn.Module):
    """Has everything that could mix the rows of a batch in training: batch norm, instance norm, dropout."""

    stride = 4

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1),
            nn.BatchNorm2d(8),
            nn.InstanceNorm2d(8),
            nn.Dropout(),
            nn.Conv2d(8, 3, 1),
            nn.Tanh(),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


def model(generator: nn.Module | None = None, channels: Channels | None = None) -> Model:
    config = Config(data=Data(size=(64, 64), channels=channels or Channels()))
    generators = nn.ModuleDict({d: generator or Negative() for d in Domain})
    return Model(config, generators, checkpoint="none", step=0)


def picture(path: Path, width: int = 53, height: int = 37, mode: str = "RGB", seed: int = 0) -> np.ndarray:
    path.parent.mkdir(parents=True, exist_ok=True)
    bands = Image.new(mode, (1, 1)).getbands()
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, len(bands)), np.uint8).squeeze()
    Image.fromarray(pixels).save(path)
    return pixels


def read(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)


def test_paths_sizes_and_formats_are_kept(tmp_path: Path) -> None:
    pixels = picture(tmp_path / "in/a.png")
    picture(tmp_path / "in/a.jpg", 20, 30)
    picture(tmp_path / "in/sub/deep/größe 1.BMP", 64, 64)
    (tmp_path / "in/notes.txt").write_text("no image")
    picture(tmp_path / "in/.hidden.png")
    heard: list[int] = []
    summary = apply(model(), tmp_path / "in", tmp_path / "out", Domain.B, progress=lambda s: heard.append(s.done))
    assert summary == Summary(done=3, passed=Tally(hidden=1, other=1))
    assert heard == [1, 2, 3]
    found = sorted(p.relative_to(tmp_path / "out").as_posix() for p in (tmp_path / "out").rglob("*") if p.is_file())
    assert found == ["a.jpg", "a.png", "sub/deep/größe 1.BMP"]
    np.testing.assert_array_equal(read(tmp_path / "out/a.png"), 255 - pixels)
    with Image.open(tmp_path / "out/a.jpg") as image:
        assert (image.format, image.size) == ("JPEG", (20, 30))
    with Image.open(tmp_path / "out/sub/deep/größe 1.BMP") as image:
        assert (image.format, image.size) == ("BMP", (64, 64))


@pytest.mark.parametrize("ending", ["png", "webp", "tif"])
def test_transparency_stays(tmp_path: Path, ending: str) -> None:
    source = tmp_path / "in" / f"a.{ending}"
    pixels = picture(tmp_path / "a.png", mode="RGBA")
    pixels[..., 3] |= 1  # webp drops the colour of what can't be seen
    source.parent.mkdir()
    Image.fromarray(pixels).save(source, lossless=True)
    apply(model(), tmp_path / "in", tmp_path / "out", Domain.B)
    with Image.open(tmp_path / "out" / f"a.{ending}") as image:
        assert image.mode == "RGBA"
        np.testing.assert_array_equal(np.asarray(image)[..., 3], pixels[..., 3])


def test_orientation_is_applied(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (10, 20, 3), np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6
    (tmp_path / "in").mkdir()
    Image.fromarray(pixels).save(tmp_path / "in/a.png", exif=exif)
    apply(model(), tmp_path / "in", tmp_path / "out", Domain.B)
    np.testing.assert_array_equal(read(tmp_path / "out/a.png"), 255 - np.rot90(pixels, -1))


def test_what_exists_is_skipped_unless_overwritten(tmp_path: Path) -> None:
    for i in range(3):
        picture(tmp_path / f"in/{i}.png", seed=i)
    apply(model(), tmp_path / "in", tmp_path / "out", Domain.B)
    (tmp_path / "out/1.png").unlink()
    (tmp_path / "out/2.png").write_bytes(b"mine")
    assert apply(model(), tmp_path / "in", tmp_path / "out", Domain.B) == Summary(done=1, skipped=2)
    assert (tmp_path / "out/2.png").read_bytes() == b"mine"
    assert apply(model(), tmp_path / "in", tmp_path / "out", Domain.B, overwrite=True) == Summary(done=3)
    assert (tmp_path / "out/2.png").read_bytes() != b"mine"


def test_unreadable_files_are_named_and_the_rest_is_done(tmp_path: Path) -> None:
    for i in range(4):
        picture(tmp_path / f"in/{i}.png")
    (tmp_path / "in/1.png").write_bytes((tmp_path / "in/0.png").read_bytes()[:300])
    (tmp_path / "in/2.png").write_text("not an image")
    summary = apply(model(), tmp_path / "in", tmp_path / "out", Domain.B)
    assert summary.done == 2
    assert sorted(path for path, _ in summary.failed) == [str(tmp_path / "in" / name) for name in ("1.png", "2.png")]
    assert all(reason for _, reason in summary.failed)
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["0.png", "3.png"]


def test_a_failure_that_nobody_foresaw_is_its_images_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for i in range(3):
        picture(tmp_path / f"in/{i}.png", mode="RGBA")
    decode = decoding.decode

    def broken(picture: Opened, jobs: tuple[Job, ...], *more: Any) -> decoding.Decoded:
        if jobs[0].name == "1.png":
            raise SyntaxError("bad plane")
        return decode(picture, jobs, *more)

    monkeypatch.setattr(decoding, "decode", broken)
    summary = apply(model(), tmp_path / "in", tmp_path / "out", Domain.B)
    assert summary.done == 2
    assert summary.failed == [(str(tmp_path / "in/1.png"), "can't be read: bad plane")]


def test_weights_and_images_are_channels_last_as_convolutions_want_them() -> None:
    loaded = model(Normalised())
    for parameter in loaded.generators[Domain.B].parameters():
        assert parameter.is_contiguous(memory_format=torch.channels_last) if parameter.ndim == 4 else True
    pixels = np.random.default_rng(0).integers(0, 256, (2, 12, 16, 3), np.uint8)
    assert to_tensor(pixels).is_contiguous(memory_format=torch.channels_last)


def test_an_output_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    picture(tmp_path / "in/a/1.png")
    picture(tmp_path / "in/b/1.png")
    (tmp_path / "out").mkdir()
    (tmp_path / "out/a").write_text("a file where a folder must be")
    summary = apply(model(), tmp_path / "in", tmp_path / "out", Domain.B)
    assert (summary.done, [p for p, _ in summary.failed]) == (1, [str(tmp_path / "in/a/1.png")])


def test_results_do_not_depend_on_the_batch(tmp_path: Path) -> None:
    sizes = [(53, 37), (64, 64), (20, 30)]
    for i in range(12):
        picture(tmp_path / f"in/{i:02}.png", *sizes[i % 3], seed=i)
    several = model(Normalised())
    for batch in (1, 3, 8):
        assert apply(several, tmp_path / "in", tmp_path / f"out{batch}", Domain.B, batch=batch).done == 12
    for i in range(12):
        alone = read(tmp_path / f"out1/{i:02}.png").astype(int)
        for batch in (3, 8):  # float sums may round the other way once in a while, by one level
            assert np.abs(read(tmp_path / f"out{batch}/{i:02}.png") - alone).max() <= 1


def test_memory_does_not_grow_with_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for i in range(60):
        picture(tmp_path / f"in/{i}.png", 8 + i % 20, 8)
    alive = most = 0
    lock = threading.Lock()
    decode, write = decoding.decode, encoding.Writer._write

    def counted(*arguments: Any) -> decoding.Decoded:
        nonlocal alive, most
        with lock:
            alive += 1
            most = max(most, alive)
        return decode(*arguments)

    def discounted(*arguments: Any) -> Outcome:
        nonlocal alive
        outcome = write(*arguments)
        with lock:
            alive -= 1
        return outcome

    monkeypatch.setattr(decoding, "decode", counted)
    monkeypatch.setattr(encoding.Writer, "_write", discounted)
    assert apply(model(), tmp_path / "in", tmp_path / "out", Domain.B, batch=2).done == 60
    assert most < 30


def test_grey_to_colour_and_back(tmp_path: Path) -> None:
    class Mean(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.mean(1, keepdim=True)

    picture(tmp_path / "in/a.png")
    apply(model(Mean(), Channels(a=3, b=1)), tmp_path / "in", tmp_path / "out", Domain.B)
    assert read(tmp_path / "out/a.png").shape == (37, 53)


def test_one_image_to_a_folder_or_a_file(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    apply(model(), tmp_path / "a.png", tmp_path / "out", Domain.B)
    apply(model(), tmp_path / "a.png", tmp_path / "elsewhere/b.jpg", Domain.B)
    assert (tmp_path / "out/a.png").is_file()
    with Image.open(tmp_path / "elsewhere/b.jpg") as image:
        assert image.format == "JPEG"


@pytest.mark.parametrize(
    ("given", "output", "says"),
    [
        ("nothing", "out", "no such file"),
        ("imges", "out", 'Did you mean "images"'),
        ("empty", "out", "no images"),
        ("images", "images/out", "inside the input"),
        ("images", "images", "inside the input"),
        ("images/a.png", "images", "overwritten"),
        ("images/a.png", "images/a.png", "overwritten"),
        ("text.txt", "out", "no image"),
        ("images", "text.txt", "this is a file"),
    ],
)
def test_paths_that_cannot_work_are_refused(tmp_path: Path, given: str, output: str, says: str) -> None:
    picture(tmp_path / "images/a.png")
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.txt").write_text("text")
    before = (tmp_path / "images/a.png").read_bytes()
    with pytest.raises(UserError, match=says):
        apply(model(), tmp_path / given, tmp_path / output, Domain.B, overwrite=True)
    assert (tmp_path / "images/a.png").read_bytes() == before


class Tinted(nn.Module):
    """Adds the latent's first value to every pixel: an output tells which latent it was made with."""

    def forward(self, x: Tensor, z: Tensor) -> Tensor:
        return (0.2 * x + 0.2 * z[:, :1, None, None]).clamp(-1, 1)


def stochastic() -> Model:
    tree = {"data": {"size": [64, 64]}, "networks": {"latent": {"dimension": 4, "prior": "uniform", "enter": "maps"}}}
    generators = nn.ModuleDict({d: Tinted() for d in Domain})
    return Model(Config.model_validate(tree), generators, checkpoint="none", step=0)


def test_samples_of_an_image_depend_on_its_path_and_their_number_alone(tmp_path: Path) -> None:
    for name in ("a.png", "sub/a.png", "sub/b.png"):
        picture(tmp_path / "in" / name)  # equal pictures: only their latents tell them apart
    (tmp_path / "alone/sub").mkdir(parents=True)
    (tmp_path / "alone/sub/b.png").write_bytes((tmp_path / "in/sub/b.png").read_bytes())
    apply(stochastic(), tmp_path / "in", tmp_path / "out", Domain.B, batch=2, samples=3)
    found = {p.relative_to(tmp_path / "out").as_posix(): read(p) for p in (tmp_path / "out").rglob("*.png")}
    assert set(found) == {f"{s}/{name}" for s in (1, 2, 3) for name in ("a.png", "sub/a.png", "sub/b.png")}
    assert len({pixels.tobytes() for pixels in found.values()}) == 9
    apply(stochastic(), tmp_path / "alone", tmp_path / "again", Domain.B, samples=2)
    for sample in (1, 2):
        np.testing.assert_array_equal(read(tmp_path / f"again/{sample}/sub/b.png"), found[f"{sample}/sub/b.png"])
    apply(stochastic(), tmp_path / "in/a.png", tmp_path / "one", Domain.B, samples=3)
    np.testing.assert_array_equal(read(tmp_path / "one/3/a.png"), found["3/a.png"])
    apply(stochastic(), tmp_path / "in", tmp_path / "first", Domain.B)  # without a number: the first, where it was
    np.testing.assert_array_equal(read(tmp_path / "first/sub/a.png"), found["1/sub/a.png"])
    apply(stochastic(), tmp_path / "in/a.png", tmp_path / "renamed.png", Domain.B)
    np.testing.assert_array_equal(read(tmp_path / "renamed.png"), found["1/a.png"])
    apply(stochastic(), tmp_path / "in", tmp_path / "other", Domain.B, seed=1, samples=1)
    assert not np.array_equal(read(tmp_path / "other/1/a.png"), found["1/a.png"])


def test_missing_samples_are_done_and_a_broken_image_fails_once(tmp_path: Path) -> None:
    for i in range(2):
        picture(tmp_path / f"in/{i}.png", seed=i)
    (tmp_path / "in/broken.png").write_text("no image")
    done = apply(stochastic(), tmp_path / "in", tmp_path / "out", Domain.B, samples=2)
    assert (done.done, [path for path, _ in done.failed]) == (4, [str(tmp_path / "in/broken.png")])
    before = read(tmp_path / "out/2/1.png")
    (tmp_path / "out/2/1.png").unlink()
    done = apply(stochastic(), tmp_path / "in", tmp_path / "out", Domain.B, samples=3)
    assert (done.done, done.skipped) == (3, 3)
    np.testing.assert_array_equal(read(tmp_path / "out/2/1.png"), before)


def test_samples_never_replace_their_inputs(tmp_path: Path) -> None:
    picture(tmp_path / "work/1/a.png")
    before = (tmp_path / "work/1/a.png").read_bytes()
    for given in ("work/1", "work/1/a.png"):
        with pytest.raises(UserError, match="would be overwritten"):
            apply(stochastic(), tmp_path / given, tmp_path / "work", Domain.B, overwrite=True, samples=2)
    with pytest.raises(UserError, match="names a file"):
        apply(stochastic(), tmp_path / "work/1/a.png", tmp_path / "b.png", Domain.B, samples=2)
    assert (tmp_path / "work/1/a.png").read_bytes() == before


class Newer(nn.Module):
    """Two frames of three channels to one: the newer, negative."""

    def forward(self, x: Tensor) -> Tensor:
        return -x[:, 3:]


class Doubled(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, -x], dim=1)


def test_strips_of_frames_are_read_and_written(tmp_path: Path) -> None:
    pixels = picture(tmp_path / "in/a.png", 40, 20)
    tree = {"data": {"size": [16, 16], "frames": {"a": 2}}}
    of_two = Model(Config.model_validate(tree), nn.ModuleDict({"b": Newer(), "a": Doubled()}), checkpoint="-", step=0)
    apply(of_two, tmp_path / "in", tmp_path / "out", Domain.B)
    np.testing.assert_array_equal(read(tmp_path / "out/a.png"), 255 - pixels[:, 20:])
    apply(of_two, tmp_path / "out", tmp_path / "back", Domain.A)
    np.testing.assert_array_equal(read(tmp_path / "back/a.png"), np.hstack([255 - pixels[:, 20:], pixels[:, 20:]]))
    picture(tmp_path / "odd/a.png", 41, 20)
    assert "multiple" in apply(of_two, tmp_path / "odd", tmp_path / "none", Domain.B).failed[0][1]
    picture(tmp_path / "photo/a.png", 20, 20)  # a picture that could be cut in two, and is no strip
    assert "no strip of 2 frames" in apply(of_two, tmp_path / "photo", tmp_path / "none", Domain.B).failed[0][1]


def test_latents_go_with_stochastic_models_alone() -> None:
    images = torch.zeros(1, 3, 64, 64)
    with pytest.raises(ValueError, match="stochastic"):
        stochastic()(images, Domain.B)
    with pytest.raises(ValueError, match="stochastic"):
        model()(images, Domain.B, torch.zeros(1, 4))


def test_sixteen_bits_stay_sixteen(tmp_path: Path) -> None:
    """Read back by OpenCV, and by tifffile, which share no code with what wrote them."""
    rng = np.random.default_rng(0)
    colours = rng.integers(0, 65536, (37, 53, 3), np.uint16)
    (tmp_path / "in").mkdir()
    cv2.imwrite(str(tmp_path / "in/a.png"), colours)
    tifffile.imwrite(tmp_path / "in/b.tif", colours)
    floats = rng.random((37, 53, 3), np.float32)
    tifffile.imwrite(tmp_path / "in/c.tif", floats)
    picture(tmp_path / "in/d.png", seed=1)  # of the same size, and never in one batch with the others
    assert apply(model(), tmp_path / "in", tmp_path / "out", Domain.B).done == 4
    np.testing.assert_array_equal(cv2.imread(str(tmp_path / "out/a.png"), cv2.IMREAD_UNCHANGED), 65535 - colours)
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "out/b.tif"), 65535 - colours)
    np.testing.assert_allclose(tifffile.imread(tmp_path / "out/c.tif"), 1 - floats, atol=1e-6)
    assert read(tmp_path / "out/d.png").dtype == np.uint8


def listed(folder: Path, output: Path, translator: Model | None = None, **options: Any) -> list[Outcome]:
    """What became of each image of a folder."""
    source, target, wanted = prepare(str(folder), str(output), Options(Domain.B, **options))
    return list(work(translator or model(), jobs(source, target, wanted, Tally()), source, target, wanted))


def test_another_format_says_what_it_cannot_hold(tmp_path: Path) -> None:
    picture(tmp_path / "in/a.png", mode="RGBA")
    cv2.imwrite(str(tmp_path / "in/b.png"), np.zeros((8, 8, 3), np.uint16))
    found = {one.input: one for one in listed(tmp_path / "in", tmp_path / "out", format=".jpg")}
    assert [found[name].output for name in ("a.png", "b.png")] == ["a.jpg", "b.jpg"]
    assert "no transparency" in found["a.png"].warnings[0]
    assert "16 bits" in found["b.png"].warnings[0]
    for name in ("a.jpg", "b.jpg"):
        with Image.open(tmp_path / "out" / name) as image:
            assert (image.format, image.mode) == ("JPEG", "RGB")


def test_large_pictures_go_tile_by_tile_with_their_transparency(tmp_path: Path) -> None:
    pixels = picture(tmp_path / "in/a.png", 150, 90, mode="RGBA")
    small = picture(tmp_path / "in/b.png", 40, 40, mode="RGBA")
    (done, beside) = sorted(listed(tmp_path / "in", tmp_path / "out", tile=64), key=lambda one: one.input)
    assert (done.error, beside.error) == (None, None)
    for name, given in (("a.png", pixels), ("b.png", small)):
        made = read(tmp_path / "out" / name)
        np.testing.assert_array_equal(made[..., 3], given[..., 3])
    whole = listed(tmp_path / "in", tmp_path / "whole")
    assert all(one.error is None for one in whole)
    difference = read(tmp_path / "out/a.png").astype(int) - read(tmp_path / "whole/a.png")
    assert np.abs(difference).max() <= 1


class Scarce(nn.Module):
    """Memory for so many pixels; torch says of a processor's in words that there is no more."""

    stride = 4

    def __init__(self, pixels: int, error: type[Exception]) -> None:
        super().__init__()
        self.pixels, self.error, self.calls = pixels, error, 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        if x.shape[0] * x.shape[2] * x.shape[3] > self.pixels:
            raise self.error("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes")
        return -x


@pytest.mark.parametrize("error", [RuntimeError, MemoryError, torch.OutOfMemoryError])
def test_what_memory_does_not_hold_is_tried_in_smaller_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    monkeypatch.setattr(memory, "whole_limit", lambda *_: 10**9)
    monkeypatch.setattr(memory, "batch_size", lambda model, to, height, width, most: most)
    monkeypatch.setattr(large, "SIDE", 128)
    given = {f"{i}.png": picture(tmp_path / f"in/{i}.png", 370, 370, seed=i) for i in range(2)}
    one_by_one = listed(tmp_path / "in", tmp_path / "one", model(Scarce(370 * 370, error)))
    assert [one.error for one in one_by_one] == [None] * 2
    for name, pixels in given.items():
        np.testing.assert_array_equal(read(tmp_path / "one" / name), 255 - pixels)
    monkeypatch.setattr(large, "SAMPLE", 256 * 256)
    tiled = listed(tmp_path / "in", tmp_path / "tiled", model(Scarce(369 * 369, error)))
    assert [one.error for one in tiled] == [None] * 2
    for name, pixels in given.items():
        assert np.abs(read(tmp_path / "tiled" / name).astype(int) - (255 - pixels)).max() <= 1
    never = listed(tmp_path / "in", tmp_path / "never", model(Scarce(16, error)))
    assert all("too large for this machine's memory" in (one.error or "") for one in never)
    assert len(never) == 2
    assert not any(path.is_file() for path in (tmp_path / "never").rglob("*"))


def test_other_errors_of_a_network_are_not_taken_for_memory(tmp_path: Path) -> None:
    class Broken(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            raise RuntimeError("a fault of the program")

    picture(tmp_path / "in/a.png")
    with pytest.raises(RuntimeError, match="fault of the program"):
        listed(tmp_path / "in", tmp_path / "out", model(Broken()))


def animation(path: Path, count: int) -> None:
    frames = [Image.new("RGB", (16, 12), (40 * i, 0, 0)) for i in range(count)]
    path.parent.mkdir(parents=True, exist_ok=True)
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=100, loop=0)


def test_animations_are_translated_whole_on_request(tmp_path: Path) -> None:
    animation(tmp_path / "in/a.gif", 5)
    (first,) = listed(tmp_path / "in", tmp_path / "first")
    assert any("5" in warning for warning in first.warnings)
    with Image.open(tmp_path / "first/a.gif") as image:
        assert getattr(image, "n_frames", 1) == 1
    (all_of_it,) = listed(tmp_path / "in", tmp_path / "all", frames=True)
    assert all_of_it.error is None
    with Image.open(tmp_path / "all/a.gif") as image:
        assert image.n_frames == 5  # type: ignore[attr-defined]
        for i in range(5):
            image.seek(i)
            red, green, blue = image.convert("RGB").getpixel((5, 5))  # type: ignore[misc]
            assert abs(red - (255 - 40 * i)) <= 2
            assert min(green, blue) >= 253
    (refused,) = listed(tmp_path / "in", tmp_path / "none", frames=True, format=".jpg")
    assert ".jpg holds one" in (refused.error or "")


def test_all_frames_of_a_file_share_a_latent(tmp_path: Path) -> None:
    path = tmp_path / "in/a.webp"
    path.parent.mkdir()
    frames = [Image.new("RGB", (16, 12), (i, 0, 0)) for i in range(3)]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=100, lossless=True)
    assert all(one.error is None for one in listed(tmp_path / "in", tmp_path / "out", stochastic(), frames=True))
    assert all(
        one.error is None for one in listed(tmp_path / "in", tmp_path / "two", stochastic(), frames=True, samples=2)
    )
    blue = []
    for output in ("out", "two/1", "two/2"):
        with Image.open(tmp_path / output / "a.webp") as image:
            for i in range(3):
                image.seek(i)
                blue.append(int(np.asarray(image.convert("RGB"))[..., 2].mean()))
    assert max(blue[:3]) - min(blue[:3]) <= 2
    assert max(blue[3:6]) - min(blue[3:6]) <= 2
    assert abs(blue[0] - blue[3]) <= 2
    assert abs(blue[0] - blue[6]) > 3
