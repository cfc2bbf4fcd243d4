"""`translate export`."""

from pathlib import Path

import click

from translate.cli import options, saying
from translate.domain import Domain


@click.command("export")
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--to", type=click.Choice(["b", "a"]), help="Domain that it makes.  [default: b, or the only one]")
@options.checkpoint
def command(run: Path, file: Path, to: str | None, checkpoint: str) -> None:
    """Write the generator of RUN as one FILE for other programs, and check that both agree.

    \b
    FILE.onnx         for ONNX Runtime; any batch, height and width
    FILE.pt2          for PyTorch without this program (torch.export)
    FILE.safetensors  the weights of all directions; FILE.json says the networks

    `translate apply FILE IN OUT` takes each of the files in the place of RUN.
    """
    from translate.exchange import exporting

    chosen = Domain(to) if to else None
    exporting.require_writable(file)
    written = exporting.export(run, file, chosen, checkpoint)
    names = ", ".join(str(path) for path in written.files)
    opset = f", opset {written.opset}" if written.opset else ""
    click.echo(
        f"{names}: {written.megabytes:.1f} MB{opset}; to {' and '.join(written.to)}; "
        f"differs from the run by {written.difference:.1g} at most (images in [-1, 1])"
    )
    saying.note(f"next: translate apply {file} INPUT OUTPUT")
