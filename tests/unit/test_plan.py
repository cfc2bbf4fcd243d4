"""The plan: a matching preset, sizes within reason, a reason for everything, and a configuration like any other."""

from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from translate import build, config, needs, plan
from translate.config import Frames
from translate.data.layouts import Dataset, Picture, Split, find
from translate.domain import Domain, Regime
from translate.machine import Machine
from translate.plan import Fingerprint

CPU = Machine("cpu", 60)
GPU = Machine("cuda:0", 300)
MACHINES = {"cpu": CPU, "gpu": GPU, "mps": Machine("mps", 400)}

COUNTS = {
    Regime.SUPERVISED: (400, 0, 0),
    Regime.SEMI_SUPERVISED: (40, 300, 0),
    Regime.UNSUPERVISED: (0, 900, 800),
    Regime.UNCONDITIONAL: (0, 0, 8000),
}
SIZES = [
    (32, 32),
    (64, 64),
    (96, 96),
    (100, 150),
    (256, 256),
    (300, 200),
    (600, 1200),
    (1080, 1920),
    (48, 36),
    (32, 48),
    (64, 112),
    (60, 70),
    (41, 32),
]


def found(regime: Regime, height: int = 256, width: int = 256, a: int = 3, b: int = 3) -> Fingerprint:
    return Fingerprint(*COUNTS[regime], height, width, a, b)


def value(planned: plan.Plan, key: str) -> object:
    return next((choice.value for choice in planned.choices if choice.key == key), None)


def on_paper(fingerprint: Fingerprint) -> Dataset:
    picture = Picture(Path("x.png"))
    split = Split(
        [(picture, picture)] * fingerprint.pairs, [picture] * fingerprint.only_a, [picture] * fingerprint.only_b
    )
    return Dataset(Path("DIR"), "a layout", {"train": split})


@pytest.mark.parametrize(
    ("regime", "machine", "preset"),
    [
        (Regime.SUPERVISED, "cpu", "pix2pix"), (Regime.SUPERVISED, "gpu", "pix2pix"),
        (Regime.SEMI_SUPERVISED, "cpu", "semi"), (Regime.SEMI_SUPERVISED, "gpu", "semi"),
        (Regime.UNSUPERVISED, "cpu", "fast"), (Regime.UNSUPERVISED, "gpu", "cyclegan"),
        (Regime.UNSUPERVISED, "mps", "fast"), (Regime.UNCONDITIONAL, "cpu", "r3gan"),
    ],
)  # fmt: skip
def test_each_regime_gets_its_preset(regime: Regime, machine: str, preset: str) -> None:
    planned = plan.plan(found(regime), MACHINES[machine], 10)
    assert planned.preset == preset == value(planned, "preset")


@pytest.mark.parametrize("regime", list(Regime))
@pytest.mark.parametrize("machine", MACHINES)
def test_every_plan_is_a_valid_configuration_that_its_data_and_networks_meet(regime: Regime, machine: str) -> None:
    for (height, width), minutes in product(SIZES, (0.5, None)):
        fingerprint = found(regime, height, width)
        planned = plan.plan(fingerprint, MACHINES[machine], minutes)
        assert all(choice.reason and choice.shown for choice in planned.choices)
        made = plan.configure(planned, ["training.seed=5", "log.every=7"])
        assert (made.training.seed, made.log.every) == (5, 7)
        assert config.parse(made.to_yaml(), where="written") == made
        needs.check(made, on_paper(fingerprint))
        with torch.device("meta"):  # builds without weights; a size that is no multiple of the stride is refused
            generators = build.generators(made)
            build.discriminators(made)
        shape = (
            (1, made.networks.latent.dimension) if made.networks.latent else (1, made.data.channels.a, *made.data.size)
        )
        assert generators["b"](torch.empty(shape, device="meta")).shape[2:] == made.data.size


@pytest.mark.parametrize("regime", list(Regime))
@pytest.mark.parametrize("machine", MACHINES)
def test_sizes_grow_with_time_and_stay_within_the_images(regime: Regime, machine: str) -> None:
    for height, width in SIZES:
        areas = []
        for minutes in (0.1, 5, 60, 600, 6000):
            made = plan.configure(plan.plan(found(regime, height, width), MACHINES[machine], minutes), [])
            assert made.data.size[0] <= height * 1.1, (height, width, made.data.size)
            assert made.data.size[1] <= width * 1.1, (height, width, made.data.size)
            areas.append(made.data.size[0] * made.data.size[1])
        assert areas == sorted(areas), (height, width)
    long = plan.configure(plan.plan(found(regime, 256, 256), GPU, 1e6), [])
    assert long.data.size == (256, 256)


@pytest.mark.parametrize("regime", [r for r in Regime if r is not Regime.UNCONDITIONAL])
def test_the_aspect_is_kept(regime: Regime) -> None:
    for (height, width), minutes in product([(100, 150), (300, 200), (600, 1200), (1080, 1920)], (1, 60, 6000)):
        planned = plan.configure(plan.plan(found(regime, height, width), GPU, minutes), []).data.size
        ratio = (planned[1] / planned[0]) / (width / height)
        assert 0.74 < ratio < 1.35, (height, width, planned)  # a step of 32 px at 96 px
        assert (planned[1] > planned[0]) == (width > height)


