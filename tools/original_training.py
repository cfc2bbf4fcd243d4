"""The public PyTorch code of CycleGAN, out of a checkout of it, as one side of tools/bench_train.py.

Its model, losses, image pool, optimisers and data pipeline are imported as they lie; nothing is copied or changed.
"""

from __future__ import annotations

import contextlib
import copy
import io
import sys
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from translate.config import Config
from translate.domain import Batch, Domain
from translate.trainer import Trainer

OTHERWISE_NAMED = {
    "adversarial/b": ("G_A", 1.0),
    "adversarial/a": ("G_B", 1.0),
    "adversarial/discriminator/b": ("D_A", 1.0),
    "adversarial/discriminator/a": ("D_B", 1.0),
    "cycle/a": ("cycle_A", 10.0),
    "cycle/b": ("cycle_B", 10.0),
    "identity/b": ("idt_A", 5.0),
    "identity/a": ("idt_B", 5.0),
}
"""Our losses, which are unweighted; the original's names for them, and the weights in what it reports."""


def options(config: Config, device: torch.device, data: Path | None = None) -> Namespace:
    """The original's options for the same networks, objective and data; ends the program where there are none."""
    generator, discriminator = config.networks.generator, config.networks.discriminator
    terms, training = config.objective, config.training
    judge = {} if discriminator is None else discriminator.options
    fitting = {
        "a resnet generator of 6 or 9 blocks": generator.name == "resnet" and generator.options["blocks"] in (6, 9),
        "a patchgan discriminator": discriminator is not None and discriminator.name == "patchgan",
        "the same norm in both": generator.options.get("norm") == judge.get("norm") in ("instance", "batch"),
        "both directions": len(config.produce) == 2,
        "adversarial, cycle and identity terms": set(terms) <= {"adversarial", "cycle", "identity"},
        "no accumulation, no clipping": training.accumulate == 1 and training.clip is None,
    }
    for what, met in fitting.items():
        if not met:
            sys.exit(f"the original can only be compared with {what}: see --set")
    return Namespace(
        isTrain=True, phase="train", gpu_ids=[0] if device.type == "cuda" else [], direction="AtoB", verbose=False,
        checkpoints_dir=".", name="bench", model="cycle_gan", dataset_mode="unaligned", dataroot=str(data),
        input_nc=3, output_nc=3, ngf=generator.options["width"], ndf=judge["width"], norm=judge["norm"],
        netG=f"resnet_{generator.options['blocks']}blocks", netD="n_layers", n_layers_D=judge["layers"],
        no_dropout=True, init_type="normal", init_gain=0.02, gan_mode="lsgan",
        lambda_A=terms["cycle"].weight, lambda_B=terms["cycle"].weight,
        lambda_identity=_weight(config, "identity") / _weight(config, "cycle"),
        pool_size=terms["adversarial"].options.get("pool", 0), lr=training.learning_rate, beta1=training.betas[0],
        preprocess="resize_and_crop", load_size=(config.data.load_size or config.data.size)[0],
        crop_size=config.data.size[0], no_flip=False, serial_batches=False, batch_size=training.batch,
        num_threads=4, max_dataset_size=float("inf"),
    )  # fmt: skip


def _weight(config: Config, term: str) -> float:
    weight = config.objective[term].weight if term in config.objective else 0.0
    assert isinstance(weight, int | float), "the original knows no schedule of weights"
    return float(weight)


class Original:
    """The original's training of the same networks; `step(batch)` is one iteration of its train.py."""

    def __init__(self, checkout: Path, config: Config, device: torch.device, bf16: bool) -> None:
        if str(checkout) not in sys.path:
            sys.path.append(str(checkout))  # its packages are called models, data, util and options
        from models.cycle_gan_model import CycleGANModel  # type: ignore[import-not-found]

        torch.manual_seed(config.training.seed)
        benchmarks = torch.backends.cudnn.benchmark
        with contextlib.redirect_stdout(io.StringIO()):
            self.model: Any = CycleGANModel(options(config, device))
        self.benchmark, torch.backends.cudnn.benchmark = torch.backends.cudnn.benchmark, benchmarks
        self.device, self.bf16 = device, bf16

    def step(self, batch: Batch) -> None:
        """The weights' update for one batch."""
        self.take({"A": batch.images[Domain.A], "B": batch.images[Domain.B]})

    def take(self, given: dict[str, Any]) -> None:
        """As `step`, of what the original's own loader gives."""
        before, torch.backends.cudnn.benchmark = torch.backends.cudnn.benchmark, self.benchmark
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
            self.model.set_input(given)
            self.model.optimize_parameters()
        torch.backends.cudnn.benchmark = before

    def follow(self, trainer: Trainer) -> None:
        """Take the weights of our networks, whose keys are numbered alike, and the moments of our optimisers."""
        pairs = {"G_A": trainer.networks.generator["b"], "G_B": trainer.networks.generator["a"]}
        pairs |= {"D_A": trainer.networks.discriminator["b"], "D_B": trainer.networks.discriminator["a"]}
        for name, network in pairs.items():
            theirs = getattr(self.model, f"net{name}")
            getattr(theirs, "module", theirs).load_state_dict(network.state_dict())
        for player, optimizer in trainer.optimizers.items():  # both go on with G: A -> B first
            own = getattr(self.model, f"optimizer_{player[0].upper()}")
            state = copy.deepcopy(optimizer.state_dict()["state"])
            own.load_state_dict({"state": state, "param_groups": own.state_dict()["param_groups"]})

    def losses(self) -> dict[str, float]:
        """The latest losses by our names, unweighted."""
        said = {
            name: float(torch.as_tensor(getattr(self.model, f"loss_{name}")).detach()) for name in self.model.loss_names
        }
        return {ours: said[theirs] / weight for ours, (theirs, weight) in OTHERWISE_NAMED.items() if said[theirs]}


def batches(checkout: Path, config: Config, device: torch.device, data: Path) -> Iterator[dict[str, Tensor]]:
    """The original's own loader (four processes, as it is set), pass after pass."""
    if str(checkout) not in sys.path:
        sys.path.append(str(checkout))
    from data import create_dataset  # type: ignore[import-not-found]

    with contextlib.redirect_stdout(io.StringIO()):
        made = create_dataset(options(config, device, data))
    while True:
        yield from made


def largest_differences(trainer: Trainer, original: Original, given: list[Batch], steps: int) -> dict[str, float]:
    """By loss, the largest relative difference in `steps` steps on equal batches.

    Before every second step weights and moments are made equal: the first of two compares the losses, the second
    what both players' moves made of them. Left alone, two trainings that differ by rounding part within ten steps, the
    original from itself too.
    """
    found: dict[str, float] = {}
    for step in range(steps):
        if step % 2 == 0:
            original.follow(trainer)
        batch = given[step % len(given)]
        ours = {name: float(value) for name, value in trainer.step(batch).items() if name in OTHERWISE_NAMED}
        original.step(batch)
        theirs = original.losses()
        if set(ours) != set(theirs):
            sys.exit(f"not the same losses: {sorted(ours)} and {sorted(theirs)}")
        for name, value in ours.items():
            found[name] = max(found.get(name, 0.0), abs(value - theirs[name]) / abs(theirs[name]))
    return found
