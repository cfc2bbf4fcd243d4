"""How long commands take that should answer at once: the median of several calls, in turn, beside `python -c pass`.

python tools/startup.py [--calls 20] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

OURS = [sys.executable, "-m", "translate"]
COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "translate --help": [*OURS, "--help"],
    "translate version": [*OURS, "version"],
    "translate presets": [*OURS, "presets"],
    "translate show cyclegan": [*OURS, "show", "cyclegan"],
    "translate show cyclgan": [*OURS, "show", "cyclgan"],
    "translate check nowhere": [*OURS, "check", "nowhere"],
    "translate evaluate nowhere": [*OURS, "evaluate", "nowhere"],
}
FIRST = next(iter(COMMANDS))


def once(words: list[str]) -> tuple[float, float]:
    """Seconds of wall clock and of processor that a command takes; the latter is 0 on Windows."""
    before, begun = os.times(), time.perf_counter()
    subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    taken, after = time.perf_counter() - begun, os.times()
    return taken, sum(after[2:4]) - sum(before[2:4])


def measure(calls: int) -> dict[str, tuple[float, float]]:
    """Median seconds by command; the commands take turns, so that what else the machine does meets all alike."""
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in COMMANDS}
    for call in range(calls + 1):
        for name, words in COMMANDS.items():
            seconds = once(words)
            if call:  # the first fills the file system's cache
                taken[name].append(seconds)
    return {
        name: (statistics.median(wall for wall, _ in rows), statistics.median(processor for _, processor in rows))
        for name, rows in taken.items()
    }


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=20, help="of each command (20)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the medians there too")
    chosen = parser.parse_args()
    found = measure(chosen.calls)
    print(f"{'command':<28}{'seconds':>9}{'of ' + FIRST:>20}{'processor':>12}")
    for name, (wall, processor) in found.items():
        print(f"{name:<28}{wall:>9.3f}{wall / found[FIRST][0]:>20.1f}{processor:>12.2f}")
    if chosen.json:
        named = {name: {"seconds": wall, "processor": processor} for name, (wall, processor) in found.items()}
        chosen.json.write_text(json.dumps(named, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
