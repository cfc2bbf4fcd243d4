"""Time every metric that needs no weights on two folders of generated images, and print one table.

    python tools/bench_metrics.py --out bench                  500, 1,000 and 2,000 images of 64 px (4 minutes)

Each cell is a process of its own: the seconds are those of `translate.evaluation.evaluate_folders`, reading the files
included, and the memory is the most that the process held. "all" is what a user gets without --metrics. MS-SSIM needs
larger images. Run it on an otherwise idle machine.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from translate.metrics import DISTRIBUTIONS, TABLE

SETS = [name for name, entry in DISTRIBUTIONS.items() if entry.features is None]
PAIRS = [name for name, entry in TABLE.items() if entry.weights is None and name != "ms_ssim"]
CELLS = [*((name, False) for name in (*SETS, "all")), *((name, True) for name in (*PAIRS, "all"))]


def draw(folder: Path, size: int, count: int) -> None:
    """Faces in two styles, trainA/ and trainB/."""
    from translate.data import faces

    faces.make(folder, size=size, train=count, test=1)


def measure(folder: Path, name: str, paired: bool) -> tuple[float, float]:
    """Seconds and peak megabytes of one evaluation."""
    from translate.evaluation import evaluate_folders

    begun = time.perf_counter()
    evaluate_folders(folder / "trainA", folder / "trainB", paired, None if name == "all" else [name])
    seconds = time.perf_counter() - begun
    return seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # kilobytes on Linux


def apart(call: Callable[..., Any], *arguments: Any) -> Any:
    """The result of a call in a fresh process. It inherits this one's peak, which therefore imports and does little."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(call, *arguments).result()


def main() -> None:
    """Draw the images, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("bench"))
    parser.add_argument("--counts", type=int, nargs="+", default=[500, 1000, 2000])
    parser.add_argument("--size", type=int, default=64)
    chosen = parser.parse_args()
    found = {}
    for count in chosen.counts:
        data = chosen.out / f"{count}"
        if not data.is_dir():
            apart(draw, data, chosen.size, count)
        for name, paired in CELLS:
            found[count, name, paired] = apart(measure, data, name, paired)
            print(count, name, "pairs" if paired else "sets", *(f"{value:.1f}" for value in found[count, name, paired]))
    print(f"\n| metric | of | {' | '.join(f'n = {count:,}' for count in chosen.counts)} |")
    print("|---|---|" + "---|" * len(chosen.counts))
    for name, paired in CELLS:
        values = [found[count, name, paired] for count in chosen.counts]
        texts = (f"{seconds:.1f} s, {megabytes:,.0f} MB" for seconds, megabytes in values)
        print(f"| {name} | {'pairs' if paired else 'sets'} | {' | '.join(texts)} |")


if __name__ == "__main__":
    main()
