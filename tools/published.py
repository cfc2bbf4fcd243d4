"""Import generators of the published code with random weights, and compare what both compute.

    python tools/published.py --original CHECKOUT                a checkout of pytorch-CycleGAN-and-pix2pix
    python tools/published.py --original CHECKOUT --cut CHECKOUT and one of contrastive-unpaired-translation

Every variant is made by the original's own `define_G`, shown some images in training mode (so that running statistics
are not the first ones), saved as its own code saves it, imported into a run, and loaded from there. Both then translate
the same images in evaluation mode; figures are the largest difference of any value in [-1, 1], and beside them the
standard deviation of the original's outputs, which says that there was something to compare. In float64 they say
whether the function is the same; in float32 rounding comes in, which differs with the order of additions.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import io
import sys
import tempfile
import types
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from translate import build
from translate.domain import Domain
from translate.exchange.importing import imported
from translate.exchange.taken import write_run
from translate.inference.model import Model

T = TypeVar("T")

RESNETS = ("resnet_6blocks", "resnet_9blocks")
UNETS = {"unet_128": 128, "unet_256": 256}
NORMS = ("instance", "batch", "none")


def networks_of(checkout: Path, name: str) -> Any:
    """models/networks.py of a checkout, without the rest of it, as the package `name`."""
    package = types.ModuleType(name)
    package.__path__ = [str(checkout / "models")]
    sys.modules[name] = package
    return importlib.import_module(f"{name}.networks")


def variants(original: Any, cut: Any, width: int) -> Iterator[tuple[str, nn.Module]]:
    """All generators that the published code can make and that are known here."""
    for net, norm, dropout in product((*RESNETS, *UNETS), NORMS, (False, True)):
        named = f"{net} {norm}{' dropout' if dropout else ''}"
        yield named, original.define_G(3, 3, width, net, norm, dropout)
    yield "resnet_9blocks instance 1 to 3 channels", original.define_G(1, 3, width, "resnet_9blocks", "instance")
    if cut is None:
        return
    for net, norm, dropout in product(("resnet_4blocks", *RESNETS), NORMS, (False, True)):
        for stay_down, stay_up in CUT:
            named = f"CUT {net} {norm}{' dropout' if dropout else ''}"
            named += (" no_antialias" if stay_down else "") + (" no_antialias_up" if stay_up else "")
            made = cut.define_G(
                3, 3, width, net, norm, dropout, no_antialias=stay_down, no_antialias_up=stay_up, opt=None
            )
            yield named, made


CUT = ((False, False), (True, True), (True, False), (False, True))
"""CUT's no_antialias and no_antialias_up."""


def randomise(network: nn.Module) -> None:
    """Weights that neither vanish nor explode, and norms and biases that are not what they began as."""
    for value in network.parameters():
        if value.ndim == 4:
            nn.init.kaiming_normal_(value, a=1)
        else:
            nn.init.normal_(value, float(value.mean() > 0.5), 0.1)


@torch.no_grad()
def differences(network: nn.Module, images: Tensor, folder: Path) -> tuple[list[float], float]:
    """The largest differences that importing makes: in float64, in float32, and as `translate apply` computes; and the
    standard deviation of the original's outputs."""
    randomise(network)
    network.train()
    for _ in range(2):
        network(torch.rand_like(images) * 2 - 1)
    network.eval()
    torch.save(network.state_dict(), folder / "latest_net_G.pth")
    taken = imported(folder / "latest_net_G.pth")
    write_run(taken, folder / "run")
    theirs, applied = network(images), Model.load(folder / "run", "cpu")
    generators = build.generators(taken.config)
    generators.load_state_dict(taken.state)
    ours = generators.eval()["b"]
    single, layout = (ours(images) - theirs).abs().max(), (applied(images, Domain.B) - theirs).abs().max()
    double = (ours.double()(images.double()) - network.double()(images.double())).abs().max()
    return [float(double), float(single), float(layout)], float(theirs.std())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--original", type=Path, required=True)
    parser.add_argument("--cut", type=Path)
    parser.add_argument("--width", type=int, default=64)
    given = parser.parse_args()
    original = networks_of(given.original, "published_original")
    cut = networks_of(given.cut, "published_cut") if given.cut else None
    torch.manual_seed(0)
    worst = [0.0, 0.0, 0.0]
    print(f"width {given.width}, torch {torch.__version__}: largest differences in float64, in float32, as applied")
    everything = variants(original, cut, given.width)
    while (found := _quietly(lambda: next(everything, None))) is not None:
        name, network = found
        high, wide = (UNETS[net],) * 2 if (net := name.split()[0]) in UNETS else (64, 96)
        images = torch.rand(2, 1 if "1 to 3" in name else 3, high, wide) * 2 - 1
        with tempfile.TemporaryDirectory() as folder:
            far, spread = differences(network, images, Path(folder))
        worst = [max(pair) for pair in zip(worst, far, strict=True)]
        print(f"{name:<66}" + "  ".join(f"{one:.1e}" for one in far) + f"   (outputs {spread:.2f})", flush=True)
    print(f"{'largest':<66}" + "  ".join(f"{one:.1e}" for one in worst))


def _quietly(make: Callable[[], T]) -> T:
    """What `make` gives, without what the published code prints on the way."""
    with contextlib.redirect_stdout(io.StringIO()):
        return make()


if __name__ == "__main__":
    main()
