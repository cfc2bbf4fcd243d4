"""How much memory a step needs: the reckoning against what the system says it took."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from translate import build, config
from translate.computing import fitting, stepmemory
from translate.computing.stepmemory import StepMemory
from translate.errors import UserError

CPU = torch.device("cpu")
PEAK = """
import sys, torch
from translate import build, config
from translate.domain import Batch
chosen = config.load(sys.argv[1], sys.argv[2:])
warm = config.load("smoke")
build.trainer(warm, build.blank(warm), torch.device("cpu")).step(build.blank(warm))
def status(key):
    return next(int(line.split()[1]) * 1024 for line in open("/proc/self/status") if line.startswith(key))
before = status("VmRSS")
blank, rows = build.blank(chosen), chosen.training.batch
images = {d: torch.zeros(rows, *image.shape[1:]) for d, image in blank.images.items()}
trainer = build.trainer(chosen, blank, torch.device("cpu"))
for _ in range(2):
    trainer.step(Batch(images, paired=0))
print(status("VmHWM") - before)
"""


def measured_peak(preset: str, settings: Sequence[str]) -> int:
    words = [sys.executable, "-c", PEAK, preset, *settings]
    return int(subprocess.run(words, capture_output=True, text=True, check=True).stdout)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the reference is the kernel's count of resident pages")
@pytest.mark.parametrize(
    ("preset", "settings", "within"),
    [
        ("cyclegan", ["data.size=[256, 256]"], 0.25),
        ("cyclegan", ["data.size=[128, 128]", "training.batch=4"], 0.25),
        ("cyclegan", ["data.size=[256, 256]", "training.activation_checkpointing=true"], 0.25),
        ("fast", ["data.size=[128, 128]", "training.batch=16", "training.precision=fp32"], 0.25),
        ("dcgan", [], 0.35),  # what the heap loses between blocks of its size differs from run to run
    ],
)
def test_the_reckoning_is_near_what_a_real_step_takes(preset: str, settings: list[str], within: float) -> None:
    chosen = config.load(preset, settings)
    reckoned = stepmemory.measure(chosen, CPU).of(chosen.training.batch)
    assert reckoned == pytest.approx(measured_peak(preset, settings), rel=within)


def test_a_batch_in_parts_takes_the_rows_of_one_part() -> None:
    memory = StepMemory(fixed=1000, row=100, gradients=150)
    assert [memory.of(8), memory.of(8, 4), memory.of(8, 8), memory.of(7, 2)] == [1800, 1200, 1150, 1400]
    assert [memory.rows(free) for free in (900, 1149, 1150, 1399, 1400)] == [0, 0, 1, 3, 4]


@pytest.mark.parametrize("gradients", [0, 70, 150])
def test_what_is_proposed_is_the_most_that_is_reckoned_to_fit(gradients: int) -> None:
    memory = StepMemory(fixed=1000, row=100, gradients=gradients, kept=7)
    for free in range(900, 3000, 37):
        for accumulate in (1, 3):
            fit = [b for b in range(0, 200, accumulate) if memory.of(b, accumulate) <= free]
            assert memory.rows(free, accumulate) == max((b for b in fit if b), default=0)
        for batch in (1, 5, 64):
            fitting_parts = [n for n in range(1, batch + 1) if memory.of(batch, n) <= free]
            assert memory.parts(batch, free) == min(fitting_parts, default=None)


def test_a_batch_in_parts_keeps_the_images_of_all() -> None:
    chosen = config.load("smoke", ["data.size=[64, 64]"])
    memory = stepmemory.measure(chosen, CPU)
    pair = 2 * 3 * 64 * 64 * 4
    assert 2 * pair <= memory.kept < 6 * pair  # read, the next one, made in both directions


def test_a_step_of_large_images_is_reckoned_from_small_ones() -> None:
    assert stepmemory._small(config.load("cyclegan", ["data.size=[2048, 1024]"])).data.size == (128, 64)


def test_recomputed_activations_take_less_and_rows_take_what_they_take() -> None:
    settings = ["networks.generator={name: resnet, width: 4, blocks: 2}"]
    kept = stepmemory.measure(config.load("smoke", settings), CPU)
    again = stepmemory.measure(config.load("smoke", [*settings, "training.activation_checkpointing=true"]), CPU)
    assert again.row < kept.row / 2
    assert again.of(8) < 0.7 * kept.of(8)


def test_what_is_held_between_steps_is_counted_exactly() -> None:
    trainer = build.trainer(config.load("smoke"), build.blank(config.load("smoke")), CPU)
    stepmemory._fill_optimizers(trainer)
    weights = sum(p.nbytes for group in trainer.parameters.values() for p in group)
    average = sum(p.nbytes for p in trainer.ema.module.parameters())
    counts = sum(len(group) * 4 for group in trainer.parameters.values())  # Adam's steps
    assert stepmemory._held(trainer) == pytest.approx(3 * weights + average + counts, abs=256)


def with_memory(monkeypatch: pytest.MonkeyPatch, memory: StepMemory, free: int) -> None:
    monkeypatch.setattr(stepmemory, "measure", lambda *_: memory)
    monkeypatch.setattr("translate.inference.memory.free", lambda device: free)


def test_an_open_batch_is_the_largest_that_fits(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    said: list[str] = []
    for free, images, accumulate, expected in (
        (1000, 100, 1, 7), (1000, 5, 1, 5), (10**6, 10**6, 1, fitting.LARGEST), (1000, 100, 2, 14),
    ):  # fmt: skip
        with_memory(monkeypatch, StepMemory(fixed=100, row=100), free)
        chosen = config.load("smoke", ["training.batch=auto", f"training.accumulate={accumulate}"])
        settled = fitting.settle_batch(chosen, images, tmp_path / "run", CPU, said.append)
        assert settled.training.batch == expected
        assert f"{expected} fit" in said[-1]
    with_memory(monkeypatch, StepMemory(fixed=900, row=100), 1000)
    with pytest.raises(UserError, match="of memory"):
        fitting.settle_batch(config.load("smoke", ["training.batch=auto"]), 100, tmp_path / "run", CPU, said.append)


def test_a_begun_run_keeps_its_batch(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(config.load("smoke", ["training.batch=3"]).to_yaml())
    chosen = config.load("smoke", ["training.batch=auto"])
    assert fitting.settle_batch(chosen, 100, tmp_path, CPU, lambda sentence: None).training.batch == 3


def test_what_does_not_fit_is_refused_with_what_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen, said = config.load("fast"), list[str]()
    memory = StepMemory(fixed=100 << 20, row=100 << 20)
    for free, outcome in ((2000, "fits"), (1000, "close"), (500, "refused")):
        with_memory(monkeypatch, memory, free << 20)
        said.clear()
        if outcome == "refused":
            with pytest.raises(UserError) as caught:
                fitting.check(chosen, CPU, said.append)
            assert caught.value.hint is not None
            for way in ("activation_checkpointing=true", "accumulate=3", "--batch 3"):
                assert way in caught.value.hint
            assert "data.size" not in caught.value.hint  # there is a way that loses less
        else:
            fitting.check(chosen, CPU, said.append)
            assert len(said) == (2 if outcome == "close" else 1)
        assert "900 MiB" in said[0]


def test_where_not_one_row_fits_images_get_smaller_until_it_does(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = config.load("cyclegan", ["data.size=[1024, 512]", "training.batch=64"])
    with_memory(monkeypatch, StepMemory(fixed=100 << 20, row=4000 << 20), 500 << 20)
    with pytest.raises(UserError, match="of memory") as caught:
        fitting.check(chosen, CPU, lambda sentence: None)
    assert "--batch 1 --set data.size=[256,128]" in str(caught.value.hint)  # a sixteenth: 250 MiB
    assert "accumulate" not in str(caught.value.hint)


def test_what_is_plainly_small_is_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stepmemory, "measure", lambda *_: pytest.fail("was measured"))
    fitting.check(config.load("smoke"), CPU, pytest.fail)


def test_the_small_step_is_the_same_game() -> None:
    chosen = config.load("cyclegan")
    small = stepmemory._small(chosen)
    assert small.data.size == (64, 64)
    assert small.objective == chosen.objective
    assert stepmemory._small(config.load("pix2pix")).data.size == (256, 256)  # 8 levels take no less
