"""`translate pull`."""

from pathlib import Path

import click

from translate.cli import saying


@click.command("pull")
@click.argument("name", metavar="NAMESPACE/NAME")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--revision", help="A branch, a tag or a commit.  [default: the newest]")
def command(name: str, run: Path, revision: str | None) -> None:
    """Get a model that `translate push` has put on the Hugging Face Hub, as the new run folder RUN.

    Its weights are numbers and its configuration names networks of this program alone, or it is refused: nothing from
    the hub is run.
    """
    from translate.exchange import hub
    from translate.exchange.taken import require_new, write_run

    hub.require_name(name)
    require_new(run)
    taken = hub.pull(name, revision)
    write_run(taken, run)
    made = " and ".join(taken.config.produce)
    licence = taken.about.get("licence", "unknown")
    click.echo(
        f"{run}: {taken.config.networks.generator.name} to {made}, from {taken.about['source']}; licence: {licence}"
    )
    does = "sample" if taken.config.unconditional else "apply"
    saying.note(f"next: translate {does} {run} " + ("OUTPUT" if does == "sample" else "INPUT OUTPUT"))
