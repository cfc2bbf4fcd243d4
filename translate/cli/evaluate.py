"""`translate evaluate`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from translate.errors import UserError, unknown
from translate.metrics import DISTRIBUTIONS, DIVERSITY, TABLE

if TYPE_CHECKING:
    from translate.config import Config
    from translate.data.layouts import Dataset


@click.command("evaluate")
@click.argument("run", type=click.Path(path_type=Path), required=False)
@click.option(
    "--data", type=click.Path(path_type=Path), help="Dataset with held-out images.  [default: what RUN trained on]"
)
@click.option("--split", default="test", show_default=True)
@click.option(
    "--pairs", type=click.Choice(["all", "stem"]), help="Which files are pairs.  [default: as RUN was trained]"
)
@click.option("--fake", type=click.Path(path_type=Path), help="Folder of outputs, instead of RUN.")
@click.option(
    "--real",
    type=click.Path(path_type=Path),
    help="Folder of the truths, or of real images, that --fake is compared with.",
)
@click.option(
    "--paired", is_flag=True, help="Of the same names they show the same scenes; else they are compared as sets."
)
@click.option(
    "--metrics",
    "names",
    metavar="LIST",
    help=f"Of {','.join(TABLE)} for pairs, of {','.join(DISTRIBUTIONS)} for sets.  [default: all]",
)
@click.option("--json", "file", metavar="FILE", help="Write the scores there; - for standard output, and nothing else.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Of samples and random metrics.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or mps.")
def command(
    run: Path | None,
    data: Path | None,
    split: str,
    pairs: str | None,
    fake: Path | None,
    real: Path | None,
    paired: bool,
    names: str | None,
    file: str | None,
    seed: int,
    device: str,
) -> None:
    """Score RUN on held-out images, or the images in --fake against those in --real.

    What translates is scored pair by pair, beside "do nothing"; what is drawn from nothing as a set of images, beside
    real ones that the run was trained on. Of a stochastic RUN it says how much the outputs of one image differ.
    Pictures that can't be read or have no partner are named, the rest is scored, and the exit code is 1.
    """
    chosen = [name.strip() for name in (names or "").split(",") if name.strip()] or None
    for name in chosen or []:
        if name not in TABLE and name not in DISTRIBUTIONS:
            raise unknown("metric", name, [*TABLE, *DISTRIBUTIONS], where="--metrics")
    if run is None:
        if fake is None or real is None:
            raise UserError(
                "nothing to score",
                expected="a RUN, or both --fake and --real",
                hint="translate evaluate RUN --data DIR, or translate evaluate --fake DIR --real DIR --paired",
            )
        from translate.evaluation import evaluate_folders

        scores = evaluate_folders(fake, real, paired, chosen, seed)
    else:
        if fake or real:
            raise UserError("RUN and --fake/--real are two ways to score; give one", hint="leave RUN out")
        scores = _score(run, data, split, pairs, chosen, seed, device)
    _say(scores, file)
    protocol = scores["protocol"]
    for name, reason in protocol["left_out"].items():
        click.echo(f"left out: {name}: {reason}", err=True)
    unmatched = protocol.get("unmatched", {"fake": [], "real": []})
    for path in unmatched["fake"] + unmatched["real"]:
        click.echo(f"no partner: {path}", err=True)
    for path in protocol["unreadable"]:
        click.echo(f"unreadable: {path}", err=True)
    if protocol["unreadable"] or unmatched["fake"]:
        raise SystemExit(1)


def dataset_of(config: "Config", data: Path | None, split: str, pairs: str | None = None) -> "Dataset":
    """The dataset to score on: `data`, or the one that the run was trained on; raises UserError if neither is there."""
    from translate.data import layouts

    root = data or (Path(config.data.root) if config.data.root else None)
    if root is None:
        raise UserError("the run does not say what it was trained on", hint="--data DIR")
    # A number of pairs counts those of the run's own data; of other data only what is marked as pairs is one.
    own = config.data.root is not None and root.resolve() == Path(config.data.root).resolve()
    trained = config.data.pairs if own or isinstance(config.data.pairs, str) else "all"
    kept = pairs or trained
    return layouts.find(root, kept)


def _score(
    run: Path, data: Path | None, split: str, pairs: str | None, names: list[str] | None, seed: int, device: str
) -> dict[str, Any]:
    from translate.config import load_run

    config = load_run(run)
    dataset = dataset_of(config, data, split, pairs)
    from rich.console import Console
    from rich.progress import Progress

    from translate.evaluation import evaluate
    from translate.inference.model import Model

    model = Model.load(run, device)
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("scoring", total=None)
        return evaluate(
            model, dataset, split, names, seed, lambda done, total: bar.update(task, completed=done, total=total)
        )


def _say(scores: dict[str, Any], file: str | None) -> None:
    text = json.dumps(scores, indent=2, allow_nan=False)
    if file == "-":
        click.echo(text)
        return
    if file is not None:
        path = Path(file)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n", encoding="utf-8")
    from rich.console import Console
    from rich.table import Table

    columns = list(next(iter(scores["metrics"].values())))
    counts = scores["protocol"]["n"]
    table = Table("", *columns, "n")
    for direction, values in scores["metrics"].items():
        table.add_row(direction, *_cells(values, columns), str(counts[direction]), style="bold")
        if direction in scores["baseline"]:
            beside = "  training images" if direction == "sample" else "  do nothing"
            count = str(counts.get("baseline", counts[direction]))
            table.add_row(beside, *_cells(scores["baseline"][direction], columns), count, style="dim")
    console = Console()
    console.print(table)
    if "sample" in scores["metrics"]:
        console.print(
            "sliced Wasserstein distances x 1,000: smaller is better, and what training images have in place of new "
            "ones is as good as it gets; fewer images (n) mean larger distances",
            style="dim",
        )
    for direction, found in scores.get("diversity", {}).items():
        for name, value in found.items():
            console.print(f"{direction}, {scores['protocol']['samples']} samples: {DIVERSITY[name]}: {value:.2f}")


def _cells(values: dict[str, float], columns: list[str]) -> list[str]:
    return [f"{values[name]:.3f}" if name in values else "" for name in columns]
