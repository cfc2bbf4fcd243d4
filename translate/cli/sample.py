"""`translate sample`."""

from pathlib import Path

import click

from translate.errors import UserError


@click.command("sample")
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("output", type=click.Path(path_type=Path))
@click.option("--count", default=64, show_default=True, type=click.IntRange(1), help="Images to draw.")
@click.option(
    "--seed", default=0, show_default=True, type=click.IntRange(0), help="Image i depends on (seed, i) alone."
)
@click.option("--overwrite", is_flag=True, help="Replace images that OUTPUT holds from an earlier time.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or mps.")
def command(run: Path, output: Path, count: int, seed: int, overwrite: bool, device: str) -> None:
    """Draw new images from the unconditional RUN into the folder OUTPUT: 00000.png ... and grid.png."""
    from translate.config import load_run

    if load_run(run).networks.latent is None:
        raise UserError(
            "translates images, it does not draw them from nothing",
            where=str(run),
            expected="a run trained on one domain alone",
            hint=f"translate apply {run} INPUT {output}",
        )
    if output.is_file():
        raise UserError("this is a file", where=str(output), expected="a folder for the images")
    if not overwrite and any(not path.stem.strip("0") for path in output.glob("00000*.png")):
        raise UserError(
            "holds samples already",
            where=str(output),
            expected="a new folder, or leave to replace 00000.png and so on",
            hint=f"translate sample {run} {output} --overwrite, or another folder",
        )
    from rich.console import Console
    from rich.progress import Progress

    from translate.inference.model import Model
    from translate.inference.sampling import sample

    model = Model.load(run, device)
    with Progress(console=Console(stderr=True)) as bar:
        task = bar.add_task("images", total=count)
        sample(model, output, count, seed, progress=lambda done: bar.update(task, completed=done))
    click.echo(f"{output}: {count} images and grid.png", err=True)
