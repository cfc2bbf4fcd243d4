"""How well a window of archives mixes, against a permutation of everything, and what it costs: a table for
docs/long-data.md. `python tools/shuffle.py [--shards 200] [--samples 500] [--batch 64] [--turns 2]`"""

import argparse
import time

import numpy as np

from translate.data.order import Numbers, Order, Shuffled, Windowed


def rank_correlation(order: Numbers, size: int) -> float:
    """Spearman's, of the place in storage and the place in a turn; 0 for a permutation."""
    return float(np.corrcoef(order, np.arange(size))[0, 1])


def apart(order: Numbers, size: int) -> float:
    """The median distance in a turn between neighbours in storage, in shares of what a permutation gives (0.29 N)."""
    place = np.empty(size, np.int64)
    place[order] = np.arange(size)
    return float(np.median(np.abs(np.diff(place)))) / ((1 - 0.5**0.5) * size)


def same_archive(order: Numbers, shard: Numbers, batch: int) -> float:
    """The share of pairs within a batch that come from one archive."""
    batches = shard[order][: len(order) // batch * batch].reshape(-1, batch)
    same = (batches[:, :, None] == batches[:, None, :]).sum() - batches.size
    return float(same) / (len(batches) * batch * (batch - 1))


def again(first: Numbers, second: Numbers, batch: int) -> float:
    """Of pairs that share a batch in one turn, the share that does so again in the next."""
    where = np.empty(len(second), np.int64)
    where[second] = np.arange(len(second)) // batch
    batches = where[first][: len(first) // batch * batch].reshape(-1, batch)
    same = (batches[:, :, None] == batches[:, None, :]).sum() - batches.size
    return float(same) / (len(batches) * batch * (batch - 1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (("shards", 200), ("samples", 500), ("batch", 64), ("turns", 2)):
        parser.add_argument(f"--{name}", type=int, default=default)
    asked = parser.parse_args()
    size = asked.shards * asked.samples
    shard = np.repeat(np.arange(asked.shards), asked.samples)
    print(f"{asked.shards} archives of {asked.samples} samples, batches of {asked.batch}, {asked.turns} turns")
    print("| order | here at a time | rank correlation | neighbours apart | of one archive | together again | us |")
    print("|---|---|---|---|---|---|---|")
    sizes = np.full(asked.shards, asked.samples)
    orders: list[tuple[str, Order, int]] = [("as stored", lambda position: position % size, 1)]
    orders += [(f"window {window}", Windowed(0, "a", sizes, window), window + 1) for window in (1, 4, 16, 64)]
    orders.append(("permutation", Shuffled(0, "a", size), asked.shards))
    for name, order, held in orders:
        begin = time.perf_counter()
        turns = [np.array([order(turn * size + place) for place in range(size)]) for turn in range(asked.turns)]
        cost = (time.perf_counter() - begin) / (size * asked.turns) * 1e6
        correlation = float(np.mean([abs(rank_correlation(turn, size)) for turn in turns]))
        mixed = same_archive(turns[0], shard, asked.batch), again(turns[0], turns[-1], asked.batch)
        figures = f"{correlation:.3f} | {apart(turns[0], size):.3f} | {mixed[0]:.4f} | {mixed[1]:.5f} | {cost:.1f}"
        print(f"| {name} | {held} | {figures} |")


if __name__ == "__main__":
    main()
