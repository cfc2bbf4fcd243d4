"""A folder of results, page by page, beside the inputs of the same names. Nothing outside of the two is read."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from translate.data.layouts import ENDINGS
from translate.errors import UserError
from translate.inference.places import Folder

PAGE = 24
"""Pictures of a page."""


@dataclass
class Results:
    """The pictures in `results` and its subfolders, and the one in `inputs` that each was made of. Links that lead
    outside are left out, and so is what is hidden."""

    results: Path
    inputs: Path | None = None
    _names: list[str] = field(default_factory=list)
    _inputs: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.look()

    def look(self) -> None:
        """Read the folders anew. UserError for one that can't be listed."""
        self._names = _pictures(self.results)
        self._inputs = {name: name for name in _pictures(self.inputs)} if self.inputs else {}
        for name in list(self._inputs):
            self._inputs.setdefault(_stem(name), name)

    def names(self, text: str = "") -> list[str]:
        """Those with `text` in their name, in order."""
        wanted = text.strip().lower()
        return [name for name in self._names if wanted in name.lower()]

    def pages(self, text: str = "") -> int:
        """How many pages they fill; one, if there is none."""
        return max(1, -(-len(self.names(text)) // PAGE))

    def page(self, number: int, text: str = "") -> list[str]:
        """The names of a page, counted from 1; of the nearest one if there is no such page."""
        number = min(max(1, number), self.pages(text))
        return self.names(text)[(number - 1) * PAGE : number * PAGE]

    def path(self, name: str) -> Path:
        """Where a picture lies. UserError for a name that is not listed."""
        if name not in self._names:
            raise UserError("this is none of the results")
        return self.results / name

    def input_of(self, name: str) -> Path | None:
        """The input of that name, or of that stem with another ending; of a stochastic run's folders 1, 2, .. the name
        within them. None where there is none."""
        if self.inputs is None:
            return None
        first, _, rest = name.partition("/")
        for known in [name, *([rest] if first.isdigit() else [])]:
            # a.jpg as a PNG is called a.jpg.png where another picture beside it is called a, too.
            for candidate in (known, str(PurePosixPath(known).with_suffix("")), _stem(known)):
                if candidate in self._inputs:
                    return self.inputs / self._inputs[candidate]
        return None


def _pictures(folder: Path) -> list[str]:
    if not folder.is_dir():
        raise UserError("there is no such folder", where=str(folder), expected="a folder of pictures")
    found = (entry.name for entry in Folder(folder).walk() if entry.kind == "file")
    return sorted(name for name in found if PurePosixPath(name).suffix.lower() in ENDINGS)


def _stem(name: str) -> str:
    """A key that no file has: its name without the ending."""
    return str(PurePosixPath(name).with_suffix("")) + "\0"
