"""The best recolouring: how far a table of colours alone gets on held-out pairs, fitted on training pairs.

    translate data make faces faces && python tools/recolour.py faces

It sees pairs, which no unpaired training does, and still can draw no outline. A translation worth its name beats it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from translate.data import images, layouts
from translate.domain import Domain
from translate.metrics.l1 import l1
from translate.metrics.ssim import ssim

BITS = 4
"""Of each channel's eight: 4,096 colours are told apart."""


def main() -> None:
    """Fit, score, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    dataset = layouts.find(parser.parse_args().data)
    train, test = (sides(dataset.split(name)) for name in ("train", "test"))
    print("| direction | L1 | SSIM |\n|---|---|---|")
    for to in (Domain.B, Domain.A):
        outputs = recoloured(test[to.other], fit(train[to.other], train[to]))
        scores = [(l1(o, t), ssim(o, t)) for o, t in zip(outputs, test[to], strict=True)]
        error, likeness = np.mean(scores, axis=0)
        print(f"| {to.other}2{to} | {error:.1f} | {likeness:.3f} |")


def sides(split: layouts.Split) -> dict[Domain, NDArray[np.uint8]]:
    """The pairs' pictures by domain, [N, H, W, 3]."""
    return {d: np.stack([images.decode(pair[d is Domain.B], 3) for pair in split.pairs]) for d in Domain}


def colours(pictures: NDArray[np.uint8]) -> NDArray[np.int64]:
    """The number of each pixel's colour in the table."""
    coarse = (pictures >> (8 - BITS)).astype(np.int64)
    return (coarse[..., 0] << 2 * BITS) + (coarse[..., 1] << BITS) + coarse[..., 2]


def fit(inputs: NDArray[np.uint8], truths: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The mean colour of the truth for each colour of the input, [table, 3]."""
    where, size = colours(inputs).ravel(), 1 << 3 * BITS
    count = np.maximum(np.bincount(where, minlength=size), 1)
    return np.stack([np.bincount(where, truths[..., c].ravel(), minlength=size) / count for c in range(3)], axis=-1)


def recoloured(inputs: NDArray[np.uint8], table: NDArray[np.float64]) -> NDArray[np.uint8]:
    """The inputs through the table."""
    mapped: NDArray[np.uint8] = table[colours(inputs)].round().astype(np.uint8)
    return mapped


if __name__ == "__main__":
    main()
