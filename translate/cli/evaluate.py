"""`translate evaluate`."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from translate.cli import completing, options, saying
from translate.errors import UserError, unknown
from translate.metrics import DISTRIBUTIONS, DIVERSITY, TABLE, find

if TYPE_CHECKING:
    from translate.config import Config
    from translate.data.layouts import Dataset


SHOWN = 5
"""Names listed of each kind of trouble; --json has them all."""


@click.command("evaluate")
@click.argument("run", type=click.Path(path_type=Path), required=False, shell_complete=completing.runs)
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
    help=f"Of {', '.join((*TABLE, *DISTRIBUTIONS))}; of those that read features with _clip or _dino behind the name "
    "too.  [default: all that need no download]",
)
@click.option("--size", metavar="WxH", help="Resize the images of --fake and --real, antialiased.")
@click.option(
    "--weights",
    multiple=True,
    metavar="[NAME=]FILE",
    help="Weights of a feature extractor: inception unless a NAME is given; repeatable.",
)
@click.option(
    "--bootstrap",
    metavar="N",
    default=0,
    type=click.IntRange(0),
    help="95% intervals from N resamples (1000 is common).  [default: none]",
)
@options.json_file
@click.option("--csv", "table", type=click.Path(path_type=Path), help="Write the scores of each image there.")
@options.checkpoint
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Of samples and random metrics.")
@options.device
def command(
    run: Path | None,
    data: Path | None,
    split: str,
    pairs: str | None,
    fake: Path | None,
    real: Path | None,
    paired: bool,
    names: str | None,
    size: str | None,
    weights: tuple[str, ...],
    bootstrap: int,
    file: str | None,
    table: Path | None,
    checkpoint: str,
    seed: int,
    device: str,
) -> None:
    """Score RUN on held-out images, or the images in --fake against those in --real.

    What translates is scored pair by pair where the held-out images are pairs, and as a set of images in any case,
    beside "do nothing" and beside real images; what is drawn from nothing as a set. Metrics whose weights are not here
    are left out, unless --metrics names them: then they are downloaded. Of a stochastic RUN it says how much the
    outputs of one image differ. Below the numbers stands what looks wrong, and what to try.
    Pictures that can't be read or have no partner, and metrics that were asked for and can't be had, are named, the
    rest is scored, and the exit code is 1.
    """
    chosen = [name.strip() for name in (names or "").split(",") if name.strip()] or None
    for name in chosen or []:
        if find(name) is None:
            raise unknown("metric", name, [*TABLE, *DISTRIBUTIONS], where="--metrics")
    files = _files(weights)
    if run is None:
        if fake is None or real is None:
            raise UserError(
                "nothing to score",
                expected="a RUN, or both --fake and --real",
                hint="translate evaluate RUN --data DIR, or translate evaluate --fake DIR --real DIR --paired",
            )
        _require_pairs(table, paired)
        from translate.device import device_of
        from translate.evaluation import evaluate_folders

        with _bar() as progress:
            found = evaluate_folders(
                fake,
                real,
                paired,
                chosen,
                seed,
                progress,
                size=_size(size),
                bootstrap=bootstrap,
                weights=files,
                device=str(device_of(device)),
            )
    else:
        if fake or real:
            raise UserError("RUN and --fake/--real are two ways to score; give one", hint="leave RUN out")
        if size:
            raise UserError("a RUN is scored at the size it was trained on", where="--size", hint="leave it out")
        from translate.config import load_run

        config = load_run(run)
        dataset = dataset_of(config, data, split, pairs)
        _require_pairs(table, not config.unconditional and bool(dataset.split(split).pairs))
        from translate import checkpoint as checkpoints
        from translate import log
        from translate.evaluation import evaluate
        from translate.inference.model import Model

        model = Model.load(run, device, checkpoints.find(run, checkpoint))
        with _bar() as progress:
            found = evaluate(
                model,
                dataset,
                split,
                chosen,
                seed,
                progress,
                bootstrap=bootstrap,
                weights=files,
                history=log.read(run),
            )
    if table is not None:
        found.write_csv(table)
    _say(found.scores, file)
    protocol = found.scores["protocol"]
    for reason, left_out in _by_reason(protocol["left_out"]).items():
        saying.note(f"left out: {', '.join(left_out)}: {reason}", err=True)
    unmatched = protocol.get("unmatched", {"fake": [], "real": []})
    for what, paths in (
        ("no truth of this name for", unmatched["fake"]),
        ("no output of this name for", unmatched["real"]),
        ("unreadable:", protocol["unreadable"]),
    ):
        for path in paths[:SHOWN]:
            click.echo(f"{what} {path}", err=True)
        if len(paths) > SHOWN:
            click.echo(f"... and {len(paths) - SHOWN} more; --json names them all", err=True)
    missing = chosen is not None and protocol["left_out"]
    if missing or protocol["unreadable"] or unmatched["fake"] or unmatched["real"]:
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


def _require_pairs(table: Path | None, paired: bool) -> None:
    if table is not None and not paired:
        raise UserError(
            "there are no pairs, so no image has a score of its own",
            where="--csv",
            hint="leave it out; --json has the scores of the sets",
        )


def _files(weights: tuple[str, ...]) -> dict[str, Path]:
    """{extractor: file} of "FILE" and "NAME=FILE"."""
    found = {}
    for given in weights:
        name, equals, path = given.rpartition("=")
        file = Path(path if equals else given)
        if not file.is_file():
            raise UserError("there is no such file", where=f"--weights {given}", expected="[NAME=]FILE")
        found[name or "inception"] = file
    return found


def _size(given: str | None) -> tuple[int, int] | None:
    """(height, width) of "WIDTHxHEIGHT", or of one number for both."""
    if given is None:
        return None
    width, _, height = given.partition("x")
    if not (width.isdigit() and (height or width).isdigit()):
        raise UserError(f'"{given}" is no size', where="--size", expected="WIDTHxHEIGHT in pixels, such as 256x256")
    return int(height or width), int(width)


@contextmanager
def _bar() -> Iterator[Callable[[int, int], None]]:
    with saying.bar() as bar:
        task = bar.add_task("scoring", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _by_reason(left_out: dict[str, str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, reason in left_out.items():
        found.setdefault(reason, []).append(name)
    return found


def _say(scores: dict[str, Any], file: str | None) -> None:
    if file is not None:
        saying.write_json(scores, file)
    if file == "-":
        return
    from rich.table import Table

    console = saying.console()
    for direction, values in scores["metrics"].items():
        beside = {
            heading: scores[key][direction]
            for key, heading in _beside(direction).items()
            if scores.get(key, {}).get(direction)
        }
        reach = scores.get("intervals", {}).get(direction, {})
        count, size = scores["protocol"]["n"][direction], scores["protocol"]["size"]
        shape = f" of {size[1]}x{size[0]} px" if size else ""
        table = Table(
            f"{direction}: {count:,} image{'s' if count > 1 else ''}{shape}",
            "",
            *(["95%"] if reach else []),
            *beside,
            "better is",
        )
        for name, value in values.items():
            entry = find(name)
            first = name == scores["headline"][direction]
            table.add_row(
                entry.label if entry else name,
                f"{value:.3f}",
                *([_ends(reach.get(name))] if reach else []),
                *(f"{others[name]:.3f}" if name in others else "" for others in beside.values()),
                entry.better if entry else "",
                style="bold" if first else None,
            )
        console.print(table)
    for direction, found in scores.get("diversity", {}).items():
        for name, value in found.items():
            console.print(f"{direction}, {scores['protocol']['samples']} samples: {DIVERSITY[name]}: {value:.2f}")
    for sentence in scores.get("warnings", []):
        console.print(f"note: {sentence}", style="yellow", markup=False, soft_wrap=True)
    for finding in scores["findings"]:
        style = "bold red" if finding["severity"] == "error" else "bold yellow"
        where = f"{finding['direction']}: " if finding["direction"] else ""
        console.print(f"{finding['name']}: {where}{finding['message']}", style=style, markup=False, soft_wrap=True)
        console.print(f"  try: {finding['try']}", markup=False, soft_wrap=True)


def _beside(direction: str) -> dict[str, str]:
    """What stands beside a direction's values: the key of the scores, and its heading."""
    if direction == "sample":
        return {"baseline": "training images"}
    return {"baseline": "do nothing", "reference": "real, halves" if direction == "fake" else "training images"}


def _ends(reach: list[float] | None) -> str:
    return "" if reach is None else f"{reach[0]:.3f} to {reach[1]:.3f}"
