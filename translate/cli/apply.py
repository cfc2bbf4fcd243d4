"""`translate apply`."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from translate.cli import completing, saying
from translate.cli import options as shared
from translate.domain import Domain
from translate.errors import UserError

if TYPE_CHECKING:
    from translate.config import Config
    from translate.inference.model import Precision
    from translate.inference.outcome import Options, Outcome, Tally
    from translate.inference.places import Place


FAR = 1.5
"""Times larger or smaller than in the training, from which on it is said."""
LOOKED_AT, FETCHED = 50, 5
"""Images whose sizes are looked at for that, on this machine and elsewhere."""


class _Batch(click.ParamType):
    name = "N|auto"

    def convert(self, value: object, parameter: click.Parameter | None, context: click.Context | None) -> int | None:
        if value == "auto":
            return None
        if str(value).isdigit() and int(str(value)) > 0:
            return int(str(value))
        return self.fail(f'{value!r} is neither a number from 1 on nor "auto"', parameter, context)


@click.command("apply")
@click.argument("run", type=click.Path(path_type=Path), shell_complete=completing.runs)
@click.argument("input")
@click.argument("output")
@click.option("--to", type=click.Choice(["b", "a"]), help="Domain to translate to.  [default: b, or the only one]")
@click.option(
    "--format",
    type=click.Choice(["png", "jpg", "jpeg", "webp", "tif", "tiff", "bmp", "gif", "ppm"]),
    help="Write pictures in this format.  [default: each in its input's]",
)
@click.option("--metadata", is_flag=True, help="Write EXIF, XMP and texts too; they may say where and when.")
@click.option("--frames", is_flag=True, help="Translate every frame of animations, and videos.")
@click.option(
    "--tile",
    type=click.IntRange(1),
    metavar="PX",
    help="Translate longer pictures tile by tile.  [default: those that memory does not hold whole]",
)
@click.option(
    "--batch",
    type=_Batch(),
    metavar="N|auto",
    help="Images of one size at a time; between two numbers results differ by float rounding at most.  "
    "[default: auto, as many as fit and pay]",
)
@click.option(
    "--workers", type=click.IntRange(1), metavar="N", help="Threads that read and write.  [default: cores, at most 8]"
)
@click.option(
    "--manifest",
    type=click.Path(path_type=Path),
    help="Append a line of JSON for each image: input, output, seconds, warnings, error.",
)
@click.option(
    "--samples",
    type=click.IntRange(1),
    metavar="N",
    help="So many outputs of each image, of a stochastic RUN, into the folders 1, 2 ... of OUTPUT.",
)
@click.option(
    "--seed",
    default=0,
    show_default=True,
    type=click.IntRange(0),
    help="Of a stochastic RUN: sample s depends on (seed, the image's relative path, s) alone.",
)
@click.option("--overwrite", is_flag=True, help="Translate again what exists.")
@shared.checkpoint
@shared.device
@click.option(
    "--precision",
    default="fp32",
    show_default=True,
    type=click.Choice(["fp32", "bf16"]),
    help="Of the convolutions. bf16 is quicker on images of some 200 px and more, where the processor has it, and as "
    "exact as 8 bits want.",
)
@click.option(
    "--engine",
    default="local",
    show_default=True,
    type=click.Choice(["local", "ray"]),
    help="This process, or the machines of a Ray cluster.",
)
@click.option("--address", help="Of the Ray cluster.  [default: one that is started on this machine]")
def command(
    run: Path,
    input: str,
    output: str,
    to: str | None,
    format: str | None,
    metadata: bool,
    frames: bool,
    tile: int | None,
    batch: int | None,
    workers: int | None,
    manifest: Path | None,
    samples: int | None,
    seed: int,
    overwrite: bool,
    checkpoint: str,
    device: str,
    precision: "Precision",
    engine: str,
    address: str | None,
) -> None:
    """Translate INPUT, a folder with its subfolders or one image, by the model in RUN into OUTPUT. Both may be URLs.
    RUN is the folder of a training run, or a file that `translate export` wrote.

    Every output keeps its input's relative path, name, format, size and depth. Existing outputs are skipped, so the
    same command again does what is missing. An image that can't be read is named, the rest is done, and the exit code
    is 1. With --format, a.jpg becomes a.png, or a.jpg.png where another picture beside it is called a, too.
    """
    from translate.exchange import opening
    from translate.inference import manifest as manifests
    from translate.inference import plan
    from translate.inference.outcome import Options, Summary

    config = opening.config_of(run)
    direction = _direction(run, output, to, config)
    _refuse_unheeded(run, samples, tile, engine, address, config)
    wanted = Options(
        direction,
        samples,
        seed,
        batch,
        tile,
        frames,
        f".{format}" if format else None,
        metadata,
        overwrite,
        workers,
        precision,
    )
    _refuse_run(run, output)
    source, target, wanted = plan.prepare(input, output, wanted)  # a wrong path is said before torch is imported
    if manifest is not None:
        manifests.check(manifest)
    _warn_of_size(source, wanted, config)
    from translate.cli.following import Follower

    summary = Summary()
    follower = Follower(summary, source, target, wanted, manifest)
    if engine == "ray":
        from translate.inference.ray_engine import work_on_ray

        outcomes = work_on_ray(run, checkpoint, device, source, target, wanted, address, summary.passed)
    else:
        outcomes = _here(run, checkpoint, device, source, target, wanted, summary.passed, follower.watch)
    follower.follow(outcomes)
    if summary.failures:
        raise SystemExit(1)


def _here(
    run: Path,
    checkpoint: str,
    device: str,
    source: "Place",
    target: "Place",
    options: "Options",
    tally: "Tally",
    watch: "Callable[[str], None]",
) -> "Iterator[Outcome]":
    from translate.exchange import opening
    from translate.inference import plan
    from translate.inference.folder import work
    from translate.inference.model import Model

    model = Model.load(run, device, opening.weights_of(run, checkpoint), precision=options.precision)
    return work(model, plan.jobs(source, target, options, tally), source, target, options, watch)


def _direction(run: Path, output: str, to: str | None, config: "Config") -> Domain:
    if config.unconditional:
        raise UserError(
            "is an unconditional run: it makes images from nothing",
            where=str(run),
            hint=f"translate sample {run} {output}",
        )
    produced = config.produce
    wanted = Domain(to) if to else Domain.B if Domain.B in produced else produced[0]
    if wanted not in produced:
        trained = bool(config.objective)  # else it was imported
        both = "train with `produce: [b, a]` to have both directions" if trained else "translate import ... --back FILE"
        raise UserError(
            f"this run makes no images of {wanted.upper()}",
            where=str(run),
            expected="--to " + " or --to ".join(produced),
            hint=f"{both}, or leave --to {wanted} out",
        )
    return wanted


def _refuse_unheeded(
    run: Path, samples: int | None, tile: int | None, engine: str, address: str | None, config: "Config"
) -> None:
    if samples is not None and not config.stochastic:
        raise UserError(
            "makes one output of an image, always the same",
            where=f"{run}: --samples",
            expected="a stochastic run, whose generator takes a latent beside the image (networks.latent.enter)",
            hint="leave --samples out",
        )
    if tile is not None and (config.data.frames.a > 1 or config.data.frames.b > 1):
        raise UserError("reads or writes strips of frames, which go whole", where=f"{run}: --tile")
    from translate.exchange import opening

    if tile is not None and opening.is_graph(run):
        raise UserError(
            "goes whole: tiles would need the statistics of the norms inside",
            where=f"{run}: --tile",
            hint="apply the run, or FILE.safetensors",
        )
    if engine == "ray" and opening.exported(run):
        raise UserError("is one file", where=f"{run}: --engine ray", expected="a run folder that all machines see")
    if address is not None and engine != "ray":
        raise UserError("is the address of a Ray cluster", where="--address", hint="--engine ray")


def _refuse_run(run: Path, output: str) -> None:
    if Path(output).resolve().is_relative_to(run.resolve()):
        raise UserError("is RUN itself, which images would mingle with", where=output, expected="another OUTPUT")


def _warn_of_size(source: "Place", options: "Options", config: "Config") -> None:
    """Scores are those at the training size; at another one a network sees other details than it has learned."""
    from itertools import islice
    from statistics import median

    from translate.formats.reading import opened
    from translate.inference import plan
    from translate.inference.outcome import Tally
    from translate.inference.places import Folder

    sizes = []
    count = LOOKED_AT if isinstance(source, Folder) else FETCHED
    for name, _ in islice(plan.names(source, options, Tally()), count):
        try:
            with source.open(name) as file, opened(file, name) as picture:
                sizes.append(min(picture.height, picture.width))
        except Exception:  # a broken file, or a video; it is named when its turn has come
            continue
    if not sizes:
        return
    height, width = config.data.size
    found = median(sizes) / min(height, width)
    if not 1 / FAR < found < FAR:
        saying.note(
            f"note: trained at {width}x{height} px, and the images are {found:.2g} times as large: expect less than at "
            "the size of the training, which `evaluate` scores",
            err=True,
        )
