"""`translate check`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from translate.cli import options, saying

SHOWN = 10
"""Names listed of each kind of problem; --json has them all."""


@click.command("check")
@click.argument("directory", type=click.Path(path_type=Path))
@click.option("--pairs", default="all", show_default=True, help="all, stem (pairs of equal names), or how many to use.")
@options.json_file
def command(directory: Path, pairs: str, file: str | None) -> None:
    """Say what DIRECTORY holds: layout, regime, counts, sizes, modes; what is wrong with it, and some advice.

    Every image is decoded. Exits with 1 when something should be mended; advice alone is no reason.
    """
    from translate import diagnosis
    from translate.data import layouts
    from translate.data.check import check

    with saying.bar() as bar:
        task = bar.add_task("reading", total=None)

        def progress(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        kept = int(pairs) if pairs.isdigit() else pairs
        found = check(directory, kept, progress)
        bar.update(task, description="comparing", total=None)
        found["findings"] = [finding.as_json() for finding in diagnosis.of_data(layouts.find(directory, kept))]
    if file:
        saying.write_json(found, file)
    if file != "-":
        _print(found)
    if found["problems"] or found["findings"]:
        raise SystemExit(1)


def _print(found: dict[str, Any]) -> None:
    from rich.table import Table

    console = saying.console(highlight=False, soft_wrap=True)
    console.print(
        f"[bold]{found['root']}[/]: {found['layout']}, so the regime is [bold]{found['regime']}[/]", markup=True
    )
    table = Table("split", "pairs", "A alone", "B alone")
    for name, counts in found["splits"].items():
        table.add_row(name, *(f"{counts[key]:,}" for key in ("pairs", "only_a", "only_b")))
    console.print(table)
    for domain, seen in found["domains"].items():
        for what in ("sizes", "modes"):
            counts = sorted(seen[what].items(), key=lambda item: -item[1])
            rest = f", and {len(counts) - SHOWN} more" if len(counts) > SHOWN else ""
            console.print(f"{domain.upper()} {what}: " + ", ".join(f"{k} ({n:,})" for k, n in counts[:SHOWN]) + rest)
    if found["skipped"]:
        console.print(f"{found['skipped']} other files passed over")
    for entry in found["unreadable"][:SHOWN]:
        console.print(f"  unreadable: {entry['file']}: {entry['reason']}", markup=False)
    for entry in found["duplicates"][:SHOWN]:
        console.print(f"  duplicate: {entry['file']} is {entry['same_as']}", markup=False)
    for name in found["unmatched"][:SHOWN]:
        console.print(f"  no partner: {name}", markup=False)
    for problem in found["problems"]:
        console.print(f"! {problem}", markup=False, style="yellow")
    for finding in found["findings"]:
        console.print(f"! {finding['name']}: {finding['message']}", markup=False, style="yellow")
        for entry in finding["evidence"].get("examples", []):
            console.print(f"  trained on: {entry['file']} is {entry['same_as']}", markup=False)
        console.print(f"  try: {finding['try']}", markup=False)
    for advice in found["advice"]:
        console.print(f"advice: {advice}", markup=False)
    if not found["problems"] and not found["findings"]:
        console.print("nothing wrong found", style="green")
