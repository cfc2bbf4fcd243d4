"""Several images through the network at a time: as many as memory holds, and all of them once."""

from __future__ import annotations

import itertools
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from translate.config import Config, Data
from translate.domain import Domain
from translate.inference import lanes, memory
from translate.inference.folder import apply
from translate.inference.model import Model, Precision


class Watched(nn.Module):
    """Gives back what it gets, and knows how many calls there were at once; waits for `company` others."""

    stride = 1

    def __init__(self, company: int = 0) -> None:
        super().__init__()
        self.lock, self.now, self.most = threading.Lock(), 0, 0
        self.barrier = threading.Barrier(company + 1, timeout=20)

    def forward(self, x: Tensor) -> Tensor:
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
        self.barrier.wait()
        with self.lock:
            self.now -= 1
        return x


def model(generator: nn.Module, precision: Precision = "fp32") -> Model:
    generators = nn.ModuleDict(dict.fromkeys(Domain, generator))
    return Model(Config(data=Data(size=(64, 64))), generators, checkpoint="none", step=0, precision=precision)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    for i in range(8):
        pixels = np.random.default_rng(i).integers(0, 256, (20, 20 + i, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"in/{i}.png")
    return tmp_path


def check(folder: Path) -> None:
    for i in range(8):
        with Image.open(folder / f"in/{i}.png") as given, Image.open(folder / f"out/{i}.png") as made:
            np.testing.assert_array_equal(np.asarray(given), np.asarray(made))


def test_images_are_translated_side_by_side(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 4)
    monkeypatch.setattr(memory, "bytes_per_pixel", lambda *_: 1)  # no probe, which would wait for company
    watched = Watched(company=3)
    summary = apply(model(watched), folder / "in", folder / "out", Domain.B, batch=1)
    assert (summary.done, watched.most) == (8, 4)
    check(folder)


def test_where_memory_is_short_they_wait_for_one_another(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 4)
    watched = Watched()
    monkeypatch.setattr(memory, "batch_size", lambda *_: 1)
    summary = apply(model(watched), folder / "in", folder / "out", Domain.B, batch=1)
    assert (summary.done, watched.most) == (8, 1)
    check(folder)


def test_a_single_image_has_all_cores(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = torch.get_num_threads()
    assert lanes._lanes("cpu", single=True) == 1
    assert lanes._lanes("cpu", single=False) == before
    apply(model(nn.Identity()), folder / "in", folder / "out", Domain.B)
    assert torch.get_num_threads() == before  # lanes take a core each, and leave the caller's setting alone


def test_bf16_is_nearly_the_same(folder: Path) -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.Tanh(), nn.Conv2d(16, 3, 3, padding=1), nn.Tanh())
    images = torch.rand(2, 3, 24, 24) * 2 - 1
    exact, lower = (model(network, precision)(images, Domain.B) for precision in ("fp32", "bf16"))
    assert lower.dtype == torch.float32
    assert 0 < (exact - lower).abs().mean() < 0.01


class Interrupting(nn.Module):
    """Ctrl-C while an image is in the network: the main thread, which waits for it, hears of it; this one goes on."""

    stride = 1

    def __init__(self) -> None:
        super().__init__()
        self.calls = itertools.count()

    def forward(self, x: Tensor) -> Tensor:
        first = next(self.calls) == 0
        time.sleep(0.2)  # until the main thread waits
        if first:
            signal.raise_signal(signal.SIGINT)
        time.sleep(0.2)
        return x


@pytest.mark.parametrize("threads", [1, 2])
def test_what_the_network_has_begun_with_is_kept_when_interrupted(
    folder: Path, monkeypatch: pytest.MonkeyPatch, threads: int
) -> None:
    monkeypatch.setattr(memory, "bytes_per_pixel", lambda *_: 1)
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    with pytest.raises(KeyboardInterrupt):
        apply(model(Interrupting()), folder / "in", folder / "out", Domain.B, batch=1)
    made = list((folder / "out").iterdir())
    assert threads <= len(made) <= 4  # and no hidden, unfinished ones
    for path in made:
        with Image.open(folder / "in" / path.name) as given, Image.open(path) as image:
            np.testing.assert_array_equal(np.asarray(given), np.asarray(image))
