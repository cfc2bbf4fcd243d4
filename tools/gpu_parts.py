"""The jobs of `gpu.py`, part by part."""

from __future__ import annotations

import json
import os
import statistics
import sys
from argparse import Namespace
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from gpu_jobs import Job, Row, Stopped, call

ROOT = Path(__file__).resolve().parents[1]
TOOLS = ROOT / "tools"
HORSE2ZEBRA_STEPS = 266_800
"""200 passes over 1,334 zebras, batch 1 (Zhu et al. 2017, section 4)."""
FACADES_IMAGES = 80_000
"""200 passes over 400 facades (Isola et al. 2017, appendix 6.2)."""
TESTS = ("test_trainer", "test_run", "test_layers", "test_resnet", "test_unet", "test_ema", "test_checkpoint")
TINY = (
    "data.size=[32, 32]", "data.load_size=[36, 36]",
    "data.transforms=[{RandomCrop: {height: 32, width: 32}}, HorizontalFlip]",
    "networks.generator.width=4", "networks.discriminator={name: patchgan, layers: 1, width: 4}",
)  # fmt: skip
QUIET = ("evaluation.share=0.02", "log.preview_every=5000")
"""Trainings here are timed as a whole: little beside them."""


def surroundings() -> dict[str, str]:
    """The repository is importable, installed or not."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    return {**os.environ, "PYTHONPATH": path, "NO_ALBUMENTATIONS_UPDATE": "1", "PYTHONUNBUFFERED": "1"}


def translate(chosen: Namespace, name: str, deadline: float, *words: str | Path) -> None:
    """One command of the command line."""
    command = [sys.executable, "-m", "translate", *map(str, words)]
    call(command, chosen.out / "logs" / f"{name}.log", deadline, surroundings())


def sets(settings: Sequence[str]) -> list[str]:
    """KEY=VALUE settings as arguments."""
    return [word for setting in settings for word in ("--set", setting)]


def checks(chosen: Namespace) -> Iterator[Job]:
    """Whether the numbers are right on this device."""
    import gpu_checks
    import torch

    for name, what in gpu_checks.NAMES.items():
        yield Job("checks", name, what, 1, partial(check, chosen, name))
    tests = TESTS[2:4] if chosen.tiny else TESTS
    files = [str(path) for name in tests if (path := ROOT / "tests" / "unit" / f"{name}.py").is_file()]
    yield Job("checks", "tests", "the quick tests of " + ", ".join(tests), 3, partial(tested, chosen, files))
    several = torch.cuda.device_count() if chosen.device.startswith("cuda") else 1
    if several > 1:
        yield Job("checks", "torchrun", f"a training in {several} processes", 1, partial(spread, chosen, several))


def check(chosen: Namespace, name: str, deadline: float) -> Row:
    """One check in a process of its own: settings of determinism and a crash stay there."""
    answer = chosen.out / "checks" / f"{name}.json"
    answer.parent.mkdir(parents=True, exist_ok=True)
    answer.unlink(missing_ok=True)
    command = [sys.executable, str(TOOLS / "gpu_checks.py"), name, str(answer), "--device", chosen.device]
    env = {**surroundings(), "CUBLAS_WORKSPACE_CONFIG": ":4096:8"}
    call([*command, *["--tiny"] * chosen.tiny], chosen.out / "logs" / f"check-{name}.log", deadline, env)
    row: Row = json.loads(answer.read_text(encoding="utf-8"))
    return row


def tested(chosen: Namespace, files: list[str], deadline: float) -> Row:
    """The test suite's relevant files."""
    log = chosen.out / "logs" / "tests.log"
    call([sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-c", str(ROOT / "pyproject.toml"), *files],
         log, deadline, surroundings())  # fmt: skip
    return {"found": log.read_text(encoding="utf-8").strip().splitlines()[-1].strip("= ")}


def spread(chosen: Namespace, processes: int, deadline: float) -> Row:
    """A short training over all GPUs."""
    data, run = faces(chosen, 64, deadline), chosen.out / "runs" / "torchrun"
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    words = ["-m", "translate", "train", "smoke", "--data", str(data), "--out", str(run), "--steps", "20"]
    settings = sets([f"training.batch={4 * processes}"])
    call([*command, *words, *settings], chosen.out / "logs" / "torchrun.log", deadline, surroundings())
    return {"found": f"{trained(run)['steps']} steps in {processes} processes"}


def bench(chosen: Namespace) -> Iterator[Job]:
    """The step's speed in every precision, and where the time goes in the quickest."""
    precisions = ("fp32", "bf16") if chosen.tiny else ("fp32", "tf32", "bf16", "fp16")
    for batch in (2,) if chosen.tiny else (1, 16):
        kinds = [(precision, False) for precision in precisions]
        kinds += [] if chosen.tiny else [("tf32", True), ("bf16", True)]
        for precision, compiled in kinds:
            name = f"batch {batch}, {precision}{', compiled' * compiled}"
            beside = " beside the original code" if chosen.original else ""
            work = partial(benched, chosen, name, batch, precision, compiled, bool(chosen.original))
            yield Job("bench", name, f"the cyclegan step{beside}", 0.3 if chosen.tiny else 1.5, work)
        if chosen.original:
            name = f"batch {batch}, bf16, shares of the time"
            work = partial(benched, chosen, name, batch, "bf16", False, False)
            yield Job("bench", name, "a training of some steps", 0.3 if chosen.tiny else 1, work)


def benched(
    chosen: Namespace, name: str, batch: int, precision: str, compiled: bool, original: bool, deadline: float
) -> Row:
    """One call of tools/bench_train.py. The original is computed in float32, with TF32 unless ours is without too."""
    label = name.replace(", ", "-").replace(" ", "")
    answer = chosen.out / "bench" / f"{label}.json"
    answer.parent.mkdir(parents=True, exist_ok=True)
    answer.unlink(missing_ok=True)
    settings = [f"training.precision={precision}", *["training.compile=true"] * compiled]
    size, steps = (32, 3) if chosen.tiny else (256, 20 if batch == 1 else 6)
    command = [sys.executable, str(TOOLS / "bench_train.py"), "cyclegan", "--batch", str(batch), "--size", str(size)]
    command += ["--narrow", "6", "4"] * chosen.tiny + ["--device", chosen.device, "--json", str(answer)]
    command += ["--original", str(chosen.original.resolve()), "--blocks", "3"] if original else []
    command += ["--steps", str(steps if original else 4 * steps), *sets(settings)]
    call(command, chosen.out / "logs" / f"bench-{label}.log", deadline, surroundings())
    return bench_row(json.loads(answer.read_text(encoding="utf-8")))


COLUMNS = {
    "images/s": ("same tensors ours median", "images_per_second median"),
    "original": ("same tensors theirs median",),
    "ratio": ("same tensors ratio",),
    "with own loaders": ("own loaders ours median",),
    "original with its own": ("own loaders theirs median",),
    "ratio with own loaders": ("own loaders ratio",),
    "waiting": ("shares data",),
    "peak MiB": ("peak MiB ours",),
    "original's MiB": ("peak MiB theirs",),
}
"""Of the table, and the figures of tools/bench_train.py that stand there; the rest lies in OUT/bench."""


def bench_row(found: dict[str, Any]) -> Row:
    """The columns that a report of tools/bench_train.py has."""
    flat = figures(found)
    row = {column: next((flat[name] for name in names if name in flat), None) for column, names in COLUMNS.items()}
    if not any(row.values()):
        raise RuntimeError(f"tools/bench_train.py told none of what is wanted, but {', '.join(flat)}")
    return {column: value for column, value in row.items() if value is not None}


def figures(found: dict[str, Any]) -> Row:
    """The plain numbers of a nested result, by their path."""
    flat: Row = {}
    for key, value in found.items():
        if isinstance(value, dict):
            flat |= {f"{key} {inner}": figure for inner, figure in figures(value).items()}
        elif isinstance(value, int | float) and not isinstance(value, bool):
            flat[key] = value
    return flat


def pix2pix(chosen: Namespace) -> Iterator[Job]:
    """Facades, label to photo, as published."""
    images = 40 if chosen.tiny else FACADES_IMAGES
    data = chosen.facades or "embedded faces"
    what = f"{images:,} images' worth of {data}, batch {chosen.batch}, then the test split's scores"
    yield Job("pix2pix", "facades" if chosen.facades else "faces", what, 1 if chosen.tiny else 40,
              partial(labels_to_photos, chosen, images))  # fmt: skip


def labels_to_photos(chosen: Namespace, images: int, deadline: float) -> Row:
    """Train, or go on, and score."""
    data = chosen.facades or faces(chosen, 32 if chosen.tiny else 256, deadline, pairs=True)
    run, scores = chosen.out / "runs" / "pix2pix", chosen.out / "pix2pix.json"
    settings = [f"produce=[{chosen.produce}]", f"training.batch={chosen.batch}", *QUIET, *chosen.set]
    settings += [*TINY, "networks.generator.levels=3"] * chosen.tiny
    words = ["pix2pix", "--data", data, "--out", run, "--steps", str(max(1, images // chosen.batch))]
    scored = ["evaluate", run, "--data", data, "--split", "test", "--json", scores, "--device", chosen.device]
    try:
        translate(chosen, "pix2pix", deadline, "train", *words, "--device", chosen.device, *sets(settings))
    except Stopped:
        raise Stopped(trained(run)) from None
    translate(chosen, "pix2pix", deadline + 300, *scored)
    found = json.loads(scores.read_text(encoding="utf-8"))["metrics"]
    values = next(iter(found.values()))
    return {**trained(run), **{name: float(values[name]) for name in ("l1", "psnr", "ssim") if name in values}}


def unpaired(chosen: Namespace) -> Iterator[Job]:
    """CycleGAN as published, as far as the time goes."""
    data = chosen.unpaired or "embedded faces"
    what = f"preset cyclegan, batch {chosen.batch}, on {data}; ends with the time, and goes on"
    minutes = 0.5 if chosen.tiny else chosen.minutes
    yield Job("unpaired", "cyclegan", what, minutes, partial(both_ways, chosen))


def both_ways(chosen: Namespace, deadline: float) -> Row:
    """Train until the 200 passes or the time are over."""
    data, run = chosen.unpaired or faces(chosen, 32 if chosen.tiny else 256, deadline), chosen.out / "runs" / "cyclegan"
    steps = 30 if chosen.tiny else HORSE2ZEBRA_STEPS // chosen.batch
    settings = [f"training.batch={chosen.batch}", *QUIET, *chosen.set, *TINY * chosen.tiny]
    settings += ["networks.generator.blocks=2", "log.every=5"] * chosen.tiny
    words = ["train", "cyclegan", "--data", data, "--out", run, "--steps", str(steps), "--device", chosen.device]
    try:
        translate(chosen, "cyclegan", deadline, *words, *sets(settings))
    except Stopped:
        raise Stopped(trained(run) | hours(trained(run))) from None
    return trained(run) | hours(trained(run))


def hours(row: Row) -> Row:
    """What 200 passes of horse2zebra would take at this rate."""
    rate = row.get("images/s")
    return {"hours for 266,800 images": HORSE2ZEBRA_STEPS / rate / 3600} if rate else {}


def trained(run: Path) -> Row:
    """Steps, training time, and the medians of rate and waiting, from a run's log."""
    from translate import log

    rows = [row for row in log.read(run) if "seconds" in row]
    if not rows:
        return {}
    later = rows[len(rows) // 5 :]  # the first steps choose kernels, and compile
    middle = {name: statistics.median(row[key] for row in later) for name, key in
              (("images/s", "images_per_second"), ("waiting", "data_wait"))}  # fmt: skip
    return {"steps": rows[-1]["step"], "training minutes": rows[-1]["seconds"] / 60, **middle}


def faces(chosen: Namespace, size: int, deadline: float, pairs: bool = False) -> Path:
    """The embedded faces, drawn once; in pairs all named by pairs.csv."""
    folder: Path = chosen.out / "data" / f"faces{size}{'-pairs' * pairs}"
    if not folder.exists():
        unfinished = folder.with_name(f"{folder.name}.{os.getpid()}")
        count = ["--train", "16" if chosen.tiny else "400", "--test", "4" if chosen.tiny else "100"]
        sort = "--pairs" if pairs else "--no-pairs"
        translate(chosen, "data", deadline, "data", "make", "faces", unfinished, "--size", str(size), *count, sort)
        unfinished.rename(folder)
    return folder
