"""Time `translate apply` against its bare network, and against the original project's test script, side by side.

    python tools/bench_apply.py --out bench                              500 JPEGs of 256 px, ResNet-9 of width 64
    python tools/bench_apply.py --out bench --original CHECKOUT          and test.py of a checkout of the original code
    python tools/bench_apply.py --out bench --network fast
    python tools/bench_apply.py --out bench --others                     and torch.compile and ONNX Runtime
    python tools/bench_apply.py --out bench --device cuda --precision bf16

Everybody gets the same random weights and the same files: photographs' spectra, in JPEGs of mixed quality and
subsampling, progressive and not, and some grey. "bare" is the network alone, on tensors that are ready, one image at a
time on all cores, as PyTorch runs it; "lanes" is the same with one image on each core, and so are the others. The
commands are timed as whole processes, and what they take for a single image is subtracted: what is left is the rate
once they run. All take turns, `--rounds` times; the table has the median and the spread. The original code needs `pip
install dominate`, the others `pip install onnx onnxscript onnxruntime`. Run it on an otherwise idle machine.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from translate import build, checkpoint
from translate.config import validate
from translate.domain import Domain
from translate.inference.model import Model

NETWORKS: dict[str, dict[str, object]] = {
    "resnet-9-64": {"name": "resnet", "blocks": 9, "width": 64},
    "resnet-6-32": {"name": "resnet", "blocks": 6, "width": 32},
    "fast": {"name": "fast"},
}
ORIGINAL = {"resnet-9-64": ("resnet_9blocks", 64), "resnet-6-32": ("resnet_6blocks", 32)}


def photograph(rng: np.random.Generator, size: int) -> Image.Image:
    """Noise with a spectrum of 1/f, as photographs have it, in correlated colours."""
    frequency = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None]) + 1 / size
    channels = []
    for _ in range(3):
        spectrum = np.fft.rfft2(rng.standard_normal((size, size))) / frequency
        channel = np.fft.irfft2(spectrum, s=(size, size))
        channels.append(channel / channel.std())
    mixed = np.stack([channels[0] + 0.3 * channel for channel in channels], axis=2)
    return Image.fromarray(np.clip(mixed * 50 + 128, 0, 255).astype(np.uint8))


def draw(folder: Path, count: int, size: int) -> None:
    """`count` JPEGs of mixed kinds; nothing where they are already."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    for index in range(count):
        path = folder / f"{index:05d}.jpg"
        image = photograph(rng, size)
        if index % 10 == 9:
            image = image.convert("L")
        if not path.exists():
            image.save(path, quality=(75, 85, 95)[index % 3], progressive=index % 4 == 0, subsampling=index % 2 * 2)


def make_run(folder: Path, network: str, size: int) -> Path:
    """A run with random weights."""
    tree = {"data": {"root": "none", "size": [size, size]}, "networks": {"generator": NETWORKS[network]}}
    config = validate({**tree, "produce": ["b"], "objective": {"adversarial": {}}}, "bench")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.yaml").write_text(config.to_yaml(), encoding="utf-8")
    torch.manual_seed(0)
    checkpoint.save(folder, {"step": 1, "generator_ema": build.generators(config).state_dict()}, keep=1)
    return folder


Call = Callable[[torch.Tensor], object]


def bare(call: Call, device: torch.device, size: int, count: int, lanes: int) -> float:
    """Images a second of a network on tensors that are ready."""
    ready = [torch.rand(1, 3, size, size, device=device) * 2 - 1 for _ in range(8)]
    whole = torch.get_num_threads()

    def one(index: int) -> None:
        if lanes > 1:
            torch.set_num_threads(1)
        with torch.inference_mode():
            call(ready[index % len(ready)])

    with ThreadPoolExecutor(lanes) as pool:
        list(pool.map(one, range(lanes)))
        begun = time.perf_counter()
        list(pool.map(one, range(count)))
        if device.type == "cuda":
            torch.cuda.synchronize()
        seconds = time.perf_counter() - begun
    torch.set_num_threads(whole)
    return count / seconds


def compiled(network: torch.nn.Module, size: int) -> Call:
    """By torch.compile, for this size, with frozen weights."""
    from torch._inductor import config

    config.freezing = True
    begun = time.perf_counter()
    call = torch.compile(network)
    with torch.no_grad():
        call(torch.zeros(1, 3, size, size))
    print(f"torch.compile took {time.perf_counter() - begun:.0f} s", file=sys.stderr)

    def run(images: torch.Tensor) -> object:
        with torch.inference_mode(False), torch.no_grad():  # as it was compiled
            return call(images.clone())

    return run


def exported(network: torch.nn.Module, size: int, path: Path) -> Call:
    """By ONNX Runtime, of any size, with one thread a call."""
    import onnxruntime

    free = torch.export.Dim.DYNAMIC
    begun = time.perf_counter()
    with torch.no_grad():
        example = torch.zeros(2, 3, size, size + 64)
        program = torch.onnx.export(network, (example,), dynamo=True, dynamic_shapes=({0: free, 2: free, 3: free},))
    assert program is not None
    program.save(str(path))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    print(f"the export took {time.perf_counter() - begun:.0f} s", file=sys.stderr)
    return lambda images: session.run(None, {name: images.numpy()})


