"""Everything that needs a GPU, in one command: speed, two published trainings, and whether the numbers are right.

    python tools/gpu.py gpu --original CHECKOUT --facades FACADES --unpaired HORSE2ZEBRA
    python tools/gpu.py gpu --only bench --minutes 10 --original CHECKOUT
    python tools/gpu.py rehearsal --tiny --device cpu

It says what it will do and for how long, keeps a log of each job in OUT/logs, and after each job writes OUT/results.md
(tables for the docs) and OUT/results.json. The same command again goes on: what is done is not done twice, trainings
continue from their last checkpoint, what failed is tried again. A failure is a line in the table and ends nothing else.

    checks     (5 minutes) losses of the GPU against the CPU's, every precision and compiled networks against float32,
               bit-exact resume with deterministic algorithms, the quick tests of trainer and networks; with several
               GPUs `torchrun`
    bench      (20 minutes) tools/bench_train.py: the cyclegan networks at 256 px, batch 1 and 16, in every precision,
               with and without compilation; with --original against the original code in the same run
    pix2pix    (20 to 60 minutes) facades, label to photo, 80,000 images' worth at 256 px, scored on the test split.
               Published model, on 50 of the test pairs: L1 45.9, PSNR 12.67, SSIM 0.246
    unpaired   (as long as --minutes) the preset cyclegan as published; how long 200 passes of horse2zebra would take

Needed: Python 3.11 or newer, a CUDA build of torch 2.9 or newer and its torchvision, and what pyproject.toml lists
(albumentations and kornia among it; without a network carry their wheels along); no installation: run it from the
repository's folder. Without --facades and --unpaired those parts draw the embedded faces at 256 px instead.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

PARTS = ("checks", "bench", "pix2pix", "unpaired")
NEEDED = (
    "torch", "torchvision", "albumentations", "kornia", "click", "tensorboard", "pydantic", "yaml", "rich", "jinja2",
    "matplotlib", "numpy", "PIL", "tifffile", "imagecodecs", "fsspec", "psutil", "skimage", "scipy", "torchmetrics",
    "torch_fidelity",
)  # fmt: skip


def missing(device: str, parts: list[str]) -> list[str]:
    """What is not here, in words; empty where all parts can begin."""
    found = [f"Python package {name}" for name in NEEDED if importlib.util.find_spec(name) is None]
    if "checks" in parts and importlib.util.find_spec("pytest") is None:
        found.append("Python package pytest (for the part checks)")
    if not found and device.startswith("cuda"):
        import torch

        if not torch.cuda.is_available():
            found.append(f"a CUDA GPU that torch {torch.__version__} can use")
    return found


def machine(device: str) -> str:
    """Where the figures are from, on one line."""
    import platform

    import torch

    name = torch.cuda.get_device_name() if device.startswith("cuda") else platform.processor() or platform.machine()
    count = f"{torch.cuda.device_count()} x " if device.startswith("cuda") else ""
    return f"{count}{name}, torch {torch.__version__}, CUDA {torch.version.cuda}, Python {platform.python_version()}"


def main() -> int:
    """Say what is planned, do it, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="results, logs and runs; the same again to go on")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--minutes", type=float, default=30.0, help="limit of each part in this call")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--original", type=Path, help="a checkout of the original code")
    parser.add_argument("--facades", type=Path, help="pairs side by side in train/ and test/")
    parser.add_argument("--produce", choices=["a", "b"], default="a", help="facades: the side of the photos; a is left")
    parser.add_argument("--unpaired", type=Path, help="trainA/ trainB/ testA/ testB/, such as horse2zebra")
    parser.add_argument("--batch", type=int, default=1, help="of both trainings; published: 1")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="for both trainings")
    parser.add_argument("--tiny", action="store_true", help="a rehearsal: the same way with little images and networks")
    chosen = parser.parse_args()
    lacking = missing(chosen.device, chosen.only)
    if lacking:
        print("gpu.py needs what is not here:\n  " + "\n  ".join(lacking), file=sys.stderr)
        return 2
    import gpu_parts
    from gpu_jobs import Results, run_all

    chosen.out = chosen.out.resolve()
    chosen.out.mkdir(parents=True, exist_ok=True)
    results = Results(chosen.out)
    jobs = [job for part in PARTS if part in chosen.only for job in getattr(gpu_parts, part)(chosen)]
    print(machine(chosen.device))
    for job in jobs:
        state = "done before" if results.done(job) else f"about {job.minutes:g} minutes"
        print(f"  {job.part}/{job.name}: {job.what} ({state})")
    print(f"at most {chosen.minutes:g} minutes a part; logs: {chosen.out / 'logs'}", flush=True)
    (chosen.out / "machine.txt").write_text(machine(chosen.device) + "\n", encoding="utf-8")
    well = run_all(jobs, results, chosen.minutes)
    print(f"\n{machine(chosen.device)}\n\n{results.tables()}")
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
