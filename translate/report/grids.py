"""Rows of pictures, ready for the page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from markupsafe import Markup

from translate.data.images import Pixels
from translate.evaluation.examples import Row
from translate.report.pictures import error_map, picture

SIDE = 128
"""Small pictures are enlarged by whole numbers to about so many CSS pixels a side."""
HALF = 528
"""Width of half a page, in CSS pixels."""
WIDEST = 256
"""Large ones are no wider than this on the page; a click shows them whole."""


@dataclass(frozen=True)
class Column:
    """A column's name, its width in CSS pixels, and its pictures."""

    head: str
    width: int
    cells: list[Markup]


@dataclass(frozen=True)
class Grid:
    """Columns of pictures whose rows belong together; `captions`: one below each row, or none."""

    title: str
    note: str
    columns: list[Column]
    captions: list[str]

    @property
    def width(self) -> int:
        """Of all columns with the gaps between, in CSS pixels."""
        return sum(column.width for column in self.columns) + 4 * (len(self.columns) - 1)

    @property
    def many(self) -> bool:
        """Whether it is so wide that a row breaks on a narrow screen."""
        return self.width > HALF

    @property
    def whole(self) -> bool:
        """Whether its first pictures are so wide, as strips of frames are, that they get a line of their own then."""
        return self.columns[0].width > 2 * self.columns[-1].width

    @property
    def pixelated(self) -> bool:
        """Whether its pictures are so small that their pixels are to be seen."""
        return all(column.width <= SIDE for column in self.columns)


@dataclass(frozen=True)
class Tile:
    """A picture with what stands below it."""

    picture: Markup
    caption: str = ""


@dataclass(frozen=True)
class Tiles:
    """Pictures of one kind, so many in a row; `pairs`: each tile holds two, one above the other."""

    title: str
    note: str
    width: int
    tiles: list[Tile] = field(default_factory=list)
    columns: int = 6
    pairs: bool = False


def of_rows(title: str, note: str, rows: Sequence[Row], direction: str, caption: Callable[[Row], str]) -> Grid:
    """Input | output, or samples | truth | error, as far as there are truths."""
    source, _, target = direction.upper().partition("2")
    count = max(len(row.outputs) for row in rows)
    made = [f"output {target}"] if count == 1 else [f"sample {i + 1}" for i in range(count)]
    columns = [column(f"input {source}", [row.given for row in rows], rows)]
    columns += [column(head, [row.outputs[i] for row in rows], rows) for i, head in enumerate(made)]
    truths = [(row, row.truth) for row in rows if row.truth is not None]
    if len(truths) == len(rows):
        columns.append(column(f"truth {target}", [truth for _, truth in truths], rows))
        errors = [error_map(row.outputs[0], truth, f"error of {made[0]}, {row.name}") for row, truth in truths]
        columns.append(Column("error" if count == 1 else "error of 1", columns[-1].width, errors))
    return Grid(title, note, columns, [caption(row) for row in rows])


def of_cycles(rows: Sequence[Row], direction: str) -> Grid:
    """Input | output | back again."""
    source, _, target = direction.upper().partition("2")
    columns = [
        column(f"input {source}", [row.given for row in rows], rows),
        column(f"output {target}", [row.outputs[0] for row in rows], rows),
        column(f"back to {source}", [row.back for row in rows if row.back is not None], rows),
    ]
    note = "The other generator takes the output back, as 8-bit pictures: the more comes back, the more was kept."
    return Grid("There and back", note, columns, [])


def of_untouched(rows: Sequence[Row], direction: str, asked: bool) -> Grid:
    """Image of the produced domain | what the generator that makes that domain does to it; `asked`: whether it was
    trained to do nothing to it."""
    target = direction.upper()[-1]
    columns = [
        column(f"real {target}", [row.given for row in rows], rows),
        column("what it becomes", [row.outputs[0] for row in rows], rows),
    ]
    note = f"An image of {target} given to the generator that makes {target}: at best it changes little."
    note += "" if asked else " No term of the objective asks for that."
    return Grid("Left alone?", note, columns, [])


def column(head: str, shown: Sequence[Pixels], rows: Sequence[Row]) -> Column:
    """A column of pictures of those rows."""
    return Column(
        head, width_of(shown[0]), [picture(p, f"{head}, {row.name}") for p, row in zip(shown, rows, strict=True)]
    )


def width_of(pixels: Pixels) -> int:
    """Of a picture on the page, in CSS pixels."""
    height, width = pixels.shape[:2]
    return width * (SIDE // height) if height <= SIDE else min(width, WIDEST)
