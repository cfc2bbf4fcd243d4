"""`translate apply`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from translate.cli import options
from translate.domain import Domain
from translate.errors import UserError

if TYPE_CHECKING:
    from translate.config import Config
    from translate.inference.folder import Summary
    from translate.inference.model import Model


FAR = 1.5
"""Times larger or smaller than in the training, from which on it is said."""


@click.command("apply")
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("input", type=click.Path(path_type=Path))
@click.argument("output", type=click.Path(path_type=Path))
@click.option("--to", type=click.Choice(["b", "a"]), help="Domain to translate to.  [default: b, or the only one]")
@click.option(
    "--samples",
    type=click.IntRange(1),
    help="So many outputs of each image, of a stochastic RUN, into the folders 1, 2 ... of OUTPUT.",
)
@click.option(
    "--seed",
    default=0,
    show_default=True,
    type=click.IntRange(0),
    help="Of a stochastic RUN: sample s depends on (seed, the image's relative path, s) alone.",
)
@click.option("--batch", default=8, show_default=True, type=click.IntRange(1), help="Images of one size at a time.")
@click.option("--overwrite", is_flag=True, help="Translate again what exists.")
@options.checkpoint
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or mps.")
def command(
    run: Path,
    input: Path,
    output: Path,
    to: str | None,
    samples: int | None,
    seed: int,
    batch: int,
    overwrite: bool,
    checkpoint: str,
    device: str,
) -> None:
    """Translate INPUT, a folder with its subfolders or one image, by the model in RUN into OUTPUT.

    Every output keeps its input's relative path, name, format and size. Existing outputs are skipped, so the same
    command again does what is missing. An image that can't be read is named, the rest is done, and the exit code is 1.
    """
    from translate.config import load_run
    from translate.inference.plan import plan

    config = load_run(run)
    if config.unconditional:
        raise UserError(
            "is an unconditional run: it makes images from nothing",
            where=str(run),
            hint=f"translate sample {run} {output}",
        )
    direction = _direction(run, to, config.produce)
    if samples is not None and not config.stochastic:
        raise UserError(
            "makes one output of an image, always the same",
            where=f"{run}: --samples",
            expected="a stochastic run, whose generator takes a latent beside the image (networks.latent.enter)",
            hint="leave --samples out",
        )
    jobs, _ = plan(input, output, samples)  # a wrong path is said before torch is imported
    _warn_of_size([job.source for job in jobs], config)
    from translate import checkpoint as checkpoints
    from translate.inference.model import Model

    model = Model.load(run, device, checkpoints.find(run, checkpoint))
    summary = _apply(model, input, output, direction, batch, overwrite, samples, seed)
    click.echo(_sentence(summary, output), err=True)
    for path, reason in summary.failed:
        click.echo(f"failed: {path}: {reason}", err=True)
    if summary.failed:
        raise SystemExit(1)


def _warn_of_size(sources: list[Path], config: "Config") -> None:
    """Scores are those at the training size; at another one a network sees other details than it has learned."""
    from statistics import median

    from translate.data import headers

    sizes = [size for source in headers.spread(sources, 50) if (size := headers.shape(source)) is not None]
    if not sizes:
        return
    height, width = config.data.size
    found = median(min(size) for size in sizes) / min(height, width)
    if not 1 / FAR < found < FAR:
        click.echo(
            f"note: trained at {width}x{height} px, and the images are {found:.2g} times as large: expect less than at "
            "the size of the training, which `evaluate` scores",
            err=True,
        )


def _direction(run: Path, to: str | None, produced: list[Domain]) -> Domain:
    wanted = Domain(to) if to else Domain.B if Domain.B in produced else produced[0]
    if wanted not in produced:
        raise UserError(
            f"this run makes no images of {wanted.upper()}",
            where=str(run),
            expected="--to " + " or --to ".join(produced),
            hint=f"train with `produce: [b, a]` to have both directions, or leave --to {wanted} out",
        )
    return wanted


def _apply(
    model: "Model", input: Path, output: Path, to: Domain, batch: int, overwrite: bool, samples: int | None, seed: int
) -> "Summary":
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from translate.inference.folder import apply

    columns = (
        TextColumn(f"{to.other.upper()} to {to.upper()}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        TextColumn("[red]{task.fields[failures]}"),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=None, rate="", failures="")

        def show(summary: "Summary", total: int) -> None:
            speed = bar.tasks[0].speed
            bar.update(
                task,
                total=total - summary.skipped,
                completed=summary.done + len(summary.failed),
                rate=f"{speed:.1f} images/s" if speed else "",
                failures=f"{len(summary.failed)} failed" if summary.failed else "",
            )

        return apply(model, input, output, to, batch, overwrite, show, samples, seed)


def _sentence(summary: "Summary", output: Path) -> str:
    parts = [f"{summary.done} translated"]
    if summary.skipped:
        parts.append(f"{summary.skipped} were there already")
    if summary.ignored:
        parts.append(f"{summary.ignored} other files passed over")
    if summary.failed:
        parts.append(f"{len(summary.failed)} failed")
    return f"{output}: " + ", ".join(parts)
