"""`translate sample`."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from translate.cli import completing, options, saying
from translate.errors import UserError, unknown

if TYPE_CHECKING:
    from translate.config import Config
    from translate.inference.sampling import Sampler

COUNT, STOPS = 64, 6


def _finite(context: click.Context, option: click.Parameter, value: float | None) -> float | None:
    if value is not None and not math.isfinite(value):
        raise click.BadParameter(f"{value} is no number to compute with")
    return value


@click.command("sample")
@click.argument("run", type=click.Path(path_type=Path), shell_complete=completing.runs)
@click.argument("output", type=click.Path(path_type=Path))
@click.option("--count", type=click.IntRange(1), help=f"Images to draw.  [default: {COUNT}]")
@click.option(
    "--seed",
    default=0,
    show_default=True,
    type=click.IntRange(0),
    help="Image i depends on (seed, i) alone.",
)
@click.option("--grid", is_flag=True, help="Write grid.png of all images, and nothing else.")
@click.option(
    "--class",
    "names",
    multiple=True,
    metavar="NAME",
    help="Of a run with classes; repeatable.  [default: all, in turn]",
)
@click.option(
    "--truncation",
    type=click.FloatRange(min=0, min_open=True),
    callback=_finite,
    help="Better images, less varied: psi of a generator with styles (1: as it is), else the bound of a normal prior.",
)
@click.option(
    "--refine",
    type=click.IntRange(1),
    help="Langevin steps, uphill on the discriminator's logit plus noise, of each latent before it is drawn.",
)
@click.option(
    "--refine-step",
    type=click.FloatRange(min=0, min_open=True),
    callback=_finite,
    help="Size of such a step.  [default: 0.01]",
)
@click.option(
    "--interpolate",
    "frames",
    type=click.IntRange(2),
    help="Write strip.png and a looping movie instead: so many frames from one image to the next.",
)
@click.option("--stops", type=click.IntRange(2), help=f"Images that the movie passes through.  [default: {STOPS}]")
@click.option(
    "--path",
    "way",
    type=click.Choice(["linear", "spherical"]),
    help="Of the movie through the latents.  [default: spherical; linear for a uniform prior]",
)
@click.option("--movie", type=click.Choice(["gif", "mp4"]), help="mp4 needs the program ffmpeg.  [default: gif]")
@click.option("--overwrite", is_flag=True, help="Replace images that OUTPUT holds from an earlier time.")
@options.checkpoint
@options.device
def command(
    run: Path,
    output: Path,
    count: int | None,
    seed: int,
    grid: bool,
    names: tuple[str, ...],
    truncation: float | None,
    refine: int | None,
    refine_step: float | None,
    frames: int | None,
    stops: int | None,
    way: str | None,
    movie: str | None,
    overwrite: bool,
    checkpoint: str,
    device: str,
) -> None:
    """Draw new images from the unconditional RUN, or an exported file, into the folder OUTPUT: 00000.png ... and
    grid.png."""
    from translate.exchange import opening

    config = opening.config_of(run)
    if config.networks.latent is None or not config.unconditional:
        raise UserError(
            "translates images, it does not draw them from nothing",
            where=str(run),
            expected="a run trained on one domain alone",
            hint=f"translate apply {run} INPUT {output}",
        )
    for_movies = {"--stops": stops, "--path": way, "--movie": movie}
    _refuse_conflicts(frames, {"--count": count, "--grid": grid or None}, for_movies)
    if refine_step is not None and refine is None:
        raise UserError("--refine-step without --refine", expected="--refine N, the number of steps")
    labels = _labels(run, config, names, one=frames is not None)
    if truncation is not None:
        if opening.is_graph(run):
            raise UserError(
                "holds a graph, in which nothing can be truncated",
                where=f"{run}: --truncation",
                hint="sample the run, or FILE.safetensors",
            )
        _refuse_truncation(run, config)
    if refine is not None and config.networks.discriminator is None:
        raise UserError(
            "this run has no discriminator to refine by",
            where=str(run),
            expected="a run whose `networks.discriminator` is not null",
            hint="leave --refine out",
        )
    _refuse_overwriting(run, output, grid, frames, movie or "gif", overwrite)
    from translate.inference.model import Model
    from translate.inference.movie import require
    from translate.inference.refine import STEP
    from translate.inference.sampling import Sampler

    if frames is not None:
        require(movie or "gif")
    model = Model.load(run, device, opening.weights_of(run, checkpoint), discriminators=refine is not None)
    sampler = Sampler(model, seed, labels, truncation, refine or 0, refine_step or STEP)
    if frames is None:
        _sample(sampler, output, count or COUNT, grid)
    else:
        chosen = way or ("linear" if config.networks.latent.prior == "uniform" else "spherical")
        _interpolate(sampler, output, stops or STOPS, frames, chosen, movie or "gif")
    if truncation is not None:
        meant = "styles at {} of their way from the average" if model.truncates else "the normal prior, cut at +-{}"
        saying.note(f"truncated: {meant.format(f'{truncation:g}')}", err=True)
    if len(labels) > 1:
        assert isinstance(config.networks.classes, list)
        saying.note(f"classes in turn: {', '.join(config.networks.classes[label] for label in labels)}", err=True)
    if sampler.logits:
        before, after = (sum(values) / len(values) for values in zip(*sampler.logits, strict=True))
        worse = "" if after > before else ", no better: the noise of the steps outweighs the slope (more steps?)"
        saying.note(f"refined: the discriminator's mean logit was {before:.3f} and is {after:.3f}{worse}", err=True)


def _refuse_conflicts(frames: int | None, for_images: dict[str, Any], for_movies: dict[str, Any]) -> None:
    given = [name for name, value in (for_images if frames else for_movies).items() if value is not None]
    if frames and given:
        raise UserError(
            f"{given[0]} and --interpolate were both given",
            expected="one of them: --interpolate N draws N frames from each of --stops K images to the next",
        )
    if given:
        raise UserError(f"{given[0]} is for --interpolate", expected="--interpolate N as well, the frames a leg")


def _labels(run: Path, config: Config, names: tuple[str, ...], one: bool) -> list[int]:
    """The places of the classes that images have in turn; a movie keeps to one, since there is nothing between two."""
    classes = config.networks.classes
    known = classes if isinstance(classes, list) else []
    if names and not known:
        raise UserError(
            "this run knows no classes",
            where=f"{run}: --class {names[0]}",
            expected="a run that was trained with `networks.classes`",
        )
    for name in names:
        if name not in known:
            raise unknown("class", name, known, where="--class")
    if one and len(names) > 1:
        raise UserError("an interpolation shows one class", where="--class", expected="--class once")
    places = [known.index(name) for name in names] or list(range(len(known)))
    return places[:1] if one else places


def _refuse_truncation(run: Path, config: Config) -> None:
    from translate import signatures
    from translate.networks import GENERATORS

    latent, name = config.networks.latent, config.networks.generator.name
    styles = "truncated" in signatures.find("generator", name, GENERATORS, where="networks.generator").methods
    if latent is not None and latent.prior == "uniform" and not styles:
        raise UserError(
            f'there is nothing to truncate: the prior is uniform, and "{name}" has no styles',
            where=f"{run}: --truncation",
            expected="a run with a normal prior (networks.latent.prior), or a generator with styles, such as stylegan2",
        )


def _refuse_overwriting(run: Path, output: Path, grid: bool, frames: int | None, movie: str, overwrite: bool) -> None:
    if output.is_file():
        raise UserError("this is a file", where=str(output), expected="a folder for the images")
    if output.suffix.lower() in (".png", ".jpg", ".jpeg", ".gif", ".mp4"):
        raise UserError(
            "names a file, and images go into a folder",
            where=str(output),
            expected="a folder",
            hint=f"{output.with_suffix('')}",
        )
    if frames is not None:
        written = [output / "strip.png", output / f"interpolation.{movie}"]
    else:
        written = [output / "grid.png"]
        written += [] if grid else [path for path in output.glob("00000*.png") if not path.stem.strip("0")]
    there = [path for path in written if path.exists()]
    if there and not overwrite:
        raise UserError(
            "holds samples already",
            where=str(output),
            expected=f"a new folder, or --overwrite, which replaces {there[-1].name} and so on",
            hint="the same command with --overwrite, or with another folder",
        )


def _sample(sampler: Sampler, output: Path, count: int, grid: bool) -> None:
    from translate.inference.sampling import sample

    with saying.bar(transient=False) as bar:
        task = bar.add_task("images", total=count)
        sample(sampler, output, count, alone=grid, progress=lambda done: bar.update(task, completed=done))
    click.echo(f"{output}: {f'grid.png of {count} images' if grid else f'{count} images and grid.png'}", err=True)
    older = [path for path in output.glob("*.png") if path.stem.isdigit() and int(path.stem) >= count]
    if older and not grid:
        saying.note(
            f"{output}: {len(older)} images of an earlier time ({min(older).name} ...) stay beside them", err=True
        )


def _interpolate(sampler: Sampler, output: Path, stops: int, frames: int, way: Any, movie: str) -> None:
    from translate.inference.sampling import interpolate

    with saying.bar(transient=False) as bar:
        task = bar.add_task("frames", total=stops * frames)
        path = interpolate(sampler, output, stops, frames, way, movie, lambda done: bar.update(task, completed=done))
    click.echo(f"{output}: strip.png and {path.name}, {stops * frames} frames in a loop", err=True)
