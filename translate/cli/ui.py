"""`translate ui`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from translate.cli import options
from translate.errors import UserError


@click.command("ui")
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--results",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="A folder of outputs to leaf through, and no other.",
)
@click.option(
    "--inputs",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="What they were made of, shown beside them by name.",
)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="The address to listen on. Any other one, such as 0.0.0.0, lets other machines in.",
)
@click.option("--port", type=click.IntRange(1, 65535), help="[default: 7860, or the next that is free]")
@click.option("--open/--no-open", "opens", default=None, help="Open a browser.  [default: where there is a screen]")
@click.option("--share", is_flag=True, help="Also give the page a public address, through a server of Gradio's.")
@click.option(
    "--max-megapixels",
    "megapixels",
    type=click.FloatRange(min=0, min_open=True),
    default=50.0,
    show_default=True,
    help="Larger images are refused.",
)
@options.checkpoint
@options.device
def command(
    run: Path,
    results: Path | None,
    inputs: Path | None,
    host: str,
    port: int | None,
    opens: bool | None,
    share: bool,
    megapixels: float,
    checkpoint: str,
    device: str,
) -> None:
    """Try the model in RUN on a web page of this machine: translate images, or draw new ones; look at results, at the
    curves and previews of the training. Ctrl-C ends it, and what was uploaded is gone then."""
    from translate.config import load_run
    from translate.extras import require

    if inputs is not None and results is None:
        raise UserError("--inputs without --results", expected="--results DIR as well, what was made of these")
    load_run(run)  # a wrong path is said before anything heavy is imported
    from translate.ui import serving
    from translate.ui.scratch import Scratch

    port = serving.free_port(host, port)
    scratch = Scratch()
    try:
        serving.prepare(scratch)
        gradio = require("gradio", "ui")
        from translate.ui.browsing import Results
        from translate.ui.models import Models
        from translate.ui.page import looks, page
        from translate.ui.wiring import Wiring

        found = Results(results, inputs) if results is not None else None
        blocks = page(Wiring(gradio, scratch), Models(run, device, checkpoint), found, megapixels)
        if not serving.is_local(host):
            _warn(f"everybody who reaches {host} can use this page" + (" and see --results" if results else ""))
        if share:
            _warn("everybody who has the public address can use this page, and what they upload goes through a server")
        address, public = serving.start(blocks, dict(looks(gradio)), scratch, host, port, share)

        def told() -> None:
            click.echo(f"{run}: {address}  (Ctrl-C ends it)")
            if share:
                click.echo(f"public: {public}" if public else "no public address could be had", err=not public)
            sys.stdout.flush()
            if _has_screen() if opens is None else opens:
                click.launch(address)

        serving.wait(blocks, told)
    except KeyboardInterrupt:
        scratch.close()
        click.echo("interrupted", err=True)
        serving.leave(130)
    finally:
        scratch.close()


def _warn(what: str) -> None:
    click.echo(f"warning: {what}", err=True)


def _has_screen() -> bool:
    if not sys.stdout.isatty():
        return False
    return sys.platform != "linux" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
