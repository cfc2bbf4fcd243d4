"""`translate push`."""

from pathlib import Path

import click

from translate.cli import options, saying
from translate.errors import UserError


@click.command("push")
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("name", metavar="NAMESPACE/NAME")
@click.option("--private", is_flag=True, help="Seen by you alone.")
@click.option("--about", metavar="TEXT", help="What A and B show, in a sentence, for the model card.")
@click.option("--licence", metavar="ID", help="Of the weights, as the hub calls it, e.g. cc-by-4.0.  [default: none]")
@click.option(
    "--scores",
    type=click.Path(path_type=Path),
    help="Scores for the card, as `evaluate --json` writes them.  [default: those of the training, if there are any]",
)
@click.option("--grid", type=click.Path(path_type=Path), help="A picture for the card. No other image is uploaded.")
@click.option("--dry-run", type=click.Path(path_type=Path), metavar="DIR", help="Write into DIR, and upload nothing.")
@options.checkpoint
def command(
    run: Path,
    name: str,
    private: bool,
    about: str | None,
    licence: str | None,
    scores: Path | None,
    grid: Path | None,
    dry_run: Path | None,
    checkpoint: str,
) -> None:
    """Put the generators of RUN on the Hugging Face Hub, with a model card.

    What is uploaded: model.safetensors, config.json, README.md, and grid.png where --grid names a picture. No training
    image, log or path of this machine goes with it. --dry-run shows all of it first.
    """
    import tempfile

    from translate.exchange import bundle, hub, outgoing

    hub.require_name(name)
    taken = outgoing.of_run(run, checkpoint)
    step = int(taken.about["step"])
    found = bundle.scores_in(scores, step) if scores else bundle.scores_of_log(run, step)
    if dry_run is not None and dry_run.resolve().is_relative_to(run.resolve()):
        raise UserError("lies in RUN", where=f"--dry-run {dry_run}", expected="a folder elsewhere")
    with tempfile.TemporaryDirectory() as temporary:
        folder = dry_run or Path(temporary) / "bundle"
        for path in bundle.write(taken, folder, name, about=about, licence=licence, scores=found, grid=grid):
            click.echo(f"{path if dry_run else path.name}: {path.stat().st_size / 1e6:.2g} MB")
        if dry_run is not None:
            click.echo("nothing was uploaded")
            return
        click.echo(hub.push(folder, name, private=private, message=f"Step {step}"))
    saying.note(f"next: translate pull {name} OTHER_RUN, anywhere")
