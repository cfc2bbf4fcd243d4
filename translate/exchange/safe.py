"""Generators as FILE.safetensors, which can hold nothing but numbers, and FILE.json, which says what they are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from translate.errors import UserError
from translate.exchange import described
from translate.extras import require
from translate.keeping import durable

if TYPE_CHECKING:
    from translate.config import Config
    from translate.exchange.taken import Taken

ON_A_HUB = "config.json"
"""What the description beside model.safetensors is called there."""


def write(taken: Taken, path: Path, description: Path | None = None) -> None:
    """Put the weights at `path` and the configuration at `description` (FILE.json); both are replaced.

    UserError for networks of somebody's own class, which nobody else could build.
    """
    library = require("safetensors.torch", "hub")
    for name in described.classes_of_ones_own(described.portable(taken.config).model_dump(mode="json")):
        raise UserError(
            f'needs the class "{name}", which is not part of this program, wherever it is read',
            where=str(path),
            expected="a run of a generator that comes with it",
            hint="a file FILE.onnx, which holds the network itself",
        )
    state = {key: value.detach().cpu().contiguous().clone() for key, value in taken.state.items()}
    durable.write(path, library.save(state, metadata={"format": "pt", "library": "translate"}))
    durable.write(description or path.with_suffix(".json"), described.text(taken.config, taken.about).encode())


def read(path: Path) -> Taken:
    """What `write` has put there; UserError where either file is missing, damaged, or does not fit the other."""
    from translate.exchange.taken import Taken, require_fit

    library = require("safetensors.torch", "hub")
    config, about = described_by(path)
    try:
        state = library.load(path.read_bytes())
    except OSError as error:
        raise UserError(f"can't be read ({error.strerror})", where=str(path)) from None
    except Exception as error:  # the library's own kind of error, or of a header that makes no sense
        raise UserError(
            f"is damaged, or no safetensors file ({' '.join(str(error).split())[:100]})", where=str(path)
        ) from None
    taken = Taken(config, state, about)
    try:
        require_fit(taken)
    except UserError as error:
        raise UserError(error.what, where=str(path), expected=error.expected, hint=error.hint) from None
    return taken


def description_of(path: Path) -> Path | None:
    """FILE.json or config.json beside FILE.safetensors; None without either."""
    return next((p for p in (path.with_suffix(".json"), path.with_name(ON_A_HUB)) if p.is_file()), None)


def described_by(path: Path) -> tuple[Config, dict[str, object]]:
    """The configuration beside FILE.safetensors, in FILE.json or config.json, and what else is said there."""
    beside = description_of(path)
    if beside is None:
        raise UserError(
            "has no configuration beside it",
            where=str(path),
            expected=f"{path.with_suffix('.json').name}, which `translate export` writes with it",
        )
    return described.parsed(beside.read_bytes(), str(beside))
