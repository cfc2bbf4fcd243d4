"""Time to the same held-out error on the embedded faces: ours against the original public CycleGAN code.

    python tools/time_to_quality.py original CHECKOUT --out race --minutes 10 --width 32 --batch 4
    python tools/time_to_quality.py ours fast --out race --minutes 3
    python tools/time_to_quality.py table --out race

Each call trains one lane, scores it at regular training times, and writes race/NAME.json; `table` reads all of these
and prints Markdown. Lanes may run side by side, each on cores of its own (`OMP_NUM_THREADS=1 taskset -c 0 ...`), and
only lanes on as many threads are compared.

All lanes read the same folders (drawn by the first: the data of `translate demo`, without flips and crops), and are
scored on the same held-out pairs by the same functions (`translate.metrics`). Clocks stand still while scoring.
"original" runs that project's own model, loss, optimisers and data pipeline, unmodified, with its published recipe:
learning rate 2e-4, cycle 10, identity 0.5, pool of 50. Its rate falls to 0 over the second half of its minutes, as its
schedule has it (`--schedule linear`), step by step since minutes are less than a pass; or it stays (`constant`).
"ours" is `translate train` with a preset or, without CONFIG, as planned, at the size of the faces.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import random
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
from quality_curves import Lane, Point, answers, read, table, unlike

from translate.data import faces, images, layouts
from translate.data.images import Pixels
from translate.domain import Domain
from translate.evaluation.reading import spread
from translate.metrics.l1 import l1
from translate.metrics.ssim import ssim

SIZE, TRAIN, TEST = 64, 2000, 200
FACES = ("data.transforms=[]", "data.load_size=null", f"data.size=[{SIZE}, {SIZE}]")
"""As in `translate demo`: faces are drawn upright and lit from the left, so nothing is flipped or cropped."""


def data(out: Path, seed: int) -> Path:
    """The faces, drawn where they are not there; lanes that begin together don't disturb each other."""
    folder = out / "data"
    if not folder.exists():
        unfinished = out / f"data.{os.getpid()}"
        faces.make(unfinished, train=TRAIN, test=TEST, size=SIZE, seed=seed, pairs=False)
        with contextlib.suppress(OSError):  # somebody was quicker
            unfinished.rename(folder)
    return folder


def held_out(folder: Path, count: int) -> tuple[Pixels, Pixels]:
    """The inputs of both ways, uint8 [N, H, W, C], row by row the same scene; those that our own training scores."""
    pairs = layouts.find(folder).split("test").pairs
    chosen = [pairs[i] for i in spread(len(pairs), count)]
    a, b = (np.stack([images.decode(pair[side], 3) for pair in chosen]) for side in (0, 1))
    return a, b


def score(generators: dict[Domain, Callable[..., Any]], pairs: tuple[Pixels, Pixels]) -> dict[str, tuple[float, float]]:
    """L1 and SSIM of A to B and of B to A, means over the pairs."""
    import torch

    found: dict[str, list[float]] = {"l1": [], "ssim": []}
    for to, inputs, truths in ((Domain.B, pairs[0], pairs[1]), (Domain.A, pairs[1], pairs[0])):
        with torch.inference_mode():
            parts = [generators[to](images.to_tensor(inputs[i : i + 16])) for i in range(0, len(inputs), 16)]
        outputs = images.to_uint8(torch.cat(parts))
        for name, metric in (("l1", l1), ("ssim", ssim)):
            found[name].append(fmean(metric(one, truth) for one, truth in zip(outputs, truths, strict=True)))
    return {name: (values[0], values[1]) for name, values in found.items()}


def rate_share(share: float, schedule: str) -> float:
    """The share of the learning rate at a share of the training in [0, 1]: whole for one half, then falling to 0."""
    return 1.0 if schedule == "constant" else min(1.0, 2 * (1 - share))


def train_original(chosen: argparse.Namespace) -> Lane:
    """Their model, losses, optimisers and data pipeline, stepped for some minutes."""
    import torch

    out, budget = chosen.out.resolve(), chosen.minutes * 60
    name = f"original-r{chosen.blocks}-w{chosen.width}-b{chosen.batch}-{chosen.schedule}-{chosen.minutes:g}min"
    options = {
        key: getattr(chosen, key) for key in ("minutes", "blocks", "width", "batch", "schedule", "seed", "images")
    }
    lane = Lane(name, "original", options, torch.get_num_threads())
    refuse_known(out, name)
    folder = data(out, chosen.seed)
    sys.path.insert(0, str(chosen.checkout.resolve()))
    from data import create_dataset
    from models import create_model
    from options.train_options import TrainOptions

    torch.manual_seed(chosen.seed)
    random.seed(chosen.seed)
    given: dict[str, Any] = {
        "dataroot": folder, "name": name, "model": "cycle_gan", "netG": f"resnet_{chosen.blocks}blocks",
        "ngf": chosen.width, "ndf": chosen.width, "batch_size": chosen.batch, "preprocess": "none", "gpu_ids": "-1",
        "checkpoints_dir": out / "original", "num_threads": 0, "lambda_identity": 0.5, "pool_size": 50, "lr": 2e-4,
    }  # fmt: skip
    sys.argv = ["train.py", *(part for key, value in given.items() for part in (f"--{key}", str(value))), "--no_flip"]
    with contextlib.redirect_stdout(io.StringIO()):  # pages of options and networks
        settings = TrainOptions().parse()
        dataset, model = create_dataset(settings), create_model(settings)
        model.setup(settings)
    pairs, generators = held_out(folder, chosen.images), {Domain.B: model.netG_A, Domain.A: model.netG_B}
    spent = looked = 0.0
    step, done = 0, False
    while not done:
        began, worked = time.perf_counter(), time.process_time()
        for rows in dataset:
            waited = time.perf_counter() - began
            for optimizer in model.optimizers:
                for group in optimizer.param_groups:
                    group["lr"] = settings.lr * rate_share(spent / budget, chosen.schedule)
            model.set_input(rows)
            model.optimize_parameters()
            spent, step = spent + time.perf_counter() - began, step + 1
            lane.worked += time.process_time() - worked
            lane.pairs, lane.waited, done = lane.pairs + len(rows["A"]), lane.waited + waited, spent >= budget
            if done or spent - looked >= chosen.look:
                looked = spent
                lane.points.append(Point(spent, step, **score(generators, pairs)))
                said(lane)
                lane.done = done
                lane.save(out)
            if done:
                break
            began, worked = time.perf_counter(), time.process_time()
    return lane