def rate(command: Callable[[int], list[str]], count: int, cwd: Path | None = None) -> float:
    """Images a second of a command for `count` images once it runs: the time for a single one is subtracted."""
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}

    def seconds(images: int) -> float:
        begun = time.perf_counter()
        done = subprocess.run(
            command(images), cwd=cwd, env=environment, capture_output=True, encoding="utf-8", check=False
        )
        if done.returncode:
            sys.exit(f"{' '.join(command(images))}\n{done.stdout[-1000:]}{done.stderr[-3000:]}")
        return time.perf_counter() - begun

    start = seconds(1)
    return (count - 1) / (seconds(count) - start)


def original(
    checkout: Path, network: str, run: Path, images: Path, out: Path, device: str
) -> Callable[[int], list[str]]:
    """The command of the original project's test script, with its weights put where it looks for them."""
    named, width = ORIGINAL[network]
    place = out / "checkpoints" / "bench"
    place.mkdir(parents=True, exist_ok=True)
    torch.save(Model.load(run, "cpu").generators[Domain.B].state_dict(), place / "latest_net_G.pth")

    def command(count: int) -> list[str]:
        options: dict[str, Any] = {
            "dataroot": images, "name": "bench", "model": "test", "netG": named, "ngf": width, "norm": "instance",
            "checkpoints_dir": out / "checkpoints", "results_dir": out / "results", "num_test": count,
            "preprocess": "none", "gpu_ids": "0" if device == "cuda" else "-1",
        }  # fmt: skip
        flags = [part for name, value in options.items() for part in (f"--{name}", str(value))]
        return [sys.executable, "test.py", *flags, "--no_dropout"]

    return command


def main() -> None:
    """Draw, make the run, let all take turns, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("bench"))
    parser.add_argument("--images", type=int, default=500, help="in all rounds together")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--network", choices=list(NETWORKS), default="resnet-9-64")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32")
    parser.add_argument("--others", action="store_true", help="torch.compile and ONNX Runtime too, on a CPU")
    parser.add_argument("--original", type=Path, help="a checkout of the original code")
    chosen = parser.parse_args()
    out = chosen.out.resolve()
    count = chosen.images // chosen.rounds
    draw(out / "images", chosen.images, chosen.size)
    run = make_run(out / f"run-{chosen.network}", chosen.network, chosen.size)
    model = Model.load(run, chosen.device, precision=chosen.precision)
    network, others = model.network(Domain.B), {}
    if chosen.others:
        plain = Model.load(run, "cpu").generators[Domain.B]
        others["torch.compile"] = compiled(plain, chosen.size)
        others["ONNX Runtime"] = exported(plain, chosen.size, out / "bench.onnx")
    # Each round has files of its own, and one in a folder apart to know what a start costs.
    parts = [sorted((out / "images").iterdir())[turn * count : (turn + 1) * count] for turn in range(chosen.rounds)]
    found: dict[str, list[float]] = {}
    lanes = torch.get_num_threads()
    for turn, part in enumerate(parts):
        folder = out / "parts" / f"{chosen.images}-{chosen.rounds}-{turn}"
        for name, files in (("all", part), ("one", part[:1])):
            (folder / name).mkdir(parents=True, exist_ok=True)
            for path in files:
                if not (folder / name / path.name).exists():
                    os.link(path, folder / name / path.name)

        def apply(images: int, folder: Path = folder) -> list[str]:
            what = "all" if images > 1 else "one"
            options = ["--overwrite", "--device", chosen.device, "--precision", chosen.precision]
            return [
                sys.executable, "-m", "translate", "apply", str(run), str(folder / what), str(out / "ours"), *options,
            ]  # fmt: skip

        legs: dict[str, Callable[[], float]] = {
            "bare": lambda: bare(network, model.device, chosen.size, count, 1),
            "translate apply": lambda: rate(apply, count),
        }
        if chosen.device == "cpu":
            legs["lanes"] = lambda: bare(network, model.device, chosen.size, count, lanes)
        for name, call in others.items():
            legs[name] = lambda call=call: bare(call, model.device, chosen.size, count, lanes)
        if chosen.original:
            theirs = original(chosen.original, chosen.network, run, folder / "all", out, chosen.device)
            legs["original test.py"] = lambda theirs=theirs: rate(theirs, count, chosen.original)
        for name, leg in legs.items():
            found.setdefault(name, []).append(leg())
            print(f"round {turn + 1}: {name}: {found[name][-1]:.2f} images/s", file=sys.stderr, flush=True)
    reference = statistics.median(found["bare"])
    print(f"{chosen.network}, {chosen.size} px, {chosen.precision} on {chosen.device}, {count} images a round")
    print("| | images/s, median | least to most | of bare |")
    print("|---|---|---|---|")
    for name, rates in found.items():
        middle = statistics.median(rates)
        print(f"| {name} | {middle:.2f} | {min(rates):.2f} to {max(rates):.2f} | {middle / reference:.2f} |")


if __name__ == "__main__":
    main()
