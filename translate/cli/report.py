"""`translate report`."""

from pathlib import Path

import click

from translate.errors import UserError

SAMPLES = 36


@click.command("report")
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--data", type=click.Path(path_type=Path), help="Dataset to show and score.  [default: what RUN trained on]"
)
@click.option("--out", type=click.Path(path_type=Path), help="The file.  [default: RUN/report.html]")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or mps.")
def command(run: Path, data: Path | None, out: Path | None, device: str) -> None:
    """Write one self-contained HTML file about RUN: pictures, scores where there are held-out pairs, loss curves."""
    from translate.cli.evaluate import dataset_of
    from translate.config import load_run

    config = load_run(run)
    out = out or run / "report.html"
    if out.is_dir():
        raise UserError("this is a folder", where="--out", expected="the path of a file, such as report.html")
    conditional = config.networks.latent is None
    dataset = dataset_of(config, data, "test") if conditional else None
    from translate import log
    from translate.inference.model import Model
    from translate.report.page import write

    model = Model.load(run, device)
    if dataset is None:
        from translate.inference.sampling import draw

        write(
            out,
            run,
            config,
            {},
            {"sample": [(None, image, None) for image in draw(model, 0, SAMPLES, 16)]},
            log.read(run),
        )
    else:
        from translate.evaluation import evaluate, examples

        split = next((name for name in ("test", "val") if name in dataset.splits), None)
        if split is None:
            raise UserError(
                "there are no held-out images to show",
                where=str(dataset.root),
                expected="testA/ and testB/, or test/ with pairs",
                hint="--data DIR with a dataset that has them",
            )
        scores = evaluate(model, dataset, split) if dataset.split(split).pairs else {}
        write(out, run, config, scores, examples(model, dataset, split), log.read(run))
    click.echo(str(out))