def train_ours(chosen: argparse.Namespace) -> Lane:
    """`translate train` for some minutes."""
    import torch

    from translate import config, log, machine, needs, plan, run

    out = chosen.out.resolve()
    folder = data(out, chosen.seed)
    dataset = layouts.find(folder)
    name = chosen.name or f"ours-{chosen.config or 'planned'}-{chosen.minutes:g}min"
    refuse_known(out, name)
    settings = [*FACES, *chosen.set, f"training.minutes={chosen.minutes}", f"training.seed={chosen.seed}"]
    if chosen.config:
        asked = config.load(chosen.config, settings)
    else:
        found = plan.fingerprint(dataset)
        asked = plan.configure(plan.plan(found, machine.measure("cpu"), chosen.minutes, (SIZE, SIZE)), settings)
    asked = needs.settle(asked, dataset)
    needs.check(asked, dataset)
    options = {key: getattr(chosen, key) for key in ("minutes", "config", "set", "seed", "images")}
    lane, pairs = Lane(name, "ours", options, torch.get_num_threads()), held_out(folder, chosen.images)

    class Regular(run.Monitor):  # type: ignore[misc, name-defined]
        """Scores the average at the original's times, by the same function; keeps and stops nothing."""

        before = 0.0

        def due(self, step: int, seconds: float, last: bool = False) -> bool:
            lane.worked += time.process_time() - self.before if self.before else 0.0
            self.before = time.process_time()
            return last or seconds - (lane.points[-1].seconds if lane.points else 0.0) >= chosen.look

        def look(self, step: int, generators: torch.nn.Module, seconds: float) -> None:
            own = {Domain(way): network for way, network in generators.named_children()}
            lane.points.append(Point(seconds, step, **score(own, pairs)))
            lane.pairs = step * int(asked.training.batch)
            said(lane)
            lane.save(out)
            self.before = time.process_time()

    run.Monitor = Regular  # type: ignore[misc, attr-defined]
    run.train(asked, dataset, out / "runs" / name, torch.device("cpu"), warn=lambda said: print(said, file=sys.stderr))
    rows = [row for row in log.read(out / "runs" / name) if "data_wait" in row]
    lane.waited, lane.done = fmean(row["data_wait"] for row in rows) * lane.points[-1].seconds, True
    lane.save(out)
    return lane


def refuse_known(out: Path, name: str) -> None:
    """End here where this lane was trained before: its clock can't be continued."""
    for path in (out / f"{name}.json", out / "runs" / name):
        if path.exists():
            sys.exit(f"{path} is there already: move it away first, or take another --out")


def said(lane: Lane) -> None:
    """One line on where a lane stands."""
    point = lane.points[-1]
    print(
        f"{lane.name}: {point.seconds:.0f} s, {point.step} steps, {lane.pairs / point.seconds:.2f} pairs/s, "
        f"L1 {point.l1[0]:.1f} {point.l1[1]:.1f}, SSIM {point.ssim[0]:.3f} {point.ssim[1]:.3f}",
        file=sys.stderr,
        flush=True,
    )


def main() -> None:
    """Train one lane, or print the table of all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = parser.add_subparsers(dest="kind", required=True)
    theirs, ours, tabled = (kinds.add_parser(kind) for kind in ("original", "ours", "table"))
    for kind in (theirs, ours, tabled):
        kind.add_argument("--out", type=Path, default=Path("race"))
    for kind in (theirs, ours):
        kind.add_argument("--minutes", type=float, required=True, help="of training")
        kind.add_argument("--images", type=int, default=100, help="held-out pairs that are scored")
        kind.add_argument("--look", type=float, default=15, help="seconds of training between two scorings")
        kind.add_argument("--seed", type=int, default=0)
    theirs.add_argument("checkout", type=Path, help="of the original code")
    theirs.add_argument("--blocks", type=int, choices=[6, 9], default=6)
    theirs.add_argument("--width", type=int, default=64)
    theirs.add_argument("--batch", type=int, default=1)
    theirs.add_argument("--schedule", choices=["linear", "constant"], default="linear")
    ours.add_argument("config", nargs="?", help="a preset; without one a training is planned")
    ours.add_argument("--name", help="of the lane")
    ours.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    chosen = parser.parse_args()
    if chosen.kind != "table":
        chosen.out.mkdir(parents=True, exist_ok=True)
        train_original(chosen) if chosen.kind == "original" else train_ours(chosen)
        return
    lanes = [read(path) for path in sorted(chosen.out.glob("*.json"))]
    lanes = [lane for lane in lanes if lane.points]
    if different := unlike(lanes):
        sys.exit(different)
    print(table(lanes))
    originals, own = ([lane for lane in lanes if lane.who == who] for who in ("original", "ours"))
    if originals and own:
        rows = [{**asdict(answer), "ratio": answer.ratio} for answer in answers(originals, own)]
        (chosen.out / "answers.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


if __name__ == "__main__":
    main()
