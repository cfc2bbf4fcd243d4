"""`translate report`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from translate.cli import completing, options, saying
from translate.errors import UserError

if TYPE_CHECKING:
    from translate.config import Config
    from translate.data.layouts import Dataset
    from translate.evaluation.result import Evaluation
    from translate.inference.model import Model


@click.command("report")
@click.argument(
    "runs",
    metavar="RUN...",
    nargs=-1,
    required=True,
    type=click.Path(path_type=Path),
    shell_complete=completing.runs,
)
@click.option(
    "--data", type=click.Path(path_type=Path), help="Dataset to show and score.  [default: what RUN trained on]"
)
@click.option(
    "--out", type=click.Path(path_type=Path), help="The file.  [default: RUN/report.html; of several runs compare.html]"
)
@options.checkpoint
@options.device
@options.json_file
def command(
    runs: tuple[Path, ...], data: Path | None, out: Path | None, checkpoint: str, device: str, file: str | None
) -> None:
    """Write one self-contained HTML file about RUN: scores beside doing nothing, pictures, findings, curves.

    Without held-out images it shows training images, and says so; if the data has moved, the curves alone. Of several
    runs it writes a comparison: the same inputs side by side, and the differences of their scores with intervals.
    With --json the scores that stand in it, of each RUN as `evaluate --json` has them.
    """
    from translate.config import load_run

    configs = [load_run(run) for run in runs]
    out = out or (runs[0] / "report.html" if len(runs) == 1 else Path("compare.html"))
    from translate.report import files

    files.require_ours(out)
    if len(runs) > 1:
        evaluations = _compare(runs, configs, data, out, checkpoint, device)
    else:
        evaluations = [_tell(runs[0], configs[0], data, out, checkpoint, device)]
    if file is not None:
        scores = [
            {"run": str(run), "scores": None if evaluation is None else evaluation.scores}
            for run, evaluation in zip(runs, evaluations, strict=True)
        ]
        saying.write_json({"report": str(out), "runs": scores}, file)
    if file != "-":
        click.echo(str(out))


def _tell(
    run: Path, config: "Config", data: Path | None, out: Path, checkpoint: str, device: str
) -> "Evaluation | None":
    dataset, gone = _dataset(config, data)
    from translate import checkpoint as checkpoints
    from translate.inference.model import Model
    from translate.report import page, single

    model = Model.load(run, device, checkpoints.find(run, checkpoint))
    split, evaluation, unscored = _held_out(dataset), None, page.NO_SCORE
    if dataset is None:
        unscored = f"The data can't be found ({gone}), so there is no score here."
        saying.note(f"{unscored} `translate report {run} --data DIR` says where it is.", err=True)
    elif split is not None:
        try:
            evaluation = _scored(run, model, dataset, split)
        except UserError as error:  # what can be shown is still worth showing
            unscored = f"There is no score: {error.what}."
            saying.note(unscored, err=True)
    elif config.unconditional:
        unscored = "There are no held-out images (a folder test/ beside train/), so there is no score."
    else:
        unscored = (
            "There are no held-out images, so there is no score, and the pictures below, which are training images, "
            "say little about new ones."
        )
        saying.note(f"{dataset.root} holds no held-out images; the report shows training images", err=True)
    single.write(out, run, model, dataset, split, evaluation, unscored, data=data, checkpoint=checkpoint)
    return evaluation


def _compare(
    runs: tuple[Path, ...], configs: list["Config"], data: Path | None, out: Path, checkpoint: str, device: str
) -> "Sequence[Evaluation | None]":
    from translate.cli.evaluate import dataset_of
    from translate.report import comparable

    comparable.require(runs, configs)
    dataset = dataset_of(configs[0], data, "test")
    split = _held_out(dataset)
    if split is None:
        raise UserError(
            "there are no held-out images to compare on", where=str(dataset.root), expected="a folder test/ or val/"
        )
    from translate import checkpoint as checkpoints
    from translate.inference.model import Model
    from translate.report import compare

    models = [Model.load(run, device, checkpoints.find(run, checkpoint)) for run in runs]
    evaluations = [_scored(run, model, dataset, split) for run, model in zip(runs, models, strict=True)]
    compare.write(out, runs, models, dataset, split, evaluations, data, checkpoint)
    return evaluations


def _held_out(dataset: "Dataset | None") -> str | None:
    return next((name for name in ("test", "val") if dataset and name in dataset.splits), None)


def _scored(run: Path, model: "Model", dataset: "Dataset", split: str) -> "Evaluation":
    from translate import log
    from translate.evaluation import evaluate
    from translate.report.commands import RESAMPLES

    with saying.bar() as bar:
        task = bar.add_task(f"scoring {run.name}", total=None)
        return evaluate(
            model,
            dataset,
            split,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
            bootstrap=RESAMPLES,
            history=log.read(run),
        )


def _dataset(config: "Config", data: Path | None) -> tuple["Dataset | None", str]:
    """The dataset, or None and the reason why what the run was trained on is no longer there."""
    from translate.cli.evaluate import dataset_of

    try:
        return dataset_of(config, data, "test"), ""
    except UserError as error:
        if data is not None:  # what was asked for by name must be there
            raise
        return None, f"{error.where}: {error.what}" if error.where else error.what
