"""`translate data split`."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from translate.cli import saying
from translate.cli.data.telling import end, follow, warn_of_others
from translate.errors import UserError

_SHARE = click.FloatRange(0, 1, max_open=True)


@click.command("split")
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--test", type=_SHARE, default=0.1, show_default=True, help="Share that is held out for testing.")
@click.option("--val", type=_SHARE, default=0.0, show_default=True, help="Share that is held out for choosing.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the choice.")
@click.option("--films", is_flag=True, help="Names equal but for the running number at their end stay together.")
@click.option(
    "--group",
    metavar="REGEX",
    help="Pictures stay together where REGEX finds the same in their names (without folders of A and B, and without "
    "endings), or the same as its first group, such as '^(patient\\d+)'.",
)
@click.option("--link/--copy", default=False, help="Hard links, which take no space, or copies.  [default: copies]")
def command(
    directory: Path, out: Path, test: float, val: float, seed: int, films: bool, group: str | None, link: bool
) -> None:
    """Divide DIR (pairs, folders of A and B, or one domain) into train, val and test, as the new dataset OUT.

    Pairs, files of equal names in A and B, and files of equal content stay together. A picture's side follows from its
    name (its group's, if there is one) and the seed, so that pictures which are added to DIR later move none, but for
    copies of them; shares are met on the average.
    """
    from translate.data.layouts import find
    from translate.inference.places import Folder
    from translate.preparing.folders import prepared, refuse_mingling, stem
    from translate.preparing.grouping import FILMS, matching
    from translate.preparing.grouping import films as films_in
    from translate.preparing.split import Shares, divided, items, split

    if test + val >= 1 or test + val == 0:
        raise UserError(
            f"--test {test:g} and --val {val:g} leave nothing to {'train on' if test + val else 'divide'}",
            expected="shares above 0 and below 1 in all",
            hint="--test 0.1 --val 0.1",
        )
    if films and group is not None:
        raise UserError("--films and --group both say what stays together", expected="one of the two")
    dataset = find(directory)
    found = items(dataset)
    refuse_mingling(out, [directory])
    division = divided(found, Shares(test, val, seed), Folder(out), FILMS if films else group)
    if not films and group is None and (count := films_in(stem(item.name) for item in found)):
        saying.note(
            f"note: the names look like frames of {count} films; neighbours on both sides of the cut flatter scores "
            "(--films keeps each film on one side)",
            err=True,
        )
    if dataset.stray:
        saying.note(f"note: {len(dataset.stray)} pictures in no folder of a domain are left out", err=True)
    if group is not None and not matching(group, [stem(item.name) for item in found]):
        click.echo(f"warning: --group {group} finds nothing in the names, so it keeps none together", err=True)
    target = prepared(out, [directory])
    warn_of_others(out, test=test, val=val, seed=seed, films=films, group=group)
    summary = follow(split(division, target, link), len(found), "linked" if link else "copied", out)
    sides = " ".join(
        f"{side} {division.sides.count(side):,}" for side in ("train", "val", "test") if division.sides.count(side)
    )
    together = sum(division.groups.values())
    click.echo(f"{out}: {sides}" + (f", in {together:,} groups that stay together" if together < len(found) else ""))
    for side, share in (("test", test), ("val", val)):
        reached = division.sides.count(side) / len(found)
        if abs(reached - share) > max(share / 2, 0.5 / len(found)):
            saying.note(
                f"note: {side} got {reached:.1%} of the pictures, and {share:.1%} were asked for: groups stay whole, "
                "and shares are met on the average (another --seed chooses others)",
                err=True,
            )
    place = shlex.quote(str(out))
    end(summary, f"translate check {place}", f"translate train --data {place} --out RUN")
