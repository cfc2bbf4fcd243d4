"""`translate report`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from translate.errors import UserError

if TYPE_CHECKING:
    from translate.config import Config
    from translate.data.layouts import Dataset
    from translate.inference.model import Model

SAMPLES = 36


@click.command("report")
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--data", type=click.Path(path_type=Path), help="Dataset to show and score.  [default: what RUN trained on]"
)
@click.option("--out", type=click.Path(path_type=Path), help="The file.  [default: RUN/report.html]")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or mps.")
def command(run: Path, data: Path | None, out: Path | None, device: str) -> None:
    """Write one self-contained HTML file about RUN: pictures, scores where there are held-out pairs, loss curves.

    Without held-out images it shows training images, and says so; if the data has moved, the curves alone.
    """
    from translate.config import load_run

    config = load_run(run)
    out = out or run / "report.html"
    if out.is_dir():
        raise UserError("this is a folder", where="--out", expected="the path of a file, such as report.html")
    dataset, gone = _dataset(config, data)
    from translate import log
    from translate.inference.model import Model
    from translate.report.page import write

    model = Model.load(run, device)
    if config.unconditional:
        _of_samples(out, run, model, dataset, gone)
    elif dataset is None:
        unscored = f"The data can't be found ({gone}), so there are no pictures and no score here."
        write(out, run, config, {}, {}, log.read(run), unscored=unscored)
        click.echo(f"{unscored} `translate report {run} --data DIR` says where it is.", err=True)
    else:
        from translate.evaluation import evaluate, examples

        split = next((name for name in ("test", "val") if name in dataset.splits), None)
        if split is None:
            write(
                out,
                run,
                config,
                {},
                examples(model, dataset, "train"),
                log.read(run),
                caption="Evenly spaced over the training images, not held out; none picked by hand.",
                unscored="There are no held-out images, so there is no score, and the pictures below, which are "
                "training images, say little about new ones.",
            )
            click.echo(f"{dataset.root} holds no held-out images; the report shows training images", err=True)
        else:
            scores = evaluate(model, dataset, split) if dataset.split(split).pairs else {}
            write(out, run, config, scores, examples(model, dataset, split), log.read(run))
    click.echo(str(out))


def _of_samples(out: Path, run: Path, model: "Model", dataset: "Dataset | None", gone: str) -> None:
    from translate import log
    from translate.evaluation import evaluate
    from translate.inference.sampling import Sampler
    from translate.report.page import write

    split = next((name for name in ("test", "val") if dataset and name in dataset.splits), None)
    scores = evaluate(model, dataset, split) if dataset and split else {}
    unscored = f"The data can't be found ({gone}), so there is no score."
    if dataset:
        unscored = "There are no held-out images (a folder test/ beside train/), so there is no score."
    turn = f"; the classes in turn are {', '.join(model.classes)}" if model.classes else ""
    samples = Sampler(model, classes=range(len(model.classes))).draw(SAMPLES)
    write(
        out,
        run,
        model.config,
        scores,
        {"sample": [(None, image, None) for image in samples]},
        log.read(run),
        caption=f"The first samples of seed 0, none picked by hand{turn}.",
        unscored=unscored,
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
