"""What a recipe says: where a dataset's files lie, and which of their members go into which folder."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from translate.errors import UserError

Target = Annotated[str, Field(pattern=r"^(train|val|test)([AB]|/[a-z0-9_-]+)?$")]
"""A folder of the laid out dataset, such as trainA, val or train/cat."""

Pattern = Annotated[str, Field(pattern=r"^[^/\\]+(/[^/\\]+)*$")]
"""A shell pattern for the last parts of a member's path: "trainA/*" fits any/where/trainA/1.jpg."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class File(_Strict):
    """One file of the source."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+$")]
    archive: Literal["zip", "tar.gz", "none"]
    urls: tuple[Annotated[str, Field(pattern=r"^https?://[^/\s]+/\S+$")], ...] = ()
    """Tried in turn; none where no plain HTTP client can fetch it."""
    bytes: Annotated[int, Field(gt=0)] | None = None
    about: Annotated[int, Field(gt=0)] | None = None
    """The size in bytes as a page rounds it, where the exact one is not stated."""
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    optional: bool = False

    @property
    def size(self) -> int | None:
        """Bytes, exact or about, or None."""
        return self.bytes or self.about


class Folders(_Strict):
    """Members go into folders as they are."""

    kind: Literal["folders"]
    take: dict[Target, tuple[Pattern, ...]]


class Halves(_Strict):
    """Which members are A and which B; the part that the last * stands for says which belong together."""

    a: Pattern
    b: Pattern


class Beside(_Strict):
    """Two members become one PNG, A left and B right, each of `size` (width, height)."""

    kind: Literal["side by side"]
    size: tuple[int, int]
    take: dict[Target, Halves]


class Table(_Strict):
    """A table of two columns, separated by blanks, names each picture and its split."""

    kind: Literal["table"]
    table: str
    images: Pattern
    splits: dict[str, Target]
    otherwise: Target
    """Where all go without the table."""


class Recipe(_Strict):
    """One dataset."""

    name: str
    about: str
    homepage: Annotated[str, Field(pattern=r"^https?://\S+$")]
    regime: Literal["supervised", "unsupervised", "unconditional"]
    licence: str
    """One line, or "not stated"."""
    accept: bool = False
    """Whether its terms must be accepted: not for all purposes, or after a registration."""
    by_hand: str | None = None
    """How to have the files, where they have no URLs."""
    files: Annotated[tuple[File, ...], Field(min_length=1)]
    layout: Annotated[Folders | Beside | Table, Field(discriminator="kind")]
    counts: dict[Target, int] = {}
    total: int | None = None
    """All images or pairs together, where the parts are not stated."""
    chosen: tuple[str, ...] = ()
    """The classes it was narrowed to; the first of two is A."""
    settings: str = ""
    """What training on it wants to be told."""

    @property
    def bytes(self) -> int | None:
        """The download's size, exact or about; None where a file's is not stated."""
        sizes = [file.size for file in self.files if not file.optional]
        return sum(size for size in sizes if size) if all(sizes) else None

    @property
    def images(self) -> int | None:
        """Images or pairs in all; None where a folder's count is not stated."""
        return self.total or (sum(self.counts.values()) if set(self.counts) == set(self.targets) else None)

    @property
    def stated(self) -> str:
        """The count in all, or those of the folders whose counts are known, as people read them."""
        parts = [f"{count:,} {target}" for target, count in self.counts.items()]
        return f"{self.images:,}" if self.images else ", ".join(parts) or "not stated"

    @property
    def targets(self) -> list[str]:
        """The folders that it fills."""
        return sorted({*self.layout.splits.values()} if isinstance(self.layout, Table) else self.layout.take)

    @property
    def classes(self) -> list[str]:
        """The class folders, if it has such."""
        return sorted({target.partition("/")[2] for target in self.targets} - {""})

    def narrowed(self, classes: list[str]) -> Recipe:
        """One class alone, or two as A and B. UserError for others."""
        wrong = [name for name in classes if name not in self.classes]
        if wrong or len(classes) not in (1, 2) or len(set(classes)) != len(classes):
            raise UserError(
                f"--classes {','.join(classes)}",
                where=self.name,
                expected=f"one or two of {', '.join(self.classes)}" if self.classes else "a dataset with classes",
                hint="--classes " + ",".join(self.classes[:2]) if self.classes else "leave --classes out",
            )
        assert isinstance(self.layout, Folders)
        ends = {classes[0]: ""} if len(classes) == 1 else dict(zip(classes, "AB", strict=True))

        def renamed(target: str) -> str:
            split, _, name = target.partition("/")
            return split + ends[name]

        kept = [target for target in self.layout.take if target.partition("/")[2] in ends]
        return self.model_copy(
            update={
                "layout": Folders(kind="folders", take={renamed(target): self.layout.take[target] for target in kept}),
                "counts": {renamed(target): self.counts[target] for target in kept if target in self.counts},
                "total": None,
                "chosen": tuple(classes),
                "regime": "unconditional" if len(classes) == 1 else "unsupervised",
            }
        )


def fits(name: str, pattern: str) -> bool:
    """Whether the last parts of the path `name` fit the pattern's parts, one by one."""
    parts, wanted = name.split("/"), pattern.split("/")
    return len(parts) >= len(wanted) and all(
        fnmatchcase(part, want) for part, want in zip(parts[-len(wanted) :], wanted, strict=True)
    )
