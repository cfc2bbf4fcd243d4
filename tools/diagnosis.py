"""How often planted faults are found, and how often something is said of good runs: the tables of docs/diagnosis.md.

python tools/diagnosis.py                                       stand-ins drawn by code (some minutes)
python tools/diagnosis.py --trained                             and small trainings that are driven into faults
python tools/diagnosis.py --run RUN --run RUN ...               only what is said of these runs, on their own data
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import diagnosis_faults as faults

from translate.data.layouts import find
from translate.diagnosis import TABLE, Finding, of_data, of_images, of_log

SIZES = {"digits_dropped": (32, 500), "rooms_dropped": (64, 400)}
"""Side and number of images, where fewer would not show the fault."""


def planted(seeds: int, size: int, count: int, trained: bool) -> Iterator[tuple[str, str, list[list[Finding]]]]:
    """The fault, how it was planted, and what was found for each seed."""
    for name, makers in faults.FAULTS.items():
        for maker in makers:
            side, many = SIZES.get(maker.__name__, (size, count))
            yield name, str(maker.__doc__), [of_images(maker(seed, side, many), seed) for seed in range(seeds)]
            faults.drawn.cache_clear()
    for name, log_makers in faults.LOG_FAULTS.items():
        for log_maker in log_makers:
            yield name, str(log_maker.__doc__), [of_log(log_maker(seed)) for seed in range(seeds)]
    with tempfile.TemporaryDirectory() as folder:
        for how in faults.LEAKS:
            found = []
            for seed in range(seeds):
                root = Path(folder) / f"{how}-{seed}"
                faults.leaked(root, seed, size, 40, 10, how)
                found.append(of_data(find(root)))
            yield "leak", f"One held-out picture of 20 is a training one: {how}.", found
        if trained:
            import diagnosis_trained

            found = [of_images(diagnosis_trained.steganographer(seed), seed) for seed in range(seeds)]
            yield "hidden_information", f"Trained: {diagnosis_trained.steganographer.__doc__}", found
            for way, (name, _, settings) in diagnosis_trained.TRAININGS.items():
                found = [of_log(diagnosis_trained.trained(way, seed, Path(folder))) for seed in range(seeds)]
                yield name, f"Trained: `smoke` with {' '.join(settings)}", found


def healthy(seeds: int, size: int, count: int) -> Iterator[tuple[str, list[list[Finding]]]]:
    """What a good run is like, and what was found for each seed."""
    for world in faults.WORLDS:
        for flaw in faults.FLAWS:
            found = [of_images(faults.healthy(world, flaw, seed, size, count), seed) for seed in range(seeds)]
            yield f"images, {world}: {flaw}", found
    for maker in faults.HEALTHY_LOGS:
        found = []
        for seed in range(seeds):
            rows = maker(seed)
            # Asked at each row, as in training: a single false alarm counts.
            said = {finding.name: finding for end in range(len(rows) + 1) for finding in of_log(rows[:end])}
            found.append(list(said.values()))
        yield f"log: {maker.__doc__}", found
    with tempfile.TemporaryDirectory() as folder:
        found = []
        for seed in range(seeds):
            root = Path(folder) / str(seed)
            faults.folder(root, seed, size, 40, 10)
            found.append(of_data(find(root)))
        yield "data: other faces of the same kind", found


def tables(seeds: int, size: int, count: int, trained: bool) -> None:
    """Print both tables, and the rates of each finding."""
    hits: Counter[str] = Counter()
    tried: Counter[str] = Counter()
    print("| fault | planted | found | said as well |\n|---|---|---|---|")
    for name, how, found in planted(seeds, size, count, trained):
        told = [{finding.name for finding in each} for each in found]
        others = Counter(other for each in told for other in each - {name})
        hits[name] += sum(name in each for each in told)
        tried[name] += len(told)
        also = ", ".join(f"{other} ({times})" for other, times in others.items())
        print(f"| {name} | {how} | {sum(name in each for each in told)} of {len(told)} | {also} |", flush=True)
    print("\n| good runs | of | said |\n|---|---|---|")
    false: Counter[str] = Counter()
    runs = Counter({"images": 0, "log": 0, "data": 0})
    for what, found in healthy(seeds, size, count):
        said = Counter(finding.name for each in found for finding in each)
        false += said
        runs[what.split(",")[0].split(":")[0]] += len(found)
        print(
            f"| {what} | {len(found)} | {', '.join(f'{n} ({k})' for n, k in said.items()) or 'nothing'} |", flush=True
        )
    print("\n| finding | planted faults found | false alarms |\n|---|---|---|")
    kinds = {"diagnosis.discriminator": "log", "diagnosis.numbers": "log", "diagnosis.leak": "data"}
    for name, place in TABLE.items():
        kind = next((kind for part, kind in kinds.items() if part in place), "images")
        print(f"| {name} | {hits[name]} of {tried[name]} | {false[name]} of {runs[kind]} |")


def of_run(run: Path, split: str) -> None:
    """Print what is said of a run on the data that it was trained on."""
    from translate import log
    from translate.config import load_run
    from translate.evaluation import evaluate
    from translate.inference.model import Model

    root = load_run(run).data.root
    assert root is not None, "a run knows its data"
    model, dataset = Model.load(run, "cpu"), find(Path(root))
    names = ["l1"] if not model.unconditional and dataset.split(split).pairs else ["swd"]
    begun = time.perf_counter()
    scores = evaluate(model, dataset, split, names, history=log.read(run)).scores
    print(f"\n{run} ({time.perf_counter() - begun:.0f} s)")
    for finding in scores["findings"] or [{"name": "nothing", "direction": None, "message": ""}]:
        print(f"- {finding['name']} {finding['direction'] or ''}: {finding['message']}")


def main() -> None:
    """Parse, plant, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--count", type=int, default=96, help="outputs of a run")
    parser.add_argument("--trained", action="store_true")
    parser.add_argument("--run", type=Path, action="append", default=[])
    parser.add_argument("--split", default="test")
    chosen = parser.parse_args()
    for run in chosen.run:
        of_run(run, chosen.split)
    if not chosen.run:
        begun = time.perf_counter()
        tables(chosen.seeds, chosen.size, chosen.count, chosen.trained)
        print(f"\n{chosen.seeds} seeds, {chosen.size} px, {chosen.count} images; {time.perf_counter() - begun:.0f} s")


if __name__ == "__main__":
    main()