@pytest.mark.parametrize(("a", "b"), [(1, 3), (3, 1), (1, 1)])
@pytest.mark.parametrize("regime", [r for r in Regime if r is not Regime.UNCONDITIONAL])
def test_grey_stays_grey_and_no_term_is_left_unmet(regime: Regime, a: int, b: int) -> None:
    for machine in MACHINES.values():
        fingerprint = found(regime, a=a, b=b)
        made = plan.configure(plan.plan(fingerprint, machine, 5), [])
        assert (made.data.channels.a, made.data.channels.b) == (a, b)
        needs.check(made, on_paper(fingerprint))


def test_settings_have_the_last_word() -> None:
    planned = plan.plan(found(Regime.UNSUPERVISED), CPU, 5)
    made = plan.configure(planned, ["data.size=[48, 48]", "networks.generator.width=8", "training.batch=2"])
    assert (made.data.size, made.training.batch) == ((48, 48), 2)
    assert made.networks.generator.options["width"] == 8
    assert plan.configure(planned, []).training.minutes == 5


def test_few_images_are_changed_more_and_batches_are_no_larger_than_the_data() -> None:
    few = plan.plan(Fingerprint(0, 5, 30, 64, 64, 3, 3), CPU, 5)
    many = plan.plan(found(Regime.UNSUPERVISED, 64, 64), CPU, 5)
    assert len(value(few, "data.transforms")) > len(value(many, "data.transforms"))  # type: ignore[arg-type]
    assert value(few, "training.batch") == 5
    assert Fingerprint(3, 2, 9, 64, 64, 3, 3).images == 5
    assert Fingerprint(0, 0, 9, 64, 64, 3, 3).images == 9


def test_few_images_from_noise_are_augmented_before_the_judge_and_not_as_data() -> None:
    few = plan.plan(Fingerprint(0, 0, 50, 64, 64, 3, 3), CPU, 10)
    assert value(few, "data.transforms") == [{"HorizontalFlip": {"p": 0.5}}]
    assert value(few, "judging.transforms")
    assert plan.configure(few, []).judging.transforms
    assert value(plan.plan(found(Regime.UNCONDITIONAL), CPU, 10), "judging.transforms") is None


def test_the_average_spans_a_twentieth_of_the_steps_that_are_asked_for() -> None:
    for steps, expected in ((30, 0.9), (800, 0.975), (10**6, 0.999)):
        planned = plan.plan(found(Regime.UNCONDITIONAL), CPU, None, steps=steps)
        assert value(planned, "training.ema") == expected


def test_the_fingerprint_is_read_from_the_folder(tmp_path: Path, paired: Path, single: Path) -> None:
    assert plan.fingerprint(find(paired)) == Fingerprint(8, 0, 0, 16, 16, 3, 3)
    assert plan.fingerprint(find(paired, 3)) == Fingerprint(3, 5, 5, 16, 16, 3, 3)
    assert plan.fingerprint(find(single)).regime is Regime.UNCONDITIONAL
    for name, mode, size in (("trainA", "L", (20, 10)), ("trainB", "RGB", (20, 10))):
        (tmp_path / name).mkdir()
        for number in range(3):
            Image.fromarray(np.full((10, 20), number, np.uint8)).convert(mode).resize(size).save(
                tmp_path / name / f"{number}.png"
            )
    assert plan.fingerprint(find(tmp_path)) == Fingerprint(0, 3, 3, 10, 20, 1, 3)


def test_pairs_side_by_side_count_as_half_as_wide(tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    for number in range(4):
        pixels = np.random.default_rng(number).integers(0, 256, (8, 16, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "train" / f"{number}.png")
    assert plan.fingerprint(find(tmp_path)) == Fingerprint(4, 0, 0, 8, 8, 3, 3)


def test_stacked_frames_are_measured_one_by_one(tmp_path: Path) -> None:
    for name, width in (("trainA", 32), ("trainB", 8)):
        (tmp_path / name).mkdir()
        for number in range(4):
            Image.new("RGB", (width, 8), (number, 0, 0)).save(tmp_path / name / f"{number}.png")
    found = plan.fingerprint(find(tmp_path), Frames(a=4))
    assert (found.height, found.width) == (8, 8)


def test_a_broken_file_does_not_spoil_the_fingerprint(tmp_path: Path, unpaired: Path) -> None:
    for name in ("trainA", "trainB"):
        (tmp_path / name).mkdir()
        for path in (unpaired / name).iterdir():
            (tmp_path / name / path.name).write_bytes(path.read_bytes())
    (tmp_path / "trainA" / "0000000.png").write_bytes(b"no image")
    assert plan.fingerprint(find(tmp_path)) == Fingerprint(0, 8, 8, 16, 16, 3, 3)


def test_pairs_are_read_from_the_settings_before_there_is_a_configuration() -> None:
    assert plan.asked(["training.batch=2", "data.pairs=40"]) == (40, Frames(), None)
    assert plan.asked(["data.pairs=stem", "data.size=[64,32]"]) == ("stem", Frames(), (64, 32))
    assert plan.asked(["data.frames={a: 4}"]) == ("all", Frames(a=4), None)


def test_the_other_domain_of_a_plan_is_a() -> None:
    made = plan.configure(plan.plan(found(Regime.UNSUPERVISED), CPU, 5), [])
    assert made.produce == [Domain.B, Domain.A]


def test_a_size_that_the_user_wants_is_what_the_rest_is_planned_for() -> None:
    found = Fingerprint(400, 0, 0, 256, 256, 3, 3)
    machine = Machine("cpu", 40.0)
    choices = {c.key: c.value for c in plan.plan(found, machine, 5.0, (64, 32)).choices}
    assert choices["data.size"] == [64, 32]
    assert {"RandomCrop": {"height": 64, "width": 32}} in choices["data.transforms"]
    assert choices["data.load_size"] == [72, 36]
