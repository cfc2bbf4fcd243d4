"""Mode collapse, produced and counted: the modes that each objective reaches, as one markdown table and one picture.

    python tools/modes.py gaussians     25 Gaussians on a grid, every game, 3 seeds
    python tools/modes.py digits        1,000 stacks of three digits, some objectives, 1 seed

Networks, data and steps are the same for all; docs/modes.md says how to read the tables. One core, one thread: run it
on an otherwise idle machine.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import click
import modes_digits
import modes_gaussians
import modes_pictures
import torch
from modes_train import Lane


class Seeds(click.ParamType[tuple[int, ...]]):
    """Numbers with commas between them."""

    name = "0,1,2"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        """The numbers, or a usage error."""
        if isinstance(value, tuple):
            return value
        try:
            return tuple(int(number) for number in str(value).split(","))
        except ValueError:
            self.fail(f'"{value}" is no list of numbers such as 0,1,2', param, ctx)


def shared(seeds: tuple[int, ...], steps: int, picture: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """The options of both commands, with their defaults."""

    def add(command: Callable[..., None]) -> Callable[..., None]:
        for option in (
            click.option("--seeds", type=Seeds(), default=seeds, help=f"[default: {','.join(map(str, seeds))}]"),
            click.option("--steps", type=click.IntRange(min=1), default=steps, show_default=True),
            click.option("--only", metavar="TEXT", default="", help="Only objectives with TEXT in their name."),
            click.option("--out", type=click.Path(path_type=Path), help="Write the table to this file too."),
            click.option("--picture", type=click.Path(path_type=Path), default=Path(picture), show_default=True),
        ):
            command = option(command)
        return command

    return add


@click.group(help=__doc__)
def main() -> None:
    """Count modes."""
    torch.set_num_threads(1)


@main.command()
@shared((0, 1, 2), 3000, "docs/modes-gaussians.png")
def gaussians(seeds: tuple[int, ...], steps: int, only: str, out: Path | None, picture: Path) -> None:
    """25 Gaussians, two small multilayer perceptrons."""
    begin, rows, panels = time.perf_counter(), [], []
    for lane in chosen(modes_gaussians.LANES, only):
        runs = [modes_gaussians.run(lane, seed, steps) for seed in seeds]
        counts = [count for _, count, _ in runs]
        rows.append(
            [
                lane.name,
                spread([count.reached for count in counts], "{:.0f}"),
                spread([100 * count.quality for count in counts], "{:.0f}"),
                spread([count.kl for count in counts], "{:.2f}"),
                spread([seconds for *_, seconds in runs], "{:.0f}", alone=True),
            ]
        )
        panels.append((f"{lane.name}\n{counts[0].reached} modes", runs[0][0]))
        click.echo("  ".join(rows[-1]), err=True)
    head = ["objective", "modes of 25", "high quality, %", "KL, nats", "s"]
    say([table(head, rows), footer("gaussians", seeds, steps, begin)], out)
    modes_pictures.scatter(panels, picture)


@main.command()
@shared((0,), 2500, "docs/modes-digits.png")
def digits(seeds: tuple[int, ...], steps: int, only: str, out: Path | None, picture: Path) -> None:
    """Stacked digits, small DCGAN networks."""
    begin, rows, strips = time.perf_counter(), [], []
    reader = modes_digits.train_reader(seeds[0])
    read = f"Held-out digits read rightly: {100 * modes_digits.accuracy(reader, seeds[0]):.2f}%."
    click.echo(read, err=True)
    for name, made, count, sure in modes_digits.baselines(seeds[0], reader):
        rows.append([name, str(count.reached), f"{100 * sure:.0f}", f"{count.kl:.2f}", ""])
        strips.append((f"{name}: {count.reached}", made))
    for lane in chosen(modes_digits.LANES, only):
        runs = [modes_digits.run(lane, seed, steps, reader) for seed in seeds]
        rows.append(
            [
                lane.name,
                spread([count.reached for _, count, _, _ in runs], "{:.0f}"),
                spread([100 * sure for _, _, sure, _ in runs], "{:.0f}"),
                spread([count.kl for _, count, _, _ in runs], "{:.2f}"),
                spread([seconds for *_, seconds in runs], "{:.0f}", alone=True),
            ]
        )
        strips.append((f"{lane.name}: {runs[0][1].reached}", runs[0][0]))
        click.echo("  ".join(rows[-1]), err=True)
    head = ["objective", "modes of 1,000", "recognised, %", "KL, nats", "s"]
    say([table(head, rows), read, footer("digits", seeds, steps, begin)], out)
    modes_pictures.strips(strips, picture)


def chosen(lanes: Sequence[Lane], only: str) -> list[Lane]:
    """The lanes with `only` in their name."""
    return [lane for lane in lanes if only in lane.name]


def spread(values: Sequence[float], form: str, alone: bool = False) -> str:
    """Mean (lowest to highest), or the mean alone; one value as itself."""
    mean = form.format(sum(values) / len(values))
    low, high = form.format(min(values)), form.format(max(values))
    return mean if alone or len(values) == 1 else f"{mean} ({low} to {high})"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def footer(name: str, seeds: tuple[int, ...], steps: int, begin: float) -> str:
    """Command, seeds, machine and wall-clock: what figures are given with."""
    minutes = (time.perf_counter() - begin) / 60
    return (
        f"`python tools/modes.py {name} --steps {steps} --seeds {','.join(map(str, seeds))}`; "
        f"{processor()}, one thread, torch {torch.__version__}; {minutes:.1f} min in all."
    )


def processor() -> str:
    """The processor's name where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return "processor unknown"
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), "processor unknown")


def say(parts: Sequence[str], out: Path | None) -> None:
    """Print, and write where asked."""
    text = "\n\n".join(parts) + "\n"
    click.echo(text)
    if out:
        out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
