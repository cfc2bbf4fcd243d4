"""A process that has imported everything and forks trainings, so that one can be killed and begun again in no time.

A line on its standard input, {"root": .., "out": .., "settings": [..]}, begins one: its process id is answered at once,
and how it ended (as os.waitpid says) when it has.
"""

import json
import os
import sys
import traceback
from pathlib import Path


def train(root: str, out: str, settings: list[str]) -> None:
    """The preset smoke, as the command line would."""
    chosen = config.load("smoke", settings)
    dataset = layouts.find(Path(root), chosen.data.pairs)
    run.train(needs.settle(chosen, dataset), dataset, Path(out), torch.device("cpu"))


if __name__ == "__main__":
    import torch

    from translate import config, needs, run
    from translate.data import layouts
    from translate.keeping import board  # noqa: F401

    for line in sys.stdin:
        if child := os.fork():
            print(child, flush=True)
            print(os.waitpid(child, 0)[1], flush=True)
            continue
        try:
            train(**json.loads(line))
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
